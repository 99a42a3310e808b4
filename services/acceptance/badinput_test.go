package acceptance

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// Whatever the PBX core publishes, it gets a clear answer, and what cannot be
// read becomes a dead letter that names the fault. Nothing stops.
func TestBadInput(t *testing.T) {
	s := deploy(t)
	s.relay = servertest.SMTP(t, servertest.SMTPScript{})
	directory := httptest.NewServer(http.NotFoundHandler())
	defer directory.Close()
	var log servertest.Lines
	s.startWorkers(t, &log, directory.URL)

	const now = "2026-01-02T03:04:05Z"
	event := func(subject, when, data string) string {
		return fmt.Sprintf(`{"specversion":"1.0","id":"01890a5d-ac96-774b-bcce-b302099a8057","source":"pbx",`+
			`"type":"com.mycloudpbx.DeviceSignedIn","subject":%q,"time":%q,"data":%s}`, subject, when, data)
	}
	const device = `{"deviceId":"phone-1","platform":"iphone"}`
	cases := []struct{ name, tenant, body, fault string }{
		{"a bad tenant", "Acme", event("Acme/1001", now, device), "tenant"},
		{"over 64 KiB", "acme", event("acme/1001", now, `{"deviceId":"phone-1","platform":"iphone","x":"`+strings.Repeat("x", 64<<10)+`"}`), "at most 65536"},
		{"the year 9999", "acme", event("acme/1001", "9999-12-31T23:59:59Z", device), "time"},
		{"a device id of 129 characters", "acme", event("acme/1001", now, `{"deviceId":"`+strings.Repeat("d", 129)+`","platform":"mac"}`), "data.deviceId"},
		{"invalid UTF-8", "acme", event("acme/1001", now, "{\"deviceId\":\"phone-1\",\"platform\":\"mac\",\"deviceName\":\"\xff\"}"), "UTF-8"},
		{"a duplicate key", "acme", event("acme/1001", now, `{"deviceId":"a","deviceId":"b","platform":"mac"}`), "deviceId"},
		{"a line break in a name", "acme", event("acme/1001", now, `{"deviceId":"a","platform":"mac","deviceName":"a\r\nBcc: all@example.com"}`), "data.deviceName"},
		{"another subject than its own", "acme", event("evil/1001", now, device), "subject"},
		{"no JSON", "acme", "hello", "JSON"},
		{"nothing", "acme", "", ""},
	}
	nc := s.natsAs(t, "pbx")
	inbox, err := nc.SubscribeSync(eventlog.NewInbox(nc))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		m := nats.NewMsg("softphone.pbx." + c.tenant + ".1001.DeviceSignedIn")
		m.Header.Set(events.HeaderReplyTo, inbox.Subject)
		m.Data = []byte(c.body)
		if _, err := nc.RequestMsg(m, 10*time.Second); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		answer, err := inbox.NextMsg(30 * time.Second)
		if err != nil {
			t.Fatalf("%s: no answer: %v", c.name, err)
		}
		if text := string(answer.Data); !strings.Contains(text, `"outcome":"Invalid"`) || !strings.Contains(text, c.fault) {
			t.Errorf("%s: answered %.200s, want Invalid that says %q", c.name, text, c.fault)
		}
	}

	js, err := jetstream.New(s.natsAs(t, "ops"))
	if err != nil {
		t.Fatal(err)
	}
	dead, err := js.Stream(t.Context(), events.DeadStream)
	if err != nil {
		t.Fatal(err)
	}
	if n := dead.CachedInfo().State.Msgs; n != uint64(len(cases)) {
		t.Errorf("%d dead letters, want %d", n, len(cases))
	}
	for seq, c := range cases {
		m, err := dead.GetMsg(t.Context(), uint64(seq+1))
		if err != nil {
			t.Fatal(err)
		}
		if reason := m.Header.Get(eventlog.HeaderDeadReason); string(m.Data) != c.body || !strings.Contains(reason, c.fault) {
			t.Errorf("the dead letter of %s says %q of %.60q", c.name, reason, m.Data)
		}
	}

	if got := s.publish(t, "SoftphoneEnabled", `{"email":"ann@example.com","username":"ann","displayName":"Ann"}`); got.Outcome != "LicenseGranted" {
		t.Errorf("after all that: %+v", got)
	}
	if got := s.publish(t, "DeviceSignedIn", device); got.Outcome != "DeviceActivated" {
		t.Errorf("after all that: %+v", got)
	}
}
