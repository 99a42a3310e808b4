package eventlog

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/tracing"
)

// Log reads and writes the stream. It is safe for concurrent use.
type Log struct {
	conn     *nats.Conn
	js       jetstream.JetStream
	stream   jetstream.Stream
	imported bool // the log belongs to another account, and only setup creates consumers
	inboxes  inboxes
	tracer   tracing.Tracer
	known    atomic.Pointer[reach]
	touch    touch
	stores   stores
}

// Trace makes publications through this log start a trace when their context has none. It is for publishers of facts;
// call it before the first publication.
func (l *Log) Trace(tracer tracing.Tracer) { l.tracer = tracer }

// Open finds the log: under [events.APIPrefix] where the connection's account imports it, as deployed, or else in the
// account itself. It returns [ErrNoStream] when the log has not been set up, and [ErrUnfit] when the stream may have
// dropped events.
func Open(ctx context.Context, conn *nats.Conn) (*Log, error) {
	l, err := find(ctx, conn, events.APIPrefix)
	if errors.Is(err, nats.ErrNoResponders) {
		l, err = find(ctx, conn, jetstream.DefaultAPIPrefix)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("stream %s: %w", events.Stream, ErrNoStream)
	}
	if err != nil {
		return nil, fmt.Errorf("opening stream %s: %w", events.Stream, err)
	}
	if err := fit(l.stream.CachedInfo().Config); err != nil {
		return nil, err
	}
	return l, nil
}

// find finds the stream under an API prefix. If the account imports nothing under it, the error is
// nats.ErrNoResponders.
func find(ctx context.Context, conn *nats.Conn, prefix string) (*Log, error) {
	js, err := jetstream.New(conn)
	if prefix != jetstream.DefaultAPIPrefix {
		js, err = jetstream.NewWithAPIPrefix(conn, prefix)
	}
	if err != nil {
		return nil, err
	}
	stream, err := js.Stream(ctx, events.Stream)
	if err != nil {
		return nil, err
	}
	return &Log{conn: conn, js: js, stream: stream, imported: prefix == events.APIPrefix}, nil
}

// API is the JetStream that has the log: under [events.APIPrefix] where the account imports it, or else the account's
// own. The log need not exist yet.
func API(ctx context.Context, conn *nats.Conn) (jetstream.JetStream, error) {
	js, err := jetstream.NewWithAPIPrefix(conn, events.APIPrefix)
	if err != nil {
		return nil, err
	}
	if _, err = js.Stream(ctx, events.Stream); errors.Is(err, nats.ErrNoResponders) {
		return jetstream.New(conn)
	}
	return js, nil
}

// Imported reports whether the log belongs to another account. Then only setup creates consumers.
func (l *Log) Imported() bool { return l.imported }

// JetStream reads and writes the log.
func (l *Log) JetStream() jetstream.JetStream { return l.js }

// Conn is the log's connection.
func (l *Log) Conn() *nats.Conn { return l.conn }

// FastBatches reports whether the log takes fast batches, see [Layout].
func (l *Log) FastBatches() bool { return l.stream.CachedInfo().Config.AllowBatchPublish }

// State of the stream, as the server reports it.
type State struct {
	Created     time.Time // differs after the stream was re-created; survives restart, update and purge
	First, Last uint64    // sequences; Last does not change when messages are deleted
	Messages    uint64

	// Quorum is how long ago, at most, the leader heard from a majority of the servers. Its answers are at most that
	// old. 0: there is one server.
	Quorum time.Duration
}

// State asks the server now. It is [ErrUnfit] if the stream is no longer fit to be the log.
func (l *Log) State(ctx context.Context) (State, error) {
	connection := l.connection()
	stream, err := l.js.Stream(ctx, events.Stream)
	if err != nil {
		return State{}, fmt.Errorf("asking for stream %s: %w", events.Stream, err)
	}
	info := stream.CachedInfo()
	if err := fit(info.Config); err != nil {
		return State{}, err
	}
	quorum := heard(info)
	if quorum < never {
		l.answered(connection, info.State.LastSeq)
	}
	return State{
		Created: info.Created, First: info.State.FirstSeq, Last: info.State.LastSeq, Messages: info.State.Msgs, Quorum: quorum,
	}, nil
}

// never is the Quorum of a server without followers.
const never = time.Duration(math.MaxInt64)

// heard is how long ago the stream's leader heard from a majority. The server's "active" is the time since a peer last
// responded (raft.go, trackResponse); it is 0 for a peer that never did. A server without a leader names none.
func heard(info *jetstream.StreamInfo) time.Duration {
	cluster := info.Cluster
	if cluster == nil || len(cluster.Replicas) == 0 && cluster.Leader != "" {
		return 0
	}
	if cluster.Leader == "" {
		return never
	}
	active := make([]time.Duration, 0, len(cluster.Replicas))
	for _, peer := range cluster.Replicas {
		if peer.Active == 0 {
			peer.Active = never
		}
		active = append(active, peer.Active)
	}
	slices.Sort(active)
	return active[(len(active)+1)/2-1] // the leader counts itself: more than half
}

