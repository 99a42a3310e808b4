package replay

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// Folder is a worker that folds, as far as an overview needs to know it.
type Folder struct {
	Worker string
	Inputs []eventlog.Input
}

// FolderStatus is how a folding worker is.
type FolderStatus struct {
	Worker      string    `json:"worker"`
	Replicas    []string  `json:"replicas"`    // that live
	Owned       int       `json:"owned"`       // partitions somebody owns
	Partitions  int       `json:"partitions"`  // all there are
	Lag         uint64    `json:"lag"`         // events it has not folded
	Checkpoint  uint64    `json:"checkpoint"`  // the highest of all partitions
	Refused     []string  `json:"refused"`     // partitions whose checkpoint is not one of this log, and why
	LastOutcome *Outcome  `json:"lastOutcome"` // null: none yet
	DeadLetters uint64    `json:"deadLetters"`
	Fault       string    `json:"fault,omitempty"` // what could not be found out
	Behind      []PartLag `json:"behind,omitempty"`
}

// PartLag is a partition that is behind.
type PartLag struct {
	Partition  int    `json:"partition"`
	Owner      string `json:"owner,omitempty"`
	Checkpoint uint64 `json:"checkpoint"`
	Lag        uint64 `json:"lag"`
}

// Outcome is the last thing a worker said.
type Outcome struct {
	Event    string    `json:"event"`
	Sequence uint64    `json:"sequence"`
	Time     time.Time `json:"time"`
}

// ReactorStatus is how a worker with effects outside is.
type ReactorStatus struct {
	Worker      string   `json:"worker"`
	There       bool     `json:"there"`   // it has run once
	Pulling     int      `json:"pulling"` // requests for work that wait at the server: 0 when it is busy, paused or away
	Waiting     uint64   `json:"waiting"` // events it has not been given
	InHand      int      `json:"inHand"`  // given and not acknowledged: worked on, or waiting for another try
	LastOutcome *Outcome `json:"lastOutcome"`
	DeadLetters uint64   `json:"deadLetters"`
	Fault       string   `json:"fault,omitempty"`
}

// Observer finds out how workers are.
type Observer struct {
	Log        *eventlog.Log
	Redis      redis.UniversalClient
	Partitions int
}

// atOnce is how many questions an observer asks the servers at a time.
const atOnce = 8

// Folder tells how a folding worker is. What cannot be found out is its Fault, so
// that one server that is away does not hide the other.
func (o Observer) Folder(ctx context.Context, f Folder) FolderStatus {
	status := FolderStatus{Worker: f.Worker, Partitions: o.Partitions, Replicas: []string{}, Refused: []string{}}
	owners, err := o.owners(ctx, &status)
	faults := []error{err}
	parts := make([]PartLag, o.Partitions)
	stream, err := o.Log.State(ctx)
	if faults = append(faults, err); err == nil {
		faults = append(faults, o.partitions(ctx, f, stream, parts, &status))
	}
	for n, part := range parts {
		status.Lag += part.Lag
		status.Checkpoint = max(status.Checkpoint, part.Checkpoint)
		if part.Lag > 0 {
			part.Partition, part.Owner = n, owners[n]
			status.Behind = append(status.Behind, part)
		}
	}
	status.LastOutcome, err = o.lastOutcome(ctx, f.Worker)
	faults = append(faults, err)
	status.DeadLetters, err = o.DeadLetters(ctx, f.Worker)
	faults = append(faults, err)
	status.Fault = oneLine(errors.Join(faults...))
	return status
}

// WithoutRedis is Folder when Redis cannot be asked: checkpoint and lag stay 0,
// which its Fault says.
func (o Observer) WithoutRedis(ctx context.Context, f Folder) FolderStatus {
	status := FolderStatus{Worker: f.Worker, Partitions: o.Partitions, Replicas: []string{}, Refused: []string{}}
	_, err := o.owners(ctx, &status)
	faults := []error{errors.New("checkpoints and lag are not known without Redis"), err}
	status.LastOutcome, err = o.lastOutcome(ctx, f.Worker)
	faults = append(faults, err)
	status.DeadLetters, err = o.DeadLetters(ctx, f.Worker)
	status.Fault = oneLine(errors.Join(append(faults, err)...))
	return status
}

// Replicas are those of a folding worker that live.
func (o Observer) Replicas(ctx context.Context, worker string) ([]string, error) {
	status := FolderStatus{Worker: worker}
	_, err := o.owners(ctx, &status)
	return status.Replicas, err
}

