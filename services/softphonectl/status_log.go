package softphonectl

import (
	"fmt"
	"slices"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/replay"
)

// logStatus is the log, as status tells it.
type logStatus struct {
	Log      string                 `json:"log"`
	Created  time.Time              `json:"created"`
	Messages uint64                 `json:"messages"`
	Last     uint64                 `json:"last"`
	Deleted  uint64                 `json:"deleted"` // holes
	Copies   []replay.StreamReplica `json:"copies,omitempty"`
}

func (x *session) logStatus() (logStatus, error) {
	stream, err := x.log.State(x.ctx)
	if err != nil {
		return logStatus{}, err
	}
	holes, err := replay.Holes(x.ctx, x.log)
	if err != nil {
		return logStatus{}, err
	}
	copies, err := replay.StreamReplicas(x.ctx, x.log)
	return logStatus{events.Stream, stream.Created.UTC(), stream.Messages, stream.Last, holes.Messages, copies}, err
}

func (l logStatus) text() string {
	text := fmt.Sprintf("log %s, created %s, %s, last sequence %d", l.Log, stamp(l.Created), plural(l.Messages, "message"), l.Last)
	if l.Deleted > 0 {
		text += fmt.Sprintf(", %d deleted", l.Deleted)
	}
	if len(l.Copies) > 0 {
		text += fmt.Sprintf(", %d copies", len(l.Copies))
	}
	return text
}

// leaderless tells that a majority of the servers that keep it is missing.
func (l logStatus) leaderless() bool {
	return len(l.Copies) > 0 && !slices.ContainsFunc(l.Copies, func(c replay.StreamReplica) bool { return c.Leads })
}

// remarks are what is wrong with it.
func (l logStatus) remarks() []string {
	var all []string
	for _, c := range l.Copies {
		if fault := c.Fault(); fault != "" {
			all = append(all, "log: "+fault)
		}
	}
	return all
}
