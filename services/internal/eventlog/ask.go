package eventlog

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
)

// inbox is how a subject for answers begins.
const inbox = "_INBOX."

// service is how the server's own subject begins for the reply of a question that came
// from another account.
const service = "_R_."

// maxInbox bounds such a subject, in bytes; those of clients have about 60. Whoever
// publishes to one that does not fit into the server's control line, 4 KiB, is cut off
// for good: the client does not connect again.
const maxInbox = 256

// checkInbox tells why a subject that somebody else chose may not be published to. A
// worker has rights of its own, which nobody may use by naming a reply: it answers to
// inboxes, and not to its own.
func (l *Log) checkInbox(to string) error {
	own := l.conn.Opts.InboxPrefix
	switch {
	case len(to) > maxInbox, !strings.HasPrefix(to, inbox), strings.ContainsAny(to, " \t*>"):
		return errNoInbox
	case own != "" && strings.HasPrefix(to, own+".") && !strings.HasPrefix(to, own+".answer."): // one login for all parts: standalone
		return errOwnInbox
	}
	return nil
}

// CheckReply tells why a question may not be answered to its reply subject: what
// checkInbox says, but the server's subject for one of another account is right.
func CheckReply(conn *nats.Conn, to string) error {
	if strings.HasPrefix(to, service) || conn.Opts.InboxPrefix != "" && strings.HasPrefix(to, conn.Opts.InboxPrefix+".") {
		return nil // the second is of the same login, which may do the same without asking
	}
	return (&Log{conn: conn}).checkInbox(to)
}

// Ask publishes a fact, with what is stored before it as [Log.Publish] has it, and
// waits for the decision until the context ends. When the fact is stored and no
// decision came, the error is [ErrNoAnswer] and the receipt is valid. A fact that was
// already in the log gets no second decision.
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

// Reply sends an answer to the inbox a fact named, if it named one. It does not
// wait: an answer that is lost is asked for again.
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
