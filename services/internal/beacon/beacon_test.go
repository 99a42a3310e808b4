package beacon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBeacon(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, found, err := Find(folder); found || err != nil {
		t.Fatalf("in an empty folder: %t, %v", found, err)
	}
	want := Beacon{NATS: "nats://127.0.0.1:4222", Redis: "unix:///tmp/redis.sock"}
	for range 2 { // the second takes the place of one that was left behind
		extinguish, err := Light(folder, want)
		if err != nil {
			t.Fatal(err)
		}
		defer extinguish()
	}
	if got, found, err := Find(folder); got != want || !found || err != nil {
		t.Errorf("found %+v, %t, %v", got, found, err)
	}
	info, err := os.Stat(filepath.Join(folder, FileName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	extinguish, err := Light(folder, want)
	if err != nil {
		t.Fatal(err)
	}
	extinguish()
	if _, found, err := Find(folder); found || err != nil {
		t.Errorf("after all: %t, %v", found, err)
	}
}

// What another user could have put there is not believed.
func TestNotBelieved(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(file string) error{
		"writable by others": func(file string) error { return os.Chmod(file, 0o666) },
		"a link":             func(file string) error { return rename(file, os.Symlink) },
		"empty":              func(file string) error { return os.WriteFile(file, nil, 0o600) },
		"without a server":   func(file string) error { return os.WriteFile(file, []byte("{}"), 0o600) },
	} {
		folder := t.TempDir()
		if _, err := Light(folder, Beacon{NATS: "nats://127.0.0.1:4222"}); err != nil {
			t.Fatal(err)
		}
		if err := spoil(filepath.Join(folder, FileName)); err != nil {
			t.Fatal(err)
		}
		if _, found, err := Find(folder); found || err == nil || !strings.Contains(err.Error(), "remove it") {
			t.Errorf("%s: %t, %v", name, found, err)
		}
	}
}

func rename(file string, link func(string, string) error) error {
	if err := os.Rename(file, file+"-real"); err != nil {
		return err
	}
	return link(file+"-real", file)
}

// The password stays the same over starts, and nobody else can read it, also when somebody has opened the file.
func TestPassword(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first, err := Secret(folder, PasswordFile)
	if err != nil || len(first) < 20 {
		t.Fatalf("%d characters, %v", len(first), err)
	}
	file := filepath.Join(folder, PasswordFile)
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if again, err := Secret(folder, PasswordFile); again != first || err != nil {
		t.Errorf("another one at the next start: %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if other, err := Secret(folder, PasswordFile); other == first || other == "" || err != nil {
		t.Errorf("after it was emptied: %q, %v", other, err)
	}
}
