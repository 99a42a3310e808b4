package acceptance

import (
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// advisory is of one function, in every version of a module before one.
type advisory struct{ id, module, pkg, function, fixed string }

// database is one of vulnerabilities, as https://go.dev/doc/security/vuln/database says.
func database(t *testing.T, all ...advisory) (folder string) {
	t.Helper()
	folder = t.TempDir()
	const when = "2026-01-01T00:00:00Z"
	type object = map[string]any
	write := func(path string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		place(t, filepath.Join(folder, path), string(text))
	}
	modules := []object{}
	for _, a := range all {
		modules = append(modules, object{"path": a.module, "vulns": []object{{"id": a.id, "modified": when, "fixed": a.fixed}}})
		write("ID/"+a.id+".json", object{
			"schema_version": "1.3.1", "id": a.id, "modified": when, "published": when, "summary": "One of our tests", "details": "None.",
			"database_specific": object{"url": "https://pkg.go.dev/vuln/" + a.id},
			"affected": []object{{
				"package":            object{"name": a.module, "ecosystem": "Go"},
				"ranges":             []object{{"type": "SEMVER", "events": []object{{"introduced": "0"}, {"fixed": a.fixed}}}},
				"ecosystem_specific": object{"imports": []object{{"path": a.pkg, "symbols": []string{a.function}}}},
			}},
		})
	}
	write("index/db.json", object{"modified": when})
	write("index/modules.json", modules)
	return folder
}

// served is a folder as https://vuln.go.dev serves it: every file compressed.
func served(t *testing.T, folder string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(strings.TrimSuffix(r.URL.Path, ".gz"))))
		if err != nil || !strings.HasSuffix(r.URL.Path, ".gz") {
			http.NotFound(w, r)
			return
		}
		z := gzip.NewWriter(w)
		_, _ = z.Write(text)
		_ = z.Close()
	}))
	t.Cleanup(server.Close)
	return server
}

// What is found fails the check and is named, whether it is in a module or in Go itself; a database that says nothing of
// ours passes it. A check that could not look anything up has not passed, and says so.
func TestVulnerabilityCheck(t *testing.T) {
	t.Parallel()
	const nats = "github.com/nats-io/nats.go"
	found := database(t,
		advisory{"GO-2026-9991", nats, nats, "Connect", "1.999.0"}, advisory{"GO-2026-9992", "stdlib", "net/http", "Server.Serve", "1.999.0"})
	clean := database(t,
		advisory{"GO-2026-9993", nats, nats, "Connect", "1.2.0"}, advisory{"GO-2026-9994", "example.com/unused", "example.com/unused", "Use", "1.999.0"})
	broken := database(t)
	place(t, filepath.Join(broken, "index/modules.json"), "<html>")
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer down.Close()
	for name, c := range map[string]struct {
		database string
		code     int
		says     []string
	}{
		"two are known":          {"file://" + found, 3, []string{"license: ", "GO-2026-9991", nats, "1.999.0", "GO-2026-9992", "net/http"}},
		"by HTTP":                {served(t, found).URL, 3, []string{"of 2026-01-01", "GO-2026-9991", "GO-2026-9992"}},
		"none is of ours":        {served(t, clean).URL, 0, []string{"not affected: license"}},
		"nobody listens":         {"http://127.0.0.1:1", 2, []string{"NOT CHECKED", "http://127.0.0.1:1"}},
		"it is down":             {down.URL, 2, []string{"NOT CHECKED", down.URL}},
		"no such folder":         {"file:///does/not/exist", 2, []string{"NOT CHECKED", "/does/not/exist"}},
		"an empty folder":        {"file://" + t.TempDir(), 2, []string{"NOT CHECKED"}},
		"what is not a database": {"file://" + broken, 2, []string{"NOT CHECKED"}},
	} {
		code, text := said(t, []string{"VULN_DB=" + c.database}, "vulnerabilities.sh", "license")
		if code != c.code {
			t.Errorf("%s: exit %d, want %d:\n%s", name, code, c.code, text)
		}
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: does not say %q:\n%s", name, want, text)
			}
		}
	}
}
