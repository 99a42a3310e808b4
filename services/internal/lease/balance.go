package lease

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// share is how many of n partitions the replica gets, and the first one it should try to take. The shares of all members
// add up to n, and their first ones are apart, so that members which start together do not race for the same.
func share(n int, members []string, replica string) (count, first int) {
	slices.Sort(members)
	rank, _ := slices.BinarySearch(members, replica)
	each, rest := n/len(members), n%len(members)
	count = each
	if rank < rest {
		count++
	}
	return count, rank*each + min(rank, rest)
}

// members are the replicas whose member keys live, and we.
func (r *replica) members(keys map[string]entry) []string {
	all := []string{r.Replica}
	for key, e := range keys {
		if name, found := strings.CutPrefix(key, r.memberPrefix()); found && e.value != "" && name != r.Replica {
			all = append(all, name)
		}
	}
	return all
}

// balance gives up what is more than our share, or takes what is free until we have it.
func (r *replica) balance(ctx, calls context.Context, keys map[string]entry) error {
	count, first := share(r.Partitions, r.members(keys), r.Replica)
	r.share = count
	var mine []int
	for n, l := range r.held {
		if !l.gone() {
			mine = append(mine, n)
		}
	}
	slices.Sort(mine)
	for len(mine) > count {
		last := len(mine) - 1
		r.held[mine[last]].cancel(ErrGivenUp)
		mine = mine[:last]
	}
	var delay time.Duration
	for i := 0; i < r.Partitions && len(mine) < count; i++ {
		n := (first + i) % r.Partitions
		taken, err := r.take(ctx, calls, n, keys[r.partitionKey(n)], delay)
		if err != nil {
			return err
		}
		if taken {
			mine = append(mine, n)
			delay += r.Stagger
		}
	}
	return nil
}

// take takes a partition that nobody holds, or that an earlier process of our name held.
func (r *replica) take(ctx, calls context.Context, n int, e entry, delay time.Duration) (bool, error) {
	if r.held[n] != nil || e.value != "" && e.owner() != r.Replica {
		return false, nil
	}
	l := &Lease{bucket: r.Bucket, partition: n, key: r.partitionKey(n), value: r.value()}
	sent := time.Now()
	revision, err := r.Bucket.Update(calls, l.key, []byte(l.value), e.revision)
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) { // somebody else was faster
		return false, nil
	}
	if err != nil {
		return false, err
	}
	l.revision = revision
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	l.expiry = time.AfterFunc(time.Until(sent.Add(r.validity())), l.lost)
	r.held[n] = l
	r.start(l, delay)
	return true, nil
}

func (r *replica) start(l *Lease, delay time.Duration) {
	log := r.log(l)
	log.Debug().Msg("partition taken")
	r.metrics.change(r.Worker, taken, len(r.held))
	go func() {
		l.serve(delay, r.own, log)
		r.ended <- l
	}()
}

// dropAll drops those whose owners have ended by now.
func (r *replica) dropAll(ctx context.Context) {
	for {
		select {
		case l := <-r.ended:
			r.drop(ctx, l)
		default:
			return
		}
	}
}

// drop forgets a lease whose owner has ended, and frees the partition if it is still ours.
func (r *replica) drop(ctx context.Context, l *Lease) {
	cause := context.Cause(l.ctx)
	l.expiry.Stop()
	l.cancel(nil)
	delete(r.held, l.partition)
	log := r.log(l)
	if errors.Is(cause, ErrLost) {
		log.Warn().Msg("partition lost")
		r.metrics.change(r.Worker, lost, len(r.held))
		return
	}
	log.Debug().AnErr("notFreed", r.free(ctx, l)).Msg("partition given up")
	r.metrics.change(r.Worker, givenUp, len(r.held))
}

// free deletes the key of a lease, unless somebody else has written it since. While NATS does not answer it is left to
// expire: a stop must not wait for every partition in turn.
func (r *replica) free(ctx context.Context, l *Lease) error {
	if r.failing {
		return nil
	}
	calls, cancel := r.bounded(ctx)
	defer cancel()
	err := r.Bucket.Delete(calls, l.key, jetstream.LastRevision(l.revision))
	r.failing = err != nil && !errors.Is(err, jetstream.ErrKeyRevisionMismatch)
	return err
}

func (r *replica) log(l *Lease) zerolog.Logger {
	return r.Log.With().Int("partition", l.partition).Str("replica", r.Replica).Logger()
}
