package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
)

func listURL(tenant string) string { return "/tenants/" + tenant }

func extensionURL(tenant, number string) string { return listURL(tenant) + "/extensions/" + number }

// home leads to the tenant's extensions, or asks which tenant.
func (s *site) home(w http.ResponseWriter, r *http.Request, v visitor) error {
	tenant, asked := v.Tenant, ""
	if tenant == "" {
		tenant = strings.ToLower(strings.TrimSpace(r.FormValue("tenant")))
		asked = tenant
	}
	fault := ""
	if tenant != "" {
		err := events.Extension{Tenant: tenant, Number: "0"}.Validate()
		if err == nil {
			http.Redirect(w, r, listURL(tenant), http.StatusSeeOther) //nolint:gosec // a path of ours: the tenant is valid
			return nil
		}
		fault = "Use only a to z, 0 to 9 and hyphens."
	}
	s.show(w, r, http.StatusOK, "tenants", page{
		Title: "Tenants", Account: &v.Administrator, Body: map[string]string{"Tenant": asked, "Fault": fault},
	})
	return nil
}

// listView is the page of a tenant's extensions.
type listView struct {
	Tenant, Query, URL, Next string
	Rows                     []row
	Adding                   *addView
}

type row struct {
	Number, Name, URL string
	On                bool
	Seats             *seats
	Mail              *mail
}

// addView is the form that adds an extension.
type addView struct {
	Once, Number, Name string
	Faults             map[string]string
}

func (s *site) list(w http.ResponseWriter, r *http.Request, v visitor) error {
	var adding *addView
	if r.URL.Query().Has("add") {
		adding = &addView{Once: newOnce()}
	}
	return s.showList(w, r, v, http.StatusOK, adding)
}

func (s *site) showList(w http.ResponseWriter, r *http.Request, v visitor, status int, adding *addView) error {
	tenant := r.PathValue("tenant")
	if err := (events.Extension{Tenant: tenant, Number: "0"}).Validate(); err != nil {
		return portal.ErrNotFound
	}
	query := strings.TrimSpace(r.URL.Query().Get("q"))
	found, next, err := s.core.List(r.Context(), tenant, query, r.URL.Query().Get("from"))
	if err != nil {
		return err
	}
	view := listView{Tenant: tenant, Query: query, URL: listURL(tenant), Adding: adding}
	if next != "" {
		view.Next = view.URL + "?" + url.Values{"q": {query}, "from": {next}}.Encode()
	}
	for _, e := range found {
		line := row{Number: e.Extension.Number, Name: e.Name, URL: extensionURL(tenant, e.Extension.Number), On: e.Enabled, Mail: newMail(e.Welcome)}
		if e.Enabled {
			line.Seats = newSeats(e.Used, e.Limit)
		}
		view.Rows = append(view.Rows, line)
	}
	s.show(w, r, status, "extensions", page{
		Title: "Extensions", Account: &v.Administrator, Tenant: tenant, Scripts: []string{"page.js", "live.js"}, Body: view,
	})
	return nil
}

func (s *site) add(w http.ResponseWriter, r *http.Request, v visitor) error {
	form := addView{
		Once: newOnce(), Number: strings.TrimSpace(r.PostFormValue("number")), Name: strings.TrimSpace(r.PostFormValue("name")),
		Faults: map[string]string{},
	}
	x := events.Extension{Tenant: r.PathValue("tenant"), Number: form.Number}
	if x.Validate() != nil {
		form.Faults["extension"] = "Use 1 to 32 of A to Z, 0 to 9, _ and -."
	}
	if form.Name == "" {
		form.Faults["name"] = "Give it a name."
	}
	if len(form.Faults) > 0 {
		return s.showList(w, r, v, http.StatusBadRequest, &form)
	}
	_, err := s.perform(r, v, func(ctx context.Context) error {
		_, err := s.core.Add(ctx, x, form.Name)
		return err
	})
	var field *events.FieldError
	switch {
	case errors.Is(err, portal.ErrExists):
		form.Faults["extension"] = "There is an extension " + form.Number + " already."
		return s.showList(w, r, v, http.StatusConflict, &form)
	case errors.As(err, &field):
		form.Faults[faultOf(field)] = faultText(field)
		return s.showList(w, r, v, http.StatusBadRequest, &form)
	case err != nil:
		return err
	}
	leave(w, r, extensionURL(x.Tenant, x.Number), "added")
	return nil
}
