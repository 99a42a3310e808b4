package workertest

import (
	"fmt"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

// Extension is the one that rules are tested with.
func Extension() events.Extension { return events.Extension{Tenant: "acme", Number: "1001"} }

// Nth is extension i of a system of a hundred tenants. The first hundred are in all partitions, at least six in each.
func Nth(i int) events.Extension {
	return events.Extension{Tenant: fmt.Sprintf("acme-%d", i%100), Number: fmt.Sprint(1000 + i)}
}

// start is the time of sequence 0; every sequence is a second later.
func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC) }

// TimeOf is the time of the fact at a sequence.
func TimeOf(sequence uint64) time.Time {
	return start().Add(time.Duration(sequence) * time.Second)
}

// IDOf is its id.
func IDOf(sequence uint64) string {
	ms := start().UnixMilli()
	return fmt.Sprintf("%08x-%04x-7000-8000-%012d", ms>>16, ms&0xffff, sequence)
}

// Fact is a fact as the log holds it at a sequence.
func Fact(sequence uint64, d events.Data) events.Recorded {
	return events.Recorded{
		Event: events.Event{
			ID: IDOf(sequence), Source: events.PBX, Time: TimeOf(sequence), Extension: Extension(), Data: d,
		},
		Sequence: sequence,
	}
}

// Said is what a worker made of the fact at a sequence, cause, as the log holds it
// at another.
func Said(name string, sequence, cause uint64, d events.Data) events.Recorded {
	return events.Recorded{Event: events.NewOutcome(name, Fact(cause, nil).Event, d), Sequence: sequence, Cause: cause}
}
