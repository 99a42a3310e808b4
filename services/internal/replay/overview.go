package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/ask"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// Folder is a worker that folds, as far as an overview needs it.
type Folder struct {
	Worker string
	Inputs []events.Input
}

// FolderStatus is the state of a worker that folds.
type FolderStatus struct {
	Worker      string    `json:"worker"`
	Replicas    []string  `json:"replicas"`    // that are alive
	Owned       int       `json:"owned"`       // partitions with an owner
	Partitions  int       `json:"partitions"`  // all of them
	Lag         uint64    `json:"lag"`         // events not folded yet
	Checkpoint  uint64    `json:"checkpoint"`  // the highest of all partitions
	Refused     []string  `json:"refused"`     // partitions whose checkpoint is not one of this log, with the reason
	LastOutcome *Outcome  `json:"lastOutcome"` // null: none yet
	DeadLetters uint64    `json:"deadLetters"`
	Fault       string    `json:"fault,omitempty"` // what could not be read
	Behind      []PartLag `json:"behind,omitempty"`
}

// PartLag is a partition that is behind.
type PartLag struct {
	Partition  int    `json:"partition"`
	Owner      string `json:"owner,omitempty"`
	Checkpoint uint64 `json:"checkpoint"`
	Lag        uint64 `json:"lag"`
}

// Outcome is the last outcome of a worker.
type Outcome struct {
	Event    string    `json:"event"`
	Sequence uint64    `json:"sequence"`
	Time     time.Time `json:"time"`
}

// ReactorStatus is the state of a worker with external effects.
type ReactorStatus struct {
	Worker      string   `json:"worker"`
	There       bool     `json:"there"`   // it has run
	Pulling     int      `json:"pulling"` // requests for work that wait at the server: 0 when it is busy, paused or down
	Waiting     uint64   `json:"waiting"` // events not delivered yet
	InHand      int      `json:"inHand"`  // delivered and not acknowledged: in progress, or waiting for another try
	LastOutcome *Outcome `json:"lastOutcome"`
	DeadLetters uint64   `json:"deadLetters"`
	Fault       string   `json:"fault,omitempty"`
}

// Observer reads the state of workers.
type Observer struct {
	Log        *eventlog.Log
	Redis      redis.UniversalClient
	Partitions int
}

// atOnce is how many requests an observer has open at a time.
const atOnce = 8

// Folder reads the state of a worker that folds. What cannot be read is in its Fault, so that one server that is down
// does not hide the other.
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

// WithoutRedis is Folder without Redis: checkpoint and lag are 0, and its Fault says so.
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

// Replicas lists the live replicas of a worker that folds.
func (o Observer) Replicas(ctx context.Context, worker string) ([]string, error) {
	status := FolderStatus{Worker: worker}
	_, err := o.owners(ctx, &status)
	return status.Replicas, err
}

// Owners maps a worker's partitions to the replicas that own them.
func (o Observer) Owners(ctx context.Context, worker string) (map[int]string, error) {
	return o.owners(ctx, &FolderStatus{Worker: worker})
}

// owners asks the replicas which partitions they own. A replica that does not answer within answerTime counts as dead.
func (o Observer) owners(ctx context.Context, status *FolderStatus) (map[int]string, error) {
	owners := map[int]string{}
	conn := o.Log.Conn()
	inbox := conn.NewInbox()
	answers, err := conn.SubscribeSync(inbox)
	if err == nil {
		defer func() { _ = answers.Unsubscribe() }()
		err = conn.PublishRequest("$SRV.STATS."+status.Worker, inbox, nil)
	}
	if err != nil {
		return owners, fmt.Errorf("asking for the replicas of %s: %w", status.Worker, err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	for {
		m, err := answers.NextMsgWithContext(ctx)
		switch {
		case errors.Is(err, context.DeadlineExceeded) && len(status.Replicas) == 0:
			return owners, fmt.Errorf("no replica of %s answered, and yet somebody listens, or this user may not ask: %w", status.Worker, errNoAnswer)
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrNoResponders):
			status.Owned = len(owners)
			slices.Sort(status.Replicas)
			return owners, nil
		case err != nil:
			return owners, fmt.Errorf("asking for the replicas of %s: %w", status.Worker, err)
		}
		of, err := readOwnership(m.Data)
		if err != nil {
			return owners, fmt.Errorf("reading what a replica of %s owns: %w", status.Worker, err)
		}
		status.Replicas = append(status.Replicas, of.Replica)
		for _, n := range of.Partitions {
			owners[n] = of.Replica
		}
	}
}

var errNoAnswer = errors.New("who owns the partitions is not known")

// answerTime is how long replicas have to answer. They answer from memory.
const answerTime = 300 * time.Millisecond

func readOwnership(answer []byte) (of ask.Ownership, err error) {
	var stats micro.Stats
	if err := json.Unmarshal(answer, &stats); err != nil {
		return of, err
	}
	if len(stats.Endpoints) == 0 {
		return of, errors.New("it has no endpoint")
	}
	err = json.Unmarshal(stats.Endpoints[0].Data, &of)
	return of, err
}

// partitions reads the checkpoint of each partition.
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
				filters[i] = input.Filter(n)
			}
			parts[n].Checkpoint = checkpoint.Seq
			parts[n].Lag, err = Count(ctx, o.Log, Range{Filters: filters, From: checkpoint.Seq + 1})
			return err
		})
	}
	return group.Wait()
}

// refusal is why a worker with this checkpoint refuses the log; nil if it does not.
func (o Observer) refusal(ctx context.Context, at fold.Checkpoint, stream eventlog.State) (refusal, err error) {
	if at == (fold.Checkpoint{}) {
		return nil, nil
	}
	if at.Of(stream) != nil { // it may have grown in between
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
	m, err := o.Log.LastOf(ctx, events.LogSubject(events.AnyPartition, worker, "*", "*", "*"))
	if err != nil || m == nil {
		return nil, err
	}
	return &Outcome{Event: m.Name(), Sequence: m.Sequence, Time: m.Time.UTC()}, nil
}

// DeadLetters counts the dead letters of a worker.
func (o Observer) DeadLetters(ctx context.Context, worker string) (uint64, error) {
	return pending(ctx, o.Log.JetStream(), events.DeadStream, jetstream.ConsumerConfig{
		Name: readerName(), FilterSubject: events.DeadFilter(worker), AckPolicy: jetstream.AckNonePolicy,
		DeliverPolicy: jetstream.DeliverAllPolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: readTimeout,
	})
}

// Reactor reads the state of a worker with a durable consumer. Source is where its outcomes are, if it has any.
func (o Observer) Reactor(ctx context.Context, durable, source string) ReactorStatus {
	status := ReactorStatus{Worker: durable}
	var faults []error
	consumer, err := o.Log.JetStream().Consumer(ctx, events.Stream, durable)
	switch {
	case err == nil:
		info := consumer.CachedInfo()
		// Setup creates the consumer: a worker has run once it pulls, or a message was delivered.
		status.There = info.NumWaiting > 0 || info.Delivered.Consumer > 0
		status.Pulling, status.Waiting, status.InHand = info.NumWaiting, info.NumPending, info.NumAckPending
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
