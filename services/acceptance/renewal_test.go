package acceptance

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/services/internal/child"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// Certificates are renewed under running servers, as deploy/README says: the portal shows the new one to the next browser
// and on its ops port at once, a browser that is connected stays so, and NATS and Redis show it when they are told.
func TestCertificatesAreRenewed(t *testing.T) {
	s := deployTLS(t)
	s.setUp(t)
	url, hup := s.startNATS(t)
	admin := redis.NewClient(&redis.Options{
		Addr: s.redis, Username: "ops", Password: s.password(t, "redis-ops"), TLSConfig: clientTLS(t, s.tls, "ops"),
	})
	defer admin.Close()
	pages, ops, output := s.startPortal(t)
	shown := map[string]func() string{
		"pages": func() string { return s.serial(t, pages) },
		"ops":   func() string { return s.serial(t, ops) },
		"redis": func() string { return s.serial(t, s.redis) },
		"nats":  func() string { return s.natsSerial(t, url) },
	}
	parts := map[string]string{"pages": "portal", "ops": "portal", "redis": "redis", "nats": "nats"}
	before := map[string]string{}
	for name, part := range parts {
		before[name] = s.issued(t, part)
		if got := shown[name](); got != before[name] {
			t.Fatalf("%s show %s, not %s", name, got, before[name])
		}
	}
	connected, err := tls.Dial("tcp", pages, clientTLS(t, s.tls, "ops"))
	if err != nil {
		t.Fatal(err)
	}
	defer connected.Close()
	answers(t, connected)

	ending, kept := map[string]string{}, s.issued(t, "license")
	for _, part := range []string{"portal", "redis", "nats"} {
		s.ending(t, part)
		ending[part] = s.issued(t, part)
	}
	run(t, exec.Command("bash", filepath.Join(root, "scripts/certificates.sh"), s.tls))
	for part, old := range ending {
		if s.issued(t, part) == old {
			t.Errorf("scripts/certificates.sh does not renew %s, which ends in 29 days", part)
		}
	}
	if s.issued(t, "license") != kept {
		t.Error("scripts/certificates.sh renews license, which ends in a year")
	}
	for _, name := range []string{"pages", "ops"} {
		if got := shown[name](); got == before[name] || got != s.issued(t, "portal") {
			t.Errorf("%s show %s after the renewal, before it %s:\n%s", name, got, before[name], output)
		}
	}
	answers(t, connected)
	for _, name := range []string{"redis", "nats"} {
		if got := shown[name](); got != before[name] {
			t.Errorf("%s needs not to be told: deploy/README says it does", name)
		}
	}
	hup()
	here := filepath.Join(s.tls, "redis")
	if err := admin.Do(t.Context(), "config", "set", "tls-cert-file", here+"/cert.pem", "tls-key-file", here+"/key.pem").Err(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"redis", "nats"} {
		await(t, name+" shows the renewed certificate", output, func() bool { return shown[name]() == s.issued(t, name) })
	}
}

// startNATS runs deploy/nats/start.sh, and returns the server's address and what tells it of renewed certificates.
func (s servers) startNATS(t *testing.T) (url string, hup func()) {
	t.Helper()
	program := t.TempDir()
	run(t, exec.Command("go", "build", "-o", program+"/", "github.com/nats-io/nats-server/v2"))
	address, monitor := servertest.Address(t), servertest.Address(t)
	host, port, _ := net.SplitHostPort(address)
	_, monitorPort, _ := net.SplitHostPort(monitor)
	output := &servertest.Lines{}
	cmd := exec.Command("sh", filepath.Join(root, "deploy/nats/start.sh"), "--addr", host, "--port", port, "--http_port", monitorPort)
	cmd.Env = append(os.Environ(), "PATH="+program+":"+os.Getenv("PATH"), "SECRETS="+s.secrets, "NATS_DATA="+t.TempDir())
	cmd.Env = append(cmd.Env, tlsOf(s.tls, "nats")...)
	cmd.Stdout, cmd.Stderr = output, output
	server := running(t, cmd)
	output.Await(t, "Server is ready")
	return "tls://" + address, func() { _ = server.Signal(syscall.SIGHUP) }
}

// startPortal runs the portal with TLS on both of its ports, and returns where they are.
func (s servers) startPortal(t *testing.T) (pages, ops string, output *servertest.Lines) {
	t.Helper()
	program := t.TempDir()
	run(t, exec.Command("go", "build", "-C", filepath.Join(root, "services/portal"), "-o", program+"/", "./cmd/portal"))
	pages, ops, output = servertest.Address(t), servertest.Address(t), &servertest.Lines{}
	cmd := exec.Command(filepath.Join(program, "portal"))
	cmd.Env = append(s.environment(t, "portal"), "SOFTPHONE_HTTP_LISTEN="+pages, "SOFTPHONE_HTTP_TLS=true",
		"SOFTPHONE_HTTP_URL=https://"+pages, "SOFTPHONE_OPS_LISTEN="+ops, "SOFTPHONE_OPS_TLS=true")
	cmd.Stdout, cmd.Stderr = output, output
	running(t, cmd)
	await(t, "serving", output, func() bool {
		conn, err := net.Dial("tcp", pages)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return pages, ops, output
}

func running(t *testing.T, cmd *exec.Cmd) *child.Process {
	t.Helper()
	p, err := child.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Signal(os.Interrupt)
		_ = p.Wait()
	})
	return p
}

// ending puts a certificate of the authority that ends in 29 days in a part's place, with the same key.
func (s servers) ending(t *testing.T, part string) {
	t.Helper()
	run(t, exec.Command("bash", "-euc", fmt.Sprintf(`cd %q
		openssl req -new -key %[2]s/key.pem -subj /CN=%[2]s | openssl x509 -req -CA authority/ca.pem -CAkey authority/key.pem -days 29 -out %[2]s/new
		mv -f %[2]s/new %[2]s/cert.pem`, s.tls, part)))
}

// issued is the serial number of a part's certificate.
func (s servers) issued(t *testing.T, part string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.tls, part, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return certificate.SerialNumber.String()
}

// serial is that of the certificate that a server shows to a new connection.
func (s servers) serial(t *testing.T, address string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", address, clientTLS(t, s.tls, "ops"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

func (s servers) natsSerial(t *testing.T, url string) string {
	t.Helper()
	nc, err := nats.Connect(url, nats.UserInfo("ops", s.password(t, "nats-ops")), nats.Secure(clientTLS(t, s.tls, "ops")))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	state, err := nc.TLSConnectionState()
	if err != nil {
		t.Fatal(err)
	}
	return state.PeerCertificates[0].SerialNumber.String()
}

// answers checks that a connection still has a server at its other end.
func answers(t *testing.T, conn net.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	_, err := fmt.Fprintf(conn, "HEAD /sign-in HTTP/1.1\r\nHost: portal\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 4096)
	n, err := conn.Read(text)
	if err != nil || !strings.HasPrefix(string(text[:n]), "HTTP/1.1 200") {
		t.Errorf("the connection says %.60q, %v", text[:n], err)
	}
}
