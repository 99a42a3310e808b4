package softphonectl

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/replay"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/mailer"
	"github.com/mycloudpbx/softphone/services/name-sync"
	"github.com/mycloudpbx/softphone/services/portal"
)

// folder is a worker that folds, with its rules.
type folder struct {
	replay.Folder
	state, decisions func(context.Context, replay.Check) (replay.Summary, error)
	optional         bool // a system may well be without it
}

// folders are all workers that fold. The last is the view that the portal's lists
// are read from, of those who have a portal.
func folders() []folder {
	view := folderOf(portal.ViewRules())
	view.optional = true
	return []folder{folderOf(license.Rules()), folderOf(devicecounter.Rules()), folderOf(namesync.Rules()), view}
}

// folders are those that this system has: what is optional, if it ever ran with
// this log. An owner's first word is its fence.
func (x *session) folders() ([]folder, error) {
	var all []folder
	for _, f := range folders() {
		if f.optional {
			fence, err := x.log.LastOf(x.ctx, events.FenceSubject(f.Worker, events.AnyPartition))
			if err != nil {
				return nil, err
			}
			if fence == nil {
				continue
			}
		}
		all = append(all, f)
	}
	return all, nil
}

func folderOf[S any](rules fold.Rules[S]) folder {
	return folder{
		Folder: replay.Folder{Worker: rules.Worker, Inputs: rules.Inputs},
		state: func(ctx context.Context, c replay.Check) (replay.Summary, error) {
			return replay.State(ctx, c, rules)
		},
		decisions: func(ctx context.Context, c replay.Check) (replay.Summary, error) {
			return replay.Decisions(ctx, c, rules)
		},
	}
}

func folderNames() []string {
	var names []string
	for _, f := range folders() {
		names = append(names, f.Worker)
	}
	return names
}

// foldersNamed are those named, or all that there are.
func (x *session) foldersNamed(names []string) ([]folder, error) {
	if len(names) == 0 {
		return x.folders()
	}
	var all []folder
	for n, name := range names {
		if slices.Contains(names[:n], name) {
			continue
		}
		i := slices.IndexFunc(folders(), func(f folder) bool { return f.Worker == name })
		if i < 0 {
			return nil, usageError{fmt.Errorf("%q is not a worker with state; expected one of %s", name, strings.Join(folderNames(), ", "))}
		}
		all = append(all, folders()[i])
	}
	return all, nil
}

// reactor is a worker that acts outside.
type reactor struct{ durable, source string }

// reactors are all of them. What the push of names says is said by its fold, what the
// notices of the device limit say by the mailer; neither need be there.
func reactors() []reactor {
	return []reactor{{events.Mailer, events.Mailer}, {mailer.NoticesDurable, ""}, {namesync.PushDurable, ""}}
}
