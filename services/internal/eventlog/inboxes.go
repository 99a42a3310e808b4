package eventlog

import (
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// inboxes hands out subjects for answers under one subscription: with a subscription for every question, the server
// would spend more on subscriptions than on the questions.
type inboxes struct {
	mu           sync.Mutex
	subscription *nats.Subscription // nil until the first question
	prefix       string
	waiting      map[string]chan *nats.Msg
}

// answers is the prefix for decisions: for a user its part of [Answers], otherwise an inbox.
func answers(conn *nats.Conn) string {
	if user, is := strings.CutPrefix(conn.Opts.InboxPrefix, inbox); is {
		return strings.TrimSuffix(Answers(user), ">") + nuid.Next()
	}
	return conn.NewInbox()
}

// NewInbox returns a subject for one decision.
func NewInbox(conn *nats.Conn) string { return answers(conn) }

// open returns a new subject, and the channel for the first message to it.
func (i *inboxes) open(conn *nats.Conn) (subject string, answer <-chan *nats.Msg, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.subscription == nil {
		prefix := answers(conn)
		if i.subscription, err = conn.Subscribe(prefix+".*", i.take); err != nil {
			i.subscription = nil
			return "", nil, err
		}
		i.prefix, i.waiting = prefix, map[string]chan *nats.Msg{}
	}
	subject = i.prefix + "." + nuid.Next()
	arrived := make(chan *nats.Msg, 1)
	i.waiting[subject] = arrived
	return subject, arrived, nil
}

// shut removes a subject.
func (i *inboxes) shut(subject string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.waiting, subject)
}

func (i *inboxes) take(m *nats.Msg) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if arrived := i.waiting[m.Subject]; arrived != nil {
		delete(i.waiting, m.Subject)
		arrived <- m // the channel has room for it
	}
}
