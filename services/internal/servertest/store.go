package servertest

import (
	"os"
	"path/filepath"
	"testing"
)

func copyStore(t testing.TB, stopped bool, dir string) string {
	t.Helper()
	if !stopped {
		t.Fatal("a store can be copied only while its server is stopped")
	}
	to := filepath.Join(t.TempDir(), "store")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatalf("copy the store: %v", err)
	}
	return to
}

func putBackStore(t testing.TB, stopped bool, from, dir string) {
	t.Helper()
	if !stopped {
		t.Fatal("a store can be put back only while its server is stopped")
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatalf("remove the store: %v", err)
	}
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatalf("put the store back: %v", err)
	}
}
