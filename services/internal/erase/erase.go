package erase

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/replay"
	"github.com/mycloudpbx/softphone/services/internal/setup"
)

// Eraser erases.
type Eraser struct {
	Log     *eventlog.Log
	Redis   redis.UniversalClient // nil: it keeps nothing of this log
	Workers []string              // that fold
	By      string                // who wants it, as the marker says
}

const (
	rounds      = 5                // looks for what workers told meanwhile
	markTries   = 1000             // others may store something all the time
	foldLimit   = 30 * time.Second // for every worker to fold a marker
	foldPause   = 100 * time.Millisecond
	afterglow   = time.Second // for outcomes that were under way
	deleteLimit = 5 * time.Second
)

// Done is what was erased.
type Done struct {
	Extension   string `json:"extension"`
	Messages    int    `json:"messages"`    // of the log
	DeadLetters int    `json:"deadLetters"` //
}

// Look is what Erase would do: how many events there are.
func (e Eraser) Look(ctx context.Context, x events.Extension) (int, error) {
	p, err := e.plan(ctx, x)
	if err != nil {
		return 0, err
	}
	return len(p.covered), p.check()
}

// Erase erases an extension; see the package comment.
func (e Eraser) Erase(ctx context.Context, x events.Extension) (Done, error) {
	done := Done{Extension: x.String()}
	for range rounds {
		p, err := e.plan(ctx, x)
		if err == nil {
			err = p.check()
		}
		if err != nil {
			return done, err
		}
		if len(p.covered) > 0 {
			if err := e.mark(ctx, x); err != nil {
				return done, err
			}
		}
		n, err := e.again(ctx, x)
		done.Messages += n
		if err != nil {
			return done, err
		}
		if n == 0 {
			break
		}
		if err := sleep(ctx, afterglow); err != nil {
			return done, err
		}
	}
	dead, err := e.rest(ctx, map[string]bool{x.String(): true})
	done.DeadLetters = dead
	if err != nil {
		return done, err
	}
	return done, errors.Join(e.rewrite(ctx), e.clearRaftLogs(ctx))
}

// plan reads the log for an extension.
func (e Eraser) plan(ctx context.Context, x events.Extension) (plan, error) {
	p := plan{extension: x}
	if err := x.Validate(); err != nil {
		return p, err
	}
	err := replay.Scan(ctx, e.Log, replay.Range{Filters: []string{all(x)}}, func(m eventlog.Message) error { p.add(m); return nil })
	return p, err
}

// all is the filter of an extension's events.
func all(x events.Extension) string {
	return events.LogSubject(events.PartitionOf(x.Tenant), "*", x.Tenant, x.Number, "*")
}

// mark stores the marker, when nothing was stored since the log was read.
func (e Eraser) mark(ctx context.Context, x events.Extension) error {
	for range markTries {
		state, err := e.Log.State(ctx)
		if err != nil {
			return err
		}
		p, err := e.plan(ctx, x)
		if err == nil {
			err = p.check()
		}
		if err != nil {
			return err
		}
		if len(p.covered) > 0 && p.covered[len(p.covered)-1] > state.Last {
			continue
		}
		err = e.store(ctx, p.markers(e.By), state.Last)
		if !eventlog.Refused(err) {
			return err
		}
	}
	return fmt.Errorf("the log is too busy to mark %s as erased: try again", x)
}

func (e Eraser) store(ctx context.Context, markers []events.Event, last uint64) error {
	for _, marker := range markers {
		body, err := marker.Encode()
		if err != nil {
			return err
		}
		receipt, err := e.Log.Publish(ctx, &nats.Msg{Subject: marker.Subject(), Data: body, Header: nats.Header{
			events.HeaderMsgID: {marker.ID}, jetstream.ExpectedLastSeqHeader: {strconv.FormatUint(last, 10)},
		}})
		if err != nil {
			return fmt.Errorf("marking %s as erased: %w", marker.Extension, err)
		}
		last = receipt.Sequence
	}
	return nil
}

