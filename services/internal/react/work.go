package react

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/tracing"
)

// task is one message in a slot's hands.
type task struct {
	*reactor
	permit
	Delivery
	raw      jetstream.Msg
	failures uint64 // the breaker's count when it began
}

// work handles one message and settles it.
func (r *reactor) work(ctx context.Context, p permit, m jetstream.Msg, asked time.Time) {
	meta, err := m.Metadata()
	if err != nil {
		r.breaker.unused(p)
		r.Logger.Error().Err(err).Str("subject", m.Subject()).Msg("a message without JetStream metadata")
		return
	}
	sequence := meta.Sequence.Stream
	r.saw(sequence)
	if !r.begin(sequence) { // the attempt under way settles it
		r.breaker.unused(p)
		return
	}
	defer r.end(sequence)
	t := &task{reactor: r, permit: p, raw: m, Delivery: Delivery{
		Message: eventlog.Message{
			Subject: m.Subject(), Sequence: sequence, Time: meta.Timestamp, Header: m.Headers(), Data: m.Data(),
		},
		Attempt:   r.attempts.before(sequence) + 1,
		Delivered: int(meta.NumDelivered), lease: newLease(r.AckWait, asked),
	}, failures: r.breaker.begin()}
	r.Metrics.started(r.Durable)
	began := time.Now()
	var about tracing.About // as costly as decoding the event
	if r.Tracer.On() {
		about = t.About()
	}
	within, step := r.Tracer.Process(ctx, t.Header, r.Durable, "handle", about)
	err = t.try(within)
	took := time.Since(began)
	result := t.settle(within, err)
	step.End(err)
	r.Metrics.ended(r.Durable, result, took, meta.Timestamp)
}

// log is for lines about the event.
func (t *task) log() *zerolog.Logger { return t.Message.Logger(t.Config.Logger) }

func (r *reactor) begin(sequence uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.working[sequence] {
		return false
	}
	r.working[sequence] = true
	return true
}

func (r *reactor) end(sequence uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.working, sequence)
}

// try calls the handler, and keeps the lease meanwhile.
func (t *task) try(ctx context.Context) error {
	return t.held(func() error { return t.handle(ctx, t.Delivery) })
}

// held runs f and keeps the lease meanwhile. A panic becomes a dead letter.
func (t *task) held(f func() error) (err error) {
	defer t.extend()()
	defer func() {
		if p := recover(); p != nil {
			err = Permanent(fmt.Errorf("panic: %v", p))
			t.log().Error().Err(err).Bytes("stack", debug.Stack()).Msg("the handler panicked")
		}
	}()
	return f()
}

// extend renews the lease at every third of AckWait, until the returned function is called.
func (t *task) extend() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var (
		mu    sync.Mutex
		timer *time.Timer
	)
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(t.AckWait/3, func() {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() == nil {
			timer.Reset(t.AckWait / 3)
			t.inProgress(ctx)
		}
	})
	return func() {
		cancel()
		mu.Lock()
		defer mu.Unlock()
		timer.Stop()
	}
}

// inProgress tells the server that the message is being worked on, and renews the lease if
// the server confirms it: what is sent may get nowhere for minutes before the client notices.
// After a failure the next time counts.
func (t *task) inProgress(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, min(requestTimeout, t.AckWait/3))
	defer cancel()
	asked := wall()
	if _, err := t.Log.Conn().RequestWithContext(ctx, t.raw.Reply(), []byte("+WPI")); err == nil {
		t.lease.renew(asked)
	}
}

// settle does what the handler's result asks for, and returns the outcome.
func (t *task) settle(ctx context.Context, err error) outcome {
	result, delay := judge(err)
	t.missing(err)
	if result == postponed && ctx.Err() != nil { // the reactor stops, which is no failure of the event
		t.breaker.unused(t.permit)
		t.nak(ctx, 0)
		return result
	}
	if result == paused {
		t.postpone(ctx, err, t.breaker.trip(t.permit, err), zerolog.DebugLevel)
		return result
	}
	if result == skipped || result == deferred { // the far side was not asked
		t.breaker.unused(t.permit)
	} else {
		t.breaker.passed(t.permit, t.failures)
	}
	switch result {
	case deferred, answered:
		t.nak(ctx, delay)
		return deferred
	case skipped:
		result = handled
	}
	if result == postponed && t.expired() {
		result = givenUp
	}
	switch result {
	case handled:
		t.ack()
		return result
	case deadLettered:
		err = t.held(func() error { return t.deadLetter(ctx, err) })
	case givenUp:
		err = t.held(func() error { return t.giveUp(ctx, err) })
	}
	if result != postponed && err == nil {
		t.ack()
		return result
	}
	t.postpone(ctx, err, t.attempts.failed(t.Sequence), zerolog.InfoLevel)
	return postponed
}

// expired reports whether this failure is the last, by age and by attempts.
func (t *task) expired() bool {
	return time.Since(t.Time) > t.Deadline && t.Attempt >= t.MinAttempts
}

func (t *task) giveUp(ctx context.Context, last error) error {
	if t.GiveUp != nil {
		return t.GiveUp(ctx, t.Delivery, last)
	}
	return t.deadLetter(ctx, fmt.Errorf("given up after %d attempts in %s: %w", t.Attempt, time.Since(t.Time).Round(time.Second), last))
}

func (t *task) deadLetter(ctx context.Context, reason error) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	created := t.created.Load()
	t.log().Warn().Err(reason).Msg("dead letter")
	recorded, err := t.Log.RecordDead(ctx, eventlog.DeadLetter{
		Worker: t.Durable, Created: *created, Event: t.Message, Reason: reason, Attempts: t.Attempt, At: time.Now(),
	})
	if recorded {
		t.Metrics.deadLettered(t.Durable)
	}
	return err
}

// ack acknowledges without waiting for the server, which would cost as much as a look into
// the log. If the acknowledgement is lost, the message comes again and the handler finds it
// done.
func (t *task) ack() {
	t.attempts.done(t.Sequence)
	if err := t.raw.Ack(); err != nil {
		t.log().Info().Err(err).Msg("not acknowledged: the event will come again")
	}
}

// postpone gives the message back for a while, and calls Postponed.
func (t *task) postpone(ctx context.Context, reason error, wait time.Duration, level zerolog.Level) {
	t.log().WithLevel(level).Err(reason).Int("attempt", t.Attempt).Dur("again_in", wait).Msg("postponed")
	if t.Postponed != nil {
		_ = t.held(func() error {
			t.Postponed(ctx, t.Delivery, Postponement{Err: reason, Next: time.Now().Add(wait)})
			return nil
		})
	}
	t.nak(ctx, wait)
}

// missing reports an event that waits until somebody repairs the log, and the end of that.
func (t *task) missing(err error) {
	if !errors.Is(err, eventlog.ErrMissing) {
		err = nil
	}
	r := t.reactor
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.missed[t.Sequence] = true
		t.log().Error().Err(err).Dur("again_in", missingDelay).Msg("nothing can be decided: the event waits")
		r.Health.Broken(EventsPart(r.Durable), err)
		return
	}
	if !r.missed[t.Sequence] {
		return
	}
	if delete(r.missed, t.Sequence); len(r.missed) == 0 {
		r.Health.Broken(EventsPart(r.Durable), nil)
	}
}
