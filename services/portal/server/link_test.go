package server_test

import (
	"io"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/services/portal/server"
)

// Who may do what is said exactly or not at all: an empty tenant is a variable of a
// script that is not set, and no administrator of all of them.
func TestLinkRefuses(t *testing.T) {
	t.Parallel()
	nowhere := []string{"REDIS_URL=redis://127.0.0.1:1/0"}
	for says, arguments := range map[string][]string{
		`tenant: "Acme Inc" is not a tenant: 1 to 63 of a-z`: {"Ann", "Acme Inc"},
		`leave it out for an administrator of all tenants`:   {"Ann", ""},
		`name: is empty`:                        {""},
		`put a name of several words in quotes`: {"Ann", "Lee", "acme"},
	} {
		if err := server.Command(append([]string{"link"}, arguments...), nowhere, io.Discard); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("link %q: %v, want %q", arguments, err, says)
		}
	}
}
