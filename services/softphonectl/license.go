package softphonectl

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
)

func licenseCommand(a *app) *cobra.Command {
	return question{
		use: "license", short: "Show an extension's license", worker: events.License,
		history: named(events.SoftphoneEnabled{}, events.SoftphoneDisabled{}, events.SoftphoneEmailChanged{}, events.ExtensionDeleted{},
			events.LicenseGranted{}, events.LicenseRevoked{}, events.LicenseEmailChanged{}),
		text: licenseText,
	}.command(a)
}

func licenseText(raw []byte) (string, error) {
	var l events.LicenseAnswer
	if err := json.Unmarshal(raw, &l); err != nil {
		return "", err
	}
	state := "in force"
	switch {
	case l.Generation == 0:
		return "never licensed", nil
	case l.LicenseID == "":
		return fmt.Sprintf("no license in force; license %d of this extension was erased", l.Generation), nil
	case !l.Active:
		state = "revoked"
	}
	text := fmt.Sprintf("license %s, %s\n  number      %d\n  user        %s, %s <%s>\n  devices     up to %d",
		l.LicenseID, state, l.Generation, l.Username, l.DisplayName, l.Email, l.DeviceLimit)
	if l.GrantedAt != nil {
		text += "\n  granted     " + stamp(*l.GrantedAt)
	}
	return text, nil
}
