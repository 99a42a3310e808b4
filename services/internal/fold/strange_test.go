package fold_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/foldtest"
)

// An outcome that names no cause is a dead letter, and no reason to refuse its partition: what was published before it is
// not published again, and what comes is decided.
func TestStrangeOutcome(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]string{"without a cause": "", "of no number": "x", "of a later event": "99999999"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			stop, _ := w.own(nil)
			w.add(ones(20)...)
			w.settled(soon)
			stop()
			w.add(ones(5)...)
			strange := nats.NewMsg(outcomeSubject(w.key))
			strange.Data = []byte("{}")
			if cause != "" {
				strange.Header.Set(events.HeaderCause, cause)
			}
			if _, err := w.js.PublishMsg(t.Context(), strange); err != nil {
				t.Fatal(err)
			}
			w.own(nil)
			w.await("the strange outcome is a dead letter", func() bool { return len(w.deadLetters()) == 1 })
			w.add(ones(5)...)
			w.await("every event has its outcome, once", func() bool {
				of := foldtest.Audit(t, w.js, w.rdb, tally())
				return of.Inputs == 30 && of.Doubled+of.Missing+of.Behind == 0
			})
		})
	}
}
