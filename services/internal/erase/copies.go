package erase

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
)

// copies drops what Redis and the servers' raft logs have written of what is erased.
func (e Eraser) copies(ctx context.Context) error {
	if err := e.rewrite(ctx); err != nil {
		return fmt.Errorf("redis: rewriting the append-only file: %w", err)
	}
	for _, stream := range []string{events.Stream, events.DeadStream} {
		if err := e.compact(ctx, stream); err != nil {
			return fmt.Errorf("dropping the raft log of %s: %w; restart each NATS server once, one after the other: that drops it too", stream, err)
		}
	}
	return nil
}

// rewrite has every Redis server write its append-only file anew.
func (e Eraser) rewrite(ctx context.Context) error {
	if cluster, is := e.Redis.(*redis.ClusterClient); is {
		return cluster.ForEachShard(ctx, func(ctx context.Context, c *redis.Client) error { return rewriteOne(ctx, c) })
	}
	return rewriteOne(ctx, e.Redis)
}

func rewriteOne(ctx context.Context, c redis.Cmdable) error {
	info, err := c.Info(ctx, "persistence").Result()
	if err != nil || !strings.Contains(info, "aof_enabled:1") { // miniredis keeps nothing in files
		return nil //nolint:nilerr // who has no such file needs no rewriting
	}
	for {
		err := c.BgRewriteAOF(ctx).Err()
		if err == nil {
			break
		}
		if !strings.Contains(err.Error(), "in progress") {
			return err
		}
		if err := sleep(ctx, foldPause); err != nil { // one that began before is not enough
			return err
		}
	}
	for {
		info, err := c.Info(ctx, "persistence").Result()
		if err != nil {
			return err
		}
		if strings.Contains(info, "aof_rewrite_in_progress:0") && strings.Contains(info, "aof_rewrite_scheduled:0") {
			return nil
		}
		if err := sleep(ctx, foldPause); err != nil {
			return err
		}
	}
}

const (
	leadLimit = 20 * time.Second // for a server to take the lead
	leadTurns = 2
)

// compact has each server that keeps a stream lead it and give up the lead.
func (e Eraser) compact(ctx context.Context, name string) error {
	for range leadTurns {
		servers, err := e.servers(ctx, name)
		if err != nil || len(servers) < 2 {
			return err
		}
		for _, server := range servers {
			if err := e.lead(ctx, name, server); err != nil {
				return err
			}
		}
	}
	return nil
}

// servers are those that keep a stream; none of one that is not replicated.
func (e Eraser) servers(ctx context.Context, name string) (all []string, err error) {
	stream, err := e.Log.JetStream().Stream(ctx, name)
	if err != nil {
		return nil, err
	}
	cluster := stream.CachedInfo().Cluster
	if cluster == nil || len(cluster.Replicas) == 0 {
		return nil, nil
	}
	for _, r := range cluster.Replicas {
		all = append(all, r.Name)
	}
	return append(all, cluster.Leader), nil // the one that leads has to give it up first
}

// lead waits until a server leads a stream, asking for it.
func (e Eraser) lead(ctx context.Context, name, server string) error {
	body, err := json.Marshal(map[string]any{"placement": map[string]string{"preferred": server}})
	if err != nil {
		return err
	}
	for end := time.Now().Add(leadLimit); time.Now().Before(end); {
		stream, err := e.Log.JetStream().Stream(ctx, name)
		if err == nil && stream.CachedInfo().Cluster != nil && stream.CachedInfo().Cluster.Leader == server {
			return nil
		}
		if err == nil {
			_, _ = e.Log.Conn().RequestMsgWithContext(ctx, &nats.Msg{Subject: "$JS.API.STREAM.LEADER.STEPDOWN." + name, Data: body})
		}
		if err := sleep(ctx, 10*foldPause); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s does not take the lead: %w", server, jetstream.ErrNoStreamResponse)
}
