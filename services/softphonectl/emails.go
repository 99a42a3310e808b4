package softphonectl

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
)

func emailsCommand(a *app) *cobra.Command {
	return question{
		use: "emails", short: "Show what became of an extension's e-mails, the newest first", worker: events.Mailer,
		history: append(named(events.LicenseGranted{}, events.WelcomeEmailRequested{}, events.SoftphonePasswordReset{}),
			events.Outcomes(events.Mailer)...),
		text: emailsText,
	}.command(a)
}

func emailsText(raw []byte) (string, error) {
	var answer struct {
		Emails []struct {
			Kind, State, To, Reason string
			At                      time.Time
			SMTPCode, Attempts      int
			NextAttempt             *time.Time
		}
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return "", err
	}
	if len(answer.Emails) == 0 {
		return "no e-mails", nil
	}
	var b strings.Builder
	rows := make([][]string, 0, len(answer.Emails))
	for _, e := range answer.Emails {
		why := e.Reason
		if e.Attempts > 0 {
			why = fmt.Sprintf("%s after %d attempts", why, e.Attempts)
		}
		if e.NextAttempt != nil {
			why += ", next " + stamp(*e.NextAttempt)
		}
		rows = append(rows, []string{stamp(e.At), e.State, e.Kind, e.To, why})
	}
	if err := table(&b, rows); err != nil {
		return "", err
	}
	return trimLines(b.String()), nil
}
