package mailer

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/child"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// mailpit is a Mailpit of a test's own: a mail server that reads the mails it takes,
// and judges them. scripts/deps.sh builds it.
type mailpit struct {
	t        *testing.T
	smtp, ui string // host:port
}

const mailpitPrograms = "../../.cache/mailpit-v1.31.0-*/mailpit"

// newMailpit starts one; it ends with the test. It may ask only who listens on the
// loopback interface, for nobody else answers here.
func newMailpit(t *testing.T) *mailpit {
	t.Helper()
	programs, _ := filepath.Glob(mailpitPrograms)
	if len(programs) == 0 {
		t.Fatal("this test needs Mailpit: run scripts/deps.sh")
	}
	for range 5 { // a port that was free may be taken meanwhile
		p := &mailpit{t: t, smtp: servertest.Address(t), ui: servertest.Address(t)}
		if p.start(programs[0]) {
			return p
		}
	}
	t.Fatal("Mailpit does not start")
	return nil
}

// start says whether it takes mails; if not, it has ended.
func (p *mailpit) start(program string) bool {
	p.t.Helper()
	cmd := exec.Command(program, "--smtp", p.smtp, "--listen", p.ui, "--database", filepath.Join(p.t.TempDir(), "mails"),
		"--disable-version-check", "--smtp-disable-rdns", "--allow-internal-http-requests", "--disable-link-check-rate-limit", "--quiet")
	cmd.Env = []string{"TMPDIR=" + p.t.TempDir()} // none of its own variables
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	process, err := child.Start(cmd)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = process.Signal(os.Kill)
		if <-process.Done(); p.t.Failed() {
			p.t.Logf("Mailpit said:\n%s", said.String())
		}
	})
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		select {
		case <-process.Done():
			return false
		case <-time.After(20 * time.Millisecond): // there is no signal that it listens
		}
		if p.ready() {
			return true
		}
	}
	p.t.Fatal("Mailpit does not answer")
	return false
}

func (p *mailpit) ready() bool {
	response, err := http.Get("http://" + p.ui + "/readyz")
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// get reads an answer of its API.
func (p *mailpit) get(path string) []byte {
	p.t.Helper()
	response, err := http.Get("http://" + p.ui + "/api/v1/" + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		p.t.Fatalf("Mailpit's %s: %s, %v: %s", path, response.Status, err, body)
	}
	return body
}

func ofMailpit[T any](p *mailpit, path string) (answer T) {
	p.t.Helper()
	if err := json.Unmarshal(p.get(path), &answer); err != nil {
		p.t.Fatal(err)
	}
	return answer
}

// caught is a mail as Mailpit reads it.
type caught struct {
	ID, MessageID, ReturnPath, Subject string
	From                               struct{ Name, Address string }
	To                                 []struct{ Name, Address string }
	Text, HTML                         string
	Attachments, Inline                []struct {
		ContentID, ContentType string
		Size                   int
	}
}

// mails are all it has taken, by Message-Id.
func (p *mailpit) mails() map[string]caught {
	p.t.Helper()
	list := ofMailpit[struct {
		Messages []struct{ ID, MessageID string }
	}](p, "messages?limit=500")
	mails := map[string]caught{}
	for _, m := range list.Messages {
		mails["<"+m.MessageID+">"] = ofMailpit[caught](p, "message/"+m.ID)
	}
	if len(mails) != len(list.Messages) {
		p.t.Errorf("%d mails under %d Message-Ids", len(list.Messages), len(mails))
	}
	return mails
}

// compatibility says how much of a mail's HTML and CSS mail programs show as it is
// meant, by caniemail.com's tables, in percent of all uses in all programs.
func (p *mailpit) compatibility(m caught) (supported, unsupported float64) {
	p.t.Helper()
	answer := ofMailpit[struct {
		Total struct{ Supported, Unsupported float64 }
	}](p, "message/"+m.ID+"/html-check")
	return answer.Total.Supported, answer.Total.Unsupported
}

// links are those it finds in a mail, with the status it gets when it follows them.
func (p *mailpit) links(m caught) map[string]int {
	p.t.Helper()
	answer := ofMailpit[struct {
		Links []struct {
			URL        string
			StatusCode int
		}
	}](p, "message/"+m.ID+"/link-check")
	links := map[string]int{}
	for _, l := range answer.Links {
		links[l.URL] = l.StatusCode
	}
	return links
}
