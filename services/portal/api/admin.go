package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
)

// What administrators' tools are told. The field names are the API's.
type (
	summary struct {
		Tenant       string `json:"tenant"`
		Extension    string `json:"extension"`
		Name         string `json:"name"`
		Email        string `json:"email,omitempty"`
		Username     string `json:"username,omitempty"`
		Enabled      bool   `json:"enabled"`
		Used         *int   `json:"used,omitempty"` // absent when the seats are not known just now
		Limit        *int   `json:"limit,omitempty"`
		WelcomeEmail *email `json:"welcomeEmail,omitempty"`
	}
	page struct {
		Extensions []summary `json:"extensions"`
		Next       string    `json:"next,omitempty"` // "from" of the next page
	}
	details struct {
		summary

		Version uint64 `json:"version"`
		Granted bool   `json:"granted"`
	}
	email struct {
		State        string     `json:"state"`
		To           string     `json:"to,omitempty"`
		Since        time.Time  `json:"since,omitzero"`
		At           time.Time  `json:"at"`
		Reason       string     `json:"reason,omitempty"`
		SMTPCode     int        `json:"smtpCode,omitempty"`
		EnhancedCode string     `json:"enhancedCode,omitempty"`
		Advice       string     `json:"advice,omitempty"`
		Attempts     int        `json:"attempts,omitempty"`
		NextAttempt  *time.Time `json:"nextAttempt,omitempty"`

		CorrectAddress bool `json:"correctAddress,omitempty"`
	}
	device struct {
		ID       string    `json:"id"`
		Platform string    `json:"platform"`
		Name     string    `json:"name,omitempty"`
		Since    time.Time `json:"since"`
	}
	seats struct {
		Used    int      `json:"used"`
		Limit   int      `json:"limit"`
		Devices []device `json:"devices"`
	}
	activated struct {
		Username  string `json:"username"`
		Password  string `json:"password,omitempty"` // only one that was made up, and only here
		LicenseID string `json:"licenseId,omitempty"`
		Limit     int    `json:"limit,omitempty"`
		Version   uint64 `json:"version"`
	}
)

func emailOf(e *portal.Email) *email {
	if e == nil {
		return nil
	}
	return &email{
		State: e.State, To: e.To, Since: e.Since, At: e.At, Reason: e.Reason, SMTPCode: e.SMTPCode,
		EnhancedCode: e.EnhancedCode, Advice: e.Advice, Attempts: e.Attempts, NextAttempt: e.Next, CorrectAddress: e.CorrectAddress,
	}
}

func devicesOf(all []portal.Device) []device {
	list := make([]device, 0, len(all))
	for _, d := range all {
		list = append(list, device{ID: d.ID, Platform: d.Platform, Name: d.Name, Since: d.Since})
	}
	return list
}

// list: GET /tenants/{tenant}/extensions
func (a *api) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	found, next, err := a.Service.List(r.Context(), r.PathValue("tenant"), q.Get("query"), q.Get("from"))
	if err != nil {
		return err
	}
	p := page{Extensions: make([]summary, 0, len(found)), Next: next}
	for _, s := range found {
		p.Extensions = append(p.Extensions, summary{
			Tenant: s.Extension.Tenant, Extension: s.Extension.Number, Name: s.Name, Email: s.Email, Username: s.Username,
			Enabled: s.Enabled, Used: &s.Used, Limit: &s.Limit, WelcomeEmail: emailOf(s.Welcome),
		})
	}
	return reply(w, http.StatusOK, p)
}

// get: GET /tenants/{tenant}/extensions/{extension}
func (a *api) get(w http.ResponseWriter, r *http.Request) error {
	x, err := extension(r)
	if err != nil {
		return err
	}
	return a.show(w, r, x, http.StatusOK)
}

func (a *api) show(w http.ResponseWriter, r *http.Request, x events.Extension, status int) error {
	d, err := a.Service.Get(r.Context(), x)
	if err != nil {
		return err
	}
	out := details{
		summary: summary{
			Tenant: x.Tenant, Extension: x.Number, Name: d.Name, Email: d.Email, Username: d.Username,
			Enabled: d.Enabled, WelcomeEmail: emailOf(d.Welcome),
		},
		Version: d.Version, Granted: d.Granted,
	}
	if !d.SeatsUnknown {
		out.Used, out.Limit = &d.Used, &d.Limit
	}
	return reply(w, status, out)
}

