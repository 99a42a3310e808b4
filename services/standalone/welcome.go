package standalone

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/beacon"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

// A tour of the system: what a person can do first, as softphonectl takes it.
var tour = [...]struct{ event, data string }{ //nolint:gochecknoglobals // a constant, which Go has no word for
	{events.SoftphoneEnabled{}.EventName(), `{"email":"ann@example.com","username":"ann","displayName":"Ann Lee"}`},
	{events.DeviceSignedIn{}.EventName(), `{"deviceId":"phone-1","platform":"iphone"}`},
	{events.ExtensionRenamed{}.EventName(), `{"name":"Ann Lee (Sales)"}`},
}

// welcome says where to look, and what to type to make something happen. The link
// lets its first visitor in as an administrator: it is for the terminal alone.
func (c Config) welcome(at *servers, portal, link string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "\nThe softphone system is running. Ctrl-C stops it; what it keeps is in %s\n\n", c.Data)
	fmt.Fprintf(&b, "  portal  %s://%s/sign-in#%s\n", scheme(c.Portal.HTTPS.On), reachable(portal), link)
	fmt.Fprintf(&b, "          lets you in once, within %.0f minutes; a softphone to try is at /softphone\n", web.LinkLife.Minutes())
	fmt.Fprintf(&b, "  log     %s, stream %s", process.Redact(at.nats), events.Stream)
	if at.password != "" {
		fmt.Fprintf(&b, "; user %s, password in %s", user, filepath.Join(c.Data, beacon.PasswordFile))
	}
	b.WriteString("\n")
	if at.inbox != "" {
		fmt.Fprintf(&b, "  mail    %s\n", at.inbox)
	} else {
		fmt.Fprintf(&b, "  mail    is sent for real, by %s\n", process.Redact(at.smtp))
	}
	fmt.Fprintf(&b, "  health  %s://%s/readyz, numbers at /metrics; %s%s status\n\n", scheme(c.Ops.TLS), reachable(c.Ops.Listen), c.here(), ctl())
	b.WriteString("Make something happen, in another terminal:\n\n")
	for _, fact := range tour {
		fmt.Fprintf(&b, "  %s%s publish %s --tenant acme --extension 1001 --wait --data '%s'\n", c.here(), ctl(), fact.event, fact.data)
	}
	b.WriteString("\n")
	return b.Bytes()
}

func scheme(encrypted bool) string {
	if encrypted {
		return "https"
	}
	return "http"
}

// here is what tells softphonectl of our servers, where it does not find them by
// itself; see package beacon.
func (c Config) here() string {
	if filepath.Clean(c.Data) == "data" || c.Outside.NATS != "" {
		return ""
	}
	return "SOFTPHONE_DATA=" + c.Data + " "
}

// ctl is how softphonectl is called: beside this program when `make run` built
// both, or from its source.
func ctl() string {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "softphonectl")
		if _, err := os.Stat(beside); err == nil {
			return short(beside)
		}
	}
	return "go run ./services/softphonectl/cmd/softphonectl"
}

// short is a path as seen from the working directory, where that is simple.
func short(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if relative, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(relative, "..") {
		return relative
	}
	return path
}
