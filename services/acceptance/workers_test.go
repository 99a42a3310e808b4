package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	devicecounter "github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/internal/worker"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// The workers do their whole job under the rights they are deployed with, and ask
// for no others.
func TestWorkersNeedNoMoreThanTheyMay(t *testing.T) {
	s := deploy(t)
	js, err := jetstream.New(s.natsAs(t, "ops"))
	if err != nil {
		t.Fatal(err)
	}
	if err := setup.Everything(t.Context(), js, setup.Layout{}); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	fold := func(name string) worker.Config {
		return worker.Config{Config: s.host(&log), NATS: s.natsConfig(t, name), Redis: s.redisConfig(t, name), LeaseTTL: setup.LeaseTTL}
	}
	stop := start(t, &log,
		func(ctx context.Context) error { return license.Run(ctx, fold(events.License)) },
		func(ctx context.Context) error { return devicecounter.Run(ctx, fold(events.DeviceCounter)) },
		func(ctx context.Context) error { return devicecounter.Run(ctx, fold(events.DeviceCounter)) }, // a second replica
	)

	for _, step := range []struct{ event, data, want string }{
		{"SoftphoneEnabled", `{"email":"ann@example.com","username":"ann","displayName":"Ann"}`, "LicenseGranted"},
		{"DeviceSignedIn", `{"deviceId":"phone-1","platform":"iphone"}`, "DeviceActivated"},
		{"DeviceRemoved", `{"deviceId":"phone-1"}`, "DeviceDeactivated"},
		{"SoftphoneDisabled", `{}`, "LicenseRevoked"},
	} {
		if got := s.publish(t, step.event, step.data); got.Outcome != step.want {
			t.Errorf("%s: %s, want %s", step.event, got.Outcome, step.want)
		}
	}
	for _, w := range []string{events.License, events.DeviceCounter} {
		if state := s.ask(t, w); state["current"] != true {
			t.Errorf("ask.%s.get says %v", w, state)
		}
	}
	stop()
	for _, refusal := range []string{"ermissions", "NOPERM", "can't access", "can't run"} {
		if strings.Contains(log.String(), refusal) {
			t.Errorf("a worker wanted what it may not:\n%s", &log)
			break
		}
	}
}

// start runs workers until the returned function is called, which checks that
// they end without an error.
func start(t *testing.T, log *lockedBuffer, run ...func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, len(run))
	for _, r := range run {
		go func() { ended <- r(ctx) }()
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		for range run {
			if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("a worker ended with %v\n%s", err, log)
			}
		}
	}
	t.Cleanup(stop)
	return stop
}

func (s servers) host(log *lockedBuffer) process.Config {
	return process.Config{Host: process.NewHost(zerolog.New(log))}
}

func (s servers) natsConfig(t *testing.T, user string) process.NATS {
	t.Helper()
	return process.NATS{URL: s.nats.URL(), User: user, Password: process.NewSecret(s.password(t, "nats-"+user))}
}

func (s servers) redisConfig(t *testing.T, user string) process.Redis {
	t.Helper()
	return process.Redis{URL: "redis://" + s.redis + "/0", User: user, Password: process.NewSecret(s.password(t, "redis-"+user))}
}

// publish says a fact as the PBX core, with softphonectl, and returns the decision.
// Right after the start nobody may own the partition yet.
func (s servers) publish(t *testing.T, event, data string) events.Decision {
	t.Helper()
	var out, said bytes.Buffer
	code := softphonectl.Main(t.Context(), []string{
		"publish", event, "--tenant", "acme", "--extension", "1001", "--data", data, "--wait=30s", "--json",
		"--server", s.nats.URL(), "--user", "pbx", "--password-file", filepath.Join(s.secrets, "nats-pbx"),
	}, softphonectl.Terminal{Out: &out, Err: &said})
	if code != softphonectl.Done {
		t.Fatalf("publish %s: exit %d: %s", event, code, &said)
	}
	var result struct{ Decision events.Decision }
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		t.Fatal(err)
	}
	return result.Decision
}

// ask asks a worker as the PBX core.
func (s servers) ask(t *testing.T, worker string) map[string]any {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	m, err := s.natsAs(t, "pbx").RequestWithContext(ctx, "ask."+worker+".get", []byte(`{"tenant":"acme","extension":"1001"}`))
	if err != nil {
		t.Fatalf("ask.%s.get: %v", worker, err)
	}
	var state map[string]any
	if err := json.Unmarshal(m.Data, &state); err != nil {
		t.Fatalf("ask.%s.get says %s: %v", worker, m.Data, err)
	}
	return state
}
