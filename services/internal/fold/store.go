package fold

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
)

//go:embed commit.lua
var commitSource string

//go:embed forget.lua
var forgetSource string

// The reserved fields of a state's hash.
const (
	fieldSeq    = "seq"    // of the last event folded into it
	fieldRecent = "recent" // the marks of the last facts, see recent
)

// storedState is one state in Redis.
type storedState struct {
	seq    uint64
	recent recent
	fields map[string]string // nil: there is none
	fault  error             // why it cannot be read: no owner wrote it
}

// store is the states of one partition in Redis.
type store struct {
	redis  redis.UniversalClient
	keys   keys
	commit *redis.Script
	forget *redis.Script
}

func newStore(client redis.UniversalClient, worker string, partition int) *store {
	return &store{
		redis: client, keys: keysOf(worker, partition),
		commit: redis.NewScript(commitSource), forget: redis.NewScript(forgetSource),
	}
}

// checkpoint reads the partition's checkpoint.
func (s *store) checkpoint(ctx context.Context) (Checkpoint, error) {
	values, err := s.readCheckpoint(ctx, s.redis).Result()
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("reading the checkpoint: %w", err)
	}
	return parseCheckpoint(values)
}

func (s *store) readCheckpoint(ctx context.Context, on redis.Cmdable) *redis.SliceCmd {
	return on.HMGet(ctx, s.keys.checkpoint(), "stream", "seq", "digest", "repair")
}

// load reads states and then, last in the same pipeline, the checkpoint. If that is the one this owner wrote, no other
// owner has committed since, so the states read before it are this owner's too.
func (s *store) load(ctx context.Context, names []string) ([]storedState, Checkpoint, error) {
	pipe := s.redis.Pipeline()
	replies := make([]*redis.MapStringStringCmd, len(names))
	for i, name := range names {
		replies[i] = pipe.HGetAll(ctx, name)
	}
	last := s.readCheckpoint(ctx, pipe)
	_, _ = pipe.Exec(ctx) // its error is also that of one of the replies
	if err := last.Err(); err != nil {
		return nil, Checkpoint{}, fmt.Errorf("loading %d states: %w", len(names), err)
	}
	checkpoint, err := parseCheckpoint(last.Val())
	if err != nil {
		return nil, Checkpoint{}, err
	}
	states := make([]storedState, len(names))
	for i, reply := range replies {
		fields, err := reply.Result()
		if err != nil && !redis.HasErrorPrefix(err, "WRONGTYPE") {
			return nil, Checkpoint{}, fmt.Errorf("loading %d states: %w", len(names), err)
		}
		states[i] = parseStored(fields, err)
	}
	return states, checkpoint, nil
}

// peek reads the checkpoint and then, in the same pipeline, one state, for a reader that owns nothing. If a commit falls in
// between, the state is newer, and its sequence is beyond the checkpoint. In the other order an older state would pass for
// the checkpoint's.
func (s *store) peek(ctx context.Context, name string) (storedState, Checkpoint, error) {
	pipe := s.redis.Pipeline()
	at := s.readCheckpoint(ctx, pipe)
	reply := pipe.HGetAll(ctx, name)
	_, _ = pipe.Exec(ctx) // its error is also that of one of the replies
	if err := at.Err(); err != nil {
		return storedState{}, Checkpoint{}, fmt.Errorf("reading the checkpoint: %w", err)
	}
	checkpoint, err := parseCheckpoint(at.Val())
	if err != nil {
		return storedState{}, Checkpoint{}, err
	}
	fields, err := reply.Result()
	if err != nil && !redis.HasErrorPrefix(err, "WRONGTYPE") {
		return storedState{}, Checkpoint{}, fmt.Errorf("reading a state: %w", err)
	}
	return parseStored(fields, err), checkpoint, nil
}

func parseStored(fields map[string]string, fault error) storedState {
	if fault != nil {
		return storedState{fault: fault}
	}
	if len(fields) == 0 {
		return storedState{}
	}
	seq, err := strconv.ParseUint(fields[fieldSeq], 10, 64)
	if err != nil {
		return storedState{fault: fmt.Errorf("field %s: %w", fieldSeq, err)}
	}
	return storedState{seq: seq, recent: recent(fields[fieldRecent]), fields: fields}
}

// replace writes states and the new checkpoint if the old one still stands, and is errFenced otherwise.
func (s *store) replace(ctx context.Context, from, to Checkpoint, states []stateWrite) error {
	names := make([]string, 0, 1+len(states))
	names = append(names, s.keys.checkpoint())
	args := make([]any, 0, 2*checkpointFields+16*len(states))
	for _, c := range [...]Checkpoint{from, to} {
		for _, v := range c.values() {
			args = append(args, v)
		}
	}
	for _, w := range states {
		names = append(names, w.name)
		args = w.appendTo(args)
	}
	return fenced(s.commit.Run(ctx, s.redis, names, args...))
}

// reset removes the checkpoint, if it still stands, and states. The next term folds the partition from the beginning.
func (s *store) reset(ctx context.Context, from Checkpoint, states ...events.Extension) error {
	names := make([]string, 0, 1+len(states))
	names = append(names, s.keys.checkpoint())
	for _, x := range states {
		names = append(names, s.keys.state(x))
	}
	v := from.values()
	return fenced(s.forget.Run(ctx, s.redis, names, v[0], v[1], v[2], v[3]))
}

func fenced(reply *redis.Cmd) error {
	switch result, err := reply.Text(); {
	case err != nil:
		return fmt.Errorf("committing: %w", err)
	case result != "OK":
		return errFenced
	}
	return nil
}
