package portaltest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/portal"
)

// Whoever can write to the bucket of credentials, on the disk of NATS or with a copy, lets
// nobody in: not with the password of another extension, nor with an earlier one of the
// same. An administrator puts it right with a new password.
func TestMovedCredentialsOpenNothing(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	bucket, err := w.JS.KeyValue(t.Context(), setup.CredentialsBucket)
	if err != nil {
		t.Fatal(err)
	}
	bob := events.Extension{Tenant: ada.Tenant, Number: "1009"}
	mallory, victim := enabled(t, w, bob), enabled(t, w, ada)
	first := only(t, bucket, ada)
	for name, do := range map[string]struct {
		value    jetstream.KeyValueEntry
		password func() string
	}{
		"another extension's": {only(t, bucket, bob), mallory.Password.Reveal},
		"an earlier one's":    {first, victim.Password.Reveal},
	} {
		set, err := w.Service.ResetPassword(portaltest.As(t.Context(), ""), ada, portal.Any, "", false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := signIn(t, w, victim.Username, set.Password, "d1"); err != nil {
			t.Fatal(err)
		}
		if _, err := bucket.Put(t.Context(), only(t, bucket, ada).Key(), do.value.Value()); err != nil {
			t.Fatal(err)
		}
		_, err = w.Service.SignIn(t.Context(), portal.SignIn{
			Username: victim.Username, Password: process.NewSecret(do.password()), Device: portal.Device{ID: "d2", Platform: "mac"},
		})
		if !errors.Is(err, portal.ErrTryAgain) || !strings.Contains(err.Error(), "seal") {
			t.Errorf("%s: signing in: %v", name, err)
		}
		details, err := w.Service.Get(portaltest.As(t.Context(), ""), ada)
		if err != nil || !details.NoPassword {
			t.Errorf("%s: an administrator sees a password: %t, %v", name, !details.NoPassword, err)
		}
	}
	set, err := w.Service.ResetPassword(portaltest.As(t.Context(), ""), ada, portal.Any, "", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signIn(t, w, victim.Username, set.Password, "d1"); err != nil {
		t.Errorf("after a new password: %v", err)
	}
}

// only is what is stored for an extension.
func only(t *testing.T, bucket jetstream.KeyValue, x events.Extension) jetstream.KeyValueEntry {
	t.Helper()
	keys, err := bucket.ListKeysFiltered(t.Context(), x.Tenant+"."+x.Number+".*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for key := range keys.Keys() {
		found = append(found, key)
	}
	if len(found) != 1 {
		t.Fatalf("%s has the credentials %q, want one", x, found)
	}
	entry, err := bucket.Get(t.Context(), found[0])
	if err != nil {
		t.Fatal(err)
	}
	return entry
}
