package web

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
)

// historyView is the page of an extension's history.
type historyView struct {
	Number, Name    string // no name of an extension that is deleted
	BackURL, Back   string
	Facts           []fact
	Latest, Earlier string // addresses of other pages; "" where this one is that
}

// fact is one of a history, or what followed from one.
type fact struct {
	Text, Who []piece
	At        moment
	Bad       bool // something was refused, or did not arrive
	Followed  []fact
}

// piece is a part of a phrase. One that is somebody else's is isolated: it may be in another direction.
type piece struct {
	Text   string
	Theirs bool
}

func (s *site) history(w http.ResponseWriter, r *http.Request, v visitor) error {
	x, err := named(r)
	if err != nil {
		return err
	}
	before, err := strconv.ParseUint(r.URL.Query().Get("before"), 10, 64)
	if err != nil {
		before = 0 // whoever changed the address sees the latest
	}
	found, next, err := s.core.History(r.Context(), x, before)
	if err != nil {
		return err
	}
	view, err := s.newHistoryView(r, x)
	if err != nil {
		return err
	}
	view.Facts = factsOf(found)
	url := extensionURL(x.Tenant, x.Number) + "/history"
	if before > 0 {
		view.Latest = url
	}
	if next > 0 {
		view.Earlier = url + "?before=" + strconv.FormatUint(next, 10)
	}
	s.show(w, r, http.StatusOK, "history", page{
		Title: "History of " + x.Number, Account: &v.Administrator, Tenant: x.Tenant, Scripts: []string{"page.js", "time.js"}, Body: view,
	})
	return nil
}

// newHistoryView leads back to the extension, or to the list when it is deleted.
func (s *site) newHistoryView(r *http.Request, x events.Extension) (historyView, error) {
	view := historyView{Number: x.Number}
	details, err := s.core.Get(r.Context(), x)
	switch {
	case errors.Is(err, portal.ErrNotFound):
		view.BackURL, view.Back = listURL(x.Tenant), "Extensions"
	case err != nil:
		return view, err
	default:
		view.Name = details.Name
		view.BackURL, view.Back = extensionURL(x.Tenant, x.Number), x.Number
	}
	return view, nil
}

func factsOf(happened []portal.Happened) (facts []fact) {
	for _, h := range happened {
		facts = append(facts, fact{Text: pieces(h.Text), Who: whoDid(h.Actor), At: moment{h.At}, Bad: bad(h.Event), Followed: factsOf(h.Followed)})
	}
	return facts
}

func pieces(phrase portal.Phrase) (all []piece) {
	for i, text := range phrase {
		all = append(all, piece{Text: text, Theirs: i%2 == 1})
	}
	return all
}

// whoDid names an actor; nobody when nobody said.
func whoDid(a events.Actor) []piece {
	if a.Kind == "" {
		return nil
	}
	who := []piece{{Text: sentence(events.Actor{Kind: a.Kind}.String())}}
	if name := or(a.Name, a.ID); name != "" {
		who = append(who, piece{Text: " "}, piece{Text: name, Theirs: true})
	}
	return who
}

func bad(event string) bool {
	switch event {
	case events.DeviceActivationLimitReached{}.EventName(), events.DeviceSignInRefused{}.EventName(),
		events.EmailFailed{}.EventName(), events.EmailBounced{}.EventName():
		return true
	}
	return false
}
