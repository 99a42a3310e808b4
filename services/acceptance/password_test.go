package acceptance

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// canary is a password that a careless PBX core puts into everything it says.
const canary = "Correct-Horse-Battery-Canary"

// A password in a field that no event has is ignored: it reaches no outcome, no
// dead letter's headers, no bucket, nothing in Redis, no log line, no e-mail, no
// answer and no outside directory. Only the PBX core's own message has it.
func TestPasswordGoesNowhere(t *testing.T) {
	level := zerolog.GlobalLevel()
	zerolog.SetGlobalLevel(zerolog.TraceLevel)
	t.Cleanup(func() { zerolog.SetGlobalLevel(level) })

	s := deploy(t)
	s.relay = servertest.SMTP(t, servertest.SMTPScript{})
	var told places
	directory := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		told.add("the directory", fmt.Sprint(r.URL, r.Header, string(body), err))
	}))
	defer directory.Close()
	var log servertest.Lines
	stop := s.startWorkers(t, &log, directory.URL)

	for _, fact := range []struct{ event, data, want string }{
		{"SoftphoneEnabled", `"email":"ann@example.com","username":"ann","displayName":"Ann",`, "LicenseGranted"},
		{"DeviceSignedIn", `"deviceId":"phone-1","platform":"iphone",`, "DeviceActivated"},
		{"DeviceSignedIn", `"deviceId":"phone-1","platform":"iphone",`, "DeviceRecognized"},
		{"DeviceSignedIn", `"deviceId":"phone-2","platform":"toaster",`, "Invalid"}, // a dead letter
		{"ExtensionRenamed", `"name":"Ann Lee",`, "SoftphoneRenamed"},
		{"SoftphonePasswordReset", ``, ""},
		{"WelcomeEmailRequested", ``, ""},
		{"SoftphoneEmailChanged", `"email":"ann@example.org",`, "LicenseEmailChanged"},
		{"DeviceRemoved", `"deviceId":"phone-1",`, "DeviceDeactivated"},
	} {
		data := "{" + fact.data + `"password":"` + canary + `","hash":{"of":"` + canary + `"}}`
		told.add("the answer to "+fact.event, s.sayRaw(t, fact.event, data, fact.want))
	}
	for _, mail := range s.relay.Wait(3, 30*time.Second) {
		told.add("an e-mail", string(mail.Data))
	}
	for _, worker := range workers() {
		told.add("ask."+worker+".get", fmt.Sprint(s.ask(t, worker)))
	}
	told.wait(t, "the directory")
	told.add("the log lines", log.String())
	stop()

	s.readStreams(t, &told)
	s.readRedis(t, &told)
	for _, place := range []string{
		"stream " + events.Stream, "headers of dead letters", "Redis", "an e-mail", "the directory", "the log lines",
	} {
		if len(told.all()[place]) < 100 {
			t.Errorf("next to nothing was found in %s: the test looks in the wrong place", place)
		}
	}
	for place, text := range told.all() {
		if strings.Contains(text, canary) {
			t.Errorf("the password is in %s:\n%s", place, text)
		}
	}
}

// sayRaw publishes a fact as the PBX core without anything that checks it, and
// returns the answer, when one is wanted.
func (s servers) sayRaw(t *testing.T, event, data, want string) string {
	t.Helper()
	nc := s.natsAs(t, "pbx")
	inbox, err := nc.SubscribeSync(eventlog.NewInbox(nc))
	if err != nil {
		t.Fatal(err)
	}
	id := events.NewFact(events.Extension{}, events.ExtensionDeleted{}).ID
	m := nats.NewMsg("softphone.pbx.acme.1001." + event)
	m.Header.Set(events.HeaderMsgID, id)
	m.Header.Set(events.HeaderReplyTo, inbox.Subject)
	m.Data = fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"pbx","type":"com.mycloudpbx.%s","subject":"acme/1001",`+
		`"time":%q,"password":%q,"data":%s}`, id, event, time.Now().UTC().Format(time.RFC3339Nano), canary, data)
	if _, err := nc.RequestMsg(m, 10*time.Second); err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	if want == "" {
		return "none is given"
	}
	answer, err := inbox.NextMsg(30 * time.Second)
	if err != nil {
		t.Fatalf("%s is not answered: %v", event, err)
	}
	if !strings.Contains(string(answer.Data), `"outcome":"`+want+`"`) {
		t.Errorf("%s is answered %s, want %s", event, answer.Data, want)
	}
	return string(answer.Data)
}

// readStreams adds every message of every stream but the PBX core's own, of which
// a dead letter's body is a copy.
func (s servers) readStreams(t *testing.T, told *places) {
	t.Helper()
	js, err := jetstream.New(s.natsAs(t, "ops"))
	if err != nil {
		t.Fatal(err)
	}
	names := js.StreamNames(t.Context())
	for name := range names.Name() {
		stream, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
			m, err := stream.GetMsg(t.Context(), seq)
			switch {
			case err != nil: // deleted, as old values of a bucket are
			case strings.Contains(m.Subject, ".pbx."):
			case name == events.DeadStream:
				told.add("headers of dead letters", fmt.Sprint(m.Subject, m.Header))
			default:
				told.add("stream "+name, fmt.Sprint(m.Subject, m.Header, string(m.Data)))
			}
		}
	}
	if names.Err() != nil {
		t.Fatal(names.Err())
	}
}

func (s servers) readRedis(t *testing.T, told *places) {
	t.Helper()
	client := s.redisAs(t, "ops")
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		fields, err := client.HGetAll(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		told.add("Redis", fmt.Sprint(key, fields))
	}
}

// places are the texts found in each place.
type places struct {
	mu sync.Mutex
	in map[string]string
}

func (p *places) add(place, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.in == nil {
		p.in = map[string]string{}
	}
	p.in[place] += text + "\n"
}

func (p *places) all() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.in
}

// wait waits until something is in a place.
func (p *places) wait(t *testing.T, place string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); p.all()[place] == ""; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("nothing came to %s", place)
		}
	}
}
