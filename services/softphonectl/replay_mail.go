package softphonectl

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/replay"
)

// What a chosen e-mail is to become.
const (
	mailToSend     = "to-send"
	mailRequested  = "requested"    // just now; or by an earlier run, and the mailer still tries
	mailAgain      = "sent-again"   // by an earlier run
	mailFailed     = "failed-again" // after an earlier run, which is not repeated
	mailSince      = "sent-since"   // another welcome e-mail was sent later
	mailUnlicensed = "no-license"   // there is nobody to send to
)

// resend is one e-mail to send again, as --json prints it.
type resend struct {
	Tenant    string    `json:"tenant"`
	Extension string    `json:"extension"`
	To        string    `json:"to"`
	State     string    `json:"state"`
	Was       string    `json:"was"` // the outcome it had
	At        time.Time `json:"at"`
	Reason    string    `json:"reason,omitempty"`
	RequestID string    `json:"requestId"`
}

// mailReplay chooses and requests.
type mailReplay struct {
	*session
	selection
	states  []string
	skipped bool
	round   uint64
}

func replayMailCommand(a *app) *cobra.Command {
	m := mailReplay{round: 1}
	cmd := &cobra.Command{
		Use:   "mail",
		Short: "Send welcome e-mails again, on purpose; without --yes it only shows how many and to whom",
		Long: "Send welcome e-mails again, on purpose. Without --yes it only shows how many and to whom.\n\n" +
			"It chooses extensions by the outcome of their welcome e-mails, and requests one for each that has a license in\n" +
			"force, to the address of that license. The mailer sends it, as it does for an administrator.\n\n" +
			"--skipped chooses welcome e-mails that were skipped wrongly: as not licensed, while the log says that the license was\n" +
			"in force, and still is. A notice that was skipped wrongly is shown, and not sent: its news is old.\n\n" +
			"Safe to re-run, also after an interrupt: it sends nothing twice. To send once more anyway, or to retry what\n" +
			"failed again, increase --round.",
		Example: "  softphonectl replay mail --since 24h\n  softphonectl replay mail --since 24h --yes\n" +
			"  softphonectl replay mail --state sent --tenant acme\n  softphonectl replay mail --skipped --yes",
		Args: cobra.NoArgs,
		RunE: a.with(a.open, func(x *session, _ []string) error {
			m.session = x
			return m.run()
		}),
	}
	m.whom(cmd)
	m.when(cmd)
	cmd.Flags().StringSliceVar(&m.states, "state", []string{"failed"}, "their outcome: failed, bounced, skipped, sent")
	cmd.Flags().BoolVar(&m.skipped, "skipped", false, "those that were skipped although the license was in force")
	cmd.MarkFlagsMutuallyExclusive("state", "skipped")
	cmd.Flags().Var(countFlag(&m.round), "round", "1 for the first time they are sent again, 2 for the second, …")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"failed", "bounced", "skipped", "sent"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (m *mailReplay) run() error {
	choose := m.choose
	if m.skipped {
		choose = m.chooseSkipped
	}
	chosen, err := choose()
	if err != nil {
		return err
	}
	send := m.yes && !m.dryRun
	var requested, left, failed uint64
	bar := m.bar("e-mails", uint64(len(chosen)))
	defer bar.end()
	for _, r := range chosen {
		if err := m.look(r); err != nil {
			return err
		}
		if r.State == mailFailed {
			failed++
		}
		if r.State == mailToSend {
			left++
			if send {
				if err := m.request(r); err != nil {
					return err
				}
				requested, left = requested+1, left-1
			}
		}
		bar.hide()
		if err := m.print(r, r.text); err != nil {
			return err
		}
		bar.add(1)
	}
	switch {
	case send:
		m.say("%s requested", plural(requested, "e-mail"))
	case left > 0:
		m.say("%s would be sent; pass --yes to send", plural(left, "e-mail"))
	default:
		m.say("nothing to send")
	}
	if failed > 0 {
		m.say("%s failed again: retry with --round %d", plural(failed, "e-mail"), m.round+1)
	}
	return nil
}

func (r *resend) text() string {
	text := fmt.Sprintf("%-12s %s/%s  %s  (%s %s", r.State, r.Tenant, r.Extension, r.To, r.Was, stamp(r.At))
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return text + ")"
}

// choose finds the first e-mail of each extension that is meant, and whether it
// was sent again already. In its memory is an entry for each extension chosen.
func (m *mailReplay) choose() ([]*resend, error) {
	m.types = nil
	for _, state := range m.states {
		name := map[string]string{"failed": "EmailFailed", "bounced": "EmailBounced", "skipped": "EmailSkipped", "sent": "EmailSent"}[state]
		if name == "" {
			return nil, usageError{fmt.Errorf("--state: %q is not failed, bounced, skipped or sent", state)}
		}
		m.types = append(m.types, name)
	}
	meant := m.types
	r, err := m.ranged(time.Now())
	if err != nil {
		return nil, err
	}
	until := r.Until
	m.types = events.Outcomes(events.Mailer)
	if r, err = m.ranged(time.Now()); err != nil {
		return nil, err
	}
	r.Until = time.Time{} // what was sent again may be later
	byKey := map[events.Extension]*resend{}
	err = replay.Scan(m.ctx, m.log, r, func(message eventlog.Message) error {
		if have := byKey[message.Extension()]; have != nil {
			have.later(message)
			return nil
		}
		if slices.Contains(meant, message.Name()) && (until.IsZero() || !message.Time.After(until)) {
			if found := m.meant(message); found != nil {
				byKey[message.Extension()] = found
			}
		}
		return nil
	})
	chosen := make([]*resend, 0, len(byKey))
	for _, key := range slices.SortedFunc(maps.Keys(byKey), events.Extension.Compare) {
		chosen = append(chosen, byKey[key])
	}
	return chosen, err
}

// later takes note of what happened after the e-mail that is meant.
func (r *resend) later(m eventlog.Message) {
	switch sent := m.Name() == (events.EmailSent{}).EventName(); {
	case m.Header.Get(events.HeaderCauseID) == r.RequestID:
		r.became(m)
	case sent && (r.State == mailToSend || r.State == mailFailed) && r.Was != m.Name():
		if e, err := events.Decode(m.Subject, m.Data); err == nil {
			if data, is := e.Data.(events.EmailSent); is && data.Kind == events.KindWelcome {
				r.State = mailSince
			}
		}
	}
}

// became takes note of what became of the e-mail that was sent again.
func (r *resend) became(m eventlog.Message) {
	e, err := events.Decode(m.Subject, m.Data)
	if err != nil {
		return
	}
	switch data := e.Data.(type) {
	case events.EmailSent:
		r.State = mailAgain
	case events.EmailDeferred:
		r.State = mailRequested
	case events.EmailFailed, events.EmailSkipped:
		r.State = mailFailed
	case events.EmailBounced:
		if data.Action == events.ActionFailed {
			r.State = mailFailed
		}
	}
}

// meant is a welcome e-mail's outcome; nil for another's.
func (m *mailReplay) meant(message eventlog.Message) *resend {
	e, err := events.Decode(message.Subject, message.Data)
	if err != nil {
		return nil
	}
	r := &resend{
		Tenant: e.Extension.Tenant, Extension: e.Extension.Number, State: mailToSend, Was: e.EventName(), At: message.Time.UTC(),
		RequestID: requestID(message.Time, e.ID, m.round),
	}
	kind := ""
	switch data := e.Data.(type) {
	case events.EmailSent:
		kind, r.To = data.Kind, data.To
	case events.EmailFailed:
		kind, r.To, r.Reason = data.Kind, data.To, data.Reason
	case events.EmailSkipped:
		kind, r.To, r.Reason = data.Kind, data.To, data.Reason
	case events.EmailBounced:
		if data.Action == events.ActionFailed {
			kind, r.To, r.Reason = data.Kind, data.To, data.Reason
		}
	}
	if kind != events.KindWelcome {
		return nil
	}
	return r
}

// look finds out whom the e-mail would go to now.
func (m *mailReplay) look(r *resend) error {
	key := events.Extension{Tenant: r.Tenant, Number: r.Extension}
	p := key.Partition()
	granted, err := m.log.LastOf(m.ctx, events.LogSubject(p, events.License, r.Tenant, r.Extension, events.LicenseGranted{}.EventName()))
	if err != nil {
		return err
	}
	revoked, err := m.log.LastOf(m.ctx, events.LogSubject(p, events.License, r.Tenant, r.Extension, events.LicenseRevoked{}.EventName()))
	if err != nil {
		return err
	}
	if granted == nil || revoked != nil && revoked.Sequence > granted.Sequence {
		if r.State == mailToSend {
			r.State = mailUnlicensed
		}
		return nil
	}
	changed, err := m.log.LastOf(m.ctx, events.LogSubject(p, events.License, r.Tenant, r.Extension, events.LicenseEmailChanged{}.EventName()))
	if err != nil {
		return err
	}
	if changed == nil || changed.Sequence < granted.Sequence {
		changed = granted
	}
	if e, err := events.Decode(changed.Subject, changed.Data); err == nil {
		switch license := e.Data.(type) {
		case events.LicenseGranted:
			r.To = license.Email
		case events.LicenseEmailChanged:
			r.To = license.Email
		}
	}
	return nil
}

// request asks for the e-mail. The request's id follows from the e-mail that is
// sent again, so the mailer, which never sends twice for one id, knows a second
// request.
func (m *mailReplay) request(r *resend) error {
	fact := events.NewFact(events.Extension{Tenant: r.Tenant, Number: r.Extension}, events.WelcomeEmailRequested{})
	fact.ID = r.RequestID
	if err := m.publishFact(fact); err != nil {
		return err
	}
	r.State = mailRequested
	return nil
}

// publishFact publishes one fact of ours.
func (x *session) publishFact(fact events.Event) error {
	body, err := fact.Encode()
	if err != nil {
		return err
	}
	message := nats.NewMsg(fact.Subject())
	message.Data = body
	message.Header.Set(events.HeaderMsgID, fact.ID)
	_, err = x.log.Publish(x.ctx, message)
	if err != nil && x.ctx.Err() == nil {
		return errors.Join(err, errors.New("re-run the command: what was published counts once"))
	}
	return err
}

// requestID is a UUID of version 7 that is the same each time.
func requestID(at time.Time, of string, round uint64) string {
	return derivedID(at, "resend", of, fmt.Sprint(round))
}

// derivedID is a UUID of version 7: its time is given, its random bits follow
// from what it is derived from.
func derivedID(at time.Time, from ...string) string {
	u := sha256.Sum256([]byte("softphonectl/" + strings.Join(from, "/")))
	ms := uint64(at.UnixMilli())
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	text := hex.EncodeToString(u[:16])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
