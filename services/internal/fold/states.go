package fold

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/nats-io/nuid"
	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

//go:embed repair.lua
var repairSource string

// ErrMoved says that the checkpoint is not the one a repair was made for: read
// and compare again.
var ErrMoved = errors.New("the checkpoint moved meanwhile")

// States are what a worker keeps of one partition, for those who look after it
// while it works. Whatever they change goes through the checkpoint's compare:
//
// A repair replaces hashes only while the checkpoint is still the one they were
// compared at, so no commit lies in between. And it changes the checkpoint's
// Repair, so that an owner who had loaded the faulty states before it is fenced
// when it commits, loads again, and decides on the repaired ones. The checkpoint's
// place in the log never changes: moved forward, outcomes would never be told;
// moved back is what an owner does by itself.
//
// What an owner told because of a faulty state stays told. Comparing the outcomes
// with the log's facts shows it.
type States struct {
	store  *store
	repair *redis.Script
}

// StatesOf returns what a worker keeps of a partition.
func StatesOf(client redis.UniversalClient, worker string, partition int) States {
	return States{store: newStore(client, worker, partition), repair: redis.NewScript(repairSource)}
}

// Checkpoint reads up to where the partition is folded; zero when there is none.
func (s States) Checkpoint(ctx context.Context) (Checkpoint, error) { return s.store.checkpoint(ctx) }

// Hash is the name under which Redis has a key's state.
func (s States) Hash(key eventlog.Key) string { return s.store.keys.state(key) }

// Read returns the hashes of some keys, nil for one that is not there, and the
// checkpoint, all of one moment.
func (s States) Read(ctx context.Context, keys []eventlog.Key) ([]map[string]string, Checkpoint, error) {
	pipe := s.store.redis.TxPipeline()
	replies := make([]*redis.MapStringStringCmd, len(keys))
	for i, key := range keys {
		replies[i] = pipe.HGetAll(ctx, s.store.keys.state(key))
	}
	place := s.store.readCheckpoint(ctx, pipe)
	// A key of another type is damage to one hash, not to the reading.
	if _, err := pipe.Exec(ctx); err != nil && !redis.HasErrorPrefix(err, "WRONGTYPE") {
		return nil, Checkpoint{}, fmt.Errorf("reading %d states: %w", len(keys), err)
	}
	if err := place.Err(); err != nil {
		return nil, Checkpoint{}, fmt.Errorf("reading the checkpoint: %w", err)
	}
	checkpoint, err := parseCheckpoint(place.Val())
	if err != nil {
		return nil, Checkpoint{}, err
	}
	hashes := make([]map[string]string, len(keys))
	for i, reply := range replies {
		switch found, err := reply.Result(); {
		case err != nil:
			hashes[i] = map[string]string{"": err.Error()} // differs from every state
		case len(found) > 0:
			hashes[i] = found
		}
	}
	return hashes, checkpoint, nil
}

// Repair is one state to put right.
type Repair struct {
	Key  eventlog.Key
	Hash map[string]string // what it should be, see Replay.Hash; nil removes it
}

// Repair replaces states if the checkpoint is still the one they were compared
// at, and is ErrMoved otherwise. Without a checkpoint there is nothing to
// repair: the owner folds from the beginning and trusts nothing it finds.
func (s States) Repair(ctx context.Context, at Checkpoint, repairs []Repair) error {
	if at == (Checkpoint{}) {
		return ErrMoved
	}
	names := make([]string, 0, 1+len(repairs))
	names = append(names, s.store.keys.checkpoint())
	args := make([]any, 0, checkpointFields+1+16*len(repairs))
	for _, v := range at.values() {
		args = append(args, v)
	}
	args = append(args, nuid.Next())
	for _, r := range repairs {
		names = append(names, s.store.keys.state(r.Key))
		args = append(args, 2*len(r.Hash))
		for field, value := range r.Hash {
			args = append(args, field, value)
		}
	}
	return moved(fenced(s.repair.Run(ctx, s.store.redis, names, args...)))
}

// Reset removes the checkpoint if it is still the given one, and states with it; it is
// ErrMoved otherwise. The owner notices within seconds and folds the partition from
// the beginning; no outcome is told again. Where the log is another one by now, all
// states must go: what an owner finds of one it takes for this log's, once it has
// folded further than that state.
func (s States) Reset(ctx context.Context, at Checkpoint, states []eventlog.Key) error {
	return moved(s.store.reset(ctx, at, states...))
}

// Discard is Reset for a checkpoint that is ErrDamaged: no commit of an owner lies
// between, as none compares with that.
func (s States) Discard(ctx context.Context, states []eventlog.Key) error {
	names := []string{s.store.keys.checkpoint()}
	for _, key := range states {
		names = append(names, s.store.keys.state(key))
	}
	if err := s.store.redis.Del(ctx, names...).Err(); err != nil {
		return fmt.Errorf("removing a damaged checkpoint: %w", err)
	}
	return nil
}

func moved(err error) error {
	if errors.Is(err, errFenced) {
		return ErrMoved
	}
	return err
}