// Get returns the message at a sequence, or nil when the leader has none. The leader may be behind an event that was
// delivered: a look-up because of an event belongs in [Log.AsOf].
func (l *Log) Get(ctx context.Context, sequence uint64) (*Message, error) {
	return l.look(ctx, sequence)
}

// LastOf returns the last message stored under a subject, or nil when the leader has none; see Get. With a wildcard
// that matches many subjects it takes milliseconds (22 ms over 62,000 subjects): fine for a takeover, too slow for
// every event.
func (l *Log) LastOf(ctx context.Context, subject string) (*Message, error) {
	connection := l.connection()
	raw, err := l.stream.GetLastMsgForSubject(ctx, subject)
	return l.found(connection, raw, err)
}

// NextOf returns the first message at or after a sequence whose subject matches, or nil when the leader has none; see
// Get.
func (l *Log) NextOf(ctx context.Context, sequence uint64, subject string) (*Message, error) {
	return l.look(ctx, sequence, jetstream.WithGetMsgSubject(subject))
}

func (l *Log) look(ctx context.Context, sequence uint64, how ...jetstream.GetMsgOpt) (*Message, error) {
	connection := l.connection()
	raw, err := l.stream.GetMsg(ctx, sequence, how...)
	return l.found(connection, raw, err)
}

// found reads a look-up's result and records that the log has this sequence.
func (l *Log) found(connection uint64, raw *jetstream.RawStreamMsg, err error) (*Message, error) {
	m, err := found(raw, err)
	if m != nil {
		l.answered(connection, m.Sequence)
	}
	return m, err
}

func found(raw *jetstream.RawStreamMsg, err error) (*Message, error) {
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil //nolint:nilnil // documented: nil means there is none
	}
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	return fromRaw(raw), nil
}

// Receipt says where a published message is stored.
type Receipt struct {
	Sequence  uint64
	Duplicate bool // it was stored before, at that sequence
}

// Publish stores a message and returns when the server has acknowledged it. The messages in before are stored in front
// of it, in one atomic batch: all or none. After an error the message may be stored, unless [Refused] says otherwise:
// publish again with the same Nats-Msg-Id. If the context has a trace, the publication is a span of it.
func (l *Log) Publish(ctx context.Context, m *nats.Msg, before ...*nats.Msg) (receipt Receipt, err error) {
	span := l.tracer.Publish(ctx, m)
	defer func() { span.End(err) }()
	if len(before) > 0 {
		all := append(slices.Clone(before), m)
		return l.inTurn(ctx, m.Subject, func(ctx context.Context, patience time.Duration) (Receipt, error) {
			ack, err := jetstreamext.PublishMsgBatch(ctx, l.js, all, jetstreamext.BatchFlowControl{AckFirst: true, AckTimeout: patience})
			if err != nil {
				return Receipt{}, err
			}
			return Receipt{Sequence: ack.Sequence}, nil
		})
	}
	return l.inTurn(ctx, m.Subject, func(ctx context.Context, _ time.Duration) (Receipt, error) {
		ack, err := l.js.PublishMsg(ctx, m)
		if err != nil {
			return Receipt{}, err
		}
		return Receipt{Sequence: ack.Sequence, Duplicate: ack.Duplicate}, nil
	})
}

// inTurn repeats a publication that the server turned away because of others. A stream takes 50 atomic batches at a
// time. A stream with replicas takes one message at a time of those that expect the last message of one subject, and
// answers the others as if it refused them.
func (l *Log) inTurn(ctx context.Context, subject string, publish func(context.Context, time.Duration) (Receipt, error)) (Receipt, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(l.js.Options().DefaultTimeout)
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	for {
		connection := l.connection()
		receipt, err := publish(ctx, time.Until(deadline))
		if err == nil {
			l.answered(connection, receipt.Sequence)
			_ = l.stores.note(nil)
			return receipt, nil
		}
		if api, ok := errors.AsType[*jetstream.APIError](err); ok &&
			(api.ErrorCode == errCodeTooManyBatches || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant) {
			select {
			case <-time.After(rand.N(turn)):
				continue
			case <-ctx.Done():
			}
		}
		return Receipt{}, fmt.Errorf("publishing to %s: %w", subject, l.stores.note(l.Unwritable(err)))
	}
}

const (
	// errCodeTooManyBatches is JSAtomicPublishTooManyInflight; the client has no name for it.
	errCodeTooManyBatches = 10210

	turn = 20 * time.Millisecond // a few batches long
)

// Expect makes the server refuse a message, and the batch it is in, unless the last message on a subject has this
// sequence; 0: unless there is none. The subject is as stored and has no wildcards: with replicas the server does not
// compare a wildcard with what it is about to store.
func Expect(m *nats.Msg, subject string, last uint64) {
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(last, 10))
	m.Header.Set(jetstream.ExpectedLastSubjSeqSubjHeader, subject)
}

// Refused reports whether the server refused a message because of [Expect]. Nothing was stored then.
func Refused(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}
