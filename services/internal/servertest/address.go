package servertest

import (
	"testing"

	"github.com/mycloudpbx/softphone/services/internal/embedded"
)

// FreeAddress is one on the loopback interface that nobody listens on just now.
func FreeAddress(t testing.TB) string {
	t.Helper()
	address, err := embedded.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}
