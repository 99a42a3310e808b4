package delivery

import (
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// What a server says of a sender is about us when all mails have that sender, and
// else about the mails that have it.
func TestSenderRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at      servertest.SMTPStage
		reply   string
		verdict Verdict // where other mails have another sender
	}{
		{servertest.AtMAIL, "553 5.1.8 sender unknown", SenderRefused},
		{servertest.AtMAIL, "550 5.7.1 not you", SenderRefused},
		{servertest.AtMAIL, "501 5.1.7 bad address", SenderRefused},
		{servertest.AtMAIL, "530 5.7.0 log in first", Unavailable},
		{servertest.AtMAIL, "550 5.7.8 log in first", Unavailable},
		{servertest.AtMAIL, "552 5.2.2 quota used up", Unavailable},
		{servertest.AtMAIL, "451 4.1.8 no such domain", Temporary},
		{servertest.AtRCPT, "553 5.1.8 sender domain not found", SenderRefused},
		{servertest.AtRCPT, "553 5.7.1 <a@acme.example>: Sender address rejected: not owned by user x", SenderRefused},
		{servertest.AtRCPT, "554 5.7.1 <a[192.0.2.1]>: Client host rejected: Access denied", Unavailable},
		{servertest.AtRCPT, "550 5.1.1 no such user", Final},
		{servertest.AtDot, "550 5.1.8 sender unknown", SenderRefused},
	} {
		t.Run(string(c.at)+" "+c.reply, func(t *testing.T) {
			t.Parallel()
			for _, oneOfMany := range []bool{true, false} {
				want := c.verdict
				if want == SenderRefused && !oneOfMany {
					want = Unavailable
				}
				server := servertest.BrokenSMTP(t, servertest.SMTPFault{At: c.at, Reply: c.reply})
				mail := envelope(t)
				mail.OneOfMany = oneOfMany
				if f := failure(t)(toFaulty(server).Send(t.Context(), mail)); f.Verdict != want {
					t.Errorf("one of many %t: %s (%v), want %s", oneOfMany, f.Verdict, f, want)
				}
			}
		})
	}
}

// Another server may take the sender that one refuses, and that one the mails of
// other senders.
func TestFailoverForASender(t *testing.T) {
	t.Parallel()
	first := newFake(t, "", answers("MAIL FROM:<acme@", "553 5.1.8 who?"))
	second := newFake(t, "", nil)
	client := open(t, func(c *Config) { c.Cooldown = Cooldown{time.Hour, time.Hour} }, first, second)
	refused := envelope(t)
	refused.From, refused.OneOfMany = "acme@acme.example", true
	for range 2 {
		if r, err := client.Send(t.Context(), refused); err != nil || r.Server != second.addr {
			t.Errorf("taken by %q, %v", r.Server, err)
		}
		if r := sent(t, client); r.Server != first.addr {
			t.Errorf("the mail of another sender was taken by %s", r.Server)
		}
	}
}

// That the other servers are away does not make a refused sender an outage.
func TestSenderRefusedInAnOutage(t *testing.T) {
	t.Parallel()
	client := open(t, nil, newFake(t, "", answers("connect", drop)), newFake(t, "", answers("MAIL", "553 5.1.8 who?")), newFake(t, "", answers("connect", drop)))
	mail := envelope(t)
	mail.OneOfMany = true
	if f := failure(t)(client.Send(t.Context(), mail)); f.Verdict != SenderRefused || f.Code != 553 {
		t.Errorf("%s: %v", f.Verdict, f)
	}
}
