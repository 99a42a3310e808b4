package eventlog

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
)

// inbox is the start of a subject for answers.
const inbox = "_INBOX."

// service is the start of the server's own reply subject, for a question from another account.
const service = "_R_."

// maxInbox bounds a reply subject, in bytes; clients' have about 60. A client that publishes to a subject longer than
// the server's control line, 4 KiB, is disconnected and does not reconnect.
const maxInbox = 256

// checkInbox returns why a reply subject from outside must not be published to. A fact that names one must not borrow
// the worker's rights: a worker answers only to inboxes, and not to its own.
func (l *Log) checkInbox(to string) error {
	own := l.conn.Opts.InboxPrefix
	switch {
	case len(to) > maxInbox, !strings.HasPrefix(to, inbox), strings.ContainsAny(to, " \t*>"):
		return errNoInbox
	case own != "" && strings.HasPrefix(to, own+".") && !strings.HasPrefix(to, own+".answer."): // standalone has one login for all parts
		return errOwnInbox
	}
	return nil
}

// CheckReply returns why a question must not be answered to its reply subject: the reason of checkInbox, except that
// the server's subject for another account is allowed.
func CheckReply(conn *nats.Conn, to string) error {
	if strings.HasPrefix(to, service) || conn.Opts.InboxPrefix != "" && strings.HasPrefix(to, conn.Opts.InboxPrefix+".") {
		return nil // the second is from the same login, which could publish there itself
	}
	return (&Log{conn: conn}).checkInbox(to)
}

// Ask publishes a fact, and the messages in before as [Log.Publish] does, and waits for the decision until the context
// ends. If the fact is stored but no decision came, the error is [ErrNoAnswer] and the receipt is valid. A fact that
// was already in the log gets no second decision.
func (l *Log) Ask(ctx context.Context, m *nats.Msg, before ...*nats.Msg) (Receipt, events.Decision, error) {
	reply, arrived, err := l.inboxes.open(l.conn)
	if err != nil {
		return Receipt{}, events.Decision{}, fmt.Errorf("listening for the decision: %w", err)
	}
	defer l.inboxes.shut(reply)

	m.Header.Set(events.HeaderReplyTo, reply)
	receipt, err := l.Publish(ctx, m, before...)
	if err != nil {
		return Receipt{}, events.Decision{}, err
	}
	var decision *nats.Msg
	select {
	case decision = <-arrived:
	case <-ctx.Done():
		return receipt, events.Decision{}, fmt.Errorf("%w (event %s, sequence %d): %w",
			ErrNoAnswer, m.Header.Get(nats.MsgIdHdr), receipt.Sequence, ctx.Err())
	}
	var answer events.Decision
	if err := json.Unmarshal(decision.Data, &answer); err != nil {
		return receipt, events.Decision{}, fmt.Errorf("reading the decision on sequence %d: %w", receipt.Sequence, err)
	}
	return receipt, answer, nil
}

// Reply sends an answer to the inbox named in a fact, if there is one. It does not wait: if the answer is lost, the
// caller asks again.
func (l *Log) Reply(fact Message, answer events.Decision) error {
	to := fact.Header.Get(events.HeaderReplyTo)
	if to == "" {
		return nil
	}
	if err := l.checkInbox(to); err != nil {
		return fmt.Errorf("%s %w: no answer sent", events.HeaderReplyTo, err)
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	return l.conn.Publish(to, body)
}
