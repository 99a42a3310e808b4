package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
)

// extensionView is the page of an extension.
type extensionView struct {
	Number, Name, URL, ListURL string
	On, NoPassword             bool
	Email, Username            string
	Seats                      *seats
	Devices                    []device
	SeatsUnknown               bool
	Mail                       *mail
	MailUnknown                bool

	Once    string // for the page's forms
	Version uint64 // of what they change
	Typed   typed
	Faults  map[string]string // by field
	Problem *trouble
	Shown   *shown
}

// typed is what the forms hold.
type typed struct {
	Name, Email, Password string
	SignOut               bool
}

// trouble is why nothing was changed.
type trouble struct {
	Title, Text string
	At          *moment // nil when it does not matter
}

// shown is a password, this once.
type shown struct{ Title, Text, Username, Password string }

// named is the extension of a request's path.
func named(r *http.Request) (events.Extension, error) {
	x := events.Extension{Tenant: r.PathValue("tenant"), Number: r.PathValue("extension")}
	if x.Validate() != nil {
		return x, portal.ErrNotFound
	}
	return x, nil
}

func newExtensionView(d portal.Details) extensionView {
	return extensionView{
		Number: d.Extension.Number, Name: d.Name,
		URL: extensionURL(d.Extension.Tenant, d.Extension.Number), ListURL: listURL(d.Extension.Tenant),
		On: d.Enabled, NoPassword: d.NoPassword, Email: d.Email, Username: d.Username,
		Seats: newSeats(d.Used, d.Limit), Devices: newDevices(d.Devices), SeatsUnknown: d.SeatsUnknown,
		Mail: newMail(d.Welcome), MailUnknown: d.WelcomeUnknown,
		Once: newOnce(), Version: d.Version, Typed: typed{Name: d.Name, Email: d.Email}, Faults: map[string]string{},
	}
}

func (s *site) extension(w http.ResponseWriter, r *http.Request, v visitor) error {
	x, err := named(r)
	if err != nil {
		return err
	}
	details, err := s.core.Get(r.Context(), x)
	if err != nil {
		return err
	}
	s.showExtension(w, r, v, http.StatusOK, newExtensionView(details))
	return nil
}

func (s *site) showExtension(w http.ResponseWriter, r *http.Request, v visitor, status int, view extensionView) {
	if unsaved := r.PostFormValue("typed-name"); unsaved != "" {
		view.Typed.Name = unsaved
	}
	s.show(w, r, status, "extension", page{
		Title: strings.TrimSpace(view.Number + " " + view.Name), Account: &v.Administrator, Tenant: r.PathValue("tenant"),
		Scripts: []string{"page.js", "password.js", "live.js"}, Body: view,
	})
}

// back leads to the page of the extension.
func (s *site) back(w http.ResponseWriter, r *http.Request, _ visitor) error {
	x, err := named(r)
	if err == nil {
		http.Redirect(w, r, extensionURL(x.Tenant, x.Number), http.StatusSeeOther)
	}
	return err
}

// askDelete asks whether it is meant.
func (s *site) askDelete(w http.ResponseWriter, r *http.Request, v visitor) error {
	x, err := named(r)
	if err != nil {
		return err
	}
	details, err := s.core.Get(r.Context(), x)
	if err != nil {
		return err
	}
	s.show(w, r, http.StatusOK, "delete", page{
		Title: "Delete " + x.Number, Account: &v.Administrator, Tenant: x.Tenant, Scripts: []string{"page.js"}, Body: newExtensionView(details),
	})
	return nil
}

// again shows the page with what is in the way of a change; it returns errors that
// are no matter of the page.
func (s *site) again(w http.ResponseWriter, r *http.Request, v visitor, x events.Extension, form typed, err error) error {
	var field *events.FieldError
	var conflict *portal.Conflict
	many, _ := errors.AsType[*portal.TooMany](err)
	status := http.StatusConflict
	switch {
	case many != nil:
		status = http.StatusTooManyRequests
		retryAfter(w, many)
	case errors.As(err, &conflict), errors.Is(err, portal.ErrNotEnabled):
	case errors.As(err, &field):
		status = http.StatusBadRequest
	default:
		return err
	}
	details, err := s.core.Get(r.Context(), x)
	if err != nil {
		return err
	}
	view := newExtensionView(details)
	switch {
	case many != nil:
		view.Problem = &trouble{Title: map[bool]string{true: "Nothing was sent", false: "Nothing was changed"}[many.Of == portal.OfEmails], Text: sentence(many.Error()) + "."}
	case conflict != nil:
		view.Problem = explain(conflict, v)
		form.Password = "" // it was for what is no longer so
	case field != nil:
		view.Faults[faultOf(field)] = faultText(field)
	default:
		view.Problem = &trouble{Title: "The app is not enabled", Text: "Nothing was changed. The page shows what is true now."}
	}
	view.Typed = typed{Name: or(form.Name, view.Typed.Name), Email: or(form.Email, view.Typed.Email), Password: form.Password, SignOut: form.SignOut}
	s.showExtension(w, r, v, status, view)
	return nil
}

// explain says who was first.
func explain(c *portal.Conflict, v visitor) *trouble {
	who := whoOf(c.Who)
	if c.Who.Kind == events.ActorAdministrator && c.Who.Name == v.Name {
		who = "You"
	}
	return &trouble{
		Title: who + " " + did(c.What) + " meanwhile", At: &moment{c.When},
		Text: "Your change was not made. The page now shows what is true; what you typed is still here, and you may do it again.",
	}
}

// whoOf is an actor at the beginning of a sentence.
func whoOf(a events.Actor) string {
	switch a.Kind {
	case events.ActorAdministrator:
		return or(a.Name, a.ID)
	case events.ActorAPIToken, events.ActorDevice:
		return sentence(a.String())
	case events.ActorCore:
		return "The PBX"
	}
	return "Somebody"
}

// faultOf is the field of the page that a fault belongs to.
func faultOf(f *events.FieldError) string {
	switch name := strings.TrimPrefix(f.Field, "data."); name {
	case "displayName":
		return "name"
	case "number":
		return "extension"
	default:
		return name
	}
}

func faultText(f *events.FieldError) string {
	switch field := faultOf(f); field {
	case "email":
		if _, hidden, found := strings.Cut(f.Problem, "invisible character "); found {
			return "There is an invisible character in it, " + hidden + "."
		}
		return "Enter a complete e-mail address, such as ann@example.com."
	case "name", "password":
		return "The " + field + " " + strings.TrimRight(f.Problem, ".") + "."
	default:
		return sentence(f.Problem) + "."
	}
}

// versionOf is what the page showed that a post changes.
func versionOf(r *http.Request) uint64 {
	version, err := strconv.ParseUint(r.PostFormValue("version"), 10, 64)
	if err != nil || version == portal.Any {
		return 1 // a version that is always past: who did not look may not change
	}
	return version
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
