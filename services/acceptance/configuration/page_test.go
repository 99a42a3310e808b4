package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPageIsUpToDate(t *testing.T) {
	t.Parallel()
	const root = "../../.."
	want, err := Page(root)
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile(filepath.Join(root, PageFile))
	if err != nil {
		t.Fatal(err)
	}
	if difference := cmp.Diff(want, string(have)); difference != "" {
		t.Errorf("%s is out of date: run `make fix` (-from the code, +in the file)\n%s", PageFile, difference)
	}
}
