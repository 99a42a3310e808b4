package fold_test

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// The stream under a running owner becomes another one, or an older one. The
// owner says so, naming both sides, and writes nothing more.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		do    func(w *world, older string)
		names []string
	}{
		{"recreated", func(w *world, _ string) {
			if err := w.js.DeleteStream(w.t.Context(), events.Stream); err != nil {
				w.t.Fatal(err)
			}
			w.ensure()
		}, []string{"another stream", "it was created", "the checkpoint is at sequence", "of a stream created", "softphonectl rebuild " + worker}},
		{"recreated and used", func(w *world, _ string) {
			if err := w.js.DeleteStream(w.t.Context(), events.Stream); err != nil {
				w.t.Fatal(err)
			}
			w.ensure()
			w.add(ones(100)...)
		}, []string{"another stream"}},
		{"restored older", func(w *world, older string) {
			w.nats.Stop()
			w.nats.PutBackStore(older)
			w.nats.Start()
		}, []string{"ends before the checkpoint", "ends at sequence", "the checkpoint is at sequence", "softphonectl rebuild " + worker}},
		{"lost its tail and went on", func(w *world, older string) {
			w.nats.Stop()
			w.nats.PutBackStore(older)
			w.nats.Start()
			w.awaitServer()
			w.add(ones(100)...) // the sequences of what was lost are used again
		}, []string{"the log has another event at sequence", "the checkpoint is at sequence", "softphonectl rebuild " + worker}},
		{"limited", func(w *world, _ string) {
			config := w.streamConfig()
			config.MaxMsgsPerSubject = 1000
			if _, err := w.js.UpdateStream(w.t.Context(), config); err != nil {
				w.t.Fatal(err)
			}
			w.nats.Restart() // ends the tenure
		}, []string{"not fit to be the log", "max_msgs_per_subject is 1000"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.add(ones(20)...)
			stop, _ := w.own(nil)
			w.settled(soon)
			stop()
			w.nats.Stop()
			older := w.nats.CopyStore()
			w.nats.Start()

			w.awaitServer()
			w.add(ones(20)...)
			_, reports := w.own(nil)
			w.settled(soon)
			before := w.redis.Snapshot()

			c.do(w, older)
			w.awaitServer()
			fault := awaitFault(t, reports, c.names[0])
			var refusal *fold.Refusal
			if !errors.As(fault, &refusal) && !errors.Is(fault, eventlog.ErrUnfit) {
				t.Fatalf("reported %v", fault)
			}
			for _, want := range c.names {
				if !strings.Contains(fault.Error(), want) {
					t.Errorf("the refusal does not say %q:\n%v", want, fault)
				}
			}
			told := w.outcomes()
			w.add(ones(20)...)
			time.Sleep(500 * time.Millisecond) // time in which it could do harm
			if after := w.redis.Snapshot(); !reflect.DeepEqual(after, before) {
				t.Error("Redis was written to")
			}
			if now := w.outcomes(); now != told {
				t.Errorf("outcomes were told after the refusal: the last was at %d, now %d", told, now)
			}
		})
	}
}

// A checkpoint at an event that was erased is no reason to refuse. One at an event that is
// missing for no known reason waits, says so, and goes on when an erasure names it.
func TestCheckpointAtAHole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop, _ := w.own(nil)
	last := w.add(ones(20)...)
	w.settled(soon)
	stop()
	stream, err := w.js.Stream(t.Context(), events.Stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	stop, reports := w.own(nil)
	if fault := awaitFault(t, reports, "an event that is not there"); !errors.Is(fault, eventlog.ErrMissing) {
		t.Errorf("reported %v", fault)
	}
	stop()
	marker := events.NewFact(events.Extension{Tenant: "acme", Number: "1001"},
		events.ExtensionErased{By: "the officer", Messages: 1, Sequences: strconv.FormatUint(last, 10)})
	marker.Source = events.Operator
	body, err := marker.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.js.Publish(t.Context(), marker.Subject(), body); err != nil {
		t.Fatal(err)
	}
	_, reports = w.own(nil)
	w.awaitOutcome(w.add(1))
	for len(reports) > 0 {
		if fault := <-reports; fault != nil {
			t.Errorf("reported %v", fault)
		}
	}
}

// A checkpoint that somebody wrote by hand is refused until it is forgotten, and then
// folded again without telling anything twice.
func TestDamagedCheckpointIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(ones(20)...)
	stop, _ := w.own(nil)
	w.settled(soon)
	stop()
	checkpoint := fmt.Sprintf("softphone:{p%d}:%s:checkpoint", w.part, worker)
	if err := w.rdb.HSet(t.Context(), checkpoint, "seq", "many").Err(); err != nil {
		t.Fatal(err)
	}
	_, reports := w.own(nil)
	fault := awaitFault(t, reports, "damaged")
	if !fold.Refused(fault) || !strings.Contains(fault.Error(), "softphonectl rebuild "+worker) {
		t.Errorf("reported %v", fault)
	}
	if err := w.states().Discard(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	w.add(1)
	w.settled(time.Minute)
}

// awaitFault waits for a fault that says something. An owner that looks while the
// stream is still being put back may say another first.
func awaitFault(t *testing.T, reports <-chan error, says string) error {
	t.Helper()
	timeout := time.After(20 * time.Second)
	var last error
	for {
		select {
		case fault := <-reports:
			if fault == nil {
				continue
			}
			if last = fault; strings.Contains(fault.Error(), says) {
				return fault
			}
		case <-timeout:
			t.Fatalf("nothing was refused that says %q, but %v", says, last)
		}
	}
}

// Whoever cannot fold does not fence: the log would grow for as long as Redis is away.
func TestNoFenceInVain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(ones(3)...)
	_, reports := w.own(nil)
	w.settled(soon)
	w.redis.Stop()
	awaitFault(t, reports, "checkpoint") // it has tried again and again by then
	state, err := w.log.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := uint64(1 + 3 + 3); state.Last > want { // a fence, the facts, their outcomes
		t.Errorf("the log ends at %d, want %d: fences were raised in vain", state.Last, want)
	}
}
