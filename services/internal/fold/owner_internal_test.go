package fold

import (
	"testing"
	"time"
)

// Owners look at the same moments, whenever they began to wait.
func TestUntilLook(t *testing.T) {
	t.Parallel()
	tick := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	for _, after := range []time.Duration{0, 1, idle / 3, idle - 1} {
		if now := tick.Add(after); !now.Add(untilLook(now)).Equal(tick.Add(idle)) {
			t.Errorf("%s after one: the next in %s", after, untilLook(now))
		}
	}
}
