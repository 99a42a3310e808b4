package softphonectl_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

const enabled = `{"email":"ann@example.com","username":"ann","displayName":"Ann"}`

// system is a NATS server, set up or not.
type system struct {
	t    *testing.T
	nats *servertest.NATSServer
}

func setup(t *testing.T) system {
	t.Helper()
	s := system{t, servertest.NATS(t)}
	s.must("setup")
	return s
}

// result is what a command line did.
type result struct {
	code     int
	out, err string
}

func (s system) run(args ...string) result { return s.runWith("", args...) }

func (s system) runWith(input string, args ...string) result {
	s.t.Helper()
	var out, err bytes.Buffer
	code := softphonectl.Main(s.t.Context(), append(args, "--server", s.nats.URL()),
		softphonectl.Terminal{In: strings.NewReader(input), Out: &out, Err: &err})
	return result{code, out.String(), err.String()}
}

func (s system) must(args ...string) string {
	s.t.Helper()
	r := s.run(args...)
	if r.code != softphonectl.Done {
		s.t.Fatalf("softphonectl %q: exit %d: %s", args, r.code, r.err)
	}
	if r.err != "" {
		s.t.Errorf("softphonectl %q says on standard error: %s", args, r.err)
	}
	return r.out
}

func (s system) stored(subject string) *nats.Msg {
	s.t.Helper()
	js, err := s.nats.Connect(s.t).JetStream()
	if err != nil {
		s.t.Fatal(err)
	}
	raw, err := js.GetLastMsg(events.Stream, subject)
	if err != nil {
		s.t.Fatalf("last message of %s: %v", subject, err)
	}
	return &nats.Msg{Subject: raw.Subject, Data: raw.Data, Header: raw.Header}
}