// owners reads the leases: who lives, and who owns what.
func (o Observer) owners(ctx context.Context, status *FolderStatus) (map[int]string, error) {
	owners := map[int]string{}
	bucket, err := o.Log.JetStream().KeyValue(ctx, events.LeaseBucket)
	if err != nil {
		return owners, fmt.Errorf("leases: %w", err)
	}
	watch, err := bucket.Watch(ctx, status.Worker+".>", jetstream.IgnoreDeletes())
	if err != nil {
		return owners, fmt.Errorf("leases: %w", err)
	}
	defer func() { _ = watch.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return owners, ctx.Err()
		case e := <-watch.Updates():
			if e == nil { // the last of what was there
				status.Owned = len(owners)
				return owners, nil
			}
			rest := strings.TrimPrefix(e.Key(), status.Worker+".")
			if name, is := strings.CutPrefix(rest, "member."); is {
				status.Replicas = append(status.Replicas, name)
			}
			number, is := strings.CutPrefix(rest, "partition.")
			if n, err := strconv.Atoi(number); is && err == nil {
				owners[n], _, _ = strings.Cut(string(e.Value()), " ")
			}
		}
	}
}

// partitions finds out how far each partition is.
func (o Observer) partitions(ctx context.Context, f Folder, stream eventlog.State, parts []PartLag, status *FolderStatus) error {
	var one sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for n := range parts {
		group.Go(func() error {
			checkpoint, err := fold.StatesOf(o.Redis, f.Worker, n).Checkpoint(ctx)
			var refusal error
			switch {
			case errors.Is(err, fold.ErrDamaged):
				refusal, err = err, nil
			case err == nil:
				refusal, err = o.refusal(ctx, checkpoint, stream)
			}
			if err != nil || refusal != nil {
				one.Lock()
				defer one.Unlock()
				if refusal != nil {
					status.Refused = append(status.Refused, fmt.Sprintf("partition %d: %v", n, refusal))
				}
				return err
			}
			filters := make([]string, len(f.Inputs))
			for i, input := range f.Inputs {
				filters[i] = input.In(n)
			}
			parts[n].Checkpoint = checkpoint.Seq
			parts[n].Lag, err = Count(ctx, o.Log, Range{Filters: filters, From: checkpoint.Seq + 1})
			return err
		})
	}
	return group.Wait()
}

// refusal is why a worker with a checkpoint refuses the log; nil when it does not.
func (o Observer) refusal(ctx context.Context, at fold.Checkpoint, stream eventlog.State) (refusal, err error) {
	if at == (fold.Checkpoint{}) {
		return nil, nil
	}
	if at.Of(stream) != nil { // it may have grown meanwhile
		if stream, err = o.Log.State(ctx); err != nil {
			return nil, err
		}
	}
	if refusal := at.Of(stream); refusal != nil {
		return refusal, nil
	}
	there, err := o.Log.Get(ctx, at.Seq)
	if err == nil && there != nil && !at.Is(stream, *there) {
		refusal = fmt.Errorf("%s, but %w", at, errForeign)
	}
	return refusal, err
}

func (o Observer) lastOutcome(ctx context.Context, worker string) (*Outcome, error) {
	m, err := o.Log.LastOf(ctx, "log.*."+worker+".>")
	if err != nil || m == nil {
		return nil, err
	}
	return &Outcome{Event: m.Name(), Sequence: m.Sequence, Time: m.Time.UTC()}, nil
}

// DeadLetters counts those of a worker.
func (o Observer) DeadLetters(ctx context.Context, worker string) (uint64, error) {
	return pending(ctx, o.Log.JetStream(), events.DeadStream, jetstream.ConsumerConfig{
		Name: readerName(), FilterSubject: "dead." + worker + ".>", AckPolicy: jetstream.AckNonePolicy,
		DeliverPolicy: jetstream.DeliverAllPolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: patience,
	})
}

// Reactor tells how a worker with a durable consumer is. Its outcomes, if any,
// are said under source.
func (o Observer) Reactor(ctx context.Context, durable, source string) ReactorStatus {
	status := ReactorStatus{Worker: durable}
	var faults []error
	consumer, err := o.Log.JetStream().Consumer(ctx, events.Stream, durable)
	switch {
	case err == nil:
		info := consumer.CachedInfo()
		status.There, status.Pulling, status.Waiting, status.InHand = true, info.NumWaiting, info.NumPending, info.NumAckPending
	case !errors.Is(err, jetstream.ErrConsumerNotFound):
		faults = append(faults, fmt.Errorf("consumer %s: %w", durable, err))
	}
	if source != "" {
		status.LastOutcome, err = o.lastOutcome(ctx, source)
		faults = append(faults, err)
	}
	status.DeadLetters, err = o.DeadLetters(ctx, durable)
	faults = append(faults, err)
	status.Fault = oneLine(errors.Join(faults...))
	return status
}

func oneLine(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}
