package observe

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

// minutes is how many scrapes they are.
func minutes(n int) int { return n * int(time.Minute/interval) }

// watched is a system at work, and a Prometheus that has seen nothing wrong with it.
func watched(t *testing.T) (*system, *prometheus) {
	t.Helper()
	s := newSystem(t, "")
	s.start()
	s.enable()
	s.Eventually("the e-mail is told", func() bool { return s.Last(ann, events.Mailer, events.EmailSent{}.EventName()) != nil })
	p := newPrometheus(t)
	p.quiet(s, minutes(20))
	return s, p
}

// fires holds that alerts fire after some more scrapes.
func (p *prometheus) fires(s *system, scrapes int, want ...string) {
	p.t.Helper()
	got := p.scrape(s, scrapes)
	for _, alert := range want {
		if !slices.Contains(got, alert) {
			p.t.Errorf("%s does not fire, but %v", alert, got)
		}
	}
}

// quiet holds that no alert fires after some more scrapes. A second try is for a
// machine so busy that the services lose their partitions: an hour passes here in seconds.
func (p *prometheus) quiet(s *system, scrapes int) {
	p.t.Helper()
	var firing []string
	for range 3 {
		if firing = p.scrape(s, scrapes); len(firing) == 0 {
			return
		}
	}
	p.t.Errorf("all is well, and %v fire", firing)
}

// shows waits until an expression has a value in what the services show.
func (p *prometheus) shows(s *system, expression string) {
	p.t.Helper()
	p.now = p.now.Add(interval)
	s.Eventually(expression, func() bool { p.look(s); return len(p.ask(expression)) > 0 })
	p.firing()
}

func TestAlertsOfMail(t *testing.T) {
	t.Parallel()
	s, p := watched(t)
	s.relay.SetScript(servertest.SMTPScript{Mail: func(string) error { return servertest.SMTPAnswer(535, 5, 7, 8, "who are you") }})
	s.signUp(2000)
	p.shows(s, `softphone_react_paused{worker="mailer"} > 0`)
	p.fires(s, minutes(3), "SoftphoneMailPaused")
	s.relay.SetScript(servertest.SMTPScript{Rcpt: func(string) error { return servertest.SMTPAnswer(550, 5, 1, 1, "no such user") }})
	for n := range 5 {
		s.signUp(2001 + n)
	}
	p.shows(s, `sum(softphone_emails_total{result="failed"}) >= 6`)
	p.fires(s, 1, "SoftphoneMailFails")
	s.relay.SetScript(servertest.SMTPScript{Mail: func(from string) error {
		if from == globexSender {
			return servertest.SMTPAnswer(553, 5, 1, 8, "who are you")
		}
		return nil
	}})
	s.signUpAt("globex", 2010)
	p.shows(s, `softphone_mailer_senders_refused == 1`)
	p.fires(s, minutes(6), "SoftphoneMailSenderRefused")
	s.relay.SetScript(servertest.SMTPScript{})
	p.shows(s, `softphone_mailer_senders_refused == 0`)
	p.quiet(s, minutes(61))
}

// signUp enables the app of an extension.
func (s *system) signUp(number int) { s.t.Helper(); s.signUpAt("acme", number) }

func (s *system) signUpAt(tenant string, number int) {
	s.t.Helper()
	x := events.Extension{Tenant: tenant, Number: strconv.Itoa(number)}
	s.Publish(events.NewFact(x, events.SoftphoneEnabled{Email: "bob@example.com", Username: "bob" + x.Number, DisplayName: "Bob"}))
}

// Somebody guesses a password, and then API tokens; a few mistyped ones alarm nobody.
func TestAlertsOfGuessing(t *testing.T) {
	t.Parallel()
	s, p := watched(t)
	guess := func(times int) {
		for range times {
			if code, said := s.signIn("d9", "guessed-guessed-guessed"); code != http.StatusUnauthorized && code != http.StatusTooManyRequests {
				t.Fatalf("a guess: %d %v", code, said)
			}
		}
	}
	guess(20)
	p.quiet(s, minutes(7))
	guess(110)
	p.fires(s, minutes(2), "SoftphoneGuessing")
	p.quiet(s, minutes(61))
	s.token = "softphone_GUESSED"
	for range 110 {
		s.call("GET", "/tenants/acme/extensions/1001", "")
	}
	p.fires(s, minutes(2), "SoftphoneGuessing")
	p.quiet(s, minutes(61))
}

