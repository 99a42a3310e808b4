package acceptance

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/services/internal/child"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// root is the repository's.
const root = "../.."

// servers are NATS and Redis as they are deployed: the configuration files of
// deploy/, with passwords made by scripts/secrets.sh.
type servers struct {
	secrets string // folder with a password a file
	nats    *servertest.NATSServer
	redis   string // host:port
	bounces string // host:port, where the mailer takes them
	relay   *servertest.SMTPServer
	tls     string // folder of scripts/certificates.sh; "" without TLS
}

// deploy starts the servers. It sets environment variables, so the test cannot
// be parallel to others.
func deploy(t *testing.T) servers {
	t.Helper()
	return deployed(t, "nats.conf", "")
}

// deployTLS is deploy with TLS, and certificates made by scripts/certificates.sh.
func deployTLS(t *testing.T) servers {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "tls")
	run(t, exec.Command("bash", filepath.Join(root, "scripts/certificates.sh"), folder))
	setTLS(t, folder, "nats")
	return deployed(t, "tls.conf", folder)
}

// setTLS is the environment of one part.
func setTLS(t *testing.T, folder, part string) {
	t.Helper()
	for _, v := range tlsOf(folder, part) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
}

func tlsOf(folder, part string) []string {
	here := filepath.Join(folder, part)
	return []string{
		"TLS_CA_FILE=" + filepath.Join(here, "ca.pem"), "TLS_CERT_FILE=" + filepath.Join(here, "cert.pem"), "TLS_KEY_FILE=" + filepath.Join(here, "key.pem"),
	}
}

func deployed(t *testing.T, natsConfig, certificates string) servers {
	t.Helper()
	s := servers{secrets: filepath.Join(t.TempDir(), "secrets"), tls: certificates}
	run(t, exec.Command("bash", filepath.Join(root, "scripts/secrets.sh"), s.secrets))
	for _, user := range []string{"ops", "setup", "pbx", "license", "device-counter", "mailer", "name-sync", "portal"} {
		name := strings.ToUpper(strings.ReplaceAll(user, "-", "_"))
		t.Setenv("NATS_"+name+"_PASSWORD", s.password(t, "nats-"+user))
	}
	t.Setenv("NATS_DATA", t.TempDir())
	s.nats = servertest.NATS(t, servertest.ConfigFile(filepath.Join(root, "deploy/nats", natsConfig)))
	s.redis, s.bounces = startRedis(t, s.secrets, certificates), servertest.Address(t)
	return s
}

func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, said)
	}
}

// startRedis runs deploy/redis/start.sh on a free port and waits until the server
// answers its health user.
func startRedis(t *testing.T, secrets, certificates string) string {
	t.Helper()
	address := servertest.Address(t)
	_, port, _ := net.SplitHostPort(address)

	var output servertest.Lines
	cmd := exec.Command("sh", filepath.Join(root, "deploy/redis/start.sh"))
	cmd.Env = append(os.Environ(), "SECRETS="+secrets, "REDIS_RUN="+t.TempDir(), "REDIS_DATA="+t.TempDir(), "REDIS_PORT="+port)
	options := &redis.Options{Addr: address, Username: "health", Password: "any"}
	if certificates != "" {
		cmd.Env = append(cmd.Env, tlsOf(certificates, "redis")...)
		options.TLSConfig = clientTLS(t, certificates, "redis")
	}
	cmd.Stdout, cmd.Stderr = &output, &output
	server, err := child.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Signal(os.Interrupt)
		_ = server.Wait()
	})

	client := redis.NewClient(options)
	defer client.Close()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if client.Ping(context.Background()).Err() == nil {
			return address
		}
		select {
		case <-server.Done():
			t.Fatalf("redis ended at its start:\n%s", &output)
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("redis does not answer its health user:\n%s", &output)
	return ""
}

func (s servers) password(t *testing.T, name string) string {
	t.Helper()
	password, err := os.ReadFile(filepath.Join(s.secrets, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(password)
}

// natsAs connects as one of the deployed users, answers going to its own inbox.
func (s servers) natsAs(t *testing.T, user string) *nats.Conn {
	t.Helper()
	var options []nats.Option
	if s.tls != "" {
		options = append(options, nats.Secure(clientTLS(t, s.tls, "ops")))
	}
	return s.nats.Connect(t, append(options, nats.UserInfo(user, s.password(t, "nats-"+user)), nats.CustomInboxPrefix("_INBOX."+user))...)
}

// clientTLS is what one part uses to connect.
func clientTLS(t *testing.T, folder, part string) *tls.Config {
	t.Helper()
	here := filepath.Join(folder, part)
	pair, err := tls.LoadX509KeyPair(filepath.Join(here, "cert.pem"), filepath.Join(here, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(filepath.Join(here, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, RootCAs: roots}
}

// setUp makes the streams, buckets and consumers, as the user and with the command that
// docker-compose.yml does it.
func (s servers) setUp(t *testing.T) {
	t.Helper()
	var out, said bytes.Buffer
	if code := softphonectl.Main(t.Context(), []string{"setup", "--server", s.nats.URL(), "--user", "setup",
		"--password-file", filepath.Join(s.secrets, "nats-setup")}, softphonectl.Terminal{Out: &out, Err: &said}); code != softphonectl.Done {
		t.Fatalf("setup: exit %d: %s", code, &said)
	}
}

// redisAs connects as one of the deployed users.
func (s servers) redisAs(t *testing.T, user string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.redis, Username: user, Password: s.password(t, "redis-"+user), ClientName: user})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// mayPublish says whether NATS takes a message from the user. The server judges a
// message before it answers the flush that follows it.
func (s servers) mayPublish(t *testing.T, user, subject string) bool {
	t.Helper()
	return s.allowed(t, user, func(nc *nats.Conn) error { return nc.Publish(subject, []byte("{}")) })
}

// maySubscribe says whether NATS lets the user listen.
func (s servers) maySubscribe(t *testing.T, user, subject string) bool {
	t.Helper()
	return s.allowed(t, user, func(nc *nats.Conn) error {
		_, err := nc.Subscribe(subject, func(*nats.Msg) {})
		return err
	})
}

func (s servers) allowed(t *testing.T, user string, try func(*nats.Conn) error) bool {
	t.Helper()
	nc := s.natsAs(t, user) // a new one each time: a connection remembers its last fault
	defer nc.Close()
	if err := try(nc); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	err := nc.LastError()
	if err != nil && !errors.Is(err, nats.ErrPermissionViolation) {
		t.Fatal(err)
	}
	return err == nil
}
