package eventlog

import (
	"context"
	"slices"

	"github.com/mycloudpbx/softphone/events"
)

// LastInput returns the last message about an extension among inputs of one name; nil when there is none. Several
// sources may publish one name: a fact comes from the PBX core or from the portal.
//
// It is one look-up for all sources, with a wildcard in place of the source: over 600,000 subjects that took 0.15 ms, a
// look-up for one source 0.12 ms, two of them at once 0.25 ms. If the message it finds is not among the inputs, that
// message could hide one, and each source is looked up.
func (l *Log) LastInput(ctx context.Context, x events.Extension, inputs ...events.Input) (*Message, error) {
	if len(inputs) == 1 {
		return l.LastOf(ctx, inputs[0].Subject(x))
	}
	anySource := events.Input{Source: "*", Name: inputs[0].Name}
	last, err := l.LastOf(ctx, anySource.Subject(x))
	if err != nil || last == nil || slices.Contains(inputs, last.Input()) {
		return last, err
	}
	last = nil
	for _, input := range inputs {
		m, err := l.LastOf(ctx, input.Subject(x))
		if err != nil {
			return nil, err
		}
		if m != nil && (last == nil || m.Sequence > last.Sequence) {
			last = m
		}
	}
	return last, nil
}

// LastOutcome returns the last outcome of a worker in a partition; nil when there is none.
func (l *Log) LastOutcome(ctx context.Context, partition int, worker string) (*Message, error) {
	if events.IsFactSource(worker) { // see [Message.OutcomeOf]
		return nil, nil //nolint:nilnil // documented: nil means there is none
	}
	return l.LastOf(ctx, events.LogSubject(partition, worker, "*", "*", "*"))
}
