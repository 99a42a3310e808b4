package api

import (
	"net/http"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal"
)

type (
	signInRequest struct {
		Username string        `json:"username"`
		Password string        `json:"password"`
		Device   requestDevice `json:"device"`
	}
	requestDevice struct {
		ID         string `json:"id"`
		Platform   string `json:"platform"`
		Name       string `json:"name"`
		AppVersion string `json:"appVersion"`
	}
	signedIn struct {
		profile

		Token string `json:"token"`
	}
	profile struct {
		DisplayName string `json:"displayName"`
		Username    string `json:"username"`
		DeviceID    string `json:"deviceId"`
		Used        int    `json:"used"`
		Limit       int    `json:"limit"`
	}
)

func profileOf(p portal.Profile) profile {
	return profile{DisplayName: p.DisplayName, Username: p.Username, DeviceID: p.DeviceID, Used: p.Used, Limit: p.Limit}
}

// signIn: POST /softphone/sign-in
func (a *api) signIn(w http.ResponseWriter, r *http.Request) error {
	var in signInRequest
	if err := read(r, &in); err != nil {
		return err
	}
	for field, value := range map[string]string{"username": in.Username, "password": in.Password} {
		if value == "" {
			return &events.FieldError{Field: field, Problem: "is required and must not be empty"}
		}
	}
	from, shared := a.Clients.Address(r)
	s, err := a.Service.SignIn(r.Context(), portal.SignIn{
		Username: in.Username, Password: process.NewSecret(in.Password),
		Device:     portal.Device{ID: in.Device.ID, Platform: in.Device.Platform, Name: in.Device.Name},
		AppVersion: in.Device.AppVersion, Address: from, Shared: shared,
	})
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, signedIn{profile: profileOf(s.Profile), Token: s.Token.Reveal()})
}

// profile: GET /softphone/profile
func (a *api) profile(w http.ResponseWriter, r *http.Request) error {
	p, err := a.Service.Profile(r.Context(), bearer(r))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, profileOf(p))
}

// signOut: POST /softphone/sign-out
func (a *api) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := a.Service.SignOut(r.Context(), bearer(r)); err != nil {
		return err
	}
	return done(w, http.StatusNoContent)
}
