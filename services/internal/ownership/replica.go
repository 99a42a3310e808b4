package ownership

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Config says who takes part.
type Config struct {
	Conn       *nats.Conn
	Worker     string // whose partitions; letters, digits, - and _
	Replica    string // different for every process of the worker; letters, digits, - _ and dots; "" makes one
	Partitions int
	Able       func(context.Context) error // what the replica needs to work, asked at every beat; nil: nothing
	Log        zerolog.Logger
	Metrics    prometheus.Registerer // nil: none
	Health     Health                // nil: none
}

// Health is told whether the replica is in touch with the others. *process.Health is one.
type Health interface {
	NotReady(part string, err error)
}

// part is what health calls the ownership.
const part = "ownership"

// Replica is one that takes part.
type Replica struct {
	Config

	run     string // tells this process from an earlier one of the same name
	metrics *metrics
	unable  atomic.Bool

	// Only Run's goroutine touches these.
	own      Owner
	members  *members
	number   uint64               // of the last beat
	sent     map[uint64]time.Time // beats that did not come back yet
	echo     time.Time            // when the last beat that came back was sent
	listened bool                 // long enough since then
	running  map[int]*partition   // until their owners have ended
	ended    chan *partition
	leaving  bool
	logged   int // how many we owned when it was logged last

	mu      sync.Mutex
	trusted bool          // the list of members is of now
	changed chan struct{} // closed and replaced when trusted changes
	owned   []int
}

// New checks the configuration. The only error is ErrConfig.
func New(c Config) (*Replica, error) {
	if c.Replica == "" {
		c.Replica = nuid.Next()
	}
	switch {
	case c.Conn == nil:
		return nil, fmt.Errorf("%w: Conn is missing", ErrConfig)
	case !isName(c.Worker, false):
		return nil, fmt.Errorf("%w: Worker %q: only letters, digits, - and _", ErrConfig, c.Worker)
	case !isName(c.Replica, true):
		return nil, fmt.Errorf("%w: Replica %q: only letters, digits, -, _ and single dots inside", ErrConfig, c.Replica)
	case c.Partitions < 1:
		return nil, fmt.Errorf("%w: Partitions is %d, must be 1 or more", ErrConfig, c.Partitions)
	}
	r := &Replica{
		Config: c, run: nuid.Next(), metrics: newMetrics(c.Metrics), members: newMembers(c.Replica, silence),
		sent: map[uint64]time.Time{}, running: map[int]*partition{}, ended: make(chan *partition, c.Partitions), changed: make(chan struct{}),
	}
	r.metrics.begin(c.Worker)
	return r, nil
}

// Owned are the partitions this replica owns now.
func (r *Replica) Owned() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.owned)
}

// Run takes part until ctx ends, and returns nil when all its owners have ended. For every partition of its share it calls
// own, in a goroutine of its own and never twice at a time for one partition. It is called once. Its errors are
// ErrSameName, and that of a connection on which it cannot listen.
func (r *Replica) Run(ctx context.Context, own Owner) error {
	r.own = own
	beats := make(chan *nats.Msg, 256)
	subscription, err := r.Conn.ChanSubscribe(Subject(r.Worker), beats)
	if err != nil {
		return fmt.Errorf("listening to the other replicas: %w", err)
	}
	defer func() { _ = subscription.Unsubscribe() }()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go r.watchAbility(ctx)
	return r.loop(ctx, stop, beats)
}

func (r *Replica) loop(ctx context.Context, stop context.CancelCauseFunc, beats <-chan *nats.Msg) (fatal error) {
	ticker := time.NewTicker(beatInterval)
	defer ticker.Stop()
	listen := time.NewTimer(listening)
	defer listen.Stop()
	stopping := ctx.Done()
	r.beat(beat{Hello: true})
	for {
		select {
		case <-stopping: // ends all owners too
			stopping = nil
			r.leave()
		case p := <-r.ended:
			r.drop(p)
		case m := <-beats:
			if err := r.hear(m.Data, listen); err != nil && fatal == nil {
				fatal = err
				stop(err)
			}
		case <-ticker.C:
			if !r.leaving {
				r.beat(beat{})
			}
		case <-listen.C:
			r.listened = true
		}
		if stopping == nil && len(r.running) == 0 {
			r.publish(nil, false)
			return fatal
		}
		if stopping != nil {
			r.settle(ctx)
		}
	}
}

// beat publishes one. What cannot be published does not come back, and that is noticed.
func (r *Replica) beat(b beat) {
	now := time.Now()
	r.number++
	b.Replica, b.Run, b.Number, b.Unable, b.Heard = r.Replica, r.run, r.number, r.unable.Load(), r.members.heard(now)
	r.sent[r.number] = now
	for number, at := range r.sent {
		if now.Sub(at) > silence {
			delete(r.sent, number)
		}
	}
	_ = r.Conn.Publish(Subject(r.Worker), b.encode())
}

