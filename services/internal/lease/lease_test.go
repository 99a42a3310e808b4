package lease

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestReplicasShareThePartitions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.start("a")
	w.await("a=16", slack)
	b := w.start("b")
	w.await("a=8 b=8", 2*poll+slack)
	w.start("c")
	w.await("a=6 b=5 c=5", 2*poll+slack)
	b.stop()
	w.await("a=8 c=8", poll+slack)
	a.stop()
	w.await("c=16", poll+slack)
}

// After a clean stop the others need no expiry: what they take, its owner has given up.
func TestCleanStopHandsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.start("a")
	w.start("b")
	w.await("a=8 b=8", 2*poll+slack)
	a.stop()
	w.await("b=16", ttl+slack)
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, writes := range w.history {
		for i, now := range writes[1:] {
			if before := writes[i]; now.holder != "" && !sameReplica(now.holder, before.holder) && before.holder != "" {
				t.Errorf("%s: %q took it from %q, who had not given it up", key, now.holder, before.holder)
			}
		}
	}
}

func TestKilledReplicasShareMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	c := w.child("c")
	w.awaitKeys("a=8 c=8", 2*poll+2*slack)
	c.Kill()
	w.awaitKeys("a=16", ttl+poll+slack)
	w.await("a=16", slack)
}

// The successor of a killed replica, under its name, does not wait for the expiry.
func TestSuccessorTakesOverAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.child("a")
	w.awaitKeys("a=16", 2*slack)
	c.Kill()
	w.start("a")
	w.await("a=16", ttl-poll) // the killed one renewed them a poll ago at most
}

func TestPausedReplicaLosesItsLeases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("a")
	c := w.child("c")
	w.awaitKeys("a=8 c=8", 2*poll+2*slack)
	c.Await("own 15")
	c.Pause()
	w.await("a=16", ttl+poll+slack)
	c.Resume()
	c.Await(ErrLost.Error()) // it notices, and then takes part again
	w.awaitKeys("a=8 c=8", 2*poll+2*slack)
}

func TestNATSAwayForLongerThanTheTTL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	causes := make(chan error, 2*partitions)
	own := w.own("a")
	w.startWith("a", func(ctx context.Context, l *Lease) error {
		err := own(ctx, l)
		causes <- context.Cause(ctx)
		return err
	})
	w.await("a=16", slack)
	w.server.Stop()
	stopped := time.Now()
	w.await("", ttl+slack) // by the leases' own timers, for nobody answers
	for range partitions {
		if cause := <-causes; !errors.Is(cause, ErrLost) {
			t.Errorf("an owner ended because of %v", cause)
		}
	}
	time.Sleep(time.Until(stopped.Add(ttl + poll))) // the outage is to be longer than the leases
	w.server.Start()
	w.await("a=16", 2*poll+2*slack)
}

// A server that is back within the TTL ends no owner.
func TestNATSRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var starts atomic.Int32
	own := w.own("a")
	w.startWith("a", func(ctx context.Context, l *Lease) error {
		starts.Add(1)
		return own(ctx, l)
	})
	w.await("a=16", slack)
	before := w.revision("counter.partition.0")
	w.server.Kill()
	w.server.Start()
	for end := time.Now().Add(ttl + slack); w.revision("counter.partition.0") == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the lease is not renewed after the restart")
		}
	}
	if n := starts.Load(); n != partitions || w.counts() != "a=16" {
		t.Errorf("owners were started %d times; now %s", n, w.counts())
	}
}

// revision is 0 when it cannot be read just now.
func (w *world) revision(key string) uint64 {
	ctx, cancel := context.WithTimeout(w.t.Context(), slack)
	defer cancel()
	e, err := w.admin.Get(ctx, key)
	if err != nil {
		return 0
	}
	return e.Revision()
}