// What takes too long for a test is made up: an e-mail that has waited for a quarter
// of an hour, decisions that are slow for minutes, and a disk that is full.
func TestAlertsOfWhatIsSlow(t *testing.T) {
	t.Parallel()
	p := newPrometheus(t)
	var firing []string
	for n := range minutes(7) {
		p.now = p.now.Add(interval)
		p.sample("softphone_react_queue_age_seconds", "a", map[string]string{"worker": events.Mailer}, 901)
		p.sample("softphone_part_broken", "a", map[string]string{"part": "log"}, 1)
		for bound, count := range map[string]int{"1": 90 * n, "5": 100 * n, "+Inf": 100 * n} {
			p.sample("softphone_fold_decision_seconds_bucket", "a", map[string]string{"worker": events.License, "le": bound}, float64(count))
		}
		firing = p.firing()
	}
	for _, alert := range []string{"SoftphoneMailLate", "SoftphoneDecisionsSlow", "SoftphoneLogFull"} {
		if !slices.Contains(firing, alert) {
			t.Errorf("%s does not fire, but %v", alert, firing)
		}
	}
}

// Every alert has been made to fire: one that is added needs its test.
func TestEveryAlertIsTested(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("alerts_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range alertRules(t) {
		if !strings.Contains(string(source), `"`+rule.Alert+`"`) {
			t.Errorf("no test makes %s fire", rule.Alert)
		}
	}
}

func TestAlertsOfDeadLettersAndTheDirectory(t *testing.T) {
	t.Parallel()
	s, p := watched(t)
	s.directory.answer(http.StatusServiceUnavailable)
	s.call("PUT", "/tenants/acme/extensions/1001", `{"name":"Ann Lee (Sales)"}`)
	s.Store(s.bad(events.DeviceSignedIn{}))
	p.shows(s, `sum(softphone_dead_letters_total) > 0`)
	p.fires(s, 1, "SoftphoneDeadLetters")
	p.shows(s, `softphone_react_paused{worker="name-sync-push"} > 0`)
	p.fires(s, minutes(11), "SoftphoneDirectoryPaused")
	s.directory.answer(http.StatusNoContent)
	p.shows(s, `softphone_react_paused{worker="name-sync-push"} == 0`)
	p.quiet(s, minutes(61))
}

// Redis is gone for longer than the alerts bear, which are real seconds, and comes back
// empty.
func TestAlertsOfRedis(t *testing.T) {
	t.Parallel()
	s, p := watched(t)
	quiet := s.traffic() // so that an event is in hand when it goes
	s.Redis.Stop()
	quiet()
	for range 6 {
		if code, said := s.signIn("d2", "does not matter"); code != http.StatusServiceUnavailable {
			t.Errorf("a sign-in without Redis: %d %v", code, said)
		}
	}
	p.fires(s, minutes(2), "SoftphoneSignInsUnanswered")
	time.Sleep(31 * time.Second)
	p.fires(s, minutes(2), "SoftphoneStateAway", "SoftphoneWorkerLags")

	s.Redis.Start()
	s.Redis.Empty()
	p.shows(s, `sum(softphone_fold_heals_total) > 0 and max(softphone_fold_lag_seconds) == 0 and max(softphone_fold_checkpoint_age_seconds) < 5`)
	p.fires(s, 1, "SoftphoneStateRebuilt")
	p.quiet(s, minutes(61))
}

// traffic has devices of ann's sign in, one after the other, until it is ended.
func (s *system) traffic() (end func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	begun := make(chan struct{})
	var traffic sync.WaitGroup
	traffic.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			m := workertest.Message(s.t, events.NewFact(ann, events.DeviceSignedIn{DeviceID: strconv.Itoa(n), Platform: events.PlatformMac}))
			_, _ = s.Log.Publish(ctx, m)
			if n == 10 {
				close(begun)
			}
		}
	})
	<-begun
	return func() { cancel(); traffic.Wait() }
}

func TestAlertsOfNATSAndTheLog(t *testing.T) {
	t.Parallel()
	s, p := watched(t)
	s.NATS.Stop()
	p.shows(s, `max(softphone_part_not_ready{part="nats"}) > 0`)
	p.fires(s, minutes(2), "SoftphoneNATSAway")
	s.NATS.Start()
	p.shows(s, `max(softphone_part_not_ready) == 0`)
	p.quiet(s, minutes(61))

	s.recreate()
	p.shows(s, `max(softphone_part_broken) > 0`)
	p.fires(s, 1, "SoftphoneLogRefused")
}

// A worker that is gone is missed; one whose partitions a replica has that does nothing too.
func TestAlertsOfWorkers(t *testing.T) {
	t.Parallel()
	s, p := watched(t)
	end := s.Idle(events.License)
	p.shows(s, `sum(softphone_owned_partitions{worker="license"}) < 16`)
	p.fires(s, minutes(2), "SoftphonePartitionsUnowned")
	end()

	for _, name := range services() {
		gone := s.hosts[name]
		delete(s.hosts, name)
		firing := p.scrape(s, minutes(7)) // a series is stale after 5 minutes
		if !slices.Contains(firing, "SoftphoneServiceMissing") {
			t.Errorf("%s is gone, and only %v fire", name, firing)
		}
		s.hosts[name] = gone
		p.scrape(s, minutes(1))
	}
}
