package acceptance

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Each program that is shipped has a bill of materials, which lists the modules that `go version -m` shows of it.
func TestBillOfMaterials(t *testing.T) {
	t.Parallel()
	folder, built := t.TempDir(), t.TempDir()
	if code, text := said(t, nil, "sbom.sh", folder); code != 0 {
		t.Fatalf("exit %d:\n%s", code, text)
	}
	mains, err := filepath.Glob(filepath.Join(root, "services/*/cmd/*/main.go"))
	if err != nil || len(mains) < 7 {
		t.Fatalf("programs are %v, %v", mains, err)
	}
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		if listed := components(t, filepath.Join(folder, name+".cdx.json")); listed["github.com/nats-io/nats.go"] == "" {
			t.Errorf("%s lists no nats.go, but %v", name, listed)
		}
	}
	cmd := exec.Command("go", "build", "-C", filepath.Join(root, "services/portal"), "-trimpath", "-buildvcs=false", "-o", built+"/", "./cmd/portal")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	run(t, cmd)
	info, err := buildinfo.ReadFile(filepath.Join(built, "portal"))
	if err != nil {
		t.Fatal(err)
	}
	listed := components(t, filepath.Join(folder, "portal.cdx.json"))
	for _, m := range info.Deps {
		if m.Replace == nil && listed[m.Path] != m.Version { // those replaced are our own, at no version
			t.Errorf("portal has %s %s, its bill of materials %q", m.Path, m.Version, listed[m.Path])
		}
	}
}

// components are the modules that a bill of materials lists, with their versions.
func components(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var bill struct {
		BOMFormat  string `json:"bomFormat"`
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(text, &bill); err != nil || bill.BOMFormat != "CycloneDX" {
		t.Fatalf("%s: %q, %v", path, bill.BOMFormat, err)
	}
	listed := map[string]string{}
	for _, c := range bill.Components {
		listed[c.Name] = c.Version
	}
	return listed
}
