package portal

import (
	"fmt"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// Behind a proxy that is not named, what strangers fail does not keep out an account that is known there.
func TestSharedAddressDoesNotCountKnownAccounts(t *testing.T) {
	t.Parallel()
	const proxy = "192.0.2.77"
	g := guesser{throttle: newThrottle(servertest.Redis(t).Client(t), time.Minute), t: t, shared: true}
	owner, _ := g.try("owner", proxy)
	if err := owner.succeeded(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range freePerAddress + 1 {
		g.try(fmt.Sprint("stranger-", i), proxy)
	}
	if _, wait := g.try("stranger", proxy); wait <= 0 {
		t.Error("an unknown account is not counted by the address")
	}
	if _, wait := g.try("owner", proxy); wait > 0 {
		t.Errorf("the owner waits %s for what strangers failed", wait)
	}
}
