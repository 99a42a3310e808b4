package inbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// letter is a mail as the mailer sends it: text and HTML.
const letter = "From: Acme <pbx@acme.example>\r\n" +
	"To: =?utf-8?q?Ann_L=C3=A9e?= <ann@example.com>\r\n" +
	"Subject: =?utf-8?q?Welcome_=C3=A0_bord?=\r\n" +
	"Message-Id: <1@acme.example>\r\n" +
	"Date: Tue, 31 Mar 2026 09:30:00 +0000\r\n" +
	"Mime-Version: 1.0\r\n" +
	"Content-Type: multipart/alternative; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nYour username is\r\nann.\r\n" +
	"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"<html><head><title>x</title></head><body><script>alert(1)</script><a href=3D\"https://example.com\">Mac</a></body></html>\r\n" +
	"--b--\r\n"

// catcher is a running inbox: its SMTP address and its page.
type catcher struct {
	smtp, folder string
	page         *httptest.Server
}

func start(t *testing.T, l limits) catcher {
	t.Helper()
	c := catcher{folder: t.TempDir()}
	box, err := open(c.folder, l)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.smtp = listener.Addr().String()
	catching := Catch(listener, box)
	t.Cleanup(catching.Close)
	c.page = httptest.NewServer(Handler(box, c.smtp))
	t.Cleanup(c.page.Close)
	return c
}

func (c catcher) send(t *testing.T, mail string, to ...string) {
	t.Helper()
	if err := smtp.SendMail(c.smtp, nil, "bounces@acme.example", to, []byte(mail)); err != nil {
		t.Fatal(err)
	}
}

func (c catcher) do(t *testing.T, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, c.page.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func (c catcher) list(t *testing.T, query string) apiList {
	t.Helper()
	_, body := c.do(t, http.MethodGet, "/api/v1/messages"+query)
	var list apiList
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return list
}

func TestAMailIsCaughtAndShown(t *testing.T) {
	t.Parallel()
	c := start(t, limits{10, 1 << 20})
	c.send(t, letter, "ann@example.com", "archive@acme.example")

	list := c.list(t, "")
	if list.Total != 1 || list.Unread != 1 || len(list.Page) != 1 {
		t.Fatalf("the list is %+v", list)
	}
	got := list.Page[0]
	got.ID, got.Created = "", got.Created.Truncate(0)
	want := apiSummary{
		MessageID: "1@acme.example", From: &Address{"Acme", "pbx@acme.example"}, To: []Address{{"Ann Lée", "ann@example.com"}},
		Cc: []Address{}, Bcc: []Address{{"", "archive@acme.example"}}, ReplyTo: []Address{}, Subject: "Welcome à bord",
		Created: got.Created, Tags: []string{}, Size: len(letter), Snippet: "Your username is ann.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}

	id := list.Page[0].ID
	_, body := c.do(t, http.MethodGet, "/api/v1/message/"+id)
	var message apiMessage
	if err := json.Unmarshal([]byte(body), &message); err != nil {
		t.Fatal(err)
	}
	if message.ReturnPath != "bounces@acme.example" || !strings.Contains(message.Text, "ann.") || !strings.Contains(message.HTML, `href="https://example.com"`) {
		t.Errorf("the message is %+v", message)
	}
	if _, raw := c.do(t, http.MethodGet, "/api/v1/message/latest/raw"); raw != letter {
		t.Errorf("raw is not what was sent:\n%q", raw)
	}
	if list := c.list(t, ""); list.Unread != 0 {
		t.Errorf("%d unread after reading", list.Unread)
	}
	for path, want := range map[string]string{"/": "Welcome à bord", "/mail/" + id: "Ann Lée &lt;ann@example.com&gt;", "/style.css": "--paper"} {
		if answer, body := c.do(t, http.MethodGet, path); answer.StatusCode != http.StatusOK || !strings.Contains(body, want) || strings.Contains(body, "<script") {
			t.Errorf("%s: %s without %q, or with a script:\n%s", path, answer.Status, want, body)
		}
	}
}

// A mail's HTML must not be able to do anything, whoever sent it.
func TestAMailsHTMLIsCutOff(t *testing.T) {
	t.Parallel()
	c := start(t, limits{10, 1 << 20})
	c.send(t, letter, "ann@example.com")
	answer, body := c.do(t, http.MethodGet, "/mail/latest/html")
	policy := answer.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "sandbox") || strings.Contains(policy, "allow-scripts") {
		t.Errorf("policy is %q", policy)
	}
	if !strings.Contains(body, `<base target="_blank">`) {
		t.Error("links would open inside the frame")
	}
	for _, path := range []string{"/", "/mail/latest"} {
		answer, page := c.do(t, http.MethodGet, path)
		if policy := answer.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy is %q", path, policy)
		}
		if strings.Contains(page, "alert(1)") {
			t.Errorf("%s: contains the mail's script", path)
		}
	}
}

// A picture that travels in the mail is seen in its HTML.
func TestPicturesAreShown(t *testing.T) {
	t.Parallel()
	c := start(t, limits{100, 1 << 20})
	c.send(t, "Subject: x\r\nMime-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n"+
		"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p><img src=\"cid:logo@acme.example\"></p>\r\n"+
		"--b\r\nContent-Type: image/png\r\nContent-Disposition: inline; filename=logo.png\r\nContent-Id: <logo@acme.example>\r\n"+
		"Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n", "ann@example.com")
	if _, body := c.do(t, http.MethodGet, "/mail/latest/html"); !strings.Contains(body, `<img src="data:image/png;base64,iVBORw0KGgo=">`) {
		t.Errorf("%s", body)
	}
}

