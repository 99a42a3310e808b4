package observe

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/portal/server"
)

// folding are the services that keep state.
func folding() []string {
	return []string{events.License, events.DeviceCounter, events.NameSync, server.Name}
}

// trouble is something that goes wrong, and what the pages of some services say of it.
type trouble struct {
	name      string
	of        []string // services
	part      string
	says      string // in the reason
	broken    bool   // /healthz is red too
	begin     func(*system)
	end       func(*system)
	elsewhere string // part of the mailer, where it has another name
}

func troubles() []trouble {
	return []trouble{
		{
			name: "NATS is gone", of: services(), part: "nats", says: "connection lost",
			begin: func(s *system) { s.NATS.Stop() },
			end:   func(s *system) { s.NATS.Start() },
		},
		{
			name: "Redis is gone", of: folding(), part: "partitions", says: "redis",
			begin: func(s *system) { s.Redis.Stop() },
			end:   func(s *system) { s.Redis.Start() },
		},
		{
			name: "the mail server refuses us", of: []string{events.Mailer}, part: "mailer", says: "535",
			begin: func(s *system) {
				s.relay.SetScript(servertest.SMTPScript{Mail: func(string) error { return servertest.SMTPAnswer(535, 5, 7, 8, "who are you") }})
				s.signUp(3000)
			},
			end: func(s *system) { s.relay.SetScript(servertest.SMTPScript{}) },
		},
		{
			name: "the mail server is gone", of: []string{events.Mailer}, part: "mailer", says: "connect",
			begin: func(s *system) { s.relay.Stop(); s.signUp(3001) },
			end:   func(s *system) { s.relay.Start() },
		},
		{
			name: "the directory is gone", of: []string{events.NameSync}, part: "push/name-sync-push", says: "503",
			begin: func(s *system) {
				s.directory.answer(http.StatusServiceUnavailable)
				s.Publish(events.NewFact(ann, events.ExtensionRenamed{Name: "Ann"}))
			},
			end: func(s *system) { s.directory.answer(http.StatusNoContent) },
		},
		{
			name: "the log is another", of: services(), part: "partitions", elsewhere: "mailer log", says: "created", broken: true,
			begin: func(s *system) { s.recreate() },
		},
	}
}

// Whatever goes wrong is on the pages of every service it concerns, with a reason, and
// gone from them when it is over. /healthz turns red only for what needs a person.
func TestHealthSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "")
	s.start()
	s.enable()
	for _, trouble := range troubles() {
		trouble.begin(s)
		for _, name := range trouble.of {
			s.tells(name, trouble)
		}
		if trouble.end == nil { // the last one: it does not end by itself
			return
		}
		trouble.end(s)
		for _, name := range services() {
			s.Eventually(name+" is ready again after "+trouble.name, func() bool {
				code, _ := s.page(name, "/readyz")
				return code == http.StatusOK
			})
		}
	}
}

// tells waits until a service's page tells of a trouble.
func (s *system) tells(name string, trouble trouble) {
	s.t.Helper()
	part, status := trouble.part, "not ready"
	if name == events.Mailer && trouble.elsewhere != "" {
		part = trouble.elsewhere
	}
	if trouble.broken {
		status = "broken"
	}
	s.Eventually(name+" says that "+trouble.name, func() bool {
		code, report := s.page(name, "/readyz")
		of := report.Parts[part]
		return code == http.StatusServiceUnavailable && of.Status == status && strings.Contains(strings.ToLower(of.Reason), trouble.says)
	})
	want := http.StatusOK
	if trouble.broken {
		want = http.StatusServiceUnavailable
	}
	if code, report := s.page(name, "/healthz"); code != want {
		s.t.Errorf("/healthz of %s: %d, want %d: %+v", name, code, want, report)
	}
}
