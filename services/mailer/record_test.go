package mailer

import (
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

// eventOn makes an event of the mailer about a cause.
func eventOn(cause events.Event, data events.Data) events.Event {
	return events.NewOutcome(events.Mailer, cause, data)
}

const license1 = "01928c7e-0a3b-7c4d-8e5f-60718293a4b5"

// A recipient fails for good by the server's word, or by a mail that came back, and
// is well again with the next mail that is taken.
func TestRecordOfARecipient(t *testing.T) {
	t.Parallel()
	sent := events.EmailSent{Kind: "welcome", LicenseID: license1, To: "anna@example.com", MessageID: "<m>"}
	failed := func(code int, enhanced string) events.EmailFailed {
		return events.EmailFailed{Kind: "welcome", LicenseID: license1, To: "Anna@example.com", Reason: "no", SMTPCode: code, EnhancedCode: enhanced}
	}
	says := func(code int, reason string) events.EmailFailed {
		e := failed(code, "")
		e.Reason = reason
		return e
	}
	bounced := func(action, enhanced string) events.EmailBounced {
		return events.EmailBounced{To: "anna@example.com", MessageID: "<m>", Reason: "no", Action: action, EnhancedCode: enhanced}
	}
	for name, c := range map[string]struct {
		log  []events.Data
		want bool
	}{
		"nothing yet":                  {nil, false},
		"sent":                         {[]events.Data{sent}, false},
		"no such mailbox":              {[]events.Data{failed(550, "5.1.1")}, true},
		"no such mailbox, in words":    {[]events.Data{says(550, "no such user here")}, true},
		"refused, plainly":             {[]events.Data{failed(550, "")}, false},
		"mailbox disabled":             {[]events.Data{failed(550, "5.2.1")}, true},
		"content refused":              {[]events.Data{failed(554, "5.6.0")}, false},
		"policy":                       {[]events.Data{failed(550, "5.7.1")}, false},
		"transaction failed, plainly":  {[]events.Data{failed(554, "")}, false},
		"given up, mailbox full":       {[]events.Data{failed(450, "4.2.2")}, false},
		"given up, no answer":          {[]events.Data{failed(0, "")}, false},
		"failed, then sent":            {[]events.Data{failed(550, "5.1.1"), sent}, false},
		"sent, then bounced":           {[]events.Data{sent, bounced("failed", "5.1.1")}, true},
		"sent, then late":              {[]events.Data{sent, bounced("delayed", "4.4.1")}, false},
		"sent, then expired on a way":  {[]events.Data{sent, bounced("failed", "4.4.7")}, false},
		"expired, for good":            {[]events.Data{sent, bounced("failed", "5.4.7")}, false},
		"our sender, its syntax":       {[]events.Data{failed(553, "5.1.7")}, false},
		"our sender, its domain":       {[]events.Data{sent, bounced("failed", "5.1.8")}, false},
		"bounced, then sent":           {[]events.Data{sent, bounced("failed", "5.1.1"), sent}, false},
		"skipped says nothing":         {[]events.Data{failed(550, "5.1.1"), events.EmailSkipped{Kind: "welcome", Reason: "no"}}, true},
		"a try that failed is not one": {[]events.Data{events.EmailDeferred{To: "anna@example.com", SMTPCode: 450, EnhancedCode: "4.1.1", Attempts: 1}}, false},
		"another address":              {[]events.Data{events.EmailFailed{To: "bob@example.com", SMTPCode: 550}}, false},
	} {
		var r record
		other := events.NewFact(anna, events.WelcomeEmailRequested{})
		for _, data := range c.log {
			r.add(eventOn(other, data), events.NewFact(anna, events.SoftphonePasswordReset{}), false)
		}
		if got := r.failed["anna@example.com"]; got != c.want {
			t.Errorf("%s: failed %v, want %v", name, got, c.want)
		}
	}
}

// An address is reached by the first mail that is taken, whatever becomes of later ones.
func TestRecordOfAnAddress(t *testing.T) {
	t.Parallel()
	cause := events.NewFact(anna, events.WelcomeEmailRequested{})
	to := "Anna@example.com"
	for name, c := range map[string]struct {
		log  []events.Data
		want bool
	}{
		"nothing yet":       {nil, false},
		"put off, given up": {[]events.Data{events.EmailDeferred{To: to, Attempts: 1}, events.EmailFailed{To: to}}, false},
		"skipped":           {[]events.Data{events.EmailSkipped{To: to}}, false},
		"taken, then gone":  {[]events.Data{events.EmailSent{To: to}, events.EmailFailed{To: to, SMTPCode: 550, EnhancedCode: "5.1.1"}}, true},
		"another":           {[]events.Data{events.EmailSent{To: "bob@example.com"}}, false},
	} {
		var r record
		for _, data := range c.log {
			r.add(eventOn(cause, data), cause, false)
		}
		if got := r.reached["anna@example.com"]; got != c.want {
			t.Errorf("%s: reached %v, want %v", name, got, c.want)
		}
	}
}

func TestRecordOfACause(t *testing.T) {
	t.Parallel()
	mine, other := events.NewFact(anna, events.WelcomeEmailRequested{}), events.NewFact(anna, events.WelcomeEmailRequested{})
	var r record
	r.add(eventOn(other, events.EmailSent{}), mine, false)
	r.add(eventOn(other, events.EmailDeferred{Attempts: 64}), mine, false)
	r.add(eventOn(mine, events.EmailDeferred{Attempts: 2}), mine, true)
	r.add(eventOn(mine, events.EmailDeferred{Attempts: 1}), mine, true)
	r.add(eventOn(mine, events.EmailBounced{Action: "failed"}), mine, true)
	if r.done || r.deferred != 2 {
		t.Errorf("%+v: not done, 2 attempts published", r)
	}
	for _, end := range []events.Data{events.EmailSent{}, events.EmailFailed{}, events.EmailSkipped{}} {
		var r record
		if r.add(eventOn(mine, end), mine, true); !r.done {
			t.Errorf("%T is the end", end)
		}
	}
}

// One notice of the device limit a day, whatever became of it.
func TestRecordOfANotice(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 9, 8, 15, 0, 0, time.UTC)
	reached := func(at time.Time) events.Event {
		e := events.NewFact(anna, events.ExtensionDeleted{})
		e.Time = at
		return e
	}
	kind := events.KindDeviceLimitReached
	for name, c := range map[string]struct {
		data events.Data
		ago  time.Duration
		want bool
	}{
		"an hour ago":              {events.EmailSent{Kind: kind}, time.Hour, true},
		"a moment later":           {events.EmailSent{Kind: kind}, -time.Second, true},
		"a day ago":                {events.EmailSent{Kind: kind}, day, false},
		"an hour ago, failed":      {events.EmailFailed{Kind: kind}, time.Hour, true},
		"an hour ago, skipped":     {events.EmailSkipped{Kind: kind}, time.Hour, true},
		"an hour ago, still tried": {events.EmailDeferred{Kind: kind, Attempts: 1}, time.Hour, true},
		"a welcome":                {events.EmailSent{Kind: "welcome"}, time.Hour, false},
	} {
		var r record
		if r.add(eventOn(reached(at.Add(-c.ago)), c.data), reached(at), false); r.noticed != c.want {
			t.Errorf("%s: noticed %v, want %v", name, r.noticed, c.want)
		}
	}
	var r record
	if r.add(eventOn(reached(at), events.EmailDeferred{Kind: kind, Attempts: 1}), reached(at), true); r.noticed {
		t.Error("its own tries are no other notice")
	}
}

// Of a mail tried for three days, a handful of attempts is published, whoever counts.
func TestWorthTelling(t *testing.T) {
	t.Parallel()
	var tries []int
	last := 0
	for n := 1; n <= 300; n++ { // 72 h, a quarter of an hour apart
		if worthPublishing(n, last) {
			tries, last = append(tries, n), n
		}
	}
	if len(tries) > 9 || tries[0] != 1 || tries[1] != 2 || tries[2] != 4 || tries[3] != 8 {
		t.Errorf("published the attempts %v", tries)
	}
	if !worthPublishing(5, 2) {
		t.Error("the fourth could not be published; the fifth must be")
	}
}
