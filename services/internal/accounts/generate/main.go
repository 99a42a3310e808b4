// Command generate writes the accounts of NATS to the file that is its argument.
package main

import (
	"fmt"
	"os"

	"github.com/mycloudpbx/softphone/services/internal/accounts"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], []byte(accounts.Config()), 0o644); err != nil { //nolint:gosec // no secret is in it
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
