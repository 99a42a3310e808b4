package eventlog

import (
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
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

// Of tells which input the message is.
func (m Message) Of() Input { return Input{Source: m.Source(), Name: m.Name()} }

// Source of the message: who said it.
func (m Message) Source() string { source, _ := m.cut(); return source }

// Name of the event, the last token of the subject.
func (m Message) Name() string { return m.Subject[strings.LastIndexByte(m.Subject, '.')+1:] }

// cut returns the source and what follows it.
func (m Message) cut() (source, rest string) {
	_, rest, _ = strings.Cut(m.Subject, ".")
	_, rest, _ = strings.Cut(rest, ".")
	source, rest, _ = strings.Cut(rest, ".")
	return source, rest
}

func fromRaw(raw *jetstream.RawStreamMsg) *Message {
	return &Message{Subject: raw.Subject, Sequence: raw.Sequence, Time: raw.Time, Header: raw.Header, Data: raw.Data}
}
