package erase

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// rewrite has every Redis server write its append-only file anew.
func (e Eraser) rewrite(ctx context.Context) error {
	if e.Redis == nil {
		return nil
	}
	var err error
	if cluster, is := e.Redis.(*redis.ClusterClient); is {
		err = cluster.ForEachShard(ctx, func(ctx context.Context, c *redis.Client) error { return rewriteOne(ctx, c) })
	} else {
		err = rewriteOne(ctx, e.Redis)
	}
	if err != nil {
		return fmt.Errorf("redis: rewriting the append-only file: %w", err)
	}
	return nil
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
