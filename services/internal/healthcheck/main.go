// Command healthcheck asks the ops port of the service beside it whether it is
// ready, and exits 0 when it is: what a container's health check runs in an image
// that has no shell.
//
//	healthcheck [/readyz]
//
// A container engine gives it the container's environment, so it finds the port by
// the variables that the service has it from: SOFTPHONE_OPS_LISTEN,
// SOFTPHONE_OPS_TLS, TLS_CA_FILE and TLS_CERT_FILE. What the service says is wrong
// goes to standard output, where the engine shows it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// timeout is for one check, and less than docker-compose.yml gives it.
const timeout = 2 * time.Second

func main() {
	path, err := argument(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := check(path); err != nil {
		fmt.Fprintln(os.Stdout, err)
		os.Exit(1)
	}
}

func argument(arguments []string) (path string, err error) {
	switch {
	case len(arguments) == 0:
		return "/readyz", nil
	case len(arguments) > 1 || !strings.HasPrefix(arguments[0], "/"):
		return "", errors.New("usage: healthcheck [/readyz]: the path alone, the address is that of SOFTPHONE_OPS_LISTEN")
	}
	return arguments[0], nil
}

func check(path string) error {
	client, at, err := opsPort()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("SOFTPHONE_OPS_LISTEN: %w", err)
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 4096))
		return fmt.Errorf("%s: %s", answer.Status, said)
	}
	return nil
}
