package softphonectl_test

import (
	"context"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// The view behind the portal's lists is a fold as the workers' are: it is looked
// after with the same commands, once there is one.
func TestThePortalsView(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.enable(ann)
	for _, args := range [][]string{{"status"}, {"replay", "state"}} {
		if r := l.want(softphonectl.Done, args...); strings.Contains(r.out, portal.ViewName) {
			t.Errorf("%q of a system without portal says\n%s", args, r.out)
		}
	}
	c := l.Config("replica-1")
	l.workers = append(l.workers, l.Start(func(ctx context.Context) error { return portal.RunView(ctx, c) }))
	l.Shares(portal.ViewName, "replica-1")
	l.Eventually("the portal's view", func() bool {
		return strings.Contains(l.run("replay", "state").out, "portal: 3 events folded, 1 state compared, 0 differences")
	})
	l.State.HSet(t.Context(), l.hash(portal.ViewName, ann), "name", "Mallory")
	l.want(softphonectl.Differs, "replay", "state", "portal")
	l.want(softphonectl.Done, "rebuild", "portal", "--yes")
	l.want(softphonectl.Done, "replay", "state", "portal")
	if r := l.want(softphonectl.Done, "status"); !strings.Contains(r.out, "\nportal") {
		t.Errorf("status says nothing of the portal:\n%s", r.out)
	}
}

// A log that is as long as a worker's checkpoint says, and yet another: its owner
// refuses it, and status says so too.
func TestStatusSeesAnotherLog(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	l.start()
	l.enable(ann)
	l.want(softphonectl.Done, "status")
	hash := l.hash(events.License, ann)
	l.stop()
	l.State.HSet(t.Context(), strings.TrimSuffix(hash, "acme:1001")+"checkpoint", "digest", "0123456789abcdef")
	if r := l.run("status"); r.code != softphonectl.Differs || !strings.Contains(r.out, "the log has another event there") {
		t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
	}
}
