package main

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/mycloudpbx/softphone/events"
)

// batchSize is the size of the writer's atomic batches.
const batchSize = 500

// writer fills an otherwise quiet log fast. It is the only one who writes, so it
// knows every sequence before the server says it.
type writer struct {
	js      jetstream.JetStream
	last    uint64 // sequence of the last message added
	waiting []*nats.Msg
}

func newWriter(ctx context.Context, js jetstream.JetStream) (*writer, error) {
	stream, err := js.Stream(ctx, events.Stream)
	if err != nil {
		return nil, err
	}
	return &writer{js: js, last: stream.CachedInfo().State.LastSeq}, nil
}

// fact adds a fact and returns it as the log will have it.
func (w *writer) fact(ctx context.Context, e events.Event) (events.Recorded, error) {
	m, err := factMessage(e)
	if err != nil {
		return events.Recorded{}, err
	}
	err = w.add(ctx, m)
	return events.Recorded{Event: e, Sequence: w.last}, err
}

// outcome adds an outcome and returns it as the log will have it.
func (w *writer) outcome(ctx context.Context, e events.Event, cause events.Recorded) (events.Recorded, error) {
	m, err := outcomeMessage(e, cause.Sequence, cause.ID)
	if err != nil {
		return events.Recorded{}, err
	}
	err = w.add(ctx, m)
	return events.Recorded{Event: e, Sequence: w.last, Cause: cause.Sequence}, err
}

func (w *writer) add(ctx context.Context, m *nats.Msg) error {
	w.waiting = append(w.waiting, m)
	w.last++
	if len(w.waiting) < batchSize {
		return nil
	}
	return w.flush(ctx)
}

// flush stores what waits.
func (w *writer) flush(ctx context.Context) error {
	if len(w.waiting) == 0 {
		return nil
	}
	ack, err := jetstreamext.PublishMsgBatch(ctx, w.js, w.waiting)
	if err != nil {
		return fmt.Errorf("filling the log: %w", err)
	}
	if ack.Sequence != w.last {
		return fmt.Errorf("filling the log: the last sequence is %d, should be %d: somebody else writes", ack.Sequence, w.last)
	}
	w.waiting = w.waiting[:0]
	return nil
}

// license enables softphones and grants them their licenses, also in the
// device-counter's eyes.
func (w *writer) license(ctx context.Context, softphones []softphone) error {
	for i := range softphones {
		s := &softphones[i]
		enabled, err := w.fact(ctx, s.enabled())
		if err != nil {
			return err
		}
		granted, err := w.outcome(ctx, s.grant(enabled.Event, enabled.Sequence), enabled)
		if err != nil {
			return err
		}
		s.granted = granted
		s.count(granted)
	}
	return w.flush(ctx)
}

// mail tells of each license that its e-mail was sent.
func (w *writer) mail(ctx context.Context, softphones []softphone) error {
	for i := range softphones {
		if _, err := w.outcome(ctx, softphones[i].welcomed(), softphones[i].granted); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}

// signIn signs a device in on every softphone and tells what device-counter makes
// of it.
func (w *writer) signIn(ctx context.Context, softphones []softphone, device int) error {
	for i := range softphones {
		s := &softphones[i]
		fact, err := w.fact(ctx, s.signedIn(device))
		if err != nil {
			return err
		}
		if outcome, told := s.count(fact); told {
			if _, err := w.outcome(ctx, outcome, fact); err != nil {
				return err
			}
		}
	}
	return w.flush(ctx)
}

// grants adds one license more to each softphone. All name the first of them as
// the sequence of their cause, which nobody looks at: so much shorter is the log.
func (w *writer) grants(ctx context.Context, softphones []softphone) error {
	for i := range softphones {
		s := &softphones[i]
		s.license.Active = false
		enabled := events.Recorded{Event: s.enabled(), Sequence: 1}
		grant := s.grant(enabled.Event, enabled.Sequence)
		if w.last == 0 {
			if _, err := w.fact(ctx, enabled.Event); err != nil {
				return err
			}
		}
		if _, err := w.outcome(ctx, grant, enabled); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}
