package erase

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/setup"
)

// A server of a cluster writes every request that changes a stream into the stream's raft log, and a message that was
// overwritten in the stream is still there. The server drops what is before its last snapshot. It takes one when 8 MB wait
// (compactSizeMin in monitorStream), and drops whole blocks of 4 MB (defaultMediumBlockSize). So 12 MB of requests that
// change nothing are enough, whatever waited before: the first snapshot comes within 8 MB, and one that comes within
// the first 4 is followed by one 8 MB later. The rest is for requests that arrive while a snapshot is being written.
const (
	padding       = 16 << 20
	paddingPiece  = 128 << 10        // of one request; max_payload is 1 MB
	paddingWindow = 4                // requests under way
	raftLimit     = 15 * time.Second // for one request, and for servers to be there
)

// ErrServerAway says that a server was not there when the raft logs were cleared: its own still has what was erased.
var ErrServerAway = errors.New("this server is away or behind, and its raft log still has what was erased: start it, wait until it has caught up, and erase again")

// clearRaftLogs makes all servers drop what their raft logs have of the streams so far. No leader changes, nothing is
// stored, and publishers go on meanwhile.
func (e Eraser) clearRaftLogs(ctx context.Context) error {
	for _, name := range []string{events.Stream, events.DeadStream, "KV_" + setup.MailerBucket, "KV_" + setup.CredentialsBucket} {
		stream, err := e.Log.JetStream().Stream(ctx, name)
		if err == nil && stream.CachedInfo().Config.Replicas > 1 {
			err = clearRaftLog(ctx, e.Log.JetStream().Conn(), stream)
		}
		if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("clearing the raft logs of %s: %w", name, err)
		}
	}
	return nil
}

// clearRaftLog wants all servers of the stream there, before and after: one that catches up hinders the leader's snapshot.
func clearRaftLog(ctx context.Context, conn *nats.Conn, stream jetstream.Stream) error {
	if err := allCurrent(ctx, stream); err != nil {
		return err
	}
	name := stream.CachedInfo().Config.Name
	pieces, faults := make(chan struct{}, padding/paddingPiece), make(chan error, paddingWindow)
	for range cap(pieces) {
		pieces <- struct{}{}
	}
	close(pieces)
	for range paddingWindow {
		go func() {
			var err error
			for range pieces {
				if err = changeNothing(ctx, conn, name); err != nil {
					break
				}
			}
			faults <- err
		}()
	}
	var err error
	for range paddingWindow {
		err = errors.Join(err, <-faults)
	}
	if err != nil {
		return err
	}
	return allCurrent(ctx, stream)
}

// changeNothing purges a subject that no stream has, up to the first sequence and without it: each of the two alone comes
// to nothing. The subject is random, so that nothing on its way makes it shorter.
func changeNothing(ctx context.Context, conn *nats.Conn, stream string) error {
	body, err := json.Marshal(map[string]any{"seq": 1, "filter": "nothing." + randomText(paddingPiece)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, raftLimit)
	defer cancel()
	answer, err := conn.RequestWithContext(ctx, "$JS.API.STREAM.PURGE."+stream, body)
	if err != nil {
		return err
	}
	var done struct {
		Error   *jetstream.APIError `json:"error"`
		Success bool                `json:"success"`
		Purged  uint64              `json:"purged"`
	}
	if err := json.Unmarshal(answer.Data, &done); err != nil {
		return err
	}
	switch {
	case done.Error != nil:
		return done.Error
	case !done.Success || done.Purged > 0:
		return fmt.Errorf("a request that changes nothing was answered %s", answer.Data)
	}
	return nil
}

func randomText(length int) string {
	var text strings.Builder
	for text.Len() < length {
		text.WriteString(rand.Text())
	}
	return text.String()
}

// allCurrent waits until all servers of a stream have all of it.
func allCurrent(ctx context.Context, stream jetstream.Stream) error {
	for end := time.Now().Add(raftLimit); ; {
		away, err := serversAway(ctx, stream)
		if err == nil && away == "" {
			return nil
		}
		if time.Now().After(end) {
			if err == nil {
				err = fmt.Errorf("%s: %w", away, ErrServerAway)
			}
			return err
		}
		if err := sleep(ctx, foldPause); err != nil {
			return err
		}
	}
}

func serversAway(ctx context.Context, stream jetstream.Stream) (string, error) {
	info, err := stream.Info(ctx)
	if err != nil {
		return "", err
	}
	if info.Cluster == nil || len(info.Cluster.Replicas) < info.Config.Replicas-1 {
		return "a replica that no server has", nil
	}
	var away []string
	for _, r := range info.Cluster.Replicas {
		if r.Offline || !r.Current {
			away = append(away, r.Name)
		}
	}
	return strings.Join(away, ", "), nil
}