// decide answers facts the way the workers do.
func (s system) decide(answer func(events.Event) events.Decision) {
	s.t.Helper()
	nc := s.nats.Connect(s.t)
	_, err := nc.Subscribe("softphone.pbx.>", func(m *nats.Msg) {
		fact, err := events.Decode(m.Subject, m.Data)
		if err != nil {
			s.t.Errorf("published %s: %v", m.Data, err)
			return
		}
		body, _ := json.Marshal(answer(fact))
		_ = nc.Publish(m.Header.Get(events.HeaderReplyTo), body)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		s.t.Fatal(err)
	}
}

func TestSetupCanBeRepeated(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if out := s.must("setup"); !strings.HasPrefix(out, "ready: streams SOFTPHONE and SOFTPHONE_DEAD") {
		t.Errorf("setup says %q", out)
	}
	js := s.nats.JetStream(t)
	for _, stream := range []string{events.Stream, events.DeadStream, "KV_softphone-mailer"} {
		if _, err := js.Stream(t.Context(), stream); err != nil {
			t.Errorf("%s: %v", stream, err)
		}
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	s := setup(t)
	out := s.must("publish", "SoftphoneEnabled", "--tenant", "acme", "--extension", "1001", "--data", enabled)
	if out != "sequence 1\n" {
		t.Errorf("publish says %q, want sequence 1", out)
	}
	m := s.stored("log.*.pbx.acme.1001.SoftphoneEnabled")
	fact, err := events.Decode(m.Subject, m.Data)
	if err != nil {
		t.Fatal(err)
	}
	want := events.SoftphoneEnabled{Email: "ann@example.com", Username: "ann", DisplayName: "Ann"}
	if fact.Data != want {
		t.Errorf("stored %+v, want %+v", fact.Data, want)
	}
	if id := m.Header.Get(events.HeaderMsgID); id != fact.ID {
		t.Errorf("Nats-Msg-Id is %q, the event's id %q", id, fact.ID)
	}
	if to := m.Header.Get(events.HeaderReplyTo); to != "" {
		t.Errorf("asks for a decision at %q that nobody waits for", to)
	}
}

func TestPublishTheSameTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	args := []string{"publish", "ExtensionDeleted", "--tenant", "acme", "--extension", "1001",
		"--id", "01928c7e-0a3b-7c4d-8e5f-60718293a4b5", "--time", "2026-03-31T09:30:00+02:00"}
	s.must(args...)
	if out := s.must(args...); out != "sequence 1 (already stored)\n" {
		t.Errorf("the second time: %q", out)
	}
	r := s.run(append(args, "--wait=10s")...)
	if r.code != softphonectl.Failed || r.out != "sequence 1 (already stored)\n" || !strings.Contains(r.err, "decided only once") {
		t.Errorf("the third time, waiting: %+v", r)
	}
	m := s.stored("log.*.pbx.acme.1001.ExtensionDeleted")
	if !strings.Contains(string(m.Data), `"time":"2026-03-31T07:30:00Z"`) {
		t.Errorf("stored %s", m.Data)
	}
}

func TestPublishReadsDataFromAFileAndFromStandardInput(t *testing.T) {
	t.Parallel()
	s := setup(t)
	file := filepath.Join(t.TempDir(), "data.json")
	if err := os.WriteFile(file, []byte(enabled), 0o600); err != nil {
		t.Fatal(err)
	}
	s.must("publish", "SoftphoneEnabled", "--tenant", "acme", "--extension", "1", "--data-file", file)
	if r := s.runWith(enabled, "publish", "SoftphoneEnabled", "--tenant", "acme", "--extension", "2", "--data-file", "-"); r.code != 0 {
		t.Errorf("%+v", r)
	}
	r := s.runWith(strings.Repeat(" ", events.MaxSize+1), "publish", "SoftphoneEnabled", "--tenant", "acme", "--extension", "2", "--data-file", "-")
	if r.code != softphonectl.Usage || !strings.Contains(r.err, "bytes") {
		t.Errorf("too much on standard input: %+v", r)
	}
}

func TestWaitPrintsTheDecision(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.decide(func(fact events.Event) events.Decision {
		outcome := events.DeviceActivated{LicenseID: "01928c7e-0a3b-7c4d-8e5f-60718293a4b5", DeviceID: "phone-1", Platform: "iphone", Used: 1, Limit: 4}
		data, err := events.NewOutcome(events.DeviceCounter, fact, outcome).EncodeData()
		if err != nil {
			t.Error(err)
		}
		return events.Decision{Outcome: "DeviceActivated", Sequence: 1, EventID: fact.ID, Data: data}
	})
	args := []string{"publish", "DeviceSignedIn", "--tenant", "acme", "--extension", "1001", "--data", `{"deviceId":"phone-1","platform":"iphone"}`, "--wait"}
	if out := s.must(args...); out != "sequence 1\nDeviceActivated: phone-1 is signed in, 1 of 4 devices\n" {
		t.Errorf("says %q", out)
	}

	var got struct {
		Sequence uint64
		ID       string
		Decision events.Decision
	}
	if err := json.Unmarshal([]byte(s.must(append(args, "--json")...)), &got); err != nil {
		t.Fatal(err)
	}
	if got.Sequence != 2 || got.Decision.Outcome != "DeviceActivated" || got.Decision.EventID != got.ID {
		t.Errorf("--json says %+v", got)
	}
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	s := setup(t)
	r := s.run("publish", "ExtensionDeleted", "--tenant", "acme", "--extension", "1001", "--wait=100ms")
	if r.code != softphonectl.Failed || r.out != "sequence 1\n" || !strings.Contains(r.err, "no decision came within 100ms") {
		t.Errorf("nobody answers: %+v", r)
	}
}

func TestInterruptEndsWaiting(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ctx, interrupt := context.WithCancel(t.Context())
	s.decide(func(events.Event) events.Decision { interrupt(); return events.Decision{} })
	out := make(chan int, 1)
	go func() {
		out <- softphonectl.Main(ctx, []string{"publish", "ExtensionDeleted", "--tenant", "a", "--extension", "1", "--wait=1h", "--server", s.nats.URL()},
			softphonectl.Terminal{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard})
	}()
	select {
	case <-out: // a decision that came with the interrupt counts too
	case <-time.After(time.Minute):
		t.Error("still waiting")
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	whom := []string{"--tenant", "acme", "--extension", "1001"}
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no event":            {[]string{"publish"}, "SoftphoneEnabled, "},
		"unknown event":       {[]string{"publish", "PasswordSet"}, `"PasswordSet" is an unknown fact`},
		"an outcome":          {[]string{"publish", "LicenseGranted"}, "only the worker license publishes"},
		"two events":          {[]string{"publish", "ExtensionDeleted", "ExtensionDeleted"}, "one fact at a time"},
		"nobody":              {[]string{"publish", "ExtensionDeleted"}, "--tenant and --extension are required"},
		"bad tenant":          {[]string{"publish", "ExtensionDeleted", "--tenant", "Acme.*", "--extension", "1"}, "tenant: "},
		"bad extension":       {[]string{"publish", "ExtensionDeleted", "--tenant", "acme", "--extension", "1>"}, "extension: "},
		"missing field":       {append([]string{"publish", "SoftphoneEnabled", "--data", `{"email":"a@b.c"}`}, whom...), "data.username: "},
		"unknown field":       {append([]string{"publish", "SoftphoneEnabled", "--data", strings.Replace(enabled, "{", `{"password":"hunter2",`, 1)}, whom...), "data.password: "},
		"key twice":           {append([]string{"publish", "ExtensionRenamed", "--data", `{"name":"a","name":"b"}`}, whom...), "name"},
		"no object":           {append([]string{"publish", "ExtensionRenamed", "--data", `["a"]`}, whom...), "object"},
		"no JSON":             {append([]string{"publish", "ExtensionRenamed", "--data", `name=a`}, whom...), "JSON"},
		"two data":            {append([]string{"publish", "ExtensionRenamed", "--data", `{}`, "--data-file", "-"}, whom...), "data data-file"},
		"no file":             {append([]string{"publish", "ExtensionRenamed", "--data-file", "/nowhere"}, whom...), "--data-file: "},
		"bad id":              {append([]string{"publish", "ExtensionDeleted", "--id", "1"}, whom...), "id: "},
		"bad time":            {append([]string{"publish", "ExtensionDeleted", "--time", "yesterday"}, whom...), "--time: "},
		"year 9999":           {append([]string{"publish", "ExtensionDeleted", "--time", "9999-01-01T00:00:00Z"}, whom...), "time: "},
		"device id too long":  {append([]string{"publish", "DeviceRemoved", "--data", `{"deviceId":"` + strings.Repeat("d", 129) + `"}`}, whom...), "data.deviceId: "},
		"wait without answer": {append([]string{"publish", "WelcomeEmailRequested", "--wait"}, whom...), "leave --wait out"},
		"negative wait":       {append([]string{"publish", "ExtensionDeleted", "--wait=-1s"}, whom...), "--wait"},
		"unknown flag":        {append([]string{"publish", "ExtensionDeleted", "--password", "x"}, whom...), "--password"},
		"unknown command":     {[]string{"publsh"}, "unknown command"},
		"too many replicas":   {[]string{"setup", "--replicas", "7"}, "--replicas"},
	} {
		r := s.run(c.args...)
		if r.code != softphonectl.Usage || !strings.Contains(r.err, c.says) || r.out != "" {
			t.Errorf("%s: exit %d, out %q, err %q; want exit 2 and %q", name, r.code, r.out, r.err, c.says)
		}
		if strings.Contains(r.err, "hunter2") {
			t.Errorf("%s: repeats a password: %s", name, r.err)
		}
	}
	js := s.nats.JetStream(t)
	stream, err := js.Stream(t.Context(), events.Stream)
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.LastSeq; n != 0 {
		t.Errorf("%d refused facts were stored", n)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	empty := system{t, servertest.NATS(t)}
	fact := []string{"publish", "ExtensionDeleted", "--tenant", "acme", "--extension", "1001"}
	if r := empty.run(fact...); r.code != softphonectl.Failed || !strings.Contains(r.err, "run `softphonectl setup` once") {
		t.Errorf("without streams: %+v", r)
	}
	if r := empty.run("events"); r.code != softphonectl.Failed || !strings.Contains(r.err, "SOFTPHONE") {
		t.Errorf("reading without streams: %+v", r)
	}
	empty.nats.Stop()
	if r := empty.run(fact...); r.code != softphonectl.Failed || strings.Count(r.err, "\n") != 1 {
		t.Errorf("without a server: %+v", r)
	}
	var err bytes.Buffer
	code := softphonectl.Main(t.Context(), append(fact, "--server", "nats://ann:hunter2@127.0.0.1:1"),
		softphonectl.Terminal{Out: io.Discard, Err: &err})
	if code != softphonectl.Failed || strings.Contains(err.String(), "hunter2") {
		t.Errorf("a login in the address: exit %d, %s", code, &err)
	}
}

func TestHelpAndCompletionKnowEveryFact(t *testing.T) {
	t.Parallel()
	say := func(args ...string) string {
		var out bytes.Buffer
		if code := softphonectl.Main(t.Context(), args, softphonectl.Terminal{Out: &out, Err: io.Discard}); code != softphonectl.Done {
			t.Errorf("softphonectl %q: exit %d", args, code)
		}
		return out.String()
	}
	help, completion := say("publish", "--help"), say("__complete", "publish", "")
	for _, name := range events.Facts() {
		if !strings.Contains(help, name) {
			t.Errorf("help does not name %s", name)
		}
		if !strings.Contains(completion, name) {
			t.Errorf("completion does not know %s", name)
		}
	}
}

// A command that is none is a fault of the command line wherever it stands, and
// nothing that a script may take for done.
func TestUnknownCommands(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"sttus"}, {"replay", "sate"}, {"dead-letters", "lst"}, {"help", "sttus"}, {"help", "replay", "sate"}} {
		var out, err bytes.Buffer
		code := softphonectl.Main(t.Context(), args, softphonectl.Terminal{In: strings.NewReader(""), Out: &out, Err: &err})
		if code != softphonectl.Usage || out.Len() > 0 || !strings.Contains(err.String(), args[len(args)-1]) {
			t.Errorf("%q: exit %d, %s%s", args, code, &out, &err)
		}
	}
	for _, args := range [][]string{{}, {"replay"}, {"dead-letters"}, {"help"}, {"help", "replay"}} {
		var out, err bytes.Buffer
		code := softphonectl.Main(t.Context(), args, softphonectl.Terminal{In: strings.NewReader(""), Out: &out, Err: &err})
		if code != softphonectl.Done || !strings.Contains(out.String(), "Available Commands:") {
			t.Errorf("%q: exit %d, %s%s", args, code, &out, &err)
		}
	}
}
