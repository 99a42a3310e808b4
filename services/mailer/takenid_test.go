package mailer

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// The id of an outcome is made of public ids: whoever publishes under it first must not silence the outcome.
func TestIDThatIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, servertest.SMTPScript{}, 0)
	granted := w.grant(anna, "anna@example.com")
	taken := nats.NewMsg(events.PublishSubject(events.PBX, anna.Tenant, anna.Number, "Squatter"))
	taken.Data = []byte("{}")
	taken.Header.Set(events.HeaderMsgID, events.NewOutcome(events.Mailer, granted.Event, events.EmailSent{}).ID)
	if _, err := w.log.JetStream().PublishMsg(t.Context(), taken); err != nil {
		t.Fatal(err)
	}
	w.run(w.config())
	w.eventually("the outcome is in the log", func() bool {
		m, err := w.log.LastOf(t.Context(), events.LogSubject(events.PartitionOf(anna.Tenant), events.Mailer, anna.Tenant, anna.Number, "EmailSent"))
		return err == nil && m != nil && m.Header.Get(events.HeaderCauseID) == granted.ID
	})
}
