package lease

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// Config says who takes part.
type Config struct {
	Bucket Bucket
	Worker string // whose partitions; letters, digits, - and _
	// Replica must be different for every process of the worker; letters, digits, - _ and dots. A process that starts
	// under the name of one that was killed takes over its leases at once. Empty: a random name, and no such thing.
	Replica    string
	Partitions int
	Stagger    time.Duration // between the starts of owners of partitions that were taken together
	Log        zerolog.Logger
	Metrics    prometheus.Registerer // nil: none
	Health     Health                // nil: none
}

// Run takes part until ctx ends, and returns nil when all its owners have ended and its leases are given up. For every
// partition it holds it calls own, in a goroutine of its own and never twice at a time for one partition; own must return
// soon after its context ends, whose cause is ErrLost or ErrGivenUp, or that of ctx. When own returns earlier it is called
// again after a pause.
//
// The only errors are ErrConfig and ErrSameName.
func Run(ctx context.Context, c Config, own func(ctx context.Context, l *Lease) error) error {
	if err := c.check(); err != nil {
		return err
	}
	r := &replica{
		Config:  c,
		run:     nuid.Next(),
		own:     own,
		held:    map[int]*Lease{},
		ended:   make(chan *Lease, c.Partitions),
		metrics: newMetrics(c.Metrics),
	}
	r.metrics.begin(c.Worker)
	return r.loop(ctx)
}

// Health is told whether the replica holds what it should. *process.Health is one.
type Health interface {
	NotReady(part string, err error)
}

// part is what health calls the leases.
const part = "leases"

func (c *Config) check() error {
	if c.Replica == "" {
		c.Replica = nuid.Next()
	}
	switch {
	case c.Bucket.KeyValue == nil || c.Bucket.TTL <= 0:
		return fmt.Errorf("%w: Bucket is missing, or its TTL: use Open", ErrConfig)
	case !isName(c.Worker, false):
		return fmt.Errorf("%w: Worker %q: only letters, digits, - and _", ErrConfig, c.Worker)
	case !isName(c.Replica, true):
		return fmt.Errorf("%w: Replica %q: only letters, digits, -, _ and single dots inside", ErrConfig, c.Replica)
	case c.Partitions < 1:
		return fmt.Errorf("%w: Partitions is %d, must be 1 or more", ErrConfig, c.Partitions)
	}
	return nil
}

// replica is one that takes part. Only its loop touches its fields.
type replica struct {
	Config

	run      string // tells this process from an earlier one of the same name
	own      func(context.Context, *Lease) error
	held     map[int]*Lease // until their owners have ended
	ended    chan *Lease    // whose owner has
	failing  bool           // the last call failed, and that was logged
	reported int            // how many we held as it was logged last
	share    int            // how many we should hold
	joined   bool           // our member key was written by this run
	metrics  *metrics
}

func (r *replica) value() string        { return r.Replica + " " + r.run }
func (r *replica) memberPrefix() string { return r.Worker + ".member." }
func (r *replica) memberKey() string    { return r.memberPrefix() + r.Replica }
func (r *replica) partitionKey(n int) string {
	return r.Worker + ".partition." + strconv.Itoa(n)
}

// period is how often a replica polls. Two polls in a row may fail before a lease is lost.
func (r *replica) period() time.Duration { return r.Bucket.TTL / 3 }

// validity is how long a renewal counts, from before it was sent: a tenth less than the server lets the key live.
func (r *replica) validity() time.Duration { return r.Bucket.TTL - r.Bucket.TTL/10 }

func (r *replica) loop(ctx context.Context) error {
	ticker := time.NewTicker(r.period())
	defer ticker.Stop()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	stopping := ctx.Done()
	fatal := r.poll(ctx)
	for {
		if fatal != nil {
			stop(fatal)
		}
		select {
		case <-stopping: // ends all owners too
			stopping = nil
			r.leave(ctx)
		case l := <-r.ended:
			r.drop(ctx, l)
		case <-ticker.C:
			r.dropAll(ctx) // first: while NATS hangs a poll takes until the next is due, and a stop would wait for many
			fatal = cmp.Or(fatal, r.poll(ctx))
		}
		if stopping == nil && len(r.held) == 0 {
			return fatal
		}
	}
}

