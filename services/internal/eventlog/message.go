package eventlog

import (
	"encoding/json"
	"fmt"
	"strconv"
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

// route is what the subject says; zero for what is not an event.
func (m Message) route() events.Route {
	r, _ := events.SplitSubject(m.Subject)
	return r
}

// Extension is what the event is about; zero for what is not an event.
func (m Message) Extension() events.Extension { return m.route().Extension }

// Source is who published the event.
func (m Message) Source() string { return m.route().Source }

// Name of the event.
func (m Message) Name() string { return m.route().Event }

// Input is the kind of input the message is.
func (m Message) Input() events.Input {
	r := m.route()
	return events.Input{Source: r.Source, Name: r.Event}
}

// OutcomeOf reports whether a worker published the message as an outcome. The portal's view is a worker without
// outcomes: what is stored under its name are the portal's facts.
func (m Message) OutcomeOf(worker string) bool {
	return m.Source() == worker && !events.IsFactSource(worker)
}

// Decode reads the event, its sequence and its cause. Its errors are those of [events.Decode], and one for an outcome
// that does not name an earlier event as its cause.
func (m Message) Decode() (events.Recorded, error) {
	event, err := events.Decode(m.Subject, m.Data)
	if err != nil {
		return events.Recorded{}, err
	}
	recorded := events.Recorded{Event: event, Sequence: m.Sequence}
	if events.IsFactSource(event.Source) || event.Source == events.Operator {
		return recorded, nil
	}
	cause := m.Header.Get(events.HeaderCause)
	recorded.Cause, err = strconv.ParseUint(cause, 10, 64)
	if err != nil || recorded.Cause >= m.Sequence {
		return events.Recorded{}, fmt.Errorf("header %s: %.40q is not the sequence of an earlier event", events.HeaderCause, cause)
	}
	return recorded, nil
}

// maxID bounds an id that is read from a message which may be anything.
const maxID = 64

// ID of the event, from its header or its body; "" when neither has one.
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
	r := m.route()
	return tracing.About{Event: r.Event, ID: m.ID(), Tenant: r.Extension.Tenant, Extension: r.Extension.Number, Sequence: m.Sequence}
}

// Logger is for lines about the event.
func (m Message) Logger(base zerolog.Logger) *zerolog.Logger { return Logger(base, m.About()) }

// Logger adds to every line which event it is about, in the fields event (its id), type, tenant, extension and sequence.
func Logger(base zerolog.Logger, about tracing.About) *zerolog.Logger {
	logger := base.With().EmbedObject(about).Logger()
	return &logger
}

func fromRaw(raw *jetstream.RawStreamMsg) *Message {
	return &Message{Subject: raw.Subject, Sequence: raw.Sequence, Time: raw.Time, Header: raw.Header, Data: raw.Data}
}
