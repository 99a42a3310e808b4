package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

const postfixLimit = 60 * time.Second // for Postfix to do something

// toPostfix is a client as the environment configures it.
func toPostfix(t *testing.T, p *servertest.PostfixServer, url string, change func(*Settings)) *Client {
	t.Helper()
	s := Settings{URL: url, CAFile: p.CAFile, LocalName: "mailer.acme.example", Connections: 4, Mails: 100, Idle: time.Minute}
	if change != nil {
		change(&s)
	}
	c, err := s.Config()
	if err != nil {
		t.Fatal(err)
	}
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func starttls(p *servertest.PostfixServer) string { return "smtp://" + p.Addr + "?starttls=required" }

// The mail arrives whole and once, signed, over STARTTLS and smtps, after each way
// to sign in; the receipt names it as Postfix's log does.
func TestPostfixTakesMail(t *testing.T) {
	t.Parallel()
	p := servertest.Postfix(t, servertest.PostfixConfig{User: "relay", Password: "a secret", Mechanisms: "PLAIN LOGIN CRAM-MD5"})
	rsaKey, edKey := newRSA(t, 2048), newEd25519(t)
	public := zone{"a._domainkey.acme.example": rsaKey.record, "b._domainkey.acme.example": edKey.record}
	password := file(t, "a secret\n")
	_, plain, _ := strings.Cut(starttls(p), "//")
	for _, url := range []string{
		"smtp://relay%40postfix.test@" + plain + "&auth=plain", "smtp://relay%40postfix.test@" + plain + "&auth=login",
		"smtp://relay%40postfix.test@" + plain + "&auth=cram-md5", "smtps://relay%40postfix.test@" + p.Smtps + "?",
	} {
		client := toPostfix(t, p, url+"&password-file="+password, func(s *Settings) {
			s.Keys = "a._domainkey.acme.example=" + rsaKey.file + " b._domainkey.acme.example=" + edKey.file
		})
		receipt := sent(t, client)
		if receipt.Code != 250 || receipt.QueueID == "" || !strings.Contains(p.Log(), receipt.QueueID+": ") {
			t.Errorf("%s: receipt %+v is not in Postfix's log\n%s", url, receipt, p.Log())
		}
		client.Close()
	}
	mails := p.Wait(4, postfixLimit)
	for _, mail := range mails {
		crlf := bytes.ReplaceAll(mail, []byte("\n"), []byte("\r\n")) // a Maildir has the system's line ends
		if !bytes.HasSuffix(crlf, []byte(welcome)) {
			t.Errorf("the mail changed on its way:\n%s", mail)
		}
		if n := public.verify(t, crlf); n != 2 {
			t.Errorf("%d signatures, want 2", n)
		}
		public.verifyByPython(t, crlf, 2)
	}
	signature := func(mail []byte) string {
		_, after, _ := bytes.Cut(mail, []byte("DKIM-Signature:"))
		return string(after)
	}
	for _, mail := range mails[1:] {
		if signature(mail) != signature(mails[0]) {
			t.Error("the same mail, sent again, was signed differently")
		}
	}
}

func TestPostfixRefusesUs(t *testing.T) {
	t.Parallel()
	p := servertest.Postfix(t, servertest.PostfixConfig{User: "relay", Password: "a secret"})
	_, plain, _ := strings.Cut(starttls(p), "//")
	wrong := toPostfix(t, p, "smtp://relay%40postfix.test@"+plain+"&password-file="+file(t, "another"), nil)
	if f := refused(t, wrong); f.Verdict != Unavailable || f.Code != 535 || f.Stage != stageAUTH || !strings.Contains(Advice(f.Code, f.Enhanced, f.Error(), f.Verdict == Final), "sign in") {
		t.Errorf("wrong password: %+v", f)
	}
	if f := refused(t, toPostfix(t, p, starttls(p), nil)); f.Verdict != Unavailable || f.Stage != stageRCPT {
		t.Errorf("no password: %+v, and the mail is blamed", f)
	}
	untrusted := toPostfix(t, p, starttls(p), func(s *Settings) { s.CAFile = "" })
	if f := refused(t, untrusted); f.Verdict != Unavailable || f.Stage != stageSTARTTLS {
		t.Errorf("unknown certificate: %+v", f)
	}
}

// A sender that is not the login's, which Postfix says at RCPT and with a code that
// is about a policy: only its words tell that no mail of that sender would pass.
func TestPostfixRefusesASender(t *testing.T) {
	t.Parallel()
	p := servertest.Postfix(t, servertest.PostfixConfig{User: "relay", Password: "a secret", Settings: map[string]string{
		"smtpd_sender_restrictions": "check_sender_access inline:{banned@globex.example=REJECT}, reject_sender_login_mismatch",
		"smtpd_sender_login_maps":   "inline:{phones@globex.example=another@postfix.test, noreply@acme.example=relay@postfix.test}",
	}})
	_, plain, _ := strings.Cut(starttls(p), "//")
	client := toPostfix(t, p, "smtp://relay%40postfix.test@"+plain+"&password-file="+file(t, "a secret"), nil)
	for from, code := range map[string]int{"phones@globex.example": 553, "banned@globex.example": 554} {
		mail := envelope(t)
		mail.From, mail.OneOfMany = from, true
		f := failure(t)(client.Send(t.Context(), mail))
		if f.Verdict != SenderRefused || f.Stage != stageRCPT || f.Code != code {
			t.Errorf("%s: %s at %s: %v", from, f.Verdict, f.Stage, f)
		}
		mail.OneOfMany = false
		if f := failure(t)(client.Send(t.Context(), mail)); f.Verdict != Unavailable {
			t.Errorf("%s, the sender of all mails: %s: %v", from, f.Verdict, f)
		}
	}
	sent(t, client)
}

// Answers by policy: final, temporary, and greylisting, after which the same mail
// passes. One connection serves them all.
func TestPostfixPolicies(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]bool{}
	p := servertest.Postfix(t, servertest.PostfixConfig{
		Recipients: map[string]string{
			"nobody@example.com": "550 5.1.1 no such user here", "full@example.com": "452 4.2.2 mailbox full",
			"policy@example.com": "554 5.7.1 not from you",
		},
		Policy: func(asked map[string]string) string {
			mu.Lock()
			defer mu.Unlock()
			key := asked["sender"] + " " + asked["recipient"]
			if !seen[key] {
				seen[key] = true
				return "DEFER_IF_PERMIT 4.7.1 greylisted, come back"
			}
			return "DUNNO"
		},
	})
	client := toPostfix(t, p, starttls(p), nil)
	to := func(address string) (Receipt, *Failure) {
		mail := envelope(t)
		mail.To = address
		r, err := client.Send(t.Context(), mail)
		f, judged := errors.AsType[*Failure](err)
		if err != nil && !judged {
			t.Fatal(err)
		}
		return r, f
	}
	for _, c := range []struct {
		to       string
		verdict  Verdict
		code     int
		enhanced string
		advice   string
	}{
		{"nobody@example.com", Final, 550, "5.1.1", "no such mailbox"},
		{"full@example.com", Temporary, 452, "4.2.2", "full"},
		{"policy@example.com", Final, 554, "5.7.1", "rules"},
		{"anna@example.com", Temporary, 450, "4.7.1", "greylisting"},
	} {
		_, f := to(c.to)
		if f == nil || f.Verdict != c.verdict || f.Code != c.code || f.Enhanced != c.enhanced || f.Stage != stageRCPT ||
			!strings.Contains(Advice(f.Code, f.Enhanced, f.Error(), f.Verdict == Final), c.advice) {
			t.Errorf("%s: %+v, want %s %d %s", c.to, f, c.verdict, c.code, c.enhanced)
		}
	}
	if r, f := to("anna@example.com"); f != nil || r.QueueID == "" {
		t.Errorf("after greylisting: %+v, %v", r, f)
	}
	if _, f := to("stranger@elsewhere.example"); f == nil || f.Verdict != Unavailable || f.Code != 554 || f.Enhanced != "5.7.1" ||
		!strings.Contains(Advice(f.Code, f.Enhanced, f.Error(), false), "SMTP_URL") {
		t.Errorf("relaying denied: %+v", f)
	}
	p.Wait(1, postfixLimit)
	if n := strings.Count(p.Log(), ": connect from"); n != 2 { // one of them was the test's, when Postfix started
		t.Errorf("%d connections, want one\n%s", n-1, p.Log())
	}
}

