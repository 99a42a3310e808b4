package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
)

type (
	historyPage struct {
		History []happened `json:"history"`
		Next    uint64     `json:"next,omitempty"` // "before" of the next page, which is earlier
	}
	happened struct {
		Sequence uint64     `json:"sequence"`
		Time     time.Time  `json:"time"`
		Source   string     `json:"source"`
		Event    string     `json:"event"`
		Text     string     `json:"text"`
		Actor    *actor     `json:"actor,omitempty"`
		Followed []happened `json:"followed,omitempty"`
	}
	actor struct {
		Kind string `json:"kind"`
		ID   string `json:"id,omitempty"`
		Name string `json:"name,omitempty"`
	}
)

// history: GET /tenants/{tenant}/extensions/{extension}/history
func (a *api) history(w http.ResponseWriter, r *http.Request) error {
	x, err := extension(r)
	if err != nil {
		return err
	}
	before, err := before(r)
	if err != nil {
		return err
	}
	page, next, err := a.Service.History(r.Context(), x, before)
	if err != nil {
		return err
	}
	out := historyPage{History: happenedOf(page), Next: next}
	if out.History == nil {
		out.History = []happened{}
	}
	return reply(w, http.StatusOK, out)
}

// before is where a page of a history ends; 0 when the query does not say.
func before(r *http.Request) (uint64, error) {
	text := r.URL.Query().Get("before")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		return 0, &events.FieldError{Field: "before", Problem: `is not a sequence; send "next" of the page after it, or none`}
	}
	return n, nil
}

func happenedOf(page []portal.Happened) (all []happened) {
	for _, h := range page {
		out := happened{
			Sequence: h.Sequence, Time: h.At.UTC(), Source: h.Source, Event: h.Event, Text: h.Text.String(), Followed: happenedOf(h.Followed),
		}
		if h.Actor.Kind != "" {
			out.Actor = &actor{Kind: h.Actor.Kind, ID: h.Actor.ID, Name: h.Actor.Name}
		}
		all = append(all, out)
	}
	return all
}
