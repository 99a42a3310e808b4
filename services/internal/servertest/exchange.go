package servertest

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// Exchange sends a request on a connection, which it closes, and returns all the server says there until it ends it: an
// http.Client would not wait for that.
func Exchange(t testing.TB, conn net.Conn, r *http.Request) string {
	t.Helper()
	defer conn.Close()
	r.Close = true
	err := errors.Join(conn.SetDeadline(time.Now().Add(startLimit)), r.Write(conn))
	said, ended := io.ReadAll(conn)
	if err = errors.Join(err, ended); err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	return string(said)
}
