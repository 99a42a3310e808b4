package ownership

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

func TestReplicasShareThePartitions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.start("a")
	w.await("a=16")
	b := w.start("b")
	w.await("a=8 b=8")
	c := w.start("c")
	w.awaitSum("a", "b", "c")
	b.stop()
	w.await("a=8 c=8")
	a.stop()
	w.await("c=16")
	c.stop()
	w.await("")
}

// awaitSum waits until these replicas own all partitions in equal shares, whoever gets the one that is left over.
func (w *world) awaitSum(replicas ...string) {
	w.t.Helper()
	fair := func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, name := range replicas {
			if n := len(w.owners[name]); n < partitions/len(replicas) || n > partitions/len(replicas)+1 {
				return false
			}
		}
		return true
	}
	for end := time.After(slack); !fair() || w.once() != partitions; {
		select {
		case <-w.changed:
		case <-end:
			w.t.Fatalf("%q; %d partitions have one owner", w.counts(), w.once())
		}
	}
}

// owned waits until a replica in another process owns those partitions of two that are its own.
func owned(c *servertest.Child, name, other string) (number int) {
	for n, owner := range Assign(partitions, []string{name, other}) {
		if owner == name {
			c.Await(fmt.Sprintf("own %d\n", n))
			number++
		}
	}
	return number
}

// What a replica had that was killed, or hangs, the others have after the silence.
func TestReplicaDiesOrHangs(t *testing.T) {
	t.Parallel()
	for name, hurt := range map[string]func(*servertest.Child){
		"killed": (*servertest.Child).Kill,
		"hangs":  (*servertest.Child).Pause,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.start("a")
			c := w.child("c")
			if n := owned(c, "c", "a"); n != 8 {
				t.Fatalf("c owns %d", n)
			}
			w.awaitCount("a=8")
			hurt(c)
			t.Logf("taken over after %s", w.await("a=16"))
			if name == "hangs" {
				c.Resume()
				w.awaitCount("a=8") // and c takes part again
			}
		})
	}
}

// awaitCount is await where other owners are in other processes.
func (w *world) awaitCount(want string) {
	w.t.Helper()
	for end := time.After(slack); w.counts() != want; {
		select {
		case <-w.changed:
		case <-end:
			w.t.Fatalf("%q, want %q", w.counts(), want)
		}
	}
}

// One that is alone, killed and started again waits for nothing that the dead one left.
func TestSuccessorStartsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.child("a")
	c.Await("own 15")
	c.Kill()
	w.start("a")
	if took := w.await("a=16"); took > silence {
		t.Errorf("took %s", took)
	} else {
		t.Logf("took %s", took)
	}
}

// A replica that hears nothing takes no partition and ends no owner; the others miss it. When it hears again, it first
// learns who else lives.
func TestDeafReplica(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	way := servertest.NewWay(t, w.server.URL())
	a := w.startAt(way.URL, "a", w.own("a"))
	b := w.start("b")
	w.await("a=8 b=8")
	way.Deaf.Store(true)
	way.Mute.Store(true)
	w.awaitCount("a=8 b=16")
	a.health.await(t, errUnheard)
	way.Deaf.Store(false)
	way.Mute.Store(false)
	way.Break()
	w.await("a=8 b=8")
	a.health.await(t, nil)
	b.health.await(t, nil)
}

func TestReplicaThatCannotWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.start("a"), w.start("b")
	w.await("a=8 b=8")
	a.unable.Store(true)
	w.await("b=16")
	b.unable.Store(true) // now nobody can, and all try
	w.await("a=8 b=8")
	a.unable.Store(false)
	w.await("a=16")
	b.unable.Store(false)
	w.await("a=8 b=8")
}

// A server that is away ends no owner, and checks wait until it is back.
func TestNATSRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	starts, checked := make(chan int, 10*partitions), make(chan error, 1)
	w.startAt(w.server.URL(), "a", func(ctx context.Context, n int, check func(context.Context) error) error {
		starts <- n
		if n != 3 {
			return w.own("a")(ctx, n, check)
		}
		w.set("a", n, true)
		for range checked {
			checked <- check(ctx)
		}
		return nil
	})
	w.await("a=16")
	w.server.Kill()
	time.Sleep(silence + 2*beatInterval) // the outage is to be longer than the silence
	checked <- nil
	w.server.Start()
	if err := <-checked; err != nil {
		t.Errorf("a check over an outage: %v", err)
	}
	close(checked)
	if n := len(starts); n != partitions || w.counts() != "a=16" {
		t.Errorf("owners were started %d times; now %s", n, w.counts())
	}
}

// A stop does not take long when NATS is away or hangs.
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
			w.await("a=16")
			hurt(w)
			start := time.Now()
			a.stop()
			if took := time.Since(start); took > slack/4 {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestTwoProcessesOfOneName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.startAt(w.server.URL(), "a", w.own("older"))
	w.await("older=16")
	w.startAt(w.server.URL(), "a", w.own("newer"))
	select {
	case err := <-a.err:
		if !errors.Is(err, ErrSameName) || !strings.Contains(err.Error(), "a of counter") {
			t.Errorf("the older one ends with %v", err)
		}
	case <-time.After(slack):
		t.Fatal("the older one goes on")
	}
	w.await("newer=16")
}

// An owner that returns is called again, not at once, and less and less often.
func TestOwnerIsStartedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mu sync.Mutex
	var calls []time.Time
	enough := make(chan struct{})
	w.startAt(w.server.URL(), "a", func(ctx context.Context, n int, _ func(context.Context) error) error {
		if n != 0 {
			<-ctx.Done()
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if calls = append(calls, time.Now()); len(calls) == 4 {
			close(enough)
		}
		return errors.New("refused")
	})
	select {
	case <-enough:
	case <-time.After(time.Minute):
		t.Fatal("not started again")
	}
	mu.Lock()
	defer mu.Unlock()
	if took := calls[3].Sub(calls[0]); took < 2*firstPause {
		t.Errorf("four calls within %s", took)
	}
}

// An owner whose partition is given up is told so by its check too.
func TestCheckAfterGivingUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	checks := make(chan error, partitions)
	w.startAt(w.server.URL(), "a", func(ctx context.Context, n int, check func(context.Context) error) error {
		w.set("a", n, true)
		<-ctx.Done()
		checks <- check(context.Background())
		w.set("a", n, false)
		return nil
	})
	w.await("a=16")
	w.start("b")
	w.await("a=8 b=8")
	for range partitions / 2 {
		if err := <-checks; !errors.Is(err, ErrGivenUp) {
			t.Errorf("a partition that was given up: %v", err)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conn, err := connect(w.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	registry := prometheus.NewRegistry()
	replica, err := New(Config{Conn: conn, Worker: worker, Partitions: 4, Metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan struct{}, 4)
	go func() {
		for range 4 {
			<-started
		}
		cancel()
	}()
	if err := replica.Run(ctx, func(ctx context.Context, _ int, _ func(context.Context) error) error {
		started <- struct{}{}
		<-ctx.Done()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := `
# HELP softphone_owned_partitions Partitions this replica owns. Over all replicas of a worker they are 16.
# TYPE softphone_owned_partitions gauge
softphone_owned_partitions{worker="counter"} 0
# HELP softphone_ownership_changes_total Partitions taken and given_up.
# TYPE softphone_ownership_changes_total counter
softphone_ownership_changes_total{change="given_up",worker="counter"} 4
softphone_ownership_changes_total{change="taken",worker="counter"} 4
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{{}, {Worker: "a", Partitions: 1}} {
		if _, err := New(c); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