// leave says goodbye. A server that does not answer is not waited for: the others miss this replica after the silence.
func (r *Replica) leave() {
	r.leaving = true
	r.beat(beat{Leaves: true})
	if err := r.Conn.FlushTimeout(beatInterval); err != nil {
		r.Log.Debug().Err(err).Msg("the other replicas may not know yet that this one ends")
	}
}

// hear takes a beat, of this replica or of another. The only error is ErrSameName.
func (r *Replica) hear(data []byte, listen *time.Timer) error {
	b, ok := decodeBeat(data)
	now := time.Now()
	switch {
	case !ok:
		return nil
	case b.Run == r.run:
		r.heardItself(b.Number, now, listen)
	case b.Replica == r.Replica:
		if older := r.number > b.Number || r.number == b.Number && r.run < b.Run; older && !b.Leaves {
			return fmt.Errorf("%w: %s of %s: give every replica its own", ErrSameName, r.Replica, r.Worker)
		}
	default:
		r.members.hear(b, now)
		if b.Hello && !r.leaving {
			r.beat(beat{})
		}
	}
	return nil
}

// heardItself notes that a beat came back. After a silence the list of members is of the past: the others are asked, and
// listened to, before it is used.
func (r *Replica) heardItself(number uint64, now time.Time, listen *time.Timer) {
	at, known := r.sent[number]
	if !known {
		return
	}
	delete(r.sent, number)
	if lost := now.Sub(r.echo) >= silence; lost {
		first := r.echo.IsZero()
		r.listened = false
		listen.Reset(listening)
		if !first {
			r.beat(beat{Hello: true})
		}
	}
	r.echo = at
}

// settle makes the partitions ours that should be, and no others, while the list of members can be trusted.
func (r *Replica) settle(ctx context.Context) {
	now := time.Now()
	trusted := now.Sub(r.echo) < silence && r.listened
	if r.Health != nil {
		var err error
		if now.Sub(r.echo) >= silence {
			err = errUnheard
		}
		r.Health.NotReady(part, err)
	}
	if trusted {
		for n, owner := range Assign(r.Partitions, r.members.living(now, r.unable.Load())) {
			switch p := r.running[n]; {
			case owner == r.Replica && p == nil:
				r.start(ctx, n)
			case owner != r.Replica && p != nil && !p.givenUp():
				p.cancel(ErrGivenUp)
			}
		}
	}
	r.publish(r.mine(), trusted)
}

// mine are the partitions whose owners need not end.
func (r *Replica) mine() []int {
	var all []int
	for n, p := range r.running {
		if !p.givenUp() {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

// publish lets others than Run see what is so.
func (r *Replica) publish(owned []int, trusted bool) {
	r.mu.Lock()
	r.owned = owned
	if r.trusted != trusted {
		r.trusted = trusted
		close(r.changed)
		r.changed = make(chan struct{})
	}
	r.mu.Unlock()
	if len(owned) != r.logged {
		r.logged = len(owned)
		r.Log.Info().Str("replica", r.Replica).Int("owned", len(owned)).Int("of", r.Partitions).Msg("partitions owned")
	}
}

func (r *Replica) start(ctx context.Context, n int) {
	p := &partition{number: n}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	r.running[n] = p
	log := r.Log.With().Int("partition", n).Str("replica", r.Replica).Logger()
	log.Debug().Msg("partition taken")
	r.metrics.change(r.Worker, taken, len(r.mine()))
	go func() {
		p.serve(r.own, func(ctx context.Context) error { return r.check(ctx, p) }, log)
		r.ended <- p
	}()
}

// drop forgets a partition whose owner has ended.
func (r *Replica) drop(p *partition) {
	p.cancel(nil)
	delete(r.running, p.number)
	r.Log.Debug().Int("partition", p.number).Str("replica", r.Replica).Msg("partition given up")
	r.metrics.change(r.Worker, givenUp, len(r.mine()))
}

// watchAbility asks at every beat whether the replica can work. It cannot when that failed for most of a silence; one
// success ends it.
func (r *Replica) watchAbility(ctx context.Context) {
	if r.Able == nil {
		return
	}
	ticker := time.NewTicker(beatInterval)
	defer ticker.Stop()
	worked := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		asking, cancel := context.WithTimeout(ctx, silence/2)
		err := r.Able(asking)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			worked = time.Now()
			if r.unable.Swap(false) {
				r.Log.Info().Str("replica", r.Replica).Msg("this replica can work again")
			}
		case time.Since(worked) >= silence*3/4 && !r.unable.Swap(true):
			r.Log.Warn().Err(err).Str("replica", r.Replica).Msg("this replica cannot work: others that can take its partitions")
		}
	}
}

// isName tells whether s can be a worker's or a replica's name. A worker's is one token of a subject, so it has no dots.
func isName(s string, dots bool) bool {
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
		if !letter && (r != '.' || !dots) {
			return false
		}
	}
	return s != "" && !strings.HasPrefix(s, ".") && !strings.HasSuffix(s, ".") && !strings.Contains(s, "..")
}
