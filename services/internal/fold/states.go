package fold

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/mycloudpbx/softphone/events"
	"github.com/nats-io/nuid"
	"github.com/redis/go-redis/v9"
)

//go:embed repair.lua
var repairSource string

// ErrMoved says that the checkpoint is not the one a repair was made for: read and compare again.
var ErrMoved = errors.New("the checkpoint moved meanwhile")

// States are a worker's states of one partition, for operators, while the worker runs. Every change goes through the
// comparison of the checkpoint:
//
// A repair replaces hashes only while the checkpoint is still the one they were compared at, so there is no commit in
// between. It also changes the checkpoint's Repair: an owner that loaded the faulty states earlier is fenced when it
// commits, loads again, and decides on the repaired ones. The checkpoint's sequence never changes: moved forward,
// outcomes would never be published; moving it back is what an owner does by itself.
//
// An outcome that was published because of a faulty state stays published. Comparing the outcomes with the facts of the
// log shows it.
type States struct {
	store  *store
	repair *redis.Script
}

// StatesOf returns the states of a worker in a partition.
func StatesOf(client redis.UniversalClient, worker string, partition int) States {
	return States{store: newStore(client, worker, partition), repair: redis.NewScript(repairSource)}
}

// Checkpoint reads the checkpoint; zero when there is none.
func (s States) Checkpoint(ctx context.Context) (Checkpoint, error) { return s.store.checkpoint(ctx) }

// Hash is the name of an extension's state in Redis.
func (s States) Hash(x events.Extension) string { return s.store.keys.state(x) }

// Read returns the hashes of some extensions, nil for one that is not there, and the checkpoint, all of one moment.
func (s States) Read(ctx context.Context, of []events.Extension) ([]map[string]string, Checkpoint, error) {
	pipe := s.store.redis.TxPipeline()
	replies := make([]*redis.MapStringStringCmd, len(of))
	for i, x := range of {
		replies[i] = pipe.HGetAll(ctx, s.store.keys.state(x))
	}
	position := s.store.readCheckpoint(ctx, pipe)
	// A key of another type damages one hash, not the whole read.
	if _, err := pipe.Exec(ctx); err != nil && !redis.HasErrorPrefix(err, "WRONGTYPE") {
		return nil, Checkpoint{}, fmt.Errorf("reading %d states: %w", len(of), err)
	}
	if err := position.Err(); err != nil {
		return nil, Checkpoint{}, fmt.Errorf("reading the checkpoint: %w", err)
	}
	checkpoint, err := parseCheckpoint(position.Val())
	if err != nil {
		return nil, Checkpoint{}, err
	}
	hashes := make([]map[string]string, len(of))
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

// Repair is one state to repair.
type Repair struct {
	Extension events.Extension
	Hash      map[string]string // the right one, see Replay.Hash; nil removes it
}

// Repair replaces states if the checkpoint is still the one they were compared at, and is ErrMoved otherwise. Without a
// checkpoint there is nothing to repair: the owner folds from the beginning and trusts no state it finds.
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
		names = append(names, s.store.keys.state(r.Extension))
		args = append(args, 2*len(r.Hash))
		for field, value := range r.Hash {
			args = append(args, field, value)
		}
	}
	return moved(fenced(s.repair.Run(ctx, s.store.redis, names, args...)))
}

// Reset removes the checkpoint if it is still the given one, and states with it; it is ErrMoved otherwise. The owner
// notices within seconds and folds the partition from the beginning; no outcome is published again. If the log is another
// one by now, all states must be removed: once the owner has folded beyond a state's sequence, it takes a state it finds
// for one of this log.
func (s States) Reset(ctx context.Context, at Checkpoint, states []events.Extension) error {
	return moved(s.store.reset(ctx, at, states...))
}

// Discard is Reset for a checkpoint that is ErrDamaged. It needs no comparison: no owner commits over such a checkpoint.
func (s States) Discard(ctx context.Context, states []events.Extension) error {
	names := []string{s.store.keys.checkpoint()}
	for _, x := range states {
		names = append(names, s.store.keys.state(x))
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
