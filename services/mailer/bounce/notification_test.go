package bounce

import (
	"errors"
	"fmt"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const ours = "<01a207e4-304a-7772-ab99-5da409539e17.acme.1001@softphone.example>"

func sample(tb testing.TB, name string) []byte {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func TestParse(t *testing.T) {
	t.Parallel()
	const anna = "anna@example.com"
	for name, want := range map[string][]Recipient{
		"postfix-failed.eml": {{
			Address: anna, Action: Failed, Enhanced: "5.1.1", Code: 550,
			Reason: "550 5.1.1 <anna@example.com>: Recipient address rejected: no such user",
		}},
		"postfix-delayed.eml": {{
			Address: "full@far.example", Action: Delayed, Enhanced: "4.2.2", Code: 452, Reason: "452 4.2.2 mailbox full",
		}},
		"postfix-global.eml": {{ // of an address that is not ASCII (RFC 6533)
			Address: "änne@far.example", Action: Failed, Enhanced: "5.6.7",
			Reason: "SMTPUTF8 is required, but was not offered by host mx.far.example[192.0.2.7]",
		}},
		"postfix-forwarded.eml": {{
			Address: "gone@far.example", Action: Failed, Enhanced: "5.1.1", Code: 550, Reason: "550 5.1.1 <gone@far.example>: no such user",
		}},
		"sendmail-delayed.eml": {{Address: anna, Action: Delayed, Enhanced: "4.4.1"}},
		"references-only.eml": {{
			Address: anna, Action: Failed, Enhanced: "5.2.2", Code: 552, Reason: "552-5.2.2 The mailbox is over its quota. 552 5.2.2 Make room first.",
		}},
		"encoded.eml": {{Address: anna, Action: Failed, Enhanced: "5.1.1"}},
		"relayed.eml": nil,
		"several.eml": {
			{Address: "one@elsewhere.example", Action: Delayed, Enhanced: "4.2.2"},
			{Address: "two@elsewhere.example", Action: Failed, Enhanced: "5.2.1", Code: 500, Reason: "500 (disabled)"},
		},
		"cut-short.eml": {{Address: anna, Action: Failed, Enhanced: "5.1.1"}},
	} {
		n, err := Parse(sample(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, n.Recipients); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
		if !slices.Contains(n.MessageIDs, ours) {
			t.Errorf("%s: about %v, want %s", name, n.MessageIDs, ours)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	nested := func(depth int) string {
		var b strings.Builder
		b.WriteString("MIME-Version: 1.0\r\n")
		for i := range depth {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		return b.String() + "\r\n"
	}
	for name, raw := range map[string]string{
		"an out-of-office reply": string(sample(t, "vacation.eml")),
		"a read receipt":         string(sample(t, "disposition.eml")),
		"nothing":                "",
		"no mail":                "\x00\x01\x02",
		"a header without end":   strings.Repeat("a", 1000),
		"parts in parts":         nested(100_000),
		"too large":              "From: a\r\n\r\n" + strings.Repeat("x", MaxSize),
	} {
		if n, err := Parse([]byte(raw)); !errors.Is(err, ErrNotNotification) {
			t.Errorf("%s: %+v, %v; want ErrNotNotification", name, n, err)
		} else if strings.Contains(err.Error(), "anna") || len(err.Error()) > 200 {
			t.Errorf("%s: the fault repeats the mail: %v", name, err)
		}
	}
}

// What is for people may be broken; what counts is the part with the status.
func TestParseBeyondABrokenPart(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]string{
		"an encoding nobody knows": "Content-Transfer-Encoding: unknown-8bit\r\n\r\nIt came back.",
		"no quoted-printable":      "Content-Transfer-Encoding: quoted-printable\r\n\r\nhttps://example.com/?why=unknown",
		"no base64":                "Content-Transfer-Encoding: base64\r\n\r\nIt came back.",
		"a charset nobody knows":   "Content-Type: text/plain; charset=klingon\r\n\r\nIt came back.",
	} {
		raw := "Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\n" + part +
			"\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n" +
			"Final-Recipient: rfc822; anna@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" +
			"--x\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-Id: " + ours + "\r\n\r\n--x--\r\n"
		n, err := Parse([]byte(raw))
		if err != nil || len(n.Recipients) != 1 || !slices.Contains(n.MessageIDs, ours) {
			t.Errorf("%s: %+v, %v", name, n, err)
		}
	}
}

// An enhanced code is at the beginning of an answer, or marked as one: numbers with
// dots in between are also addresses and versions.
func TestEnhancedCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ status, diagnostic, want string }{
		{"5.0.0", "smtp; 550 5.1.1 unknown", "5.1.1"},
		{"5.0.0", "smtp; 550-5.1.1 unknown", "5.1.1"},
		{"5.0.0", "smtp; 5.2.2 full", "5.2.2"},
		{"", "smtp; 550 sorry, no mailbox here by that name (#5.1.1)", "5.1.1"},
		{"", "x-local; host mx.example.com[192.0.2.1] said: 550 5.1.1 unknown (in reply to RCPT)", "5.1.1"},
		{"5.1.1 (bad mailbox)", "", "5.1.1"},
		{"5.0.0", "smtp; 550 host 4.1.1.20 is listed", "5.0.0"},
		{"5.0.0", "smtp; 554 5.2.20.9 is listed", "5.0.0"},
		{"4.0.0", "smtp; connect to mx.example.com[5.1.1.1]: timeout", "4.0.0"},
		{"5.0.0", "smtp; 550 refused by Exim 4.94.2", "5.0.0"},
		{"", "smtp; 550 refused by Exim 4.94.2", ""},
		{"5.1.2000", "", ""},
	} {
		header := textproto.MIMEHeader{"Action": {"failed"}, "Status": {c.status}, "Diagnostic-Code": {c.diagnostic}}
		if got, _ := recipientOf(header); got.Enhanced != c.want {
			t.Errorf("%q, %q: %q, want %q", c.status, c.diagnostic, got.Enhanced, c.want)
		}
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	late, gone := Recipient{Address: "one@x", Action: Delayed}, Recipient{Address: "two@x", Action: Failed}
	for name, c := range map[string]struct {
		all  []Recipient
		want Recipient
	}{
		"the one asked for":    {[]Recipient{gone, late}, late},
		"the worst of others":  {[]Recipient{{Address: "three@x", Action: Delayed}, gone}, gone},
		"late, when that's it": {[]Recipient{{Address: "three@x", Action: Delayed}}, Recipient{Address: "three@x", Action: Delayed}},
	} {
		if got, found := (Notification{Recipients: c.all}).Of("One@x"); !found || got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	if got, found := (Notification{}).Of("one@x"); found {
		t.Errorf("of nothing: %+v", got)
	}
}

// FuzzParse: whatever the bytes, there is a notification within its bounds, or a
// fault that repeats nothing of them.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(files) == 0 {
		f.Fatal("no samples")
	}
	for _, file := range files {
		f.Add(sample(f, filepath.Base(file)))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := Parse(raw)
		if err != nil {
			if !errors.Is(err, ErrNotNotification) || len(err.Error()) > 200 {
				t.Errorf("%v", err)
			}
			return
		}
		if len(n.MessageIDs) > maxParts || len(n.Recipients) > maxParts {
			t.Errorf("%d ids, %d recipients", len(n.MessageIDs), len(n.Recipients))
		}
		for _, r := range n.Recipients {
			if r.Action != Failed && r.Action != Delayed || r.Code != 0 && (r.Code < 200 || r.Code > 599) {
				t.Errorf("%+v", r)
			}
		}
	})
}
