package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sort"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// ErrOtherLog says that the log does not have the same contents as the file.
var ErrOtherLog = errors.New("the log is not a beginning of the file")

// Validated counts the contents of a file.
type Validated struct {
	Header
	Messages uint64 `json:"messages"`
	First    uint64 `json:"first"`
	Last     uint64 `json:"last"`
	Facts    uint64 `json:"facts"`
	Noted    uint64 `json:"noted"` // messages that check rejected
}

// Validate reads a whole file, unless its context ends. An error says why it cannot be imported. It calls check with
// each message and passes an error of that to note: a log may have messages that cannot be read, and a copy has them
// too.
func Validate(ctx context.Context, in io.Reader, check func(eventlog.Message) error, note func(eventlog.Message, error)) (Validated, error) {
	r, err := newFileReader(in)
	if err != nil {
		return Validated{}, err
	}
	v := Validated{Header: r.Header}
	for {
		if ctx.Err() != nil {
			return v, ctx.Err()
		}
		m, err := r.next()
		if errors.Is(err, io.EOF) {
			return v, nil
		}
		if err != nil {
			return v, err
		}
		if v.Messages++; v.Messages == 1 {
			v.First = m.Sequence
		}
		v.Last = m.Sequence
		if events.IsFactSource(m.Source()) {
			v.Facts++
		}
		if err := check(m); err != nil {
			v.Noted++
			note(m, err)
		}
	}
}

// ReadFile calls each with the messages of a file.
func ReadFile(ctx context.Context, in io.Reader, each func(eventlog.Message) error) (Header, error) {
	r, err := newFileReader(in)
	if err != nil {
		return Header{}, err
	}
	for {
		if ctx.Err() != nil {
			return r.Header, ctx.Err()
		}
		m, err := r.next()
		if errors.Is(err, io.EOF) {
			return r.Header, nil
		}
		if err == nil {
			err = each(m)
		}
		if err != nil {
			return r.Header, err
		}
	}
}

// Imported counts the messages of a file by result.
type Imported struct {
	There   uint64 `json:"there"` // already in the log
	Written uint64 `json:"written"`
}

// Import makes a log equal to the file of a whole log. The log must be a beginning of the file: an interrupted import
// continues, and a repeated one writes nothing. No other program may write in the meantime; Import notices if one
// does.
//
// Messages get new sequences, without holes, and the causes in outcomes are changed accordingly. Nats-Msg-Id is left
// out, because a fact that is in a log twice must be in its copy twice, and so is the reply subject. What the file's
// erasures cover is left out.
func Import(ctx context.Context, log *eventlog.Log, in io.Reader, erased Covered, progress func(int)) (Imported, error) {
	r, err := newFileReader(in)
	if err != nil {
		return Imported{}, err
	}
	i := importing{log: log, file: r, erased: erased, progress: progress}
	if err := i.compare(ctx); err != nil {
		return i.Imported, err
	}
	return i.Imported, i.write(ctx)
}

type importing struct {
	Imported
	log      *eventlog.Log
	file     *fileReader
	erased   Covered
	progress func(int)
	mapping  mapping
	last     uint64 // of the log
}

// next is the next message that no erasure covers.
func (i *importing) next() (eventlog.Message, error) {
	for {
		m, err := i.file.next()
		if err != nil || !i.erased.Has(m) {
			return m, err
		}
	}
}

// compare compares the log with the file.
func (i *importing) compare(ctx context.Context) error {
	err := Scan(ctx, i.log, Range{}, func(m eventlog.Message) error {
		want, err := i.next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: it goes on with sequence %d (%s)", ErrOtherLog, m.Sequence, m.Subject)
		}
		if err != nil {
			return err
		}
		if want.Subject != m.Subject || !bytes.Equal(want.Data, m.Data) {
			return fmt.Errorf("%w: sequence %d is %s, in the file it is %s", ErrOtherLog, m.Sequence, m.Subject, want.Subject)
		}
		i.mapping.add(want.Sequence, m.Sequence)
		i.There++
		i.progress(1)
		return nil
	})
	if err != nil {
		return err
	}
	state, err := i.log.State(ctx)
	i.last = state.Last
	return err
}

// write publishes the rest of the file, in atomic batches.
func (i *importing) write(ctx context.Context) error {
	var messages []*nats.Msg
	for {
		m, err := i.next()
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended {
			return err
		}
		if !ended {
			i.mapping.add(m.Sequence, i.last+uint64(len(messages))+1)
			messages = append(messages, i.message(m))
		}
		if len(messages) == batch || ended && len(messages) > 0 {
			if err := i.publish(ctx, messages); err != nil {
				return err
			}
			messages = messages[:0]
		}
		if ended {
			return nil
		}
	}
}

func (i *importing) publish(ctx context.Context, messages []*nats.Msg) error {
	// The causes were computed for exactly these sequences.
	messages[0].Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(i.last, 10))
	n := uint64(len(messages))
	if n == 1 {
		if _, err := i.log.Publish(ctx, messages[0]); err != nil {
			return err
		}
	} else if _, err := jetstreamext.PublishMsgBatch(ctx, i.log.JetStream(), messages); err != nil {
		return fmt.Errorf("writing %d messages after sequence %d: %w", n, i.last, err)
	}
	i.last += n
	i.Written += n
	i.progress(int(n))
	return nil
}

// message is the message to publish.
func (i *importing) message(m eventlog.Message) *nats.Msg {
	to := &nats.Msg{Subject: published(m), Data: m.Data, Header: nats.Header{}}
	maps.Copy(to.Header, m.Header)
	to.Header.Del(events.HeaderMsgID)
	to.Header.Del(events.HeaderReplyTo)
	for _, name := range [...]string{
		jetstream.ExpectedLastSeqHeader, jetstream.ExpectedLastSubjSeqHeader, jetstream.ExpectedLastSubjSeqSubjHeader,
		jetstreamext.BatchIDHeader, jetstreamext.BatchSeqHeader, jetstreamext.BatchCommitHeader,
	} {
		to.Header.Del(name)
	}
	if cause, err := strconv.ParseUint(m.Header.Get(events.HeaderCause), 10, 64); err == nil {
		to.Header.Set(events.HeaderCause, strconv.FormatUint(i.mapping.of(cause), 10))
	}
	return to
}

// published is the subject under which a stored message was published.
func published(m eventlog.Message) string {
	x := m.Extension()
	return events.PublishSubject(m.Source(), x.Tenant, x.Number, m.Name())
}

// mapping maps the sequences of one log to those of another. It has an entry for each change of the distance between
// them.
type mapping []span

type span struct{ from, to, n uint64 }

func (p *mapping) add(from, to uint64) {
	if len(*p) > 0 {
		last := &(*p)[len(*p)-1]
		if last.from+last.n == from && last.to+last.n == to {
			last.n++
			return
		}
	}
	*p = append(*p, span{from, to, 1})
}

// of maps a sequence, or the last one before it that is mapped.
func (p mapping) of(from uint64) uint64 {
	i := sort.Search(len(p), func(i int) bool { return p[i].from > from }) - 1
	if i < 0 {
		return 0
	}
	return p[i].to + min(from-p[i].from, p[i].n-1)
}
