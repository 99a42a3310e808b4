package letter

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// received is what the server of the person's provider writes above a mail.
const received = "Received: from mail.acme.example (mail.acme.example [198.51.101.10])\n\tby mx.example.com (Postfix) with ESMTPS id 4XyZ1234\n" +
	"\tfor <anna@example.com>; Sun, 1 Mar 2026 09:30:02 +0000 (UTC)\n"

// spamStatus is what SpamAssassin writes above a mail.
var spamStatus = regexp.MustCompile(`(?m)^X-Spam-Status: (?:Yes|No), score=(-?[0-9.]+)[^\n]*\n(?:\t[^\n]*\n)*`)

// SpamAssassin finds next to nothing in any mail: below 1, where 5 is spam. Its
// tests that ask the network are off.
func TestNoMailLooksLikeSpam(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("spamassassin")
	if err != nil {
		t.Fatal("this test needs SpamAssassin: apt-get install spamassassin, or run scripts/deps.sh")
	}
	b := examples(t)
	mails := 0
	var mbox bytes.Buffer
	for _, tenant := range append(b.Tenants(), DefaultTenant) {
		for _, locale := range b.Locales(tenant) {
			for _, kind := range Kinds() {
				l := letter(kind)
				l.Tenant, l.Locale, l.CauseID = tenant, locale, fmt.Sprintf("%s.%s.%s", kind, tenant, locale)
				mails++
				mbox.WriteString("From softphone@acme.example Sun Mar  1 09:30:02 2026\n" + received)
				mbox.WriteString(strings.ReplaceAll(string(render(t, b, l).Bytes), "\r\n", "\n") + "\n")
			}
		}
	}
	// The mail that is spam by agreement shows that the others are judged.
	mbox.WriteString("From x Sun Mar  1 09:30:02 2026\n" + received + "Subject: Hi\n\nXJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n")
	home := t.TempDir() // where it keeps what it learns
	run := exec.CommandContext(t.Context(), program, "--local", "--mbox", "--cf=use_bayes 0", "--prefspath="+home+"/prefs")
	run.Env = append(os.Environ(), "HOME="+home)
	run.Stdin = &mbox
	judged, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	spam := 0
	for _, status := range spamStatus.FindAllSubmatchIndex(judged, -1) {
		score, err := strconv.ParseFloat(string(judged[status[2]:status[3]]), 64)
		switch said := judged[status[0]:min(len(judged), status[1]+600)]; {
		case err != nil:
			t.Fatal(err)
		case bytes.Contains(said, []byte("GTUBE")):
			spam++
		case score >= 1:
			t.Errorf("%s", said)
		default:
			mails--
		}
	}
	if mails != 0 || spam != 1 {
		t.Errorf("%d mails were not judged well, %d that is spam was found", mails, spam)
	}
}
