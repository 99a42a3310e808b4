package eventlog

import (
	"context"
	"strings"
	"time"
)

const (
	// pollLimit is what one look may take.
	pollLimit = 5 * time.Second

	// A reader without a consumer looks again soon after there was something, and then
	// less and less often.
	pollSoon, pollSeldom = 2 * time.Millisecond, 50 * time.Millisecond

	// unknown is how many messages wait for a reader that asks for one at a time.
	unknown = 1
)

// poll reads without a consumer: it asks the stream's leader for the next message, one
// at a time, about 5,000 a second. That is for who may make no consumer and has none,
// and for an owner whose consumer went with its server: the log's own election is then
// all it waits for.
func (l *Log) poll(p place, to sink) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		if err := l.pollFrom(ctx, p, to); ctx.Err() == nil {
			to.fail(gap(err))
		}
	}()
	return cancel
}

func (l *Log) pollFrom(ctx context.Context, p place, to sink) error {
	subject, next, pause := widest(p.filters), max(1, p.from), pollSoon
	for {
		m, err := l.lookFor(ctx, next, subject)
		if err != nil {
			return err
		}
		if m == nil {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pause):
			}
			pause = min(2*pause, pollSeldom)
			continue
		}
		next, pause = m.Sequence+1, pollSoon
		if !m.Time.Before(p.since) && matches(p.filters, m.Subject) {
			to.take(*m, unknown)
		}
	}
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
