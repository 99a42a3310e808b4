package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// Answer is a decision as it is sent to a fact's Softphone-Reply-To inbox.
type Answer struct {
	Outcome  string          `json:"outcome"`          // an outcome's name, or what was decided instead of one
	Sequence uint64          `json:"sequence"`         // of the fact
	EventID  string          `json:"eventId"`          // of the fact; empty when it could not be read
	Reason   string          `json:"reason,omitempty"` // of the answer Invalid
	Data     json.RawMessage `json:"data,omitempty"`   // of the outcome
}

// Answers that are not the name of an outcome and that any worker may give.
const (
	NothingToDo = "NothingToDo" // the fact changed nothing
	Invalid     = "Invalid"     // the fact is a dead letter now, see Reason
)

// inbox is the only kind of subject an answer may be sent to: a fact must not be
// able to make a worker publish anywhere else.
const inbox = "_INBOX."

// Ask publishes a fact and waits for the decision until the context ends. When
// the fact is stored and no decision came, the error is [ErrNoAnswer] and the
// receipt is valid. A fact that was already in the log gets no second decision.
func (l *Log) Ask(ctx context.Context, m *nats.Msg) (Receipt, Answer, error) {
	reply := l.conn.NewInbox()
	waiting, err := l.conn.SubscribeSync(reply)
	if err != nil {
		return Receipt{}, Answer{}, fmt.Errorf("listening for the decision: %w", err)
	}
	defer func() { _ = waiting.Unsubscribe() }()

	m.Header.Set(HeaderReplyTo, reply)
	receipt, err := l.Publish(ctx, m)
	if err != nil {
		return Receipt{}, Answer{}, err
	}
	decision, err := waiting.NextMsgWithContext(ctx)
	if err != nil {
		return receipt, Answer{}, fmt.Errorf("%w (event %s, sequence %d): %w",
			ErrNoAnswer, m.Header.Get(nats.MsgIdHdr), receipt.Sequence, err)
	}
	var answer Answer
	if err := json.Unmarshal(decision.Data, &answer); err != nil {
		return receipt, Answer{}, fmt.Errorf("reading the decision on sequence %d: %w", receipt.Sequence, err)
	}
	return receipt, answer, nil
}

// Reply sends an answer to the inbox a fact named, if it named one. It does not
// wait: an answer that is lost is asked for again.
func (l *Log) Reply(fact Message, answer Answer) error {
	to := fact.Header.Get(HeaderReplyTo)
	if to == "" {
		return nil
	}
	if !strings.HasPrefix(to, inbox) || strings.ContainsAny(to, " \t*>") {
		return errors.New(HeaderReplyTo + " is not an inbox: no answer sent")
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	return l.conn.Publish(to, body)
}
