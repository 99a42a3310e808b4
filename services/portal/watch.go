package portal

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// tail follows the end of the log and wakes those who watch an extension. There is
// one for the process, however many watch: a consumer for each would cost the server
// more than the events do. It carries no news, only that there are some: who is
// woken reads again.
type tail struct {
	log       *eventlog.Log
	directory *directory // hears of new extensions
	logger    zerolog.Logger

	mu       sync.Mutex
	watchers map[events.Extension]map[chan Change]struct{}
}

func newTail(log *eventlog.Log, directory *directory, logger zerolog.Logger) *tail {
	return &tail{log: log, directory: directory, logger: logger, watchers: map[events.Extension]map[chan Change]struct{}{}}
}

// watch registers until the context ends.
func (t *tail) watch(ctx context.Context, key events.Extension) <-chan Change {
	c := make(chan Change, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watchers[key] == nil {
		t.watchers[key] = map[chan Change]struct{}{}
	}
	t.watchers[key][c] = struct{}{}
	context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.watchers[key], c)
		if len(t.watchers[key]) == 0 {
			delete(t.watchers, key)
		}
		close(c)
	})
	return c
}

// wake tells the watchers of a key. One who has not taken the last change yet gets
// this one instead.
func (t *tail) wake(key events.Extension, sequence uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.watchers[key] {
		select {
		case <-c:
		default:
		}
		c <- Change{Sequence: sequence}
	}
}

// wakeAll tells everybody, when events may have been missed.
func (t *tail) wakeAll(sequence uint64) {
	t.mu.Lock()
	keys := make([]events.Extension, 0, len(t.watchers))
	for key := range t.watchers {
		keys = append(keys, key)
	}
	t.mu.Unlock()
	for _, key := range keys {
		t.wake(key, sequence)
	}
}

const (
	tailBatch = 256
	tailWait  = 30 * time.Second
	tailPause = 500 * time.Millisecond
)

// run follows the log until the context ends.
func (t *tail) run(ctx context.Context) error {
	for {
		err := t.follow(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.logger.Debug().Err(err).Msg("following the log again")
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tailPause):
		}
	}
}

// follow reads from the end on. What was stored while nobody followed is not read,
// so everybody is woken once it has begun.
func (t *tail) follow(ctx context.Context) error {
	state, err := t.log.State(ctx)
	if err != nil {
		return err
	}
	reader, err := t.log.Read(ctx, "portal-tail-"+nuid.Next(), state.Last+1, "log.>")
	if err != nil {
		return err
	}
	defer reader.Close()
	t.directory.follows(true)
	defer t.directory.follows(false)
	t.wakeAll(state.Last)
	for {
		batch, err := reader.Batch(ctx, tailBatch, tailWait)
		if err != nil {
			return err
		}
		for _, m := range batch {
			if makes(m) {
				t.directory.add(m.Extension())
			}
			t.wake(m.Extension(), m.Sequence)
		}
	}
}

// Watch tells that an extension may look different, until the context ends or a newer stream
// of the same session takes its place; then the channel is closed. Changes that are not
// taken at once are told as one. The errors are *[Forbidden] and *[TooMany].
func (s *Service) Watch(ctx context.Context, x events.Extension) (<-chan Change, error) {
	if err := authorize(ctx, opWatch, x.Tenant); err != nil {
		return nil, err
	}
	who := ActorOf(ctx)
	ctx, _, err := s.streams.open(ctx, x, who.Kind+" "+who.ID)
	if err != nil {
		return nil, err
	}
	return s.tail.watch(ctx, x), nil
}
