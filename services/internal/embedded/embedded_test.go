package embedded

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestNATSKeepsItsStore(t *testing.T) {
	c := NATSConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0", SyncAlways: true}
	for want := uint64(1); want <= 2; want++ {
		n, err := StartNATS(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := publish(t, n, n.URL()); got != want {
			t.Errorf("start %d: sequence %d", want, got)
		}
		n.Close()
		n.Close() // may be called again
	}
}

func TestNATSInProcess(t *testing.T) {
	n, err := StartNATS(NATSConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if n.URL() != "" {
		t.Errorf("URL %q of a server that does not listen", n.URL())
	}
	publish(t, n, "", n.InProcess())
}

func publish(t *testing.T, n *NATS, url string, options ...nats.Option) uint64 {
	t.Helper()
	nc, err := nats.Connect(url, options...)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	ack, err := js.Publish(t.Context(), "s", nil)
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}

func TestNATSConfigFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nats.conf")
	write(t, file, "listen: 127.0.0.1:1\nauthorization { user: u, password: p }\n")
	n, err := StartNATS(NATSConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0", ConfigFile: file})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if _, err := nats.Connect(n.URL()); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("connect without a user: %v", err)
	}
	publish(t, n, n.URL(), nats.UserInfo("u", "p"))
}

func TestNATSRefusals(t *testing.T) {
	taken := listen(t)
	running, err := StartNATS(NATSConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	bad := filepath.Join(t.TempDir(), "bad.conf")
	write(t, bad, "listen: {")
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	for name, tc := range map[string]struct {
		config NATSConfig
		want   string
		is     error
	}{
		"taken address":     {NATSConfig{Dir: t.TempDir(), Listen: taken}, "nats: " + taken + ": address is already in use", ErrAddressTaken},
		"no such address":   {NATSConfig{Dir: t.TempDir(), Listen: "192.0.2.1:0"}, "192.0.2.1", nil},
		"no port":           {NATSConfig{Dir: t.TempDir(), Listen: "127.0.0.1"}, `listen address "127.0.0.1"`, nil},
		"bad port":          {NATSConfig{Dir: t.TempDir(), Listen: "127.0.0.1:99999"}, "0 to 65535", nil},
		"no folder":         {NATSConfig{Listen: "127.0.0.1:0"}, "Dir is empty", nil},
		"folder is a file":  {NATSConfig{Dir: file}, "not a directory", nil},
		"folder in use":     {NATSConfig{Dir: running.folderName()}, running.folderName(), ErrFolderTaken},
		"bad configuration": {NATSConfig{Dir: t.TempDir(), ConfigFile: bad}, bad, nil},
		"no configuration":  {NATSConfig{Dir: t.TempDir(), ConfigFile: bad + "x"}, bad + "x", nil},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := StartNATS(tc.config)
			if err == nil {
				n.Close()
				t.Fatal("started")
			}
			checkLine(t, err, tc.want, tc.is)
		})
	}
}

func (n *NATS) folderName() string { return filepath.Dir(n.folder.Name()) }

func TestRedis(t *testing.T) {
	for name, listen := range map[string]string{"socket": "", "tcp": "127.0.0.1:0"} {
		t.Run(name, func(t *testing.T) {
			c := RedisConfig{Dir: t.TempDir(), Listen: listen}
			for want := int64(1); want <= 2; want++ {
				r := startRedis(t, c)
				if got, err := client(t, r).Incr(t.Context(), "n").Result(); got != want || err != nil {
					t.Errorf("start %d: %d, %v", want, got, err)
				}
				r.Close()
				r.Close()
			}
		})
	}
}

func TestRedisSettings(t *testing.T) {
	r := startRedis(t, RedisConfig{Dir: t.TempDir()})
	for name, want := range map[string]string{
		"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "hash-max-listpack-value": "512", "save": "",
	} {
		if got := client(t, r).ConfigGet(t.Context(), name).Val()[name]; got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
}

func TestRedisLongFolder(t *testing.T) {
	r := startRedis(t, RedisConfig{Dir: filepath.Join(t.TempDir(), strings.Repeat("x", 120))})
	if err := client(t, r).Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
	r.Close()
	if _, err := os.Stat(r.sockets); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("temporary folder after Close: %v", err)
	}
}

