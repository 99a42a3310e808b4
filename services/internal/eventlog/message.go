package eventlog

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/tracing"
)

// Message is one stored message of the log.
type Message struct {
	Subject  string // as stored: log.7.pbx.acme.1001.SoftphoneEnabled
	Sequence uint64
	Time     time.Time // when the server stored it
	Header   nats.Header
	Data     []byte
}

// Key of the message, "acme.1001"; empty for what is not an event.
func (m Message) Key() Key {
	_, rest := m.cut()
	if i := strings.LastIndexByte(rest, '.'); i > 0 {
		return Key(rest[:i])
	}
	return ""
}

// maxID bounds what is taken for an id from a message that may be anything.
const maxID = 64

// ID of the event, from its header or its body; empty when neither says.
func (m Message) ID() string {
	id := m.Header.Get(events.HeaderMsgID)
	if id == "" {
		var body struct{ ID string }
		_ = json.Unmarshal(m.Data, &body) // what cannot be read has no id
		id = body.ID
	}
	if len(id) > maxID {
		return ""
	}
	return id
}

// About is the event as traces name it.
func (m Message) About() tracing.About {
	tenant, extension := m.Key().Tokens()
	return tracing.About{Event: m.Name(), ID: m.ID(), Tenant: tenant, Extension: extension, Sequence: m.Sequence}
}

// Logger is one for lines about the event.
func (m Message) Logger(base zerolog.Logger) *zerolog.Logger { return Logger(base, m.About()) }

// Logger is one for lines about an event: every one of them says which it is, in the
// fields event (its id), type, tenant, extension and sequence.
func Logger(base zerolog.Logger, about tracing.About) *zerolog.Logger {
	logger := base.With().EmbedObject(about).Logger()
	return &logger
}

// Of tells which input the message is.
func (m Message) Of() Input { return Input{Source: m.Source(), Name: m.Name()} }

// Source of the message: who said it.
func (m Message) Source() string { source, _ := m.cut(); return source }

// OutcomeOf tells whether a worker published it as an outcome. The portal's view is a
// worker that publishes none: what is under its name are the portal's facts.
func (m Message) OutcomeOf(worker string) bool {
	return m.Source() == worker && !events.IsFactSource(worker)
}

// Name of the event, the last token of the subject.
func (m Message) Name() string { return m.Subject[strings.LastIndexByte(m.Subject, '.')+1:] }

// cut returns the source and what follows it.
func (m Message) cut() (source, rest string) {
	_, rest, _ = strings.Cut(m.Subject, ".")
	_, rest, _ = strings.Cut(rest, ".")
	source, rest, _ = strings.Cut(rest, ".")
	return source, rest
}

// partition of the message; false for what is not an event.
func (m Message) partition() (int, bool) {
	rest, is := strings.CutPrefix(m.Subject, "log.")
	token, _, cut := strings.Cut(rest, ".")
	if !is || !cut {
		return 0, false
	}
	p, err := strconv.Atoi(token)
	return p, err == nil && p >= 0 && p < events.Partitions
}

func fromRaw(raw *jetstream.RawStreamMsg) *Message {
	return &Message{Subject: raw.Subject, Sequence: raw.Sequence, Time: raw.Time, Header: raw.Header, Data: raw.Data}
}
