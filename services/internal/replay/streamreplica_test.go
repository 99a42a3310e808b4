package replay

import (
	"strings"
	"testing"
	"time"
)

// TestCopyFault: under load a copy always lacks the last operations. That is no fault, and nobody should be woken for it.
func TestCopyFault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		copy StreamReplica
		want string // "": none
	}{
		{StreamReplica{Server: "a", Leads: true, Current: true}, ""},
		{StreamReplica{Server: "a", Current: true}, ""},
		{StreamReplica{Server: "a", Lag: 3, Silent: 40 * time.Millisecond}, ""},
		{StreamReplica{Server: "a", Lag: 900, Silent: time.Second}, ""},
		{StreamReplica{Server: "a", Lag: 1001}, "behind, by 1001 operations"},
		{StreamReplica{Server: "a", Lag: 3, Silent: 11 * time.Second}, "silent for 11s"},
		{StreamReplica{Server: "a", Offline: true, Lag: 3}, "offline"},
		{StreamReplica{Server: "a"}, "not known to the leader"},
	} {
		if got := c.copy.Fault(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.copy, got, c.want)
		}
	}
}