// again deletes what the last marker of an extension covers.
func (e Eraser) again(ctx context.Context, x events.Extension) (int, error) {
	marker, err := e.Log.LastOf(ctx, events.LogSubject(events.PartitionOf(x.Tenant), events.Operator, x.Tenant, x.Number,
		events.ExtensionErased{}.EventName()))
	if err != nil || marker == nil {
		return 0, err
	}
	if err := e.folded(ctx, events.PartitionOf(x.Tenant), marker.Sequence); err != nil {
		return 0, err
	}
	stream, err := e.Log.JetStream().Stream(ctx, events.Stream)
	if err != nil {
		return 0, err
	}
	n := 0
	err = replay.Scan(ctx, e.Log, replay.Range{Filters: []string{all(x)}, To: marker.Sequence}, func(m eventlog.Message) error {
		if m.Name() == (events.ExtensionErased{}).EventName() {
			return nil
		}
		n++
		return remove(ctx, stream, m.Sequence)
	})
	return n, err
}

// remove overwrites one message.
func remove(ctx context.Context, stream jetstream.Stream, sequence uint64) error {
	ctx, cancel := context.WithTimeout(ctx, deleteLimit)
	defer cancel()
	if err := stream.SecureDeleteMsg(ctx, sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("erasing sequence %d: %w", sequence, err)
	}
	return nil
}

// folded waits until every worker has folded a marker. One that never ran has nothing.
func (e Eraser) folded(ctx context.Context, partition int, marker uint64) error {
	end := time.Now().Add(foldLimit)
	for _, worker := range e.Workers {
		states := fold.StatesOf(e.Redis, worker, partition)
		for {
			at, err := states.Checkpoint(ctx)
			if err != nil {
				return err
			}
			if at.Seq >= marker || at == (fold.Checkpoint{}) {
				break
			}
			if time.Now().After(end) {
				return fmt.Errorf("%s has not folded the marker at sequence %d: does it run? Nothing was deleted; erase again when it does", worker, marker)
			}
			if err := sleep(ctx, foldPause); err != nil {
				return err
			}
		}
	}
	return nil
}

// rest erases what is beside the log.
func (e Eraser) rest(ctx context.Context, extensions map[string]bool) (dead int, err error) {
	js := e.Log.JetStream()
	letters, err := js.Stream(ctx, events.DeadStream)
	if err != nil {
		return 0, err
	}
	err = replay.DeadLetters(ctx, js, "", func(d replay.DeadLetter) error {
		if !extensions[d.Key] {
			return nil
		}
		dead++
		return d.Erase(ctx, letters)
	})
	if err != nil {
		return dead, err
	}
	for extension := range extensions {
		x, err := parse(extension)
		if err != nil {
			return dead, err
		}
		for _, bucket := range []string{setup.MailerBucket, setup.CredentialsBucket} {
			if err := eraseKeys(ctx, js, bucket, x); err != nil {
				return dead, fmt.Errorf("bucket %s: %w", bucket, err)
			}
		}
	}
	return dead, nil
}

// eraseKeys overwrites what the keys of an extension have, and then removes them with what deleted them before. A value
// that another one replaced is gone from the bucket, but the server overwrites it only when it compacts that block.
func eraseKeys(ctx context.Context, js jetstream.JetStream, bucket string, x events.Extension) error {
	stream, err := js.Stream(ctx, "KV_"+bucket)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	keys := "$KV." + bucket + "." + x.Tenant + "." + x.Number + ".>"
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(keys))
	if err != nil {
		return err
	}
	for key := range info.State.Subjects {
		m, err := stream.GetLastMsgForSubject(ctx, key)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err == nil {
			err = remove(ctx, stream, m.Sequence)
		}
		if err != nil {
			return err
		}
	}
	return stream.Purge(ctx, jetstream.WithPurgeSubject(keys))
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
