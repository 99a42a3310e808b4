package portal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/mycloudpbx/softphone/events"
)

// The log's index is asked once for a tenant while somebody follows the log, and what
// is new is in the list, also what came while it was read.
func TestDirectory(t *testing.T) {
	t.Parallel()
	asked, fail := 0, error(nil)
	var d *directory
	d = newDirectory(func(_ context.Context, tenant string) ([]string, error) {
		asked++
		d.add(events.Extension{Tenant: "acme", Number: "7"}) // while it is read
		return []string{"9", "10", "100"}, fail
	})
	want := func(times int, numbers ...string) {
		t.Helper()
		got, err := d.of(t.Context(), "acme")
		if err != nil || !slices.Equal(got, numbers) || asked != times {
			t.Errorf("%v, %v after %d questions; want %v after %d", got, err, asked, numbers, times)
		}
	}
	want(1, "9", "10", "100")
	want(2, "9", "10", "100") // nobody follows: nothing is remembered
	d.follows(true)
	want(3, "7", "9", "10", "100")
	d.add(events.Extension{Tenant: "acme", Number: "99"})
	d.add(events.Extension{Tenant: "acme", Number: "10"})
	d.add(events.Extension{Tenant: "other", Number: "1"})
	want(3, "7", "9", "10", "99", "100")
	d.follows(false)
	want(4, "9", "10", "100")
	d.follows(true)
	want(5, "7", "9", "10", "100")

	for i := range rolls { // the one nobody looked at for longest is forgotten
		if _, err := d.of(t.Context(), fmt.Sprint("tenant-", i)); err != nil {
			t.Fatal(err)
		}
	}
	want(6+rolls, "7", "9", "10", "100")
	for range changes + 1 {
		d.add(events.Extension{Tenant: "acme", Number: "8"})
	}
	want(7+rolls, "7", "9", "10", "100")

	fail = errors.New("away")
	if _, err := d.of(t.Context(), "new"); !errors.Is(err, fail) {
		t.Errorf("%v", err)
	}
	fail = nil
	if got, err := d.of(t.Context(), "new"); err != nil || len(got) == 0 {
		t.Errorf("an error is remembered: %v, %v", got, err)
	}
}
