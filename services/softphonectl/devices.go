package softphonectl

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
)

func devicesCommand(a *app) *cobra.Command {
	return question{
		use: "devices", short: "Show which devices hold a seat of an extension's license", worker: events.DeviceCounter,
		history: append(named(events.LicenseGranted{}, events.LicenseRevoked{}, events.SoftphoneDisabled{}, events.ExtensionDeleted{},
			events.DeviceSignedIn{}, events.DeviceRemoved{}), events.Outcomes(events.DeviceCounter)...),
		text: devicesText,
	}.command(a)
}

func devicesText(raw []byte) (string, error) {
	var d events.DevicesAnswer
	if err := json.Unmarshal(raw, &d); err != nil {
		return "", err
	}
	if d.LicenseID == "" {
		return "no license in force: no device can sign in", nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d devices\n", d.Used, d.Limit)
	rows := make([][]string, 0, len(d.Devices))
	for _, seat := range d.Devices {
		rows = append(rows, []string{"  " + seat.DeviceID, seat.Platform, stamp(seat.ActivatedAt), seat.DeviceName})
	}
	if err := table(&b, rows); err != nil {
		return "", err
	}
	return trimLines(b.String()), nil
}

// trimLines removes the padding of last columns that are empty.
func trimLines(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}
