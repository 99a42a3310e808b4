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
	imported bool // the log is another account's: consumers are made by setup alone
	inboxes  inboxes
	tracer   tracing.Tracer
	known    atomic.Pointer[reach]
	touch    touch
	stores   stores
}

// Trace makes what is published through this log begin a trace where its context has
// none. It is for who publishes facts, and is called before anything is published.
func (l *Log) Trace(tracer tracing.Tracer) { l.tracer = tracer }

// Open finds the log: under [events.APIPrefix] where the connection's account imports
// it, as deployed, or else in the account itself. It returns [ErrNoStream] when it has
// not been set up and [ErrUnfit] when it cannot be trusted to hold everything.
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

// find finds the stream by an API prefix. Where the account imports nothing under it,
// nobody responds.
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

// API is the JetStream that has the log: under [events.APIPrefix] where the account
// imports it, or else the account's own. The log need not be there yet.
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

// Imported tells that the log is another account's, which lets this one make no
// consumers: [setup] makes them.
func (l *Log) Imported() bool { return l.imported }

// JetStream is what the log is read and written with.
func (l *Log) JetStream() jetstream.JetStream { return l.js }

// Conn is the connection under it.
func (l *Log) Conn() *nats.Conn { return l.conn }

// FastBatches tells whether the log takes fast batches, see [Layout].
func (l *Log) FastBatches() bool { return l.stream.CachedInfo().Config.AllowBatchPublish }

// State is what the server says of the stream.
type State struct {
	Created     time.Time // differs between a stream and its re-creation; survives restart, update and purge
	First, Last uint64    // sequences; Last stays what it was when messages are deleted
	Messages    uint64

	// Quorum is how long ago, at most, the leader that answered had heard from a
	// majority of the servers: so old its answers are, at most. 0: there is one server.
	Quorum time.Duration
}

// State asks the server, now. A stream that is no longer fit to be the log is
// [ErrUnfit].
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

// never is the Quorum of a server that leads nobody.
const never = time.Duration(math.MaxInt64)

// heard is how long ago the stream's leader had heard from a majority. What the server
// calls active is when a peer last answered it (raft.go, trackResponse); a peer that
// never did is active since 0. A server that finds no leader answers without one.
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
	return active[(len(active)+1)/2-1] // with the leader itself: more than half
}

// Get returns the message at a sequence, or nil when the leader has none. What is
// looked up on account of an event is looked up within [Log.AsOf]: the leader may be
// behind it.
func (l *Log) Get(ctx context.Context, sequence uint64) (*Message, error) {
	return l.look(ctx, sequence)
}

// LastOf returns the last message stored under a subject, or nil when the leader has
// none; see Get. With a wildcard that matches many subjects it takes milliseconds (22 ms
// over 62,000 subjects): fit for a takeover, not for every event.
func (l *Log) LastOf(ctx context.Context, subject string) (*Message, error) {
	connection := l.connection()
	raw, err := l.stream.GetLastMsgForSubject(ctx, subject)
	return l.found(connection, raw, err)
}

// NextOf returns the first message at or after a sequence whose subject matches,
// or nil when the leader has none; see Get.
func (l *Log) NextOf(ctx context.Context, sequence uint64, subject string) (*Message, error) {
	return l.look(ctx, sequence, jetstream.WithGetMsgSubject(subject))
}

func (l *Log) look(ctx context.Context, sequence uint64, how ...jetstream.GetMsgOpt) (*Message, error) {
	connection := l.connection()
	raw, err := l.stream.GetMsg(ctx, sequence, how...)
	return l.found(connection, raw, err)
}

// found is an answer of the log's. It shows how far the log goes at least.
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
	Duplicate bool // it was stored before, there
}

// Publish stores a message and returns when the server has acknowledged it. Messages
// before it are stored in front of it in one atomic batch: all or none. An error does
// not say that nothing was stored, but for one that [Refused] knows: publish again
// with the same Nats-Msg-Id. Where the context has a trace, the message is a step of it.
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

// inTurn publishes again what has to wait for others. A stream takes 50 atomic batches
// at a time; and where it has replicas, of those that expect the last message of one
// subject it takes one at a time, and answers the others as if they were refused.
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
	// errCodeTooManyBatches has no name in the client: JSAtomicPublishTooManyInflight.
	errCodeTooManyBatches = 10210

	turn = 20 * time.Millisecond // a few batches long
)

// Expect makes the server refuse a message, and the batch it is in, when the last one
// on a subject is not the one of this sequence; 0: when there is one. The subject is as
// it is stored, and without wildcards: with replicas the server does not hold a
// wildcard against what it is about to store.
func Expect(m *nats.Msg, subject string, last uint64) {
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(last, 10))
	m.Header.Set(jetstream.ExpectedLastSubjSeqSubjHeader, subject)
}

// Refused tells the server's answer to what was not as expected: nothing was stored.
func Refused(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}
