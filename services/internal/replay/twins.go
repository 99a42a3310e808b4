package replay

import (
	"cmp"
	"context"
	"fmt"
	"slices"

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
		all = append(all, Twin{Server: r.Name, Current: r.Current, Offline: r.Offline, Lag: r.Lag})
	}
	slices.SortFunc(all, func(a, b Twin) int { return cmp.Compare(a.Server, b.Server) })
	return all, nil
}