// A stopped process cannot act on SIGTERM; Close must not wait for it in vain.
func TestRedisCloseWhilePaused(t *testing.T) {
	r := startRedis(t, RedisConfig{Dir: t.TempDir()})
	if err := r.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	r.Close()
	if took := time.Since(start); took >= stopLimit {
		t.Errorf("took %s", took)
	}
}

func TestRedisConfigFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "redis.conf")
	write(t, file, "appendonly yes\nuser default off\nuser w on >pw ~w:* +@all\n")
	r := startRedis(t, RedisConfig{Dir: t.TempDir(), ConfigFile: file})
	if err := client(t, r).Ping(t.Context()).Err(); err == nil {
		t.Error("the default user is let in")
	}
	o := r.options
	o.Username, o.Password = "w", "pw"
	c := redis.NewClient(&o)
	defer c.Close()
	if err := c.Set(t.Context(), "w:x", 1, 0).Err(); err != nil {
		t.Error(err)
	}
}

func TestRedisRefusals(t *testing.T) {
	taken := listen(t)
	running := startRedis(t, RedisConfig{Dir: t.TempDir()})
	inUse := filepath.Dir(running.folder.Name())
	bad := filepath.Join(t.TempDir(), "bad.conf")
	write(t, bad, "no-such-directive yes\n")
	for name, tc := range map[string]struct {
		config RedisConfig
		want   string
		is     error
	}{
		"taken address":     {RedisConfig{Dir: t.TempDir(), Listen: taken}, taken, ErrAddressTaken},
		"folder in use":     {RedisConfig{Dir: inUse}, inUse, ErrFolderTaken},
		"bad configuration": {RedisConfig{Dir: t.TempDir(), ConfigFile: bad}, "Bad directive", nil},
		"no port":           {RedisConfig{Dir: t.TempDir(), Listen: "127.0.0.1"}, `listen address "127.0.0.1"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := StartRedis(tc.config)
			if err == nil {
				r.Close()
				t.Fatal("started")
			}
			checkLine(t, err, tc.want, tc.is)
		})
	}
	t.Run("not installed", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := StartRedis(RedisConfig{Dir: t.TempDir()})
		checkLine(t, err, "apt-get install redis-server", ErrNoRedis)
	})
}

// What redis-server says while it runs is a warning; its greetings and farewell, which it marks the same way, are not.
func TestRedisLog(t *testing.T) {
	var out strings.Builder
	l := &redisLog{log: zerolog.New(&out).Level(zerolog.WarnLevel)}
	say := func(s string) {
		if _, err := l.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	say("1:C 01 Jan 2026 00:00:00.000 # oO0OoO0OoO0Oo Redis is starting\n")
	l.running(true)
	say("1:M 01 Jan 2026 00:00:00.000 * Ready\n1:M 01 Jan 2026 00:00:00.000 # Asynchronous AOF fsync")
	say(" is taking too long\n")
	l.running(false)
	say("1:M 01 Jan 2026 00:00:00.000 # Redis is now ready to exit\n")
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "fsync is taking too long") {
		t.Errorf("logged:\n%s", got)
	}
}

func TestMiniredis(t *testing.T) {
	m, err := StartMiniredis()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	o, err := redis.ParseURL(m.URL())
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	defer c.Close()
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}

func startRedis(t *testing.T, c RedisConfig) *Redis {
	t.Helper()
	r, err := StartRedis(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func client(t *testing.T, r *Redis) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func listen(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// checkLine: an error is one line that names what it is about.
func checkLine(t *testing.T, err error, want string, is error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q, want one line with %q", err, want)
	}
	if is != nil && !errors.Is(err, is) {
		t.Errorf("error %q is not %q", err, is)
	}
}
