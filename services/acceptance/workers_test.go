package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	devicecounter "github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/mailer"
	namesync "github.com/mycloudpbx/softphone/services/name-sync"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// The workers do their whole job as they are deployed, with the environment of
// docker-compose.yml and the rights of deploy/, and ask for no others.
func TestWorkersNeedNoMoreThanTheyMay(t *testing.T) { deploy(t).workersDoTheirJob(t) }

func (s servers) workersDoTheirJob(t *testing.T) {
	t.Helper()
	s.relay = servertest.SMTP(t, servertest.SMTPScript{})
	pushed := make(chan string, 1)
	directory := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { pushed <- "" }))
	defer directory.Close()
	var log servertest.Lines
	stop := s.startWorkers(t, &log, directory.URL)

	for _, step := range []struct{ event, data, want string }{
		{"SoftphoneEnabled", `{"email":"ann@example.com","username":"ann","displayName":"Ann"}`, "LicenseGranted"},
		{"DeviceSignedIn", `{"deviceId":"phone-1","platform":"iphone"}`, "DeviceActivated"},
		{"DeviceRemoved", `{"deviceId":"phone-1"}`, "DeviceDeactivated"},
		{"ExtensionRenamed", `{"name":"Ann Lee"}`, "SoftphoneRenamed"},
	} {
		if got := s.publish(t, step.event, step.data); got.Outcome != step.want {
			t.Errorf("%s: %s, want %s", step.event, got.Outcome, step.want)
		}
	}
	s.bounce(t, s.relay.Wait(1, 30*time.Second)[0])
	select {
	case <-pushed:
	case <-time.After(30 * time.Second):
		t.Errorf("the directory hears nothing:\n%s", &log)
	}
	if got := s.publish(t, "SoftphoneDisabled", `{}`); got.Outcome != "LicenseRevoked" {
		t.Errorf("SoftphoneDisabled: %s", got.Outcome)
	}
	for _, w := range workers() {
		if state := s.ask(t, w); state["current"] != true {
			t.Errorf("ask.%s.get says %v", w, state)
		}
	}
	stop()
	for _, refusal := range []string{"ermissions", "NOPERM", "can't access", "can't run"} {
		if strings.Contains(log.String(), refusal) {
			t.Fatalf("a worker wanted what it may not:\n%s", &log)
		}
	}
}

// startWorkers sets everything up and starts the workers, device-counter twice,
// as docker-compose.yml does.
func (s servers) startWorkers(t *testing.T, log *servertest.Lines, directory string) (stop func()) {
	t.Helper()
	s.setUp(t)

	var granting license.Config
	var counting, counting2 devicecounter.Config
	var mailing mailer.Config
	var naming namesync.Config
	s.configure(t, log, events.License, &granting, &granting.Config)
	s.configure(t, log, events.DeviceCounter, &counting, &counting.Config)
	s.configure(t, log, events.DeviceCounter, &counting2, &counting2.Config)
	s.configure(t, log, events.Mailer, &mailing, &mailing.Config)
	s.configure(t, log, events.NameSync, &naming, &naming.Config.Config,
		"DIRECTORY_URL="+directory, "DIRECTORY_SECRET=whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	return start(t, log,
		func(ctx context.Context) error { return license.Run(ctx, granting) },
		func(ctx context.Context) error { return devicecounter.Run(ctx, counting) },
		func(ctx context.Context) error { return devicecounter.Run(ctx, counting2) }, // a second replica
		func(ctx context.Context) error { return mailer.Run(ctx, mailing) },
		func(ctx context.Context) error { return namesync.Run(ctx, naming) },
	)
}

// configure fills a worker's configuration from the environment that
// docker-compose.yml gives it.
func (s servers) configure(t *testing.T, log *servertest.Lines, name string, target any, common *process.Config, more ...string) {
	t.Helper()
	if err := process.Parse(target, append(more, s.environment(t, name)...)); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	common.Host = process.NewHost(zerolog.New(log).With().Str("worker", name).Logger())
}

// environment is a container's, with the test's servers for the containers' names.
func (s servers) environment(t *testing.T, name string) []string {
	t.Helper()
	project := compose(t)
	if s.tls != "" {
		project = composeTLS(t)
	}
	relay := ""
	if s.relay != nil {
		relay = s.relay.Addr
	}
	here := strings.NewReplacer(
		"nats://nats:4222", s.nats.URL(), "tls://nats:4222", s.nats.URL(), "redis:6379", s.redis, "/run/tls", filepath.Join(s.tls, name),
		"mailpit:1025", relay, "0.0.0.0:8027", s.bounces, "/run/secrets", s.secrets,
		"/etc/softphone/brands", filepath.Join(root, "deploy", "brands"))
	var environment []string
	for variable, value := range project.Services[name].Environment {
		environment = append(environment, variable+"="+here.Replace(*value))
	}
	return environment
}

// bounce brings a mail back, and waits until that is shown.
func (s servers) bounce(t *testing.T, mail servertest.SMTPMail) {
	t.Helper()
	notification := "Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n" +
		"--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.example\r\n\r\n" +
		"Final-Recipient: rfc822; " + mail.To[0] + "\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" +
		"--x\r\nContent-Type: message/rfc822\r\n\r\n" + string(mail.Data) + "\r\n--x--\r\n"
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		status := s.post(t, notification)
		if status == http.StatusNoContent {
			break
		}
		if status != http.StatusNotFound || time.Now().After(end) { // it may be quicker than the record of its mail
			t.Fatalf("a notification is answered with %d", status)
		}
	}
	emails, _ := s.ask(t, events.Mailer)["emails"].([]any)
	if shown, is := emails[0].(map[string]any); !is || shown["state"] != mailer.StateBounced {
		t.Errorf("a mail that came back is shown as %v", emails)
	}
}

func (s servers) post(t *testing.T, notification string) (status int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.bounces+"/bounces", strings.NewReader(notification))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.password(t, "mailer-bounces"))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// start runs workers until the returned function is called, which checks that
// they end without an error.
func start(t *testing.T, log *servertest.Lines, run ...func(context.Context) error) (stop func()) {
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

// publish says a fact as the PBX core, with softphonectl, and returns the decision.
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
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
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