func TestPostfixInternational(t *testing.T) {
	t.Parallel()
	p := servertest.Postfix(t, servertest.PostfixConfig{})
	client := toPostfix(t, p, starttls(p), nil)
	for _, to := range []string{"änne@müller.example", "anna@müller.example"} {
		mail := envelope(t)
		mail.To = to
		if _, err := client.Send(t.Context(), mail); err != nil {
			t.Errorf("%s: %v", to, err)
		}
	}
	for _, mail := range p.Wait(2, postfixLimit) {
		if !bytes.Contains(mail, []byte("nne@xn--mller-kva.example")) && !bytes.Contains(mail, []byte("anna@xn--mller-kva.example")) &&
			!bytes.Contains(mail, []byte("müller.example")) {
			t.Errorf("%s", mail)
		}
	}
}

// Many mails at once, pipelined, on a few connections that Postfix itself ends now
// and then: each arrives once.
func TestPostfixUnderLoad(t *testing.T) {
	t.Parallel()
	const mails = 200
	p := servertest.Postfix(t, servertest.PostfixConfig{Settings: map[string]string{"smtpd_client_connection_count_limit": "0"}})
	client := toPostfix(t, p, starttls(p), func(s *Settings) { s.Mails, s.Domains = 13, "example.com=4" })
	var senders sync.WaitGroup
	for sender := range 4 {
		senders.Go(func() {
			for n := range mails / 4 {
				mail := envelope(t)
				mail.Bytes = fmt.Appendf(nil, "From: noreply@acme.example\r\nX-Number: %d.%d\r\n\r\n.\r\n..\r\nhello\r\n", sender, n)
				if _, err := client.Send(t.Context(), mail); err != nil {
					t.Error(err)
				}
			}
		})
	}
	senders.Wait()
	numbers := map[string]bool{}
	for _, mail := range p.Wait(mails, postfixLimit) {
		_, after, _ := strings.Cut(string(mail), "X-Number: ")
		number, _, _ := strings.Cut(after, "\n")
		numbers[number] = true
		if !strings.HasSuffix(string(mail), "\n\n.\n..\nhello\n") {
			t.Errorf("the mail changed on its way:\n%s", mail)
		}
	}
	if len(numbers) != mails {
		t.Errorf("%d different mails, want %d", len(numbers), mails)
	}
}

// Postfix ends a connection that says nothing, and is restarted under us: the next
// mail arrives nevertheless.
func TestPostfixEndsTheConnection(t *testing.T) {
	t.Parallel()
	p := servertest.Postfix(t, servertest.PostfixConfig{Settings: map[string]string{"smtpd_timeout": "5s"}})
	client := toPostfix(t, p, starttls(p), nil)
	sent(t, client)
	for end := time.Now().Add(postfixLimit); !strings.Contains(p.Log(), "timeout after"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("Postfix keeps the connection\n%s", p.Log())
		}
	}
	sent(t, client)
	p.Restart()
	sent(t, client)
	p.Wait(3, postfixLimit)
}

// The first server is away, the second is Postfix.
func TestFailoverToPostfix(t *testing.T) {
	t.Parallel()
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	p := servertest.Postfix(t, servertest.PostfixConfig{})
	client := toPostfix(t, p, "smtp://"+nobody.Addr().String()+"?starttls=never, "+starttls(p), nil)
	if r := sent(t, client); r.Server != p.Addr {
		t.Errorf("taken by %s", r.Server)
	}
	p.Wait(1, postfixLimit)
}
