package process

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

func TestNATSReconnects(t *testing.T) {
	t.Parallel()
	server := servertest.NATS(t)
	log := &servertest.Lines{}
	h := NewHost(zerolog.New(log))
	nc, err := h.ConnectNATS(t.Context(), NATS{URL: server.URL()}, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	server.Stop()
	log.Await(t, "connection to NATS lost")
	eventually(t, "not ready", func() bool { return h.Health.Report().Status == statusNotReady })
	if err := nc.Publish("lost", nil); !errors.Is(err, nats.ErrReconnectBufExceeded) {
		t.Errorf("a publish while the server is away: %v", err)
	}
	server.Start()
	log.Await(t, "connected to NATS again")
	eventually(t, "ready", func() bool { return h.Health.Report().Status == statusOK })
	if a, b := log.Count("lost"), log.Count("again"); a != 1 || b != 1 {
		t.Errorf("logged %d losses and %d returns", a, b)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never %s", what)
		}
	}
}

const natsUsers = `authorization { users: [
	{ user: device-counter, password: "p@ss:w/rd", permissions: {
		publish: "ask", subscribe: ["ask", "_INBOX.device-counter.>"], allow_responses: true } }
] }`

func TestNATSUser(t *testing.T) {
	t.Parallel()
	server := servertest.NATS(t, servertest.ConfigFile(write(t, natsUsers)))
	byURL := strings.Replace(server.URL(), "//", "//device-counter:p%40ss%3Aw%2Frd@", 1)
	for name, n := range map[string]NATS{
		"by variables": {URL: server.URL(), User: "device-counter", Password: NewSecret("p@ss:w/rd")},
		"by URL":       {URL: byURL},
	} {
		nc, err := n.Connect(t.Context(), "test", zerolog.Nop())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer nc.Close()
		if _, err := nc.Subscribe("ask", func(m *nats.Msg) { _ = m.Respond([]byte("answer")) }); err != nil {
			t.Fatal(err)
		}
		answer, err := nc.Request("ask", nil, 5*time.Second) // arrives only under this user's own inbox
		if err != nil || string(answer.Data) != "answer" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNATSConnectErrors(t *testing.T) {
	t.Parallel()
	server := servertest.NATS(t, servertest.ConfigFile(write(t, natsUsers)))
	nowhere := "nats://me:hunter2@" + servertest.Address(t)
	for name, tc := range map[string]struct {
		nats NATS
		want string
		is   error
	}{
		"nobody there":   {NATS{URL: nowhere}, "start it, or set NATS_URL", ErrUnreachable},
		"wrong password": {NATS{URL: server.URL(), User: "device-counter", Password: NewSecret("hunter2")}, "check NATS_USER and NATS_PASSWORD", ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tc.nats.Connect(t.Context(), "test", zerolog.Nop())
			checkRefusal(t, err, tc.want, tc.is)
		})
	}
}

func TestRedisConnect(t *testing.T) {
	t.Parallel()
	const users = "user default on nopass ~* +@all\nuser w on >p@ss:w/rd ~w:* +set\n"
	server := servertest.RedisWithConfig(t, write(t, users))
	for name, r := range map[string]Redis{
		"default user": {URL: server.URL()},
		"by variables": {URL: server.URL(), User: "w", Password: NewSecret("p@ss:w/rd")},
		"by URL":       {URL: strings.Replace(server.URL(), "//", "//w:p%40ss%3Aw%2Frd@", 1)},
	} {
		client, err := r.Connect(t.Context(), "test")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := client.Set(t.Context(), "w:x", 1, 0).Err(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_ = client.Close()
	}
}

func TestRedisConnectErrors(t *testing.T) {
	t.Parallel()
	server := servertest.RedisWithConfig(t, write(t, "user default on nopass ~* +@all\nuser w on >secret ~* +@all\n"))
	for name, tc := range map[string]struct {
		redis Redis
		want  string
		is    error
	}{
		"nobody there":   {Redis{URL: "redis://me:hunter2@" + servertest.Address(t)}, "start it, or set REDIS_URL", ErrUnreachable},
		"wrong password": {Redis{URL: server.URL(), User: "w", Password: NewSecret("hunter2")}, "check REDIS_USER and REDIS_PASSWORD", ErrRefused},
		"no URL":         {Redis{URL: "redis://me:hunter2@%"}, "REDIS_URL", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tc.redis.Connect(t.Context(), "test")
			checkRefusal(t, err, tc.want, tc.is)
		})
	}
}

// A call must end with its context, also when Redis hangs.
func TestRedisCallsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	client, err := Redis{URL: server.URL()}.Connect(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := client.Get(ctx, "x").Err(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err) // of its read timeout, if it waits for that
	}
	server.Resume()
}

func TestConnectEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(fmt.Errorf("stopped: %w", context.Canceled))
	if _, err := (NATS{URL: "nats://" + servertest.Address(t)}).Connect(ctx, "test", zerolog.Nop()); !errors.Is(err, context.Canceled) {
		t.Errorf("NATS: %v", err)
	}
	if _, err := (Redis{URL: "redis://" + servertest.Address(t)}).Connect(ctx, "test"); !errors.Is(err, context.Canceled) {
		t.Errorf("Redis: %v", err)
	}
}

func checkRefusal(t *testing.T, err error, want string, is error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || is != nil && !errors.Is(err, is) {
		t.Errorf("error %v", err)
		return
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
		t.Errorf("shows a password or has several lines: %v", err)
	}
}