// put: PUT /tenants/{tenant}/extensions/{extension} renames, or adds when there is
// none and no version is named.
func (a *api) put(w http.ResponseWriter, r *http.Request) error {
	x, seen, err := target(r)
	if err != nil {
		return err
	}
	var in struct {
		Name string `json:"name"`
	}
	if err := read(r, &in); err != nil {
		return err
	}
	_, err = a.Service.Save(r.Context(), x, seen, in.Name)
	if errors.Is(err, portal.ErrNotFound) && seen == portal.Any {
		if _, err = a.Service.Add(r.Context(), x, in.Name); err == nil {
			return a.show(w, r, x, http.StatusCreated)
		}
	}
	if err != nil {
		return err
	}
	return a.show(w, r, x, http.StatusOK)
}

// remove: DELETE /tenants/{tenant}/extensions/{extension}
func (a *api) remove(w http.ResponseWriter, r *http.Request) error {
	x, seen, err := target(r)
	if err != nil {
		return err
	}
	if err := a.Service.Delete(r.Context(), x, seen); err != nil {
		return err
	}
	return done(w, http.StatusNoContent)
}

// enable: POST …/softphone
func (a *api) enable(w http.ResponseWriter, r *http.Request) error {
	x, seen, err := target(r)
	if err != nil {
		return err
	}
	var in struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := read(r, &in); err != nil {
		return err
	}
	e, err := a.Service.Enable(r.Context(), x, seen, in.Email, in.Password)
	if err != nil {
		return err
	}
	out := activated{Username: e.Username, LicenseID: e.LicenseID, Limit: e.Limit, Version: e.Version}
	if in.Password == "" {
		out.Password = e.Password.Reveal()
	}
	return reply(w, http.StatusCreated, out)
}

// disable: DELETE …/softphone
func (a *api) disable(w http.ResponseWriter, r *http.Request) error {
	x, seen, err := target(r)
	if err != nil {
		return err
	}
	if err := a.Service.Disable(r.Context(), x, seen); err != nil {
		return err
	}
	return done(w, http.StatusNoContent)
}

// changeEmail: PUT …/softphone/email
func (a *api) changeEmail(w http.ResponseWriter, r *http.Request) error {
	x, seen, err := target(r)
	if err != nil {
		return err
	}
	var in struct {
		Email string `json:"email"`
	}
	if err := read(r, &in); err != nil {
		return err
	}
	if _, err := a.Service.ChangeEmail(r.Context(), x, seen, in.Email); err != nil {
		return err
	}
	return a.show(w, r, x, http.StatusOK)
}

// resetPassword: POST …/softphone/password
func (a *api) resetPassword(w http.ResponseWriter, r *http.Request) error {
	x, seen, err := target(r)
	if err != nil {
		return err
	}
	var in struct {
		Password       string `json:"password"`
		SignOutDevices bool   `json:"signOutDevices"`
	}
	if err := readMaybe(r, &in); err != nil {
		return err
	}
	reset, err := a.Service.ResetPassword(r.Context(), x, seen, in.Password, in.SignOutDevices)
	if err != nil {
		return err
	}
	out := activated{Username: reset.Username, Version: reset.Version}
	if in.Password == "" {
		out.Password = reset.Password.Reveal()
	}
	return reply(w, http.StatusOK, out)
}

// devices: GET …/softphone/devices
func (a *api) devices(w http.ResponseWriter, r *http.Request) error {
	x, err := extension(r)
	if err != nil {
		return err
	}
	d, err := a.Service.Get(r.Context(), x)
	if err != nil {
		return err
	}
	if d.SeatsUnknown {
		return portal.ErrTryAgain
	}
	return reply(w, http.StatusOK, seats{Used: d.Used, Limit: d.Limit, Devices: devicesOf(d.Devices)})
}

// removeDevice: DELETE …/softphone/devices/{device}
func (a *api) removeDevice(w http.ResponseWriter, r *http.Request) error {
	x, seen, err := target(r)
	if err != nil {
		return err
	}
	if err := a.Service.RemoveDevice(r.Context(), x, seen, r.PathValue("device")); err != nil {
		return err
	}
	return done(w, http.StatusNoContent)
}

// sendWelcome: POST …/softphone/welcome-email
func (a *api) sendWelcome(w http.ResponseWriter, r *http.Request) error {
	x, seen, err := target(r)
	if err != nil {
		return err
	}
	if err := a.Service.SendWelcome(r.Context(), x, seen); err != nil {
		return err
	}
	return done(w, http.StatusAccepted)
}

// target is what a change is about, and what the caller saw of it.
func target(r *http.Request) (events.Extension, uint64, error) {
	x, err := extension(r)
	if err != nil {
		return x, 0, err
	}
	seen, err := version(r)
	return x, seen, err
}
