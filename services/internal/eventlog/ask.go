package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
)

// inbox is the only kind of subject an answer may be sent to: a fact must not be
// able to make a worker publish anywhere else.
const inbox = "_INBOX."

// maxInbox bounds such a subject, in bytes; those of clients have about 60. Whoever
// publishes to one that does not fit into the server's control line, 4 KiB, is cut off
// for good: the client does not connect again.
const maxInbox = 256

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
	if len(to) > maxInbox || !strings.HasPrefix(to, inbox) || strings.ContainsAny(to, " \t*>") {
		return errors.New(events.HeaderReplyTo + " is not an inbox: no answer sent")
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	return l.conn.Publish(to, body)
}
