package softphonectl_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/services/softphonectl"
)

const exampleBrands = "../mailer/letter/testdata/brands"

// What whoever makes a brand sees. No server is needed.
func TestPreviewing(t *testing.T) {
	t.Parallel()
	tr := transcript{live: newLive(t)}
	out := filepath.Join(t.TempDir(), "out")
	tr.run("emails", "preview", "--brands", exampleBrands, "--out", out)
	tr.run("emails", "preview", "--brands", exampleBrands, "--out", out, "--json")
	tr.run("emails", "preview", "--brands", exampleBrands, "--out", out, "--dry-run")
	tr.run("emails", "preview")
	broken := filepath.Join(t.TempDir(), "brands")
	if err := os.Mkdir(broken, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, "acme.yaml"), []byte("name: Acme\ncolour: \"#0b6e4f\"\nlogo: acme.gif\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tr.run("emails", "preview", "--brands", broken, "--out", out)
	tr.golden("previewing")

	for name, want := range map[string]string{
		"index.html": "acme/welcome.en.html", "acme/welcome.de.html": "Ihr Softphone ist bereit", "globex/welcome.ar.html": `dir="rtl"`,
		"default/password-changed.fr.txt": "anna.1001", "acme/device-limit-reached.es.eml": "Content-Language: es",
	} {
		if content, err := os.ReadFile(filepath.Join(out, name)); err != nil || !strings.Contains(string(content), want) {
			t.Errorf("%s does not say %q: %v", name, want, err)
		}
	}
}

func TestPreviewIsServed(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- softphonectl.Main(ctx, []string{"emails", "preview", "--brands", exampleBrands, "--listen", "127.0.0.1:0"},
			softphonectl.Terminal{Out: w, Err: io.Discard})
		_ = w.Close()
	}()
	said, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url, _, _ := strings.Cut(strings.TrimPrefix(said, "open "), ";")
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/": {200, "globex/welcome.ar.html"}, "/acme/welcome.en.html": {200, "Your softphone is ready"},
		"/acme/welcome.en.txt": {200, "anna.1001"}, "/acme/welcome.en.eml": {200, "Message-Id: <"},
		"/../acme.yaml": {404, ""}, "/nobody/welcome.en.html": {404, ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if _ = answer.Body.Close(); err != nil || answer.StatusCode != want.status || !strings.Contains(string(body), want.text) {
			t.Errorf("%s: %d, %.200s", path, answer.StatusCode, body)
		}
	}
	cancel()
	if got := <-code; got != softphonectl.Interrupted {
		t.Errorf("exit %d", got)
	}
}
