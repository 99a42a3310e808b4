package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// opsServer is the ops port of a process, with the handler and the TLS that every service has. It returns its address.
func opsServer(t *testing.T, certificates *process.TLS, at string) (h *process.Host, address string) {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Skipf("this machine has no %s: %v", at, err)
	}
	h, address = process.NewHost(zerolog.Nop()), l.Addr().String()
	if certificates != nil {
		if l, err = certificates.Serve(l, true, zerolog.Nop()); err != nil {
			t.Fatal(err)
		}
	}
	server := process.ServeHTTP(l, h.OpsHandler())
	t.Cleanup(server.Close)
	return h, address
}

// program builds the health check, as deploy/Dockerfile does.
func program(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "healthcheck")
	if said, err := exec.Command("go", "build", "-o", file, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return file
}

// checked runs it in a container's environment, and returns its exit code and what it said.
func checked(t *testing.T, program string, environment []string, arguments ...string) (int, string) {
	t.Helper()
	cmd := exec.Command(program, arguments...)
	// A proxy that the container calls out through is not asked about the container itself.
	cmd.Env = append([]string{"HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1"}, environment...)
	said, err := cmd.CombinedOutput()
	exit, failed := errors.AsType[*exec.ExitError](err)
	switch {
	case failed:
		return exit.ExitCode(), string(said)
	case err != nil:
		t.Fatal(err)
	}
	return 0, string(said)
}

// The check finds the port by what the service was given, over TLS or not, and on whatever address it listens.
func TestFindsThePort(t *testing.T) {
	t.Parallel()
	a := servertest.NewAuthority(t)
	cert, key := a.Issue("license")
	elsewhere, elsewhereKey := a.Issue("public", servertest.ForHost("license.example.com"))
	check := program(t)
	for name, c := range map[string]struct {
		listen string
		tls    *process.TLS
	}{
		"plain":                         {"127.0.0.1:0", nil},
		"plain, on every address":       {"0.0.0.0:0", nil},
		"plain, IPv6":                   {"[::1]:0", nil},
		"TLS":                           {"127.0.0.1:0", &process.TLS{CAFile: a.CAFile, CertFile: cert, KeyFile: key}},
		"TLS, on every address":         {"0.0.0.0:0", &process.TLS{CAFile: a.CAFile, CertFile: cert, KeyFile: key}},
		"TLS, with a public host alone": {"127.0.0.1:0", &process.TLS{CAFile: a.CAFile, CertFile: elsewhere, KeyFile: elsewhereKey}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, address := opsServer(t, c.tls, c.listen)
			environment := []string{"SOFTPHONE_OPS_LISTEN=" + address, "SOFTPHONE_OPS_TLS=false"}
			if c.tls != nil {
				environment = append(environment, "SOFTPHONE_OPS_TLS=true", "TLS_CA_FILE="+a.CAFile, "TLS_CERT_FILE="+c.tls.CertFile)
			}
			if code, text := checked(t, check, environment); code != 0 || text != "" {
				t.Errorf("a service that is ready: exit %d, %s", code, text)
			}
			h.Health.NotReady("mail", errors.New("mail.example.com says: not you"))
			if code, text := checked(t, check, environment); code != 1 || !strings.Contains(text, "not you") {
				t.Errorf("one that is not: exit %d, %s", code, text)
			}
			if code, text := checked(t, check, environment, "/healthz"); code != 0 || text != "" {
				t.Errorf("alive, but not ready: exit %d, %s", code, text)
			}
		})
	}
}

// Whoever answers on the port without the service's certificate is not the service.
func TestRefusesStrangers(t *testing.T) {
	t.Parallel()
	a, stranger := servertest.NewAuthority(t), servertest.NewAuthority(t)
	cert, key := a.Issue("license")
	otherCert, otherKey := stranger.Issue("license")
	hostCert, hostKey := a.Issue("another", servertest.ForHost("another.example.com"))
	lateCert, lateKey := a.Issue("late")
	_, good := opsServer(t, &process.TLS{CAFile: a.CAFile, CertFile: cert, KeyFile: key}, "127.0.0.1:0")
	_, other := opsServer(t, &process.TLS{CertFile: otherCert, KeyFile: otherKey}, "127.0.0.1:0")
	_, host := opsServer(t, &process.TLS{CertFile: hostCert, KeyFile: hostKey}, "127.0.0.1:0")
	_, plain := opsServer(t, nil, "127.0.0.1:0")
	_, late := opsServer(t, &process.TLS{CertFile: lateCert, KeyFile: lateKey}, "127.0.0.1:0")
	a.Issue("late", servertest.Expired()) // the port goes on with the last good one
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check := program(t)
	for name, c := range map[string]struct{ address, ca, cert, says string }{
		"the service":                {good, a.CAFile, cert, ""},
		"another authority":          {other, a.CAFile, cert, "unknown authority"},
		"the system's alone":         {good, "", cert, "unknown authority"},
		"another's certificate":      {host, a.CAFile, cert, "another.example.com"},
		"no TLS":                     {plain, a.CAFile, cert, "HTTP response to HTTPS client"},
		"nobody":                     {servertest.Address(t), a.CAFile, cert, "connection refused"},
		"no authority in the file":   {good, empty, cert, "TLS_CA_FILE: "},
		"no certificate in the file": {good, a.CAFile, empty, "TLS_CERT_FILE: "},
		"a renewal that went wrong":  {late, a.CAFile, lateCert, ""},
	} {
		code, text := checked(t, check, []string{
			"SOFTPHONE_OPS_TLS=true", "SOFTPHONE_OPS_LISTEN=" + c.address, "TLS_CA_FILE=" + c.ca, "TLS_CERT_FILE=" + c.cert,
		})
		if want := min(len(c.says), 1); code != want || !strings.Contains(text, c.says) {
			t.Errorf("%s: exit %d, %s", name, code, text)
		}
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	check := program(t)
	for _, arguments := range [][]string{{"http://127.0.0.1:9090/readyz"}, {"/readyz", "/healthz"}} {
		if code, text := checked(t, check, nil, arguments...); code != 2 || !strings.Contains(text, "SOFTPHONE_OPS_LISTEN") {
			t.Errorf("%v: exit %d, %s", arguments, code, text)
		}
	}
	if code, text := checked(t, check, []string{"SOFTPHONE_OPS_TLS=yes"}); code != 1 || !strings.Contains(text, "SOFTPHONE_OPS_TLS") {
		t.Errorf("SOFTPHONE_OPS_TLS=yes: exit %d, %s", code, text)
	}
}