// A stop must not take long when NATS is away or hangs: one call's patience, not one for each partition.
func TestStopWhileNATSIsAway(t *testing.T) {
	t.Parallel()
	for name, hurt := range map[string]func(*world){
		"stopped": func(w *world) { w.server.Stop() },
		"hangs":   func(w *world) { w.server.Pause() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.start("a")
			w.await("a=16", slack)
			hurt(w)
			start := time.Now()
			a.stop()
			if took := time.Since(start); took > 3*poll+slack { // a poll that was under way, leaving, freeing
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestTwoProcessesOfOneName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var older, newer atomic.Int32
	count := func(n *atomic.Int32) func(context.Context, *Lease) error {
		return func(ctx context.Context, _ *Lease) error {
			n.Add(1)
			<-ctx.Done()
			n.Add(-1)
			return nil
		}
	}
	a := w.startWith("a", count(&older))
	w.awaitKeys("a=16", slack)
	w.startWith("a", count(&newer))
	select {
	case err := <-a.err:
		if !errors.Is(err, ErrSameName) || !strings.Contains(err.Error(), "a of counter") {
			t.Errorf("the older one ends with %v", err)
		}
	case <-time.After(2*poll + slack):
		t.Fatal("the older one goes on")
	}
	if older.Load() != 0 || newer.Load() != partitions {
		t.Errorf("%d owners of the older, %d of the newer", older.Load(), newer.Load())
	}
	w.awaitKeys("a=16", 0)
}

// An owner that returns is called again under the same lease, not at once, and less and less often.
func TestOwnerIsStartedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mu sync.Mutex
	var calls []time.Time
	again := make(chan struct{})
	w.startWith("a", func(ctx context.Context, l *Lease) error {
		if l.Partition() != 0 {
			<-ctx.Done()
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if calls = append(calls, time.Now()); len(calls) == 4 {
			close(again)
		}
		return errors.New("refused")
	})
	select {
	case <-again:
	case <-time.After(time.Minute):
		t.Fatal("not started again")
	}
	mu.Lock()
	defer mu.Unlock()
	if took := calls[3].Sub(calls[0]); took < 2*firstPause {
		t.Errorf("four calls within %s", took)
	}
	w.awaitKeys("a=16", 0)
}

func TestStagger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bucket, _ := w.bucket(t)
	const stagger = 50 * time.Millisecond
	var mu sync.Mutex
	starts := map[int]time.Time{}
	ctx, cancel := context.WithCancel(t.Context())
	registry := prometheus.NewRegistry()
	c := Config{Bucket: bucket, Worker: worker, Partitions: 4, Stagger: stagger, Metrics: registry}
	err := Run(ctx, c, func(ctx context.Context, l *Lease) error {
		mu.Lock()
		starts[l.Partition()] = time.Now()
		if len(starts) == 4 {
			cancel()
		}
		mu.Unlock()
		<-ctx.Done()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if took := starts[3].Sub(starts[0]); took < 2*stagger {
		t.Errorf("four owners started within %s", took)
	}
	w.awaitKeys("", 0)
	want := `
# HELP softphone_lease_changes_total Partitions taken, given_up and lost; lost ones were not renewed in time.
# TYPE softphone_lease_changes_total counter
softphone_lease_changes_total{change="given_up",worker="counter"} 4
softphone_lease_changes_total{change="lost",worker="counter"} 0
softphone_lease_changes_total{change="taken",worker="counter"} 4
# HELP softphone_lease_partitions Partitions this replica owns. Over all replicas of a worker they are 16.
# TYPE softphone_lease_partitions gauge
softphone_lease_partitions{worker="counter"} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	checked := make(chan error)
	var once sync.Once
	r := w.startWith("a", func(ctx context.Context, l *Lease) error {
		if l.Partition() == 3 {
			once.Do(func() {
				checked <- l.Check(ctx)
				for range 3 {
					<-checked
					checked <- l.Check(ctx)
				}
			})
		}
		<-ctx.Done()
		return l.Check(context.Background())
	})
	if err := <-checked; err != nil {
		t.Errorf("a lease that is held: %v", err)
	}
	if err := w.admin.Delete(t.Context(), "counter.partition.3"); err != nil {
		t.Fatal(err)
	}
	checked <- nil
	if err := <-checked; !errors.Is(err, ErrLost) {
		t.Errorf("a lease whose key was deleted: %v", err)
	}
	if _, err := w.admin.Put(t.Context(), "counter.partition.3", []byte("b run")); err != nil {
		t.Fatal(err)
	}
	checked <- nil
	if err := <-checked; !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "held by b") {
		t.Errorf("a lease that somebody else holds: %v", err)
	}
	w.server.Stop()
	checked <- nil
	if err := <-checked; err == nil {
		t.Error("a lease that cannot be read is held")
	}
	r.stop()
}

func TestEnsureBucket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	js := w.server.JetStream(t, nats.UserInfo("admin", "pw"))
	errs := make(chan error)
	for range 8 { // everybody at the same time
		go func() {
			_, err := EnsureBucket(t.Context(), js, "other", time.Second, 1)
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for name, err := range map[string]error{
		"other TTL":      second(EnsureBucket(t.Context(), js, "other", time.Minute, 1)),
		"other replicas": second(EnsureBucket(t.Context(), js, "other", time.Second, 3)),
	} {
		if !errors.Is(err, ErrBucket) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "direct", TTL: time.Second}); err != nil {
		t.Fatal(err)
	}
	if err := second(EnsureBucket(t.Context(), js, "direct", time.Second, 1)); !errors.Is(err, ErrBucket) {
		t.Errorf("with direct reads: %v", err)
	}
	w.start("a") // for the world's own check
	w.await("a=16", slack)
}

func second[T any](_ T, err error) error { return err }

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bucket, _ := w.bucket(t)
	good := Config{Bucket: bucket, Worker: worker, Replica: "a", Partitions: partitions}
	for name, tc := range map[string]struct {
		change func(*Config)
		want   error
	}{
		"no bucket":     {func(c *Config) { c.Bucket = Bucket{} }, ErrConfig},
		"worker":        {func(c *Config) { c.Worker = "a.b" }, ErrConfig},
		"replica":       {func(c *Config) { c.Replica = "a b" }, ErrConfig},
		"no partitions": {func(c *Config) { c.Partitions = 0 }, ErrConfig},
		"TTL":           {func(c *Config) { c.Bucket.TTL = 0 }, ErrConfig},
	} {
		c := good
		tc.change(&c)
		if err := Run(t.Context(), c, nil); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.start("a")
	w.await("a=16", slack)
}
