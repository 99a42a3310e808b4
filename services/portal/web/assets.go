package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
)

//go:embed static
var static embed.FS

//go:embed templates
var templates embed.FS

// assets serves what pages load, under a path that changes whenever any of it
// does: so it may be kept for ever, and a new page never meets an old script.
type assets struct{ version string }

func newAssets() (assets, error) {
	sum := sha256.New()
	err := fs.WalkDir(static, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := static.ReadFile(path)
		_, _ = sum.Write(append([]byte(path), content...)) // never fails
		return err
	})
	return assets{version: hex.EncodeToString(sum.Sum(nil)[:6])}, err
}

func (a assets) url(name string) string { return "/static/" + a.version + "/" + name }

func (a assets) serve(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("version") != a.version {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeFileFS(w, r, static, "static/"+r.PathValue("file")) //nolint:gosec // embed.FS has nothing but our files
}
