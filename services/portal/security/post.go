package security

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// postKey has the events of commands, until a portal writes them down: the lines of a command are seen by whoever
	// typed it, and by nobody who reads the portal's.
	postKey = "softphone:portal:security"

	// When no portal runs, the latest are kept for a while.
	maxPosts  = 1000
	postLife  = 7 * 24 * time.Hour
	postPause = time.Second
)

// Post has a running portal record an event: the next one to run, if none does. It is for commands.
func Post(ctx context.Context, client redis.UniversalClient, e Event) error {
	e.At = time.Now().UTC()
	value, err := json.Marshal(e)
	if err == nil {
		err = client.RPush(ctx, postKey, value).Err()
	}
	if err == nil {
		err = client.LTrim(ctx, postKey, -maxPosts, -1).Err()
	}
	if err == nil {
		err = client.Expire(ctx, postKey, postLife).Err()
	}
	if err != nil {
		return fmt.Errorf("recording %s: %w", e.What, err)
	}
	return nil
}

// Collect records what was posted until the context ends. Of several portals one records each.
func (l *Log) Collect(ctx context.Context, client redis.UniversalClient) error {
	for {
		for l.collected(ctx, client) {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(postPause):
		}
	}
}

// collected records the next event, if there is one.
func (l *Log) collected(ctx context.Context, client redis.UniversalClient) bool {
	value, err := client.LPop(ctx, postKey).Bytes()
	if err != nil {
		if !errors.Is(err, redis.Nil) && ctx.Err() == nil {
			l.lines.Debug().Err(err).Msg("the security events of commands are not collected now")
		}
		return false
	}
	var e Event
	if err := json.Unmarshal(value, &e); err != nil || !known(e) {
		l.lines.Warn().Msg("a security event in Redis is not one of this program's")
		return true
	}
	l.Record(e)
	return true
}

// known says whether commands post such an event. The metric may have no others.
func known(e Event) bool { return e.What == LinkMade && e.Result == Success }