func TestOnlyThisMachineAndThisPage(t *testing.T) {
	t.Parallel()
	c := start(t, limits{10, 1 << 20})
	c.send(t, letter, "ann@example.com")
	port := c.page.URL[strings.LastIndexByte(c.page.URL, ':'):]
	for host, want := range map[string]int{"localhost" + port: 200, "127.0.0.1" + port: 200, "[::1]" + port: 200, "evil.example" + port: 421} {
		if answer, _ := c.do(t, http.MethodGet, "/", "Host", host); answer.StatusCode != want {
			t.Errorf("Host %s: %s, want %d", host, answer.Status, want)
		}
	}
	for _, method := range []string{http.MethodPost + " /delete", http.MethodDelete + " /api/v1/messages"} {
		verb, path, _ := strings.Cut(method, " ")
		if answer, _ := c.do(t, verb, path, "Origin", "https://evil.example"); answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s from another page: %s", method, answer.Status)
		}
	}
	if c.list(t, "").Total != 1 {
		t.Error("another page deleted the mail")
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	c := start(t, limits{10, 1 << 20})
	for range 3 {
		c.send(t, letter, "ann@example.com")
	}
	body := fmt.Sprintf(`{"IDs":[%q]}`, c.list(t, "").Page[1].ID)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, c.page.URL+"/api/v1/messages", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if n := c.list(t, "").Total; n != 2 {
		t.Errorf("%d left, want 2", n)
	}
	if answer, _ := c.do(t, http.MethodPost, "/delete"); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("delete on the page: %s", answer.Status)
	}
	if list := c.list(t, ""); list.Total != 0 || list.Page == nil {
		t.Errorf("left: %+v", list)
	}
	if files, _ := filepath.Glob(filepath.Join(c.folder, "*")); len(files) != 0 {
		t.Errorf("files left: %v", files)
	}
	if _, page := c.do(t, http.MethodGet, "/"); !strings.Contains(page, c.smtp) {
		t.Error("the empty page does not say where mail is caught")
	}
}

func TestMailsSurviveARestartAndTheOldestGo(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	box, err := open(folder, limits{3, 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := box.Add(Envelope{To: []string{"ann@example.com"}}, fmt.Appendf(nil, "Subject: %d\r\n\r\n%d", i, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "damaged.mail"), []byte("no envelope"), 0o600); err != nil {
		t.Fatal(err)
	}
	subjects := func(b *Mailbox) string {
		mails, _, _ := b.List(0, 100)
		var s []string
		for _, m := range mails {
			s = append(s, m.Subject)
		}
		return strings.Join(s, " ")
	}
	if got := subjects(box); got != "4 3 2" {
		t.Errorf("kept %s", got)
	}
	if box, err = open(folder, limits{2, 1 << 20}); err != nil {
		t.Fatal(err)
	}
	if got := subjects(box); got != "4 3" {
		t.Errorf("after a restart with room for two: %s", got)
	}
	if box, err = open(folder, limits{2, 1}); err != nil {
		t.Fatal(err)
	}
	if got := subjects(box); got != "4" {
		t.Errorf("with room for one byte: %s", got)
	}
}

func TestPagesOfTheList(t *testing.T) {
	t.Parallel()
	c := start(t, limits{10, 1 << 20})
	for range 3 {
		c.send(t, letter, "ann@example.com")
	}
	if list := c.list(t, "?start=1&limit=1"); list.Count != 1 || list.Total != 3 || list.Page[0].ID != c.list(t, "").Page[1].ID {
		t.Errorf("second page: %+v", list)
	}
	for _, query := range []string{"?start=x", "?limit=-1", "?start=" + url.QueryEscape("1 ")} {
		if answer, _ := c.do(t, http.MethodGet, "/api/v1/messages"+query); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", query, answer.Status)
		}
	}
	if answer, _ := c.do(t, http.MethodGet, "/api/v1/message/..%2f..%2fpasswd"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("an id that is a path: %s", answer.Status)
	}
}

func TestAnythingIsShownSomehow(t *testing.T) {
	t.Parallel()
	c := start(t, limits{100, 1 << 20})
	for name, mail := range map[string]string{
		"empty":             "\r\n",
		"no header":         "just text\r\n",
		"unknown charset":   "Subject: x\r\nContent-Type: text/plain; charset=klingon\r\n\r\nhello\r\n",
		"unknown encoding":  "Content-Transfer-Encoding: x-none\r\n\r\nhello\r\n",
		"broken multipart":  "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello",
		"missing boundary":  "Content-Type: multipart/mixed\r\n\r\nhello\r\n",
		"not UTF-8":         "Subject: \xff\xfe\r\n\r\n\xff\xfe\r\n",
		"script in subject": "Subject: <script>alert(1)</script>\r\nFrom: \"<b>x</b>\" <a@b.c>\r\n\r\n<script>\r\n",
	} {
		c.send(t, mail, "ann@example.com")
		for _, path := range []string{"/", "/mail/latest", "/mail/latest/html", "/api/v1/messages", "/api/v1/message/latest", "/api/v1/message/latest/raw"} {
			answer, body := c.do(t, http.MethodGet, path)
			if answer.StatusCode != http.StatusOK {
				t.Errorf("%s, %s: %s", name, path, answer.Status)
			}
			if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") && strings.Contains(body, "<script>") {
				t.Errorf("%s, %s: not escaped", name, path)
			}
		}
	}
}
