package lease

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

const (
	bucketName = "softphone-leases"
	worker     = "counter"
	partitions = 16
	ttl        = 1500 * time.Millisecond
	poll       = ttl / 3
	slack      = 20 * time.Second // what a loaded machine may add
)

// permissions are exactly those of the package comment.
const permissions = `authorization { users: [
	{ user: admin, password: pw }
	{ user: counter, password: pw, permissions: {
		publish: [
			"$KV.softphone-leases.counter.>"
			"$JS.API.STREAM.INFO.KV_softphone-leases"
			"$JS.API.STREAM.MSG.GET.KV_softphone-leases"
			"$JS.API.CONSUMER.CREATE.KV_softphone-leases.*.$KV.softphone-leases.counter.>"
			"$JS.API.CONSUMER.DELETE.KV_softphone-leases.*"
		]
		subscribe: "_INBOX.counter.>"
	} }
] }`

func TestMain(m *testing.M) {
	servertest.Main(m, map[string]func(){"replica": runChild})
}

// world is a server, its bucket, and everything that happens to the partitions.
type world struct {
	t      *testing.T
	server *servertest.NATSProcess
	admin  jetstream.KeyValue

	mu      sync.Mutex
	owners  map[int]string // of partitions, as this process's replicas see it
	changed chan struct{}
	history map[string][]write
}

// write is one the server has stored.
type write struct {
	holder string // empty: deleted
	at     time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(permissions), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, server: servertest.NATSChild(t, servertest.ConfigFile(file)),
		owners: map[int]string{}, history: map[string][]write{}, changed: make(chan struct{}, 1),
	}
	js := w.server.JetStream(t, nats.UserInfo("admin", "pw"))
	// The same bucket as EnsureBucket's, that also repeats every write it has stored.
	c := bucketStream(bucketName, ttl, 1)
	c.RePublish = &jetstream.RePublish{Source: ">", Destination: "stored.>"}
	if _, err := js.CreateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Conn().Subscribe("stored.$KV.*.*.partition.*", w.record); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.admin, err = EnsureBucket(t.Context(), js, bucketName, ttl, 1); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.checkHolders)
	return w
}

func (w *world) record(m *nats.Msg) {
	at, err := time.Parse(time.RFC3339Nano, m.Header.Get("Nats-Time-Stamp"))
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.t.Errorf("time of a stored write: %v", err)
	}
	w.history[m.Subject] = append(w.history[m.Subject], write{string(m.Data), at})
}

// checkHolders: whoever writes a partition's key first must find it free, which is deleted or expired.
func (w *world) checkHolders() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.history) == 0 {
		w.t.Error("no write was seen")
	}
	for key, writes := range w.history {
		for i, now := range writes[1:] {
			before := writes[i]
			if free := before.holder == "" || now.at.Sub(before.at) >= ttl; now.holder != "" && now.holder != before.holder && !free &&
				!sameReplica(now.holder, before.holder) {
				w.t.Errorf("%s: %q took it %s after %q renewed it", key, now.holder, now.at.Sub(before.at), before.holder)
			}
		}
	}
}

func sameReplica(a, b string) bool { return entry{value: a}.owner() == entry{value: b}.owner() }

// bucket returns the bucket as the worker's user sees it, over a connection of its own.
func (w *world) bucket(t testing.TB) (Bucket, *nats.Conn) {
	t.Helper()
	nc := w.server.Connect(t, nats.UserInfo("counter", "pw"), nats.CustomInboxPrefix("_INBOX.counter"))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := Open(t.Context(), js, bucketName)
	if err != nil {
		t.Fatal(err)
	}
	return bucket, nc
}

// running is a replica in this process.
type running struct {
	stop func() // returns when Run has
	nc   *nats.Conn
	err  chan error
}

func (w *world) start(name string) *running {
	w.t.Helper()
	return w.startWith(name, w.own(name))
}

func (w *world) startWith(name string, own func(context.Context, *Lease) error) *running {
	w.t.Helper()
	kv, nc := w.bucket(w.t)
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{nc: nc, err: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.err <- Run(ctx, Config{Bucket: kv, Worker: worker, Replica: name, Partitions: partitions, Log: zerolog.New(zerolog.NewTestWriter(w.t)).With().Timestamp().Logger()}, own)
	}()
	r.stop = func() { cancel(); <-done }
	w.t.Cleanup(r.stop)
	return r
}

// own waits for its end, and sees to it that nobody else owns the partition meanwhile.
func (w *world) own(name string) func(context.Context, *Lease) error {
	return func(ctx context.Context, l *Lease) error {
		w.set(l.Partition(), "", name)
		<-ctx.Done()
		w.set(l.Partition(), name, "")
		return ctx.Err()
	}
}

func (w *world) set(partition int, from, to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.owners[partition] != from {
		w.t.Errorf("partition %d is owned by %q, when it should go from %q to %q", partition, w.owners[partition], from, to)
	}
	w.owners[partition] = to
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// counts is how many partitions each replica owns: "a=8 b=8".
func (w *world) counts() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := map[string]int{}
	for _, o := range w.owners {
		if o != "" {
			n[o]++
		}
	}
	return countsOf(n)
}

func countsOf(n map[string]int) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(n)) {
		all = append(all, fmt.Sprintf("%s=%d", name, n[name]))
	}
	return strings.Join(all, " ")
}

// await waits until the counts are these, and returns how long that took.
func (w *world) await(want string, limit time.Duration) time.Duration {
	w.t.Helper()
	start := time.Now()
	for end := time.After(limit); ; {
		if got := w.counts(); got == want {
			return time.Since(start)
		}
		select {
		case <-w.changed:
		case <-end:
			w.t.Fatalf("after %s: %q, want %q", limit, w.counts(), want)
		}
	}
}

// awaitKeys waits until the bucket says that these replicas hold these many partitions: for replicas elsewhere.
func (w *world) awaitKeys(want string, limit time.Duration) time.Duration {
	w.t.Helper()
	start := time.Now()
	for {
		keys, err := read(w.t.Context(), w.admin, worker)
		if err != nil {
			w.t.Fatal(err)
		}
		n := map[string]int{}
		for key, e := range keys {
			if strings.HasPrefix(key, worker+".partition.") && e.value != "" {
				n[e.owner()]++
			}
		}
		if countsOf(n) == want {
			return time.Since(start)
		}
		if time.Since(start) > limit {
			w.t.Fatalf("after %s: %q, want %q", limit, countsOf(n), want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// child starts a replica in a process of its own. It writes "own n" and "end n cause".
func (w *world) child(name string) *servertest.Child {
	w.t.Helper()
	return servertest.StartChild(w.t, "replica", "TEST_URL="+w.server.URL(), "TEST_NAME="+name)
}

func runChild() {
	nc, err := nats.Connect(os.Getenv("TEST_URL"), nats.UserInfo("counter", "pw"), nats.CustomInboxPrefix("_INBOX.counter"),
		nats.MaxReconnects(-1), nats.ReconnectBufSize(-1))
	if err != nil {
		panic(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		panic(err)
	}
	bucket, err := Open(context.Background(), js, bucketName)
	if err != nil {
		panic(err)
	}
	c := Config{Bucket: bucket, Worker: worker, Replica: os.Getenv("TEST_NAME"), Partitions: partitions}
	err = Run(context.Background(), c, func(ctx context.Context, l *Lease) error {
		fmt.Println("own", strconv.Itoa(l.Partition()))
		<-ctx.Done()
		fmt.Println("end", strconv.Itoa(l.Partition()), context.Cause(ctx))
		return nil
	})
	fmt.Println("run ended:", err)
}
