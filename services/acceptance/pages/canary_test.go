package pages

import (
	"fmt"
	"strings"
	"testing"
)

// TestPasswordIsNowhere looks for passwords after they were shown: on pages, in
// the browser's history, in Redis, in every stream, in log lines and in e-mails.
func TestPasswordIsNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x, page := w.extension("3001", "Reception")
	b := w.administrator("Alex Kim")
	b.open(page)
	b.fill("#email", "reception@example.com")
	b.click("#enable button.primary")
	b.sees("The app is enabled")
	generated := b.text("#once output")
	if !b.holds(generated) {
		t.Fatal("the test does not find a password that is shown")
	}
	second := b.another()
	second.open(page)
	second.sees("App enabled")
	b.gone(generated, "on leaving and coming back", func() {
		b.click(".back")
		b.sees("Last e-mail")
		b.back()
		b.sees("App enabled")
	})
	second.gone(generated, "in a second tab", second.reload)

	chosen := "seven quiet canaries in a coal mine"
	b.resetting()
	b.fill("#password", chosen)
	b.click("#reset button.primary")
	b.sees("The password was changed")
	b.gone(chosen, "on reload", func() {
		b.reload()
		b.await("see the page itself", "!document.querySelector('#once')")
	})
	b.gone(chosen, "at the address of the answer", func() {
		b.open(page + "/password")
		b.sees("App enabled")
	})
	w.signIn(x, chosen, "laptop")
	w.relay.Wait(2, patience)
	w.nowhere("while they are in force", generated, chosen)

	b.click("#disable summary")
	b.click("#disable button")
	b.sees("The app was disabled")
	w.nowhere("afterwards", generated, chosen)
}

// nowhere fails for a password in log lines, e-mails, Redis or JetStream.
func (w *world) nowhere(when string, passwords ...string) {
	w.t.Helper()
	var everywhere strings.Builder
	everywhere.WriteString(w.Lines() + w.everyKey() + w.everyMessage())
	for _, mail := range w.relay.Mails() {
		everywhere.Write(mail.Data)
	}
	for _, seen := range []string{"the portal serves", "reception@example.com", "3001@acme", "portal:session:", "KV_softphone"} {
		if !strings.Contains(everywhere.String(), seen) {
			w.t.Errorf("the test does not look where %q is", seen)
		}
	}
	for _, password := range passwords {
		if i := strings.Index(everywhere.String(), password); i >= 0 {
			w.t.Errorf("a password is found %s: …%q…", when, everywhere.String()[max(0, i-200):min(len(everywhere.String()), i+200)])
		}
	}
}

// gone fails when a password is still in the window after something was done.
func (b *tab) gone(password, when string, do func()) {
	b.t.Helper()
	do()
	if b.holds(password) {
		b.t.Errorf("the password is still there %s\n%s", when, b.screen())
	}
}

// everyKey is all of Redis.
func (w *world) everyKey() string {
	w.t.Helper()
	var all strings.Builder
	keys, err := w.State.Keys(w.t.Context(), "*").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, key := range keys {
		dump, err := w.State.Dump(w.t.Context(), key).Result()
		if err != nil {
			continue // expired meanwhile
		}
		hash, _ := w.State.HGetAll(w.t.Context(), key).Result() // a dump may be compressed
		text, _ := w.State.Get(w.t.Context(), key).Result()
		fmt.Fprintln(&all, key, dump, hash, text)
	}
	return all.String()
}

// everyMessage is all of JetStream, key-value buckets too, as far as it is kept.
func (w *world) everyMessage() string {
	w.t.Helper()
	var all strings.Builder
	for info := range w.JS.ListStreams(w.t.Context()).Info() {
		stream, err := w.JS.Stream(w.t.Context(), info.Config.Name)
		if err != nil {
			w.t.Fatal(err)
		}
		for seq := info.State.FirstSeq; seq <= info.State.LastSeq; seq++ {
			m, err := stream.GetMsg(w.t.Context(), seq)
			if err != nil {
				continue // replaced by a later one
			}
			fmt.Fprintln(&all, info.Config.Name, m.Subject, m.Header, string(m.Data))
		}
	}
	return all.String()
}
