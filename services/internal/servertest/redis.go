package servertest

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/services/internal/embedded"
)

// RedisServer is a redis-server child of this process.
type RedisServer struct {
	t       testing.TB
	config  embedded.RedisConfig
	server  *embedded.Redis // nil while stopped
	address string
	admin   *redis.Client
}

// Redis starts a redis-server on a Unix socket. It ends with the test, or with the test process when that is killed.
func Redis(t testing.TB) *RedisServer {
	t.Helper()
	return startRedis(t, embedded.RedisConfig{})
}

// RedisWithConfig starts a redis-server with a redis.conf; Empty, Snapshot and PutBack then need its default user to be
// allowed everything.
func RedisWithConfig(t testing.TB, path string) *RedisServer {
	t.Helper()
	return startRedis(t, embedded.RedisConfig{ConfigFile: path})
}

func startRedis(t testing.TB, c embedded.RedisConfig) *RedisServer {
	t.Helper()
	c.Dir = filepath.Join(t.TempDir(), "redis")
	r := &RedisServer{t: t, config: c}
	t.Cleanup(r.Stop)
	r.Start()
	r.address = r.server.URL()
	r.admin = r.Client(t)
	return r
}

// URL is what redis.ParseURL takes, also while the server is stopped.
func (r *RedisServer) URL() string { return r.address }

// Dir is the folder of its files.
func (r *RedisServer) Dir() string { return r.config.Dir }

// Client returns a client. It is closed when the test ends.
func (r *RedisServer) Client(t testing.TB) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(r.address)
	if err != nil {
		t.Fatalf("URL of Redis: %v", err)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Stop stops the server in order; what it acknowledged stays.
func (r *RedisServer) Stop() {
	if r.server != nil {
		r.server.Close()
		r.server = nil
	}
}

// Kill ends the server with SIGKILL; what it acknowledged stays, for the system's page cache survives.
func (r *RedisServer) Kill() {
	r.t.Helper()
	r.signal(syscall.SIGKILL)
	<-r.server.Done()
	r.Stop()
}

// Start starts it again on the same address and data.
func (r *RedisServer) Start() {
	r.t.Helper()
	if r.server != nil {
		r.t.Fatal("redis-server runs already")
	}
	var err error
	if r.server, err = embedded.StartRedis(r.config); err != nil {
		r.t.Fatal(err)
	}
}

// Pause stops the server with SIGSTOP: its connections stay open and nothing answers from when it returns.
func (r *RedisServer) Pause() {
	r.t.Helper()
	r.signal(syscall.SIGSTOP)
	awaitStopped(r.t, r.server.PID())
}

// Resume lets it go on.
func (r *RedisServer) Resume() {
	r.t.Helper()
	r.signal(syscall.SIGCONT)
}

func (r *RedisServer) signal(s syscall.Signal) {
	r.t.Helper()
	if r.server == nil {
		r.t.Fatal("redis-server is stopped")
	}
	if err := r.server.Signal(s); err != nil {
		r.t.Fatalf("redis-server: %v", err)
	}
}

// Empty removes everything under its connected clients, at one moment: FLUSHALL.
func (r *RedisServer) Empty() {
	r.t.Helper()
	r.PutBack(RedisSnapshot{})
}

// RedisSnapshot is all data of a server at one moment.
type RedisSnapshot struct{ entries []redisEntry }

// Keys is how many keys it holds.
func (s RedisSnapshot) Keys() int { return len(s.entries) }

type redisEntry struct {
	key, dump string
	expires   int64 // Unix milliseconds; 0: never
}

// snapshotScript returns key, dump, expiry for every key. A script runs with nothing else in between.
// It touches keys it does not declare, which a Redis that is not a cluster allows.
const snapshotScript = `
local out = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  out[#out+1] = key
  out[#out+1] = redis.call('DUMP', key)
  out[#out+1] = redis.call('PEXPIRETIME', key)
end
return out`

// Snapshot takes a copy of all data, of one moment.
func (r *RedisServer) Snapshot() RedisSnapshot {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	values, err := r.admin.Eval(ctx, snapshotScript, nil).Slice()
	if err != nil {
		r.t.Fatalf("snapshot of Redis: %v", err)
	}
	var s RedisSnapshot
	for ; len(values) >= 3; values = values[3:] {
		s.entries = append(s.entries, redisEntry{values[0].(string), values[1].(string), max(values[2].(int64), 0)})
	}
	return s
}

// PutBack makes the data what it was at the snapshot, as a fail-over to a replica that lagged behind does: clients stay
// connected, and as it is one MULTI of FLUSHALL and a RESTORE a key, every command of theirs sees all of the old data or
// all of the new, never a mixture.
func (r *RedisServer) PutBack(s RedisSnapshot) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := r.admin.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.FlushAll(ctx)
		for _, e := range s.entries {
			if e.expires == 0 {
				p.Restore(ctx, e.key, 0, e.dump)
			} else {
				p.Do(ctx, "RESTORE", e.key, e.expires, e.dump, "ABSTTL")
			}
		}
		return nil
	})
	if err != nil {
		r.t.Fatalf("put Redis back: %v", err)
	}
}
