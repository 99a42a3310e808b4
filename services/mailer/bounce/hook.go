package bounce

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/rs/zerolog"
)

// Hook takes notifications over HTTP: the raw message, as a mail server pipes it,
// in a POST to /bounces with the secret as a bearer token.
//
//	204  on record, or nothing new
//	400  not a notification: do not send it again
//	401  the secret is missing or wrong
//	404  about no mail that is known to be sent: try again, but not for long
//	413  too large
//	503  not on record: try again
type Hook struct {
	Secret string
	Take   Taker
	Logger zerolog.Logger
}

// Path is where notifications are posted to.
const Path = "/bounces"

// Handler serves the hook.
func (h Hook) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Path, h.post)
	return mux
}

func (h Hook) post(w http.ResponseWriter, r *http.Request) {
	if !h.admits(r) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "the bearer token is missing or wrong", http.StatusUnauthorized)
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxSize))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		http.Error(w, "too large for a notification", http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		return // the caller is gone
	}
	notification, err := Parse(raw)
	if err == nil {
		err = h.Take(r.Context(), notification)
	}
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, ErrNotNotification):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case errors.Is(err, ErrUnknownMail):
		http.Error(w, err.Error(), http.StatusNotFound)
	default:
		h.Logger.Warn().Err(err).Msg("a bounce could not be put on record")
		http.Error(w, "not on record: try again", http.StatusServiceUnavailable)
	}
}

// admits compares hashes, so that timing reveals nothing.
func (h Hook) admits(r *http.Request) bool {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(h.Secret))
	return bearer && h.Secret != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}
