package fold

import (
	"testing"
	"time"
)

// All owners compare at the same moments, whenever they started to wait.
func TestUntilCompare(t *testing.T) {
	t.Parallel()
	tick := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	for _, after := range []time.Duration{0, 1, compareInterval / 3, compareInterval - 1} {
		if now := tick.Add(after); !now.Add(untilCompare(now)).Equal(tick.Add(compareInterval)) {
			t.Errorf("%s after one: the next in %s", after, untilCompare(now))
		}
	}
}
