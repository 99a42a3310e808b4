package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
)

// perform does a form's work, unless another post with its token did. It tells
// whether this was the one.
func (s *site) perform(r *http.Request, v visitor, work func(context.Context) error) (mine bool, err error) {
	var failed error
	mine, err = s.once.do(r.Context(), v.session, r.PostFormValue("once"), func(ctx context.Context) error {
		failed = work(ctx)
		return failed
	})
	if failed != nil {
		return mine, failed
	}
	return mine, away(err)
}

// change is a change that is answered by leading to another page.
func (s *site) change(
	w http.ResponseWriter, r *http.Request, v visitor, to func(events.Extension) string, code string,
	work func(context.Context, events.Extension) error,
) error {
	x, err := named(r)
	if err != nil {
		return err
	}
	if _, err := s.perform(r, v, func(ctx context.Context) error { return work(ctx, x) }); err != nil {
		return s.again(w, r, v, x, typed{Name: strings.TrimSpace(r.PostFormValue("name"))}, err)
	}
	leave(w, r, to(x), code)
	return nil
}

func toList(x events.Extension) string { return listURL(x.Tenant) }
func toPage(x events.Extension) string { return extensionURL(x.Tenant, x.Number) }

// save is Save and Close.
func (s *site) save(w http.ResponseWriter, r *http.Request, v visitor) error {
	name := strings.TrimSpace(r.PostFormValue("name"))
	if name == strings.TrimSpace(r.PostFormValue("was")) && name != "" {
		return s.change(w, r, v, toList, "", func(context.Context, events.Extension) error { return nil })
	}
	return s.change(w, r, v, toList, "saved", func(ctx context.Context, x events.Extension) error {
		_, err := s.core.Save(ctx, x, versionOf(r), name)
		return err
	})
}

func (s *site) disable(w http.ResponseWriter, r *http.Request, v visitor) error {
	return s.change(w, r, v, toPage, "off", func(ctx context.Context, x events.Extension) error {
		return s.core.Disable(ctx, x, versionOf(r))
	})
}

// removeDevice needs no version: it names the device, and nothing else is changed.
// One that is gone already is as it should be; whether the extension is there, the
// page says.
func (s *site) removeDevice(w http.ResponseWriter, r *http.Request, v visitor) error {
	return s.change(w, r, v, toPage, "removed", func(ctx context.Context, x events.Extension) error {
		err := s.core.RemoveDevice(ctx, x, portal.Any, r.PostFormValue("device"))
		if errors.Is(err, portal.ErrNotFound) {
			return nil
		}
		return err
	})
}

func (s *site) sendWelcome(w http.ResponseWriter, r *http.Request, v visitor) error {
	return s.change(w, r, v, toPage, "mailed", func(ctx context.Context, x events.Extension) error {
		return s.core.SendWelcome(ctx, x, portal.Any)
	})
}

// changeEmail corrects the address of an app that is on.
func (s *site) changeEmail(w http.ResponseWriter, r *http.Request, v visitor) error {
	x, err := named(r)
	if err != nil {
		return err
	}
	form := typed{Email: strings.TrimSpace(r.PostFormValue("email"))}
	_, err = s.perform(r, v, func(ctx context.Context) error {
		_, err := s.core.ChangeEmail(ctx, x, versionOf(r), form.Email)
		return err
	})
	if err != nil {
		return s.again(w, r, v, x, form, err)
	}
	leave(w, r, toPage(x), "address")
	return nil
}

func (s *site) remove(w http.ResponseWriter, r *http.Request, v visitor) error {
	return s.change(w, r, v, toList, "deleted", func(ctx context.Context, x events.Extension) error {
		return s.core.Delete(ctx, x, versionOf(r))
	})
}

// enable answers with the password: the only answer it is in.
func (s *site) enable(w http.ResponseWriter, r *http.Request, v visitor) error {
	x, err := named(r)
	if err != nil {
		return err
	}
	form := typed{Email: strings.TrimSpace(r.PostFormValue("email")), Password: r.PostFormValue("password")}
	var made portal.Enabled
	mine, err := s.perform(r, v, func(ctx context.Context) error {
		made, err = s.core.Enable(ctx, x, versionOf(r), form.Email, form.Password)
		return err
	})
	switch {
	case err != nil:
		return s.again(w, r, v, x, form, err)
	case !mine:
		leave(w, r, toPage(x), "already")
		return nil
	}
	known := portal.Details{
		Extension: x, Version: made.Version, Email: form.Email, Username: made.Username, Enabled: true, Granted: true,
		Limit: made.Limit, WelcomeUnknown: true,
	}
	s.reveal(w, r, v, known, shown{
		Title: "The app is enabled", Text: "Give this password to whoever answers the extension.",
		Username: made.Username, Password: made.Password.Reveal(),
	})
	return nil
}

// resetPassword answers with the new password, as enable does.
func (s *site) resetPassword(w http.ResponseWriter, r *http.Request, v visitor) error {
	x, err := named(r)
	if err != nil {
		return err
	}
	form := typed{Password: r.PostFormValue("password")}
	form.SignOut = r.PostFormValue("sign-out") == "yes"
	var made portal.Reset
	mine, err := s.perform(r, v, func(ctx context.Context) error {
		made, err = s.core.ResetPassword(ctx, x, versionOf(r), form.Password, form.SignOut)
		return err
	})
	switch {
	case err != nil:
		return s.again(w, r, v, x, form, err)
	case !mine:
		leave(w, r, toPage(x), "already")
		return nil
	}
	known := portal.Details{
		Extension: x, Version: made.Version, Username: made.Username, Enabled: true, Granted: true, SeatsUnknown: true, WelcomeUnknown: true,
	}
	text := "The old one no longer signs in. Signed-in devices stay signed in."
	if form.SignOut {
		text = "Every device is signed out. Each keeps its seat, and signs in again with the new password."
	}
	s.reveal(w, r, v, known, shown{
		Title: "The password was changed", Text: text,
		Username: made.Username, Password: made.Password.Reveal(),
	})
	return nil
}

// reveal shows the page with a password. What the change itself told stands in
// when the rest cannot be read just now: the password is in no other answer.
func (s *site) reveal(w http.ResponseWriter, r *http.Request, v visitor, known portal.Details, password shown) {
	if details, err := s.core.Get(context.WithoutCancel(r.Context()), known.Extension); err == nil {
		known = details
	} else {
		s.log.Warn().Err(err).Str("extension", known.Extension.String()).Msg("the page of a change shows only what the change told")
	}
	view := newExtensionView(known)
	view.Shown = &password
	s.showExtension(w, r, v, http.StatusOK, view)
}
