package portal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// How a change is made: read the facts, hold them against what the caller saw, and
// publish one more fact under the condition that none came in between. The server
// checks the condition, so of two administrators one is told. Devices that sign in
// move the sequence too; they are no reason to refuse a change, which is then
// published again.

// errRefused says that the condition did not hold: nothing was stored.
var errRefused = errors.New("another fact came first")

// attempts bounds how often a change is published while devices sign in.
const attempts = 50

// publish stores a fact on top of what was read. A *Conflict says that it is not
// stored; ErrTryAgain, that it may be.
func (s *Service) publish(ctx context.Context, f facts, fact events.Event) (eventlog.Receipt, error) {
	receipt, _, err := s.change(ctx, f, fact, func(m *nats.Msg) (r eventlog.Receipt, d events.Decision, err error) {
		r, err = s.log.Publish(ctx, m)
		return r, d, err
	})
	return receipt, err
}

// ask is publish, and waits for the decision. ErrTryAgain says also that the fact is
// stored and was not decided in time.
func (s *Service) ask(ctx context.Context, f facts, fact events.Event) (eventlog.Receipt, events.Decision, error) {
	return s.change(ctx, f, fact, func(m *nats.Msg) (eventlog.Receipt, events.Decision, error) {
		return s.log.Ask(ctx, m)
	})
}

// headerExpectedSubject names the subjects the expected sequence is of, as they are
// stored.
const headerExpectedSubject = "Nats-Expected-Last-Subject-Sequence-Subject"

type send func(*nats.Msg) (eventlog.Receipt, events.Decision, error)

func (s *Service) change(ctx context.Context, f facts, fact events.Event, send send) (eventlog.Receipt, events.Decision, error) {
	m, err := message(ctx, fact)
	if err != nil {
		return eventlog.Receipt{}, events.Decision{}, plain(err)
	}
	for range attempts {
		m.Header.Set(nats.ExpectedLastSubjSeqHdr, strconv.FormatUint(f.version, 10))
		m.Header.Set(headerExpectedSubject, factsOf(fact.Extension))
		receipt, decision, err := send(m)
		if !refused(err) {
			return receipt, decision, away(err)
		}
		seen := f.version
		if f, err = s.facts(ctx, fact.Extension); err != nil {
			return eventlog.Receipt{}, events.Decision{}, errors.Join(errRefused, err)
		}
		if conflict := f.after(seen); conflict != nil {
			return eventlog.Receipt{}, events.Decision{}, conflict
		}
	}
	return eventlog.Receipt{}, events.Decision{}, fmt.Errorf("%w: %w: devices of %s sign in without end",
		ErrTryAgain, errRefused, fact.Extension)
}

// refused tells the server's answer to a condition that does not hold.
func refused(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) &&
		(api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// stored tells whether a fact may be in the log after an error.
func stored(err error) bool {
	_, conflict := errors.AsType[*Conflict](err)
	_, wrong := errors.AsType[*events.FieldError](err)
	return !conflict && !wrong && !errors.Is(err, errRefused)
}

// message is a fact as it is published.
func message(ctx context.Context, fact events.Event) (*nats.Msg, error) {
	body, err := fact.Encode()
	if err != nil {
		return nil, err
	}
	m := nats.NewMsg(fact.Subject())
	m.Data = body
	m.Header.Set(events.HeaderMsgID, fact.ID)
	if who := headerLine(actor(ctx)); who != "" {
		m.Header.Set(HeaderActor, who)
	}
	return m, nil
}

// maxActor bounds a name in a header, in bytes.
const maxActor = 128

// headerLine makes a name fit for a header: one line, bounded.
func headerLine(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, name)
	if len(name) > maxActor {
		name = strings.ToValidUTF8(name[:maxActor], "")
	}
	return strings.TrimSpace(name)
}
