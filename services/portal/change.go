package portal

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// How a change is made: look where the extension's fence stands, read the facts, hold
// them against what the caller saw, and store one more fact together with the next
// message on the fence, in one atomic batch, under the condition that the fence has not
// moved. The server checks it, so of two administrators, also at two replicas, one is
// told; and there is never a fact without its move, nor a move without its fact.
//
// Devices that sign in do not move the fence. So they are no reason to refuse a change,
// and however many sign in, none has to be tried again for them. (A condition over all
// facts of the extension, the way without a fence, starved changes while 64 devices
// signed in; and with replicas the server does not hold a wildcard against what it is
// about to store.)
//
// A fact that comes from elsewhere, over NATS or POST /events, does not move it either:
// what happened, happened. A change that looks later is refused for it like for any
// other; one that looked in the milliseconds before is not, and what is last in the log
// holds.

// errRefused says that the condition did not hold: nothing was stored.
var errRefused = errors.New("another change came first")

// attempts bounds how often a change is tried that the server refuses and no fact is
// in the way of: one that came in while the facts were read.
const attempts = 10

// guard is one condition more: a subject whose last message must still be that one. When
// it is not, that is errRefused: it is the caller who knows what then.
type guard struct {
	subject string
	last    uint64
}

// publish stores a fact on top of what was read. A *Conflict says that it is not
// stored; ErrTryAgain, that it may be.
func (s *Service) publish(ctx context.Context, f facts, fact events.Event, guards ...guard) (eventlog.Receipt, error) {
	receipt, _, err := s.change(ctx, f, fact, guards, func(ctx context.Context, m, move *nats.Msg) (r eventlog.Receipt, d events.Decision, err error) {
		r, err = s.log.Publish(ctx, m, move)
		return r, d, err
	})
	return receipt, err
}

// ask is publish, and waits for the decision. ErrTryAgain says also that the fact is
// stored and was not decided in time.
func (s *Service) ask(ctx context.Context, f facts, fact events.Event) (eventlog.Receipt, events.Decision, error) {
	return s.change(ctx, f, fact, nil, func(ctx context.Context, m, move *nats.Msg) (eventlog.Receipt, events.Decision, error) {
		return s.log.Ask(ctx, m, move)
	})
}

type send func(ctx context.Context, fact, move *nats.Msg) (eventlog.Receipt, events.Decision, error)

func (s *Service) change(
	ctx context.Context, f facts, fact events.Event, guards []guard, send send,
) (eventlog.Receipt, events.Decision, error) {
	ctx, cancel := s.waiting(ctx)
	defer cancel()
	m, err := message(fact)
	if err != nil {
		return eventlog.Receipt{}, events.Decision{}, plain(err)
	}
	seen := f.version
	for _, g := range guards {
		eventlog.Expect(m, g.subject, g.last)
	}
	fence := fenceOf(fact.Extension)
	for range attempts {
		move := nats.NewMsg(fence)
		eventlog.Expect(move, fence, f.fence)
		receipt, decision, err := send(ctx, m, move)
		if !eventlog.Refused(err) {
			s.directory.add(fact.Extension)
			return receipt, decision, away(err)
		}
		if f, err = s.facts(ctx, fact.Extension); err != nil {
			return eventlog.Receipt{}, events.Decision{}, errors.Join(errRefused, err)
		}
		if conflict := f.after(seen); conflict != nil {
			return eventlog.Receipt{}, events.Decision{}, conflict
		}
		if len(guards) > 0 {
			return eventlog.Receipt{}, events.Decision{}, fmt.Errorf("%w: %w", ErrTryAgain, errRefused)
		}
		seen = f.version
	}
	return eventlog.Receipt{}, events.Decision{}, fmt.Errorf("%w: %w: changes of %s come without end", ErrTryAgain, errRefused, fact.Extension)
}

// fenceOf is the subject that orders the changes of an extension.
func fenceOf(x events.Extension) string { return events.ExtensionFence(ViewName, x) }

// stored tells whether a fact may be in the log after an error.
func stored(err error) bool {
	_, conflict := errors.AsType[*Conflict](err)
	_, wrong := errors.AsType[*events.FieldError](err)
	return !conflict && !wrong && !errors.Is(err, errRefused)
}

// newFact makes a fact that whoever acts has caused. It is the one place where the portal
// says who that is; see events.Actor.
func newFact(ctx context.Context, x events.Extension, d events.Data) events.Event {
	return events.NewPortalFact(x, actor(ctx), d)
}

// message is a fact as it is published.
func message(fact events.Event) (*nats.Msg, error) {
	body, err := fact.Encode()
	if err != nil {
		return nil, err
	}
	m := nats.NewMsg(fact.Subject())
	m.Data = body
	m.Header.Set(events.HeaderMsgID, fact.ID)
	return m, nil
}
