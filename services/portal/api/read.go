package api

import (
	"bufio"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/mycloudpbx/softphone/events"
)

// read fills target from the body of a request: one JSON object with no field that
// target does not have. Errors are *events.FieldErrors where a field can be named,
// and never repeat a value.
func read(r *http.Request, target any) error {
	body, err := body(r, "application/json")
	if err != nil {
		return err
	}
	return events.ReadJSON("body", body, target)
}

// readMaybe is read for a request that may come without a body.
func readMaybe(r *http.Request, target any) error {
	body := bufio.NewReader(r.Body) // one that comes in chunks does not say before that it is empty
	if _, err := body.Peek(1); errors.Is(err, io.EOF) {
		return nil
	}
	r.Body = io.NopCloser(body)
	return read(r, target)
}

// body reads all of a request's body.
func body(r *http.Request, media ...string) ([]byte, error) {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(media, kind) {
		return nil, errMedia
	}
	if charset, says := parameters["charset"]; says && !strings.EqualFold(charset, "utf-8") {
		return nil, &events.FieldError{Field: "Content-Type", Problem: "names a charset other than utf-8; send JSON in UTF-8 (RFC 8259, section 8.1)"}
	}
	body, err := io.ReadAll(r.Body)
	if _, large := errors.AsType[*http.MaxBytesError](err); err != nil && !large {
		return nil, &events.FieldError{Field: "body", Problem: "did not arrive whole; send it again"}
	}
	return body, err
}

// version is what the caller saw, in the query; portal.Any when it does not say.
func version(r *http.Request) (uint64, error) {
	text := r.URL.Query().Get("version")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		return 0, &events.FieldError{Field: "version", Problem: "is not a version; send the one that GET returned, or none"}
	}
	return n, nil
}
