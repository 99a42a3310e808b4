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

// StreamReplica is one of several copies of the log, each on a server of its own.
type StreamReplica struct {
	Server  string `json:"server"`
	Leads   bool   `json:"leads,omitempty"` // it leads the stream, and all others copy from it
	Current bool   `json:"current"`
	Offline bool   `json:"offline,omitempty"`
	Lag     uint64 `json:"lag,omitempty"` // operations it does not have yet

	Silent time.Duration `json:"silent,omitempty"` // since the leader heard from it
}

const (
	// lagLimit is how many operations a replica may be behind. Under load the last few are always on their way; the
	// limit is a choice.
	lagLimit = 1000
	// silentLimit is how long a replica may be silent: the leader hears from each every second.
	silentLimit = 10 * time.Second
)

// Fault describes what is wrong with a replica; "" if nothing is. A replica that only misses the last writes is
// healthy: that is how replication works.
func (t StreamReplica) Fault() string {
	switch {
	case t.Leads:
		return ""
	case t.Offline:
		return fmt.Sprintf("the copy on %s is offline", t.Server)
	case t.Silent > silentLimit:
		return fmt.Sprintf("the copy on %s has been silent for %s", t.Server, t.Silent.Round(time.Second))
	case t.Lag > lagLimit:
		return fmt.Sprintf("the copy on %s is behind, by %d operations", t.Server, t.Lag)
	case !t.Current && (t.Lag == 0 || t.Silent == 0): // one that was never heard, as after an election, has been silent for 0
		return fmt.Sprintf("the copy on %s is not known to the leader yet", t.Server)
	}
	return ""
}

// StreamReplicas lists the replicas of a log on a cluster, by server; none if one server has the log. Without a leader
// the log can neither be read nor written.
func StreamReplicas(ctx context.Context, log *eventlog.Log) ([]StreamReplica, error) {
	stream, err := log.JetStream().Stream(ctx, events.Stream)
	if err != nil {
		return nil, fmt.Errorf("asking for stream %s: %w", events.Stream, err)
	}
	cluster := stream.CachedInfo().Cluster
	if cluster == nil || len(cluster.Replicas) == 0 {
		return nil, nil
	}
	var all []StreamReplica
	if cluster.Leader != "" {
		all = append(all, StreamReplica{Server: cluster.Leader, Leads: true, Current: true})
	}
	for _, r := range cluster.Replicas {
		all = append(all, StreamReplica{Server: r.Name, Current: r.Current, Offline: r.Offline, Lag: r.Lag, Silent: r.Active})
	}
	slices.SortFunc(all, func(a, b StreamReplica) int { return cmp.Compare(a.Server, b.Server) })
	return all, nil
}
