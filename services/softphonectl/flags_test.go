package softphonectl_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// What makes no sense is a fault of the command line, which says what would. It is
// found before a server is asked: there is none.
func TestSenselessFlags(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.nats.Stop()
	for _, c := range []struct{ line, says string }{
		{"status --watch --every 0s", "at least 10ms"},
		{"status --watch --every -1s", "at least 10ms"},
		{"status --watch --every often", "such as 500ms"},
		{"status --every 5s", "needs --watch"},
		{"events --limit 0", "from 1 on"},
		{"events --limit -1", "from 1 on"},
		{"events --to-seq 0", "from 1 on"},
		{"events --tenant=", "is not a tenant: "},
		{"events --extension a>b", "is not an extension: "},
		{"export - --limit 0", "from 1 on"},
		{"dead-letters list --limit 0", "from 1 on"},
		{"dead-letters list --worker licence", "one of license, device-counter, "},
		{"dead-letters drop --worker= --yes", "one of license, device-counter, "},
		{"replay mail --round 0 --yes", "from 1 on"},
		{"replay mail --tenant= --yes", "is not a tenant: "},
		{"publish ExtensionDeleted --tenant acme --extension 1001 --wait=0s", "at least 1ms"},
		{"completion bsh", "bsh"},
	} {
		r := s.run(strings.Fields(c.line)...)
		if r.code != softphonectl.Usage || !strings.Contains(r.err, c.says) || r.out != "" {
			t.Errorf("%s: exit %d, out %q, err %q; want exit 2 and %q", c.line, r.code, r.out, r.err, c.says)
		}
	}
}

// A name that nobody has is not an empty answer. What the log has is a name, whoever
// put it there.
func TestNamesNobodyHas(t *testing.T) {
	t.Parallel()
	l := newLive(t)
	foreign := nats.NewMsg("softphone.stranger.acme.1000.Hello")
	foreign.Data = []byte("{}")
	l.Store(foreign)
	for _, c := range []struct {
		line, says string
		code       int
	}{
		{"events --source licence", `"licence"; it has pbx, portal, license, `, softphonectl.Usage},
		{"events --type LicenceGranted", `"LicenceGranted"; it has SoftphoneEnabled, `, softphonectl.Usage},
		{"export - --source license,licence", `"licence"; it has pbx, portal, license, `, softphonectl.Usage},
		{"events --since 1h --until 2h", "comes after --until 2h", softphonectl.Usage},
		{"events --source license --type LicenseGranted", "", softphonectl.Done},
		{"events --source stranger", "1000", softphonectl.Done},
		{"export - --anonymize-key key", "without --anonymize", softphonectl.Usage},
		{"replay into nats://127.0.0.1:1 --anonymize-key key --yes", "without --anonymize", softphonectl.Usage},
		{"dead-letters drop license.1.1 --worker mailer --yes", "not both", softphonectl.Usage},
		{"dead-letters retry license.1.1 --all --yes", "not both", softphonectl.Usage},
		{"rebuild", "license, device-counter, ", softphonectl.Usage},
		{"events --type Hello", "1000", softphonectl.Done},
	} {
		r := l.run(strings.Fields(c.line)...)
		if r.code != c.code || !strings.Contains(r.out+r.err, c.says) {
			t.Errorf("%s: exit %d, %q, %q; want exit %d and %q", c.line, r.code, r.out, r.err, c.code, c.says)
		}
	}
}

// Nobody's facts get into another system under their own name because of a typing error.
func TestRenamingNobody(t *testing.T) {
	t.Parallel()
	from, to := newLive(t), newLive(t)
	from.Publish(events.NewFact(ann, events.ExtensionRenamed{Name: "a"}))
	for flags, says := range map[string]string{
		"--rename-tenant acem=acme-test":                               "no facts of tenant acem",
		"--tenant acme --rename-tenant other=test":                     "only --tenant acme",
		"--rename-tenant acme=a --rename-tenant acme=b":                "to a and to b",
		"--rename-tenant acme":                                         "old=new",
		"--rename-tenant =test":                                        "old=new",
		"--rename-tenant acme=Test":                                    "old=new",
		"--tenant acme --rename-tenant acme=test --speed 0x":           "--speed",
		"--tenant acme --anonymize-key key":                            "without --anonymize",
		"--tenant acme --rename-tenant acme=test --from-seq 2 --limit": "--limit",
	} {
		r := from.run(append([]string{"replay", "into", to.NATS.URL(), "--yes"}, strings.Fields(flags)...)...)
		if r.code != softphonectl.Usage || !strings.Contains(r.err, says) {
			t.Errorf("%s: exit %d, %s%s; want exit 2 and %q", flags, r.code, r.out, r.err, says)
		}
	}
	if r := from.run("replay", "into", "", "--yes"); r.code != softphonectl.Usage || !strings.Contains(r.err, "the target is required") {
		t.Errorf("into nowhere: exit %d, %s%s", r.code, r.out, r.err)
	}
	if n := len(to.Messages(events.Stream, "log.>")); n != 0 {
		t.Errorf("%d facts were copied all the same", n)
	}
}
