package observe

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/portal/server"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// step is a span that should be there: whose, its name, and those that should follow
// from it.
type step struct {
	service, name string
	then          []step
}

// One trace leads from the click in the portal through the decision and the outcome
// to the e-mail and its outcome, with every step under the one it follows from.
func TestTraceFromPublishToEmail(t *testing.T) {
	receiver := servertest.OTLP(t)
	s := newSystem(t, receiver.URL)
	s.start()
	password := s.enable()
	s.relay.Wait(1, workertest.Patience)
	s.Eventually("the e-mail is told", func() bool { return s.Last(ann, events.Mailer, events.EmailSent{}.EventName()) != nil })

	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	var out, said bytes.Buffer
	if code := softphonectl.Main(t.Context(), []string{
		"publish", "DeviceSignedIn", "--tenant", "acme", "--extension", "1001", "--wait=30s", "--server", s.NATS.URL(),
		"--data", `{"deviceId":"phone-1","platform":"iphone"}`,
	}, softphonectl.Terminal{Out: &out, Err: &said}); code != softphonectl.Done {
		t.Fatalf("publish: %d: %s", code, &said)
	}
	s.folded(server.Name, s.Last(ann, events.Mailer, events.EmailSent{}.EventName()).Sequence)
	s.folded(events.NameSync, s.Last(ann, events.Portal, events.SoftphoneEnabled{}.EventName()).Sequence)
	s.stop()
	spans := receiver.Spans()

	found := follow(t, spans, "", step{server.Name, "publish SoftphoneEnabled", []step{
		{events.NameSync, "decide SoftphoneEnabled", nil},
		{events.License, "decide SoftphoneEnabled", []step{{events.License, "publish LicenseGranted", []step{
			{events.DeviceCounter, "decide LicenseGranted", nil},
			{server.Name, "decide LicenseGranted", nil},
			{events.Mailer, "handle LicenseGranted", []step{
				{events.Mailer, "send e-mail", nil},
				{events.Mailer, "publish EmailSent", []step{{server.Name, "decide EmailSent", nil}}},
			}},
		}}}},
	}})
	if len(found) < 9 {
		t.Errorf("only %d steps in the trace", len(found))
	}
	for _, span := range found[1:] {
		if span.Trace != found[0].Trace {
			t.Errorf("%s is in trace %s, not in %s", span.Name, span.Trace, found[0].Trace)
		}
	}
	follow(t, spans, "", step{"softphonectl", "publish DeviceSignedIn", []step{
		{events.DeviceCounter, "decide DeviceSignedIn", []step{{events.DeviceCounter, "publish DeviceActivated", nil}}},
	}})
	for _, span := range spans {
		for key, value := range span.Attributes {
			for _, secret := range []string{"@", password, "Ann"} {
				if strings.Contains(value, secret) {
					t.Errorf("span %q of %s says %s=%s", span.Name, span.Service, key, value)
				}
			}
		}
	}
}

// follow finds a step under its parent, and what follows from it, and returns them all.
func follow(t *testing.T, spans []servertest.OTLPSpan, parent string, want step) (found []servertest.OTLPSpan) {
	t.Helper()
	for _, span := range spans {
		if span.Service != want.service || span.Name != want.name || span.Parent != parent {
			continue
		}
		found = append(found, span)
		for _, next := range want.then {
			found = append(found, follow(t, spans, span.ID, next)...)
		}
		return found
	}
	t.Errorf("no span %q of %s under %q; there are:", want.name, want.service, parent)
	for _, span := range spans {
		t.Logf("  %s: %s (%s, under %q)", span.Service, span.Name, span.ID, span.Parent)
	}
	return nil
}

// Services that do not trace hand on the trace of whoever published, up to the end.
func TestTraceIsHandedOn(t *testing.T) {
	t.Parallel()
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	s := newSystem(t, "")
	s.start()
	m := workertest.Message(t, events.NewFact(ann, events.SoftphoneEnabled{Email: "ann@example.com", Username: "ann", DisplayName: "Ann"}))
	m.Header.Set(events.HeaderTraceParent, parent)
	s.Store(m)
	s.Eventually("the e-mail is told", func() bool { return s.Last(ann, events.Mailer, events.EmailSent{}.EventName()) != nil })
	sent := s.Last(ann, events.Mailer, events.EmailSent{}.EventName())
	if got := sent.Header.Get(events.HeaderTraceParent); got != parent {
		t.Errorf("EmailSent carries %q, want %q", got, parent)
	}
}
