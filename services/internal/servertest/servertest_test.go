package servertest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/services/internal/child"
)

func TestMain(m *testing.M) {
	Main(m, map[string]func(){
		"greet": func() { fmt.Println("hello", os.Getenv("WHOM")) },
		"hang":  func() { fmt.Println("here"); select {} },
		"parent": func() { // starts a child of its own and reports who it is
			os.Setenv(childName, "hang")
			p, err := os.Executable()
			if err != nil {
				panic(err)
			}
			c, err := startBare(p)
			if err != nil {
				panic(err)
			}
			fmt.Printf("child=%d\n", c.PID())
			select {}
		},
	})
}

func TestNATSRestart(t *testing.T) {
	t.Parallel()
	n := NATS(t)
	js := n.JetStream(t)
	if got := put(t, js); got != 1 {
		t.Errorf("sequence %d", got)
	}
	before := n.URL()
	n.Restart()
	if n.URL() != before {
		t.Errorf("URL was %s, is %s", before, n.URL())
	}
	if got := put(t, js); got != 2 { // the same connection
		t.Errorf("sequence %d after a restart", got)
	}
}

func TestNATSPutBackStore(t *testing.T) {
	t.Parallel()
	n := NATS(t, SyncAlways())
	js := n.JetStream(t)
	put(t, js)
	n.Stop()
	copied := n.CopyStore()
	n.Start()
	put(t, js)
	n.Stop()
	n.PutBackStore(copied)
	n.Start()
	if got := put(t, js); got != 2 {
		t.Errorf("sequence %d, want the second one again", got)
	}
}

func TestNATSChild(t *testing.T) {
	t.Parallel()
	n := NATSChild(t)
	js := n.JetStream(t)
	put(t, js)
	n.Kill()
	copied := n.CopyStore()
	n.Start()
	if got := put(t, js); got != 2 {
		t.Errorf("sequence %d after kill -9", got)
	}
	n.Stop()
	n.PutBackStore(copied)
	n.Start()
	if got := put(t, js); got != 2 {
		t.Errorf("sequence %d on the old store", got)
	}
	n.Pause()
	if _, err := n.JetStreamPublish(js); !errors.Is(err, errTimeout) {
		t.Errorf("publish to a paused server: %v", err)
	}
	n.Resume()
	put(t, js)
}

var errTimeout = errors.New("timeout")

// JetStreamPublish publishes with little patience.
func (n *NATSProcess) JetStreamPublish(js jetstream.JetStream) (uint64, error) {
	type result struct {
		ack *jetstream.PubAck
		err error
	}
	c := make(chan result, 1)
	go func() {
		ack, err := js.Publish(n.t.Context(), "s", nil)
		c <- result{ack, err}
	}()
	select {
	case r := <-c:
		if r.err != nil {
			return 0, r.err
		}
		return r.ack.Sequence, nil
	case <-time.After(200 * time.Millisecond):
		return 0, errTimeout
	}
}

// put publishes one message, again and again until it is stored or the time is up, and returns its sequence.
func put(t *testing.T, js jetstream.JetStream) uint64 {
	t.Helper()
	var err error
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err = js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
			continue
		}
		var ack *jetstream.PubAck
		if ack, err = js.Publish(t.Context(), "s", nil); err == nil {
			return ack.Sequence
		}
	}
	t.Fatalf("publish: %v", err)
	return 0
}

func TestRedisDataSurvives(t *testing.T) {
	t.Parallel()
	r := Redis(t)
	c := r.Client(t)
	for i, restart := range []func(){func() {}, func() { r.Stop(); r.Start() }, func() { r.Kill(); r.Start() }} {
		restart()
		if got, err := c.Incr(t.Context(), "n").Result(); got != int64(i+1) || err != nil {
			t.Errorf("round %d: %d, %v", i, got, err)
		}
	}
}

func TestRedisPutBack(t *testing.T) {
	t.Parallel()
	r := Redis(t)
	c := r.Client(t)
	id := c.ClientID(t.Context()).Val()
	c.HSet(t.Context(), "h", "f", "old", "binary", "\x00\xff")
	c.Set(t.Context(), "expires", "x", time.Hour)
	s := r.Snapshot()
	if s.Keys() != 2 {
		t.Errorf("%d keys in the snapshot", s.Keys())
	}
	c.HSet(t.Context(), "h", "f", "new")
	c.Set(t.Context(), "later", 1, 0)
	c.Del(t.Context(), "expires")
	r.PutBack(s)
	if got := fmt.Sprintf("%q", c.HGetAll(t.Context(), "h").Val()); got != `map["binary":"\x00\xff" "f":"old"]` {
		t.Errorf("hash: %s", got)
	}
	if n := c.Exists(t.Context(), "later").Val(); n != 0 {
		t.Error("a key written after the snapshot is still there")
	}
	if ttl := c.TTL(t.Context(), "expires").Val(); ttl <= 0 || ttl > time.Hour {
		t.Errorf("time to live: %s", ttl)
	}
	r.Empty()
	if n := c.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys after Empty", n)
	}
	if now := c.ClientID(t.Context()).Val(); now != id {
		t.Error("the connection was cut")
	}
}

// No command may see a mixture: one script that reads two keys must find both or neither.
func TestRedisPutBackIsAtomic(t *testing.T) {
	t.Parallel()
	r := Redis(t)
	c := r.Client(t)
	c.MSet(t.Context(), "a", 1, "b", 1)
	s := r.Snapshot()
	stop, seen := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				seen <- nil
				return
			default:
			}
			if n, err := c.Exists(t.Context(), "a", "b").Result(); err != nil || n == 1 {
				seen <- fmt.Errorf("%d of two keys, %w", n, err)
				return
			}
		}
	}()
	for range 50 {
		r.PutBack(s)
		r.Empty()
	}
	close(stop)
	if err := <-seen; err != nil {
		t.Error(err)
	}
}

func TestRedisPause(t *testing.T) {
	t.Parallel()
	r := Redis(t)
	o, err := redis.ParseURL(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	o.ReadTimeout, o.MaxRetries = 100*time.Millisecond, -1
	c := redis.NewClient(o)
	defer c.Close()
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	r.Pause()
	if err := c.Ping(t.Context()).Err(); err == nil {
		t.Error("a paused server answers")
	}
	r.Resume()
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}

func TestChild(t *testing.T) {
	t.Parallel()
	c := StartChild(t, "greet", "WHOM=world")
	if got := c.Await("hello"); got != "hello world" {
		t.Errorf("wrote %q", got)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	c = StartChild(t, "nobody")
	if err := c.Wait(); err == nil || !strings.Contains(c.Output(), `no child "nobody"`) {
		t.Errorf("unknown child: %v, %s", err, c.Output())
	}
	c = StartChild(t, "hang")
	c.Await("here")
	c.Pause()
	c.Resume()
	c.Kill()
	c.Kill() // may be called again
	if err := c.Wait(); err == nil {
		t.Error("a killed child ended well")
	}
}

// A grandchild must be gone when its parent is killed.
func TestChildDiesWithItsParent(t *testing.T) {
	t.Parallel()
	c := StartChild(t, "parent")
	var pid int
	if _, err := fmt.Sscanf(c.Await("child="), "child=%d", &pid); err != nil {
		t.Fatal(err)
	}
	c.Await("here")
	c.Kill()
	for end := time.Now().Add(10 * time.Second); alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("process %d outlived its parent", pid)
		}
	}
}

// alive does not count a zombie that nobody has waited for, which an orphan in a container without an init stays.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func startBare(program string) (*child.Process, error) {
	cmd := exec.Command(program)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return child.Start(cmd)
}
