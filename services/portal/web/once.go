package web

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	onceLife = 24 * time.Hour         // longer than a session's page can be open
	onceWait = 20 * time.Second       // longer than a change may take
	onceLook = 100 * time.Millisecond // between two looks at what the first post is doing
)

// once makes a form do its work once. Each form carries a token; the first post
// with it does the work, every other is told that it is done, when it is. A post
// that failed gives its token back, so that the next tries again.
type once struct{ redis redis.UniversalClient }

const (
	working = "working"
	done    = "done"
)

// errBusy: the first post did not end in time.
var errBusy = errors.New("the first click is still being worked on")

func newOnce() string { return rand.Text() }

// do returns whether it was this call that did the work, and the work's error.
func (o once) do(ctx context.Context, session, token string, work func(context.Context) error) (mine bool, err error) {
	key := "softphone:portal:once:" + hash(session+" "+token)
	for deadline := time.Now().Add(onceWait); ; {
		claimed, err := o.redis.SetNX(ctx, key, working, onceWait).Result()
		if err != nil {
			return false, err
		}
		if claimed {
			return true, o.work(ctx, key, work)
		}
		state, err := o.redis.Get(ctx, key).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return false, err
		}
		if state == done {
			return false, nil
		}
		if time.Now().After(deadline) {
			return false, errBusy
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(onceLook):
		}
	}
}

// work goes on when the browser that asked is gone: a change is made whole.
func (o once) work(ctx context.Context, key string, work func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), onceWait)
	defer cancel()
	if err := work(ctx); err != nil {
		_ = o.redis.Del(ctx, key).Err() // else it expires
		return err
	}
	_ = o.redis.Set(ctx, key, done, onceLife).Err() // else it expires: the change itself is refused a second time by its version
	return nil
}
