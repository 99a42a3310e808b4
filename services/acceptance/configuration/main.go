// Command configuration prints deploy/CONFIGURATION.md: every environment variable that a
// service reads, with its default and its meaning. Both come from the code, from the tags
// and the comments of the configuration structs, so the page cannot differ from it.
// A test compares them; `make fix` writes the page anew.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: configuration <root of the repository>")
		os.Exit(2)
	}
	page, err := Page(os.Args[1])
	if err == nil {
		err = os.WriteFile(filepath.Join(os.Args[1], PageFile), []byte(page), 0o644) //nolint:gosec // a page for everybody
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "configuration:", err)
		os.Exit(1)
	}
}