// bounded returns a context for calls to NATS: not longer than a period, but also when ctx has ended, for then there are
// leases to give up.
func (r *replica) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), r.period())
}

// poll does what the package comment says. One that fails is left to the next, and in the end to the leases' timers: only
// ErrSameName is an error of the replica.
func (r *replica) poll(ctx context.Context) error {
	calls, cancel := r.bounded(ctx)
	defer cancel()
	err := r.step(ctx, calls)
	if !errors.Is(err, ErrSameName) {
		r.report(err)
		err = nil
	}
	return err
}

func (r *replica) step(ctx, calls context.Context) error {
	keys, err := read(calls, r.Bucket, r.Worker)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if err := r.renew(calls, keys); err != nil || ctx.Err() != nil { // stopping: only what its owners still hold
		return unwritable(err)
	}
	if err := r.join(calls, keys); err != nil {
		return unwritable(err)
	}
	return r.balance(ctx, calls, keys)
}

// unwritable marks the error of a write that got no answer, just after a read did.
func unwritable(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || eventlog.OutOfRoom(err) {
		return fmt.Errorf("%w: %w", eventlog.ErrUnwritable, err)
	}
	return err
}

// report logs the first of several failures and their end, and the share whenever it changed.
func (r *replica) report(failed error) {
	switch {
	case failed != nil && !r.failing:
		r.Log.Warn().Err(failed).Msg("leases cannot be renewed; trying again")
	case failed == nil && r.failing:
		r.Log.Info().Msg("leases can be renewed again")
	}
	r.failing = failed != nil
	r.ready(failed)
	if len(r.held) != r.reported {
		r.reported = len(r.held)
		r.Log.Info().Str("replica", r.Replica).Int("owned", r.reported).Int("of", r.Partitions).Msg("partitions owned")
	}
}

// ready tells health whether the leases are in order.
func (r *replica) ready(failed error) {
	switch {
	case r.Health == nil:
	case failed != nil:
		r.Health.NotReady(part, failed)
	case r.share > 0 && len(r.held) == 0:
		r.Health.NotReady(part, errNone)
	default:
		r.Health.NotReady(part, nil)
	}
}

// renew extends what is ours and ends the owners of what is not.
func (r *replica) renew(ctx context.Context, keys map[string]entry) error {
	var failed error
	for _, l := range r.held {
		e := keys[l.key]
		switch {
		case errors.Is(context.Cause(l.ctx), ErrLost):
		case e.value != l.value:
			l.lost()
		default:
			sent := time.Now()
			revision, err := r.Bucket.Update(ctx, l.key, []byte(l.value), e.revision)
			if err != nil {
				failed = fmt.Errorf("renew partition %d: %w", l.partition, err)
				continue
			}
			l.revision = revision
			l.expiry.Reset(time.Until(sent.Add(r.validity())))
		}
	}
	return failed
}

// join writes our member key. What an earlier process of our name left is ours; a later one means that it is we who are
// the earlier.
func (r *replica) join(ctx context.Context, keys map[string]entry) error {
	e := keys[r.memberKey()]
	if r.joined && e.value != "" && e.value != r.value() {
		return fmt.Errorf("%w: %s of %s: give every replica its own", ErrSameName, r.Replica, r.Worker)
	}
	if _, err := r.Bucket.Update(ctx, r.memberKey(), []byte(r.value()), e.revision); err != nil {
		return fmt.Errorf("renew membership: %w", err)
	}
	r.joined = true
	return nil
}

// leave takes our member key away, so that the others count without us from their next poll on.
func (r *replica) leave(ctx context.Context) {
	calls, cancel := r.bounded(ctx)
	defer cancel()
	e, err := r.Bucket.Get(calls, r.memberKey())
	if err == nil && string(e.Value()) == r.value() {
		err = r.Bucket.Delete(calls, r.memberKey(), jetstream.LastRevision(e.Revision()))
	}
	if r.failing = err != nil && !errors.Is(err, jetstream.ErrKeyNotFound); r.failing {
		r.Log.Warn().Err(err).Msg("membership cannot be given up; it expires")
	}
}
