package replay

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// Twin is one of several copies of the log, each on a server of its own.
type Twin struct {
	Server  string `json:"server"`
	Leads   bool   `json:"leads,omitempty"` // all others copy from this one
	Current bool   `json:"current"`
	Offline bool   `json:"offline,omitempty"`
	Lag     uint64 `json:"lag,omitempty"` // operations that it lacks

	Silent time.Duration `json:"silent,omitempty"` // since the leader heard from it
}

const (
	// lagLimit is how many operations a copy may lack. Under load the last few are always on
	// their way; the limit is a choice.
	lagLimit = 1000
	// silentLimit is how long a copy may be silent: the leader hears from each every second.
	silentLimit = 10 * time.Second
)

// Fault is what is wrong with a copy, in words; "" when nothing is. One that lacks what was
// written just now keeps up: that is how copying works.
func (t Twin) Fault() string {
	switch {
	case t.Leads:
		return ""
	case t.Offline:
		return fmt.Sprintf("the copy on %s is offline", t.Server)
	case t.Silent > silentLimit:
		return fmt.Sprintf("the copy on %s has been silent for %s", t.Server, t.Silent.Round(time.Second))
	case t.Lag > lagLimit:
		return fmt.Sprintf("the copy on %s is behind, by %d operations", t.Server, t.Lag)
	case !t.Current && (t.Lag == 0 || t.Silent == 0): // one it never heard, as after an election, has been silent for 0
		return fmt.Sprintf("the copy on %s is not known to the leader yet", t.Server)
	}
	return ""
}

// Twins are the copies of a log that is kept on a cluster, by server; none of a log
// that one server keeps. While none of them leads, nothing can be read or stored.
func Twins(ctx context.Context, log *eventlog.Log) ([]Twin, error) {
	stream, err := log.JetStream().Stream(ctx, events.Stream)
	if err != nil {
		return nil, fmt.Errorf("asking for stream %s: %w", events.Stream, err)
	}
	cluster := stream.CachedInfo().Cluster
	if cluster == nil || len(cluster.Replicas) == 0 {
		return nil, nil
	}
	var all []Twin
	if cluster.Leader != "" {
		all = append(all, Twin{Server: cluster.Leader, Leads: true, Current: true})
	}
	for _, r := range cluster.Replicas {
		all = append(all, Twin{Server: r.Name, Current: r.Current, Offline: r.Offline, Lag: r.Lag, Silent: r.Active})
	}
	slices.SortFunc(all, func(a, b Twin) int { return cmp.Compare(a.Server, b.Server) })
	return all, nil
}
