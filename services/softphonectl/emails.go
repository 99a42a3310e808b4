package softphonectl

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
)

func emailsCommand(a *app) *cobra.Command {
	cmd := question{
		use: "emails", short: "Show what became of an extension's e-mails, the newest first", worker: events.Mailer,
		history: append(named(events.LicenseGranted{}, events.LicenseEmailChanged{}, events.WelcomeEmailRequested{}, events.SoftphonePasswordReset{}),
			events.Outcomes(events.Mailer)...),
		text: emailsText,
	}.command(a)
	cmd.AddCommand(emailsPreviewCommand(a))
	return cmd
}

func emailsText(raw []byte) (string, error) {
	var answer events.EmailsAnswer
	if err := json.Unmarshal(raw, &answer); err != nil {
		return "", err
	}
	if len(answer.Emails) == 0 {
		return "no e-mails", nil
	}
	var b strings.Builder
	rows := make([][]string, 0, len(answer.Emails))
	for _, e := range answer.Emails {
		rows = append(rows, []string{stamp(e.At), e.State, e.Kind, e.To, why(e)})
	}
	if err := table(&b, rows); err != nil {
		return "", err
	}
	var advised strings.Builder
	for i, line := range strings.Split(strings.TrimRight(b.String(), "\n"), "\n") {
		advised.WriteString(line + "\n")
		if advice := answer.Emails[i].Advice; advice != "" {
			advised.WriteString("    " + advice + "\n")
		}
	}
	return trimLines(advised.String()), nil
}

// why says in plain words how it came to that.
func why(e events.Email) string {
	var parts []string
	switch e.State {
	case "retrying":
		parts = append(parts, "tried "+plural(uint64(e.Attempts), "time")+" since "+stamp(e.Since))
	case "queued":
		parts = append(parts, "waiting since "+stamp(e.Since))
	}
	if e.Reason != "" {
		parts = append(parts, e.Reason)
	}
	if e.QueueID != "" && !strings.Contains(e.Reason, e.QueueID) {
		parts = append(parts, "queue id "+e.QueueID)
	}
	if e.NextAttempt != nil {
		parts = append(parts, "next "+stamp(*e.NextAttempt))
	}
	return strings.Join(parts, "; ")
}
