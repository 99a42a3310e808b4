package pages

import (
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/portal"
)

// TestAddress mistypes an address, which the mail server refuses: the advice leads to the
// address, which is edited in its place. The mail arrives at the right one, and the device
// that is signed in stays so.
func TestAddress(t *testing.T) {
	t.Parallel()
	w := newWorldMailing(t, servertest.SMTPScript{Rcpt: func(to string) error {
		if to == "anm@example.com" {
			return servertest.SMTPAnswer(550, 5, 1, 1, "No such user here")
		}
		return nil
	}})
	admin := w.administrator("Alex Kim")
	x, page := w.extension("1001", "Ann Lee")
	on, err := w.Service.Enable(acting(t.Context(), "Alex Kim"), x, portal.Any, "anm@example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	phone := w.window()
	phone.open(w.url + "/softphone")
	phone.sees("Sign in as Browser 1")
	phone.fill("#username", on.Username)
	phone.fill("#password", on.Password.Reveal())
	phone.click("#sign-in button")
	phone.sees("Ann Lee", "Device 1 of 4")

	admin.open(page)
	admin.sees("Failed", "There is no such mailbox", "Correct the address", "1 of 4")
	admin.shows("address-refused")
	admin.click("#welcome a")
	admin.await("be in the field", "document.activeElement.id == 'email'")
	admin.shows("address-edited")

	admin.fill("#email", "ann@")
	admin.click("#readdress button")
	admin.sees("Enter a complete e-mail address")
	admin.await("be in the field at fault", "document.activeElement.id == 'email' && document.activeElement.value == 'ann@'")
	admin.click(".finish button.primary")
	admin.sees("The new e-mail address is not saved") // what was typed is not dropped in silence
	admin.fill("#email", "ann@example.com")
	admin.click("#readdress button")
	admin.sees("The e-mail address is set", "ann@example.com", "1 of 4", "Sent")
	admin.shows("address-corrected")
	if mails := w.relay.Wait(1, patience); len(mails) != 1 || mails[0].To[0] != "ann@example.com" || strings.Contains(string(mails[0].Data), on.Password.Reveal()) {
		t.Errorf("mails %+v", mails)
	}
	phone.reload()
	phone.sees("Ann Lee", "Device 1 of 4")
	if n := w.facts(x, events.SoftphoneEmailChanged{}); n != 1 {
		t.Errorf("%d facts, want 1", n)
	}

	// By keyboard, and not at all.
	admin.click("#readdress summary")
	admin.await("be in the field", "document.activeElement.id == 'email'")
	admin.fill("#email", "someone@example.com")
	admin.click("#readdress summary")
	admin.await("see the address in force, and the editor closed", "!document.querySelector('#readdress').open && document.querySelector('#email').value == 'ann@example.com'")

	// Elsewhere it is changed: the page shows that by itself, and the old address hears of it.
	if _, err := w.Service.ChangeEmail(acting(t.Context(), "Kim Alex"), x, portal.Any, "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	admin.sees("ann@example.org")
	to := map[string]int{}
	for _, m := range w.relay.Wait(3, patience) {
		to[m.To[0]]++
	}
	if to["ann@example.com"] != 2 || to["ann@example.org"] != 1 {
		t.Errorf("mails to %v", to)
	}
}
