package portaltest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/portal"
)

const (
	zoe      = "Zo\u00eb"  // as most keyboards write it
	zoeApart = "Zoe\u0308" // as some file systems and phones do
)

// A name is the same text however it was typed, in every fact of the portal; a search finds what a
// PBX core wrote otherwise.
func TestNamesAreComposed(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	ctx := portaltest.As(t.Context(), "Grace")
	typed := events.Extension{Tenant: "acme", Number: "1001"}
	core := events.Extension{Tenant: "acme", Number: "1002"}
	api := events.Extension{Tenant: "acme", Number: "1003"}
	if _, err := w.Service.Add(ctx, typed, " \u200b\u202e"+zoeApart+"\u200f\ufeff"); err != nil {
		t.Fatal(err)
	}
	w.Publish(events.NewFact(core, events.ExtensionRenamed{Name: zoeApart}))
	if _, _, err := w.Service.Publish(ctx, events.NewFact(api, events.ExtensionRenamed{Name: zoeApart}), time.Second); err != nil {
		t.Fatal(err)
	}
	for x, want := range map[events.Extension]string{typed: zoe, core: zoeApart, api: zoe} {
		if d, err := w.Service.Get(ctx, x); err != nil || d.Name != want {
			t.Errorf("%s is called %+q, want %+q (%v)", x, d.Name, want, err)
		}
	}
	for _, query := range []string{zoe, zoeApart, strings.ToUpper(zoe), strings.ToUpper(zoeApart), "oe\u0308"} {
		w.Eventually("finding "+query, func() bool {
			found, _, err := w.Service.List(ctx, "acme", query, "")
			return err == nil && len(found) == 3
		})
	}
	before, err := w.Service.Get(ctx, typed)
	if err != nil {
		t.Fatal(err)
	}
	if now, err := w.Service.Save(ctx, typed, before.Version, zoeApart); err != nil || now != before.Version {
		t.Errorf("the same name, typed otherwise, is a change: %d, %v", now, err)
	}
}

// A name of nothing visible is refused.
func TestNamesWithNothingToSee(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	ctx := portaltest.As(t.Context(), "Grace")
	for _, name := range []string{"", " ", "\u00a0", "\u200b", "\u3164", "\u2800", "\u202e", "\u00ad\u2060", "\u0301"} {
		_, err := w.Service.Add(ctx, ada, name)
		if field, ok := errors.AsType[*events.FieldError](err); !ok || field.Field != "name" {
			t.Errorf("%+q: %v", name, err)
		}
	}
}

// What comes along with a pasted address is trimmed at its ends, and named within.
func TestPastedAddress(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	ctx := portaltest.As(t.Context(), "Grace")
	added(t, w, ada)
	for _, within := range []string{"ada\u200b@example.com", "ada@exam\u00adple.com", "ada@\u2060example.com", "ada\u00a0@example.com"} {
		_, err := w.Service.Enable(ctx, ada, portal.Any, within, "")
		if field, ok := errors.AsType[*events.FieldError](err); !ok || field.Field != "email" || !strings.Contains(field.Problem, `invisible character '\u`) {
			t.Errorf("%+q: %v", within, err)
		}
	}
	if _, err := w.Service.Enable(ctx, ada, portal.Any, "\ufeff\u200b ada@mu\u0308ller.example\u202c\u200e\u00a0", ""); err != nil {
		t.Fatal(err)
	}
	if d, err := w.Service.Get(ctx, ada); err != nil || d.Email != "ada@m\u00fcller.example" {
		t.Errorf("the address is %+q, %v", d.Email, err)
	}
}
