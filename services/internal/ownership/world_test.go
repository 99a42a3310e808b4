package ownership

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

const (
	worker     = "counter"
	partitions = 16
	slack      = 20 * time.Second // what a loaded machine may add
)

// permissions are exactly those of the package comment.
const permissions = `authorization { users: [
	{ user: counter, password: pw, permissions: { publish: "owners.counter", subscribe: "owners.counter" } }
] }`

func TestMain(m *testing.M) {
	servertest.Main(m, map[string]func(){"replica": runChild})
}

// world is a server, and who owns what on it.
type world struct {
	t      *testing.T
	server *servertest.NATSProcess

	mu      sync.Mutex
	owners  map[string]map[int]bool // by replica
	changed chan struct{}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(permissions), 0o600); err != nil {
		t.Fatal(err)
	}
	return &world{
		t: t, server: servertest.NATSChild(t, servertest.ConfigFile(file)),
		owners: map[string]map[int]bool{}, changed: make(chan struct{}, 1),
	}
}

// running is a replica in this process.
type running struct {
	stop   func() // returns when Run has
	err    chan error
	unable atomic.Bool
	health health
}

type health struct {
	mu     sync.Mutex
	reason error
}

func (h *health) NotReady(_ string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reason = err
}

func (h *health) await(t *testing.T, want error) {
	t.Helper()
	for end := time.Now().Add(slack); ; time.Sleep(10 * time.Millisecond) {
		h.mu.Lock()
		reason := h.reason
		h.mu.Unlock()
		if errors.Is(reason, want) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("health says %v, want %v", reason, want)
		}
	}
}

func connect(url string) (*nats.Conn, error) {
	return nats.Connect(url, nats.UserInfo("counter", "pw"), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1),
		nats.ReconnectWait(20*time.Millisecond), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
}

func (w *world) start(name string) *running {
	w.t.Helper()
	return w.startAt(w.server.URL(), name, w.own(name))
}

func (w *world) startAt(url, name string, own Owner) *running {
	w.t.Helper()
	conn, err := connect(url)
	if err != nil {
		w.t.Fatal(err)
	}
	r := &running{err: make(chan error, 1)}
	replica, err := New(Config{
		Conn: conn, Worker: worker, Replica: name, Partitions: partitions, Health: &r.health,
		Log: zerolog.New(zerolog.NewTestWriter(w.t)).With().Timestamp().Logger(),
		Able: func(context.Context) error {
			if r.unable.Load() {
				return context.DeadlineExceeded
			}
			return nil
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.err <- replica.Run(ctx, own)
		conn.Close()
	}()
	r.stop = func() { cancel(); <-done }
	w.t.Cleanup(r.stop)
	return r
}

// own checks as an owner does before it acquires its fence, and waits for its end.
func (w *world) own(name string) Owner {
	return func(ctx context.Context, n int, check func(context.Context) error) error {
		if err := check(ctx); err != nil {
			return err
		}
		w.set(name, n, true)
		defer w.set(name, n, false)
		<-ctx.Done()
		return ctx.Err()
	}
}

func (w *world) set(name string, n int, owns bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.owners[name] == nil {
		w.owners[name] = map[int]bool{}
	}
	w.owners[name][n] = owns
	if !owns {
		delete(w.owners[name], n)
	}
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// counts is how many partitions each replica owns: "a=8 b=8".
func (w *world) counts() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, name := range slices.Sorted(maps.Keys(w.owners)) {
		if n := len(w.owners[name]); n > 0 {
			all = append(all, fmt.Sprintf("%s=%d", name, n))
		}
	}
	return strings.Join(all, " ")
}

// once is how many partitions have exactly one owner.
func (w *world) once() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	owners := map[int]int{}
	for _, of := range w.owners {
		for n := range of {
			owners[n]++
		}
	}
	n := 0
	for _, of := range owners {
		if of == 1 {
			n++
		}
	}
	return n
}

// await waits until the counts are these and no partition has two owners, and returns how long that took.
func (w *world) await(want string) time.Duration {
	w.t.Helper()
	start := time.Now()
	for end := time.After(slack); w.counts() != want || want != "" && w.once() != partitions; {
		select {
		case <-w.changed:
		case <-end:
			w.t.Fatalf("%q, want %q; %d partitions have one owner", w.counts(), want, w.once())
		}
	}
	return time.Since(start)
}

// child is a replica in a process of its own, whose owners this process sees: it writes "own n" and "end n".
func (w *world) child(name string) *servertest.Child {
	w.t.Helper()
	return servertest.StartChild(w.t, "replica", "TEST_URL="+w.server.URL(), "TEST_NAME="+name)
}

func runChild() {
	conn, err := connect(os.Getenv("TEST_URL"))
	if err != nil {
		panic(err)
	}
	replica, err := New(Config{Conn: conn, Worker: worker, Replica: os.Getenv("TEST_NAME"), Partitions: partitions})
	if err != nil {
		panic(err)
	}
	err = replica.Run(context.Background(), func(ctx context.Context, n int, check func(context.Context) error) error {
		if err := check(ctx); err != nil {
			return err
		}
		fmt.Println("own", n)
		<-ctx.Done()
		fmt.Println("end", n, context.Cause(ctx))
		return nil
	})
	fmt.Println("run ended:", err)
}
