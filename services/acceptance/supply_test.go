package acceptance

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// said runs a script of ours and returns its exit code and all it said.
func said(t *testing.T, environment []string, script string, arguments ...string) (int, string) {
	t.Helper()
	cmd := exec.Command("bash", append([]string{filepath.Join(root, "scripts", script)}, arguments...)...)
	cmd.Env = append(os.Environ(), environment...)
	text, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(text)
	} else if err != nil {
		t.Fatal(err)
	}
	return 0, string(text)
}

// Each image that can change under its tag is named, with what to type; with digests there is nothing to say.
func TestImagesArePinnedOrNamed(t *testing.T) {
	t.Parallel()
	code, text := said(t, nil, "images.sh")
	for _, image := range []string{"nats:", "redis:", "axllent/mailpit:", "prom/prometheus:", "grafana/grafana:", "golang:"} {
		if code == 1 && !strings.Contains(text, "imagetools inspect "+image) {
			t.Errorf("says nothing of %s:\n%s", image, text)
		}
	}
	if code > 1 || code == 0 && text != "" {
		t.Errorf("exit %d:\n%s", code, text)
	}
}

// --pin writes the digest that the registry names, into a copy here, with a docker that names one for all.
func TestImagesCanBePinned(t *testing.T) {
	t.Parallel()
	here := t.TempDir()
	for _, path := range []string{"scripts/images.sh", "scripts/modules.sh", "docker-compose.yml", "deploy/Dockerfile"} {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		place(t, filepath.Join(here, path), string(text))
	}
	digest := "sha256:" + strings.Repeat("7", 64)
	place(t, filepath.Join(here, "bin", "docker"), "#!/bin/sh\necho "+digest+"\n")
	script := func(arguments ...string) ([]byte, error) {
		cmd := exec.Command("bash", append([]string{filepath.Join(here, "scripts/images.sh")}, arguments...)...)
		cmd.Env = append(os.Environ(), "PATH="+filepath.Join(here, "bin")+":"+os.Getenv("PATH"))
		return cmd.CombinedOutput()
	}
	if text, err := script("--pin"); err != nil {
		t.Fatalf("--pin: %v\n%s", err, text)
	}
	if text, err := script(); err != nil || len(text) > 0 {
		t.Errorf("after it: %v\n%s", err, text)
	}
	for path, want := range map[string]string{
		"docker-compose.yml": "    image: nats:2.15-alpine@" + digest + "\n", "deploy/Dockerfile": "FROM golang:${GO}-alpine@" + digest + " AS build\n",
	} {
		if text, err := os.ReadFile(filepath.Join(here, path)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s has no %q", path, want)
		}
	}
}

func place(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}
