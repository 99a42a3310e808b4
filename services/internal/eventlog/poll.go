package eventlog

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"
)

const (
	// pollLimit is what one look may take.
	pollLimit = 5 * time.Second

	// A reader without a consumer looks again soon after there was something, and then
	// less and less often.
	pollSoon, pollSeldom = 2 * time.Millisecond, 50 * time.Millisecond

	// A reader takes its durable consumer after so long, when the pulls of the reader
	// before it have expired, or after so many messages: then more follow, and a
	// delivery that went to another reader shows at once.
	pollFirst, pollMost = pullExpiry + time.Second, 2000

	// pollWithout is how long a reader goes on before it looks for its consumer again.
	pollWithout = 30 * time.Second

	// unknown is how many messages wait for a reader that asks for one at a time.
	unknown = 1
)

// poll reads a log that is another account's. It begins without a consumer: it asks the
// stream's leader for the next message, one at a time, about 5,000 a second. Then it goes
// on with the durable consumer that setup made for it, if there is one.
//
// A pull that its owner has left stays open at the server until it expires: across
// accounts the server sees interest in the answers of somebody who is gone, or hangs, and
// gives the messages to that pull. Who read with the consumer at once would be given
// nothing, notice it, begin again, and leave a pull of its own to the next attempt: so a
// replica that took over from one that hung was seen to decide nothing for minutes. A
// reader without a consumer waits for nothing but the log's own election, too.
func (l *Log) poll(ctx context.Context, s start, ahead int, to sink) error {
	next, patience, most := max(1, s.from), pollFirst, pollMost
	for {
		var err error
		if next, err = l.pollFrom(ctx, s, next, patience, most, to); err != nil {
			return err
		}
		consumer, err := l.durable(ctx, s.durable, next)
		if errors.Is(err, errNoConsumer) {
			patience, most = pollWithout, math.MaxInt
			continue
		}
		if err != nil {
			return err
		}
		reading := &contiguous{sink: to}
		if err := deliver(ctx, consumer, ahead, reading); err != nil {
			return err
		}
		return reading.watch(ctx, consumer)
	}
}

// pollFrom hands over messages one at a time, and returns where to go on with a consumer,
// when there may be one.
func (l *Log) pollFrom(ctx context.Context, s start, next uint64, patience time.Duration, most int, to sink) (uint64, error) {
	subject, pause, end := widest(s.filters), pollSoon, time.Now().Add(patience)
	for n := 0; s.durable == "" || n < most && time.Now().Before(end); {
		m, err := l.lookFor(ctx, next, subject)
		if err != nil {
			return 0, err
		}
		if m == nil {
			select {
			case <-ctx.Done():
				return 0, ctx.Err()
			case <-time.After(pause):
			}
			pause = min(2*pause, pollSeldom)
			continue
		}
		next, pause, n = m.Sequence+1, pollSoon, n+1
		if !m.Time.Before(s.since) && matches(s.filters, m.Subject) {
			to.take(*m, unknown)
		}
	}
	return next, nil
}

func (l *Log) lookFor(ctx context.Context, from uint64, subject string) (*Message, error) {
	ctx, cancel := context.WithTimeout(ctx, pollLimit)
	defer cancel()
	return l.NextOf(ctx, from, subject)
}

// Each hands over what there is from a sequence on, of the messages that match one of the
// filters, and returns at the log's end. It asks for one at a time: fit for one
// extension's history.
func (l *Log) Each(ctx context.Context, from uint64, visit func(Message), filters ...string) error {
	subject := widest(filters)
	for {
		m, err := l.NextOf(ctx, from, subject)
		if err != nil || m == nil {
			return err
		}
		if matches(filters, m.Subject) {
			visit(*m)
		}
		from = m.Sequence + 1
	}
}

// widest is one filter that lets through what any of some do, and more.
func widest(filters []string) string {
	if len(filters) == 0 {
		return ">"
	}
	tokens := strings.Split(filters[0], ".")
	for _, f := range filters[1:] {
		other := strings.Split(f, ".")
		if len(other) != len(tokens) {
			return ">"
		}
		for i := range tokens {
			if tokens[i] != other[i] {
				tokens[i] = "*"
			}
		}
	}
	return strings.Join(tokens, ".")
}

// matches tells whether one of the filters lets a subject through.
func matches(filters []string, subject string) bool {
	if len(filters) == 0 {
		return true
	}
	for _, f := range filters {
		if within(f, subject) {
			return true
		}
	}
	return false
}

// within tells whether a filter lets a subject through: * is one token, > the rest.
func within(filter, subject string) bool {
	for filter != "" {
		f, restOfFilter, _ := strings.Cut(filter, ".")
		s, restOfSubject, _ := strings.Cut(subject, ".")
		switch {
		case s == "" || f != ">" && f != "*" && f != s:
			return false
		case f == ">":
			return true
		}
		filter, subject = restOfFilter, restOfSubject
	}
	return subject == ""
}
