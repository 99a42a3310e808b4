package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/child"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// Every process does its whole job with docker-compose.tls.yml, on servers that take nobody without a certificate.
func TestWorkersOverTLS(t *testing.T) { deployTLS(t).workersDoTheirJob(t) }

func TestPortalOverTLS(t *testing.T) { deployTLS(t).portalDoesItsJob(t) }

// Who has the password and not the certificate is not let in, and is told which file it is and what to do.
func TestDeployedServersRefuseWithoutCertificate(t *testing.T) {
	s := deployTLS(t)
	stranger := filepath.Join(t.TempDir(), "stranger")
	run(t, exec.Command("bash", filepath.Join(root, "scripts/certificates.sh"), stranger))
	authority := servertest.NewAuthority(t)
	oldCert, oldKey := authority.Issue("ops", servertest.Expired())
	t.Setenv("NATS_PASSWORD_FILE", filepath.Join(s.secrets, "nats-ops"))
	t.Setenv("REDIS_USER", "ops")
	t.Setenv("REDIS_PASSWORD_FILE", filepath.Join(s.secrets, "redis-ops"))
	ours := func(name string) string { return filepath.Join(s.tls, "ops", name+".pem") }
	theirs := func(name string) string { return filepath.Join(stranger, "ops", name+".pem") }
	with := func(ca, cert, key string) string {
		t.Setenv("TLS_CA_FILE", ca)
		t.Setenv("TLS_CERT_FILE", cert)
		t.Setenv("TLS_KEY_FILE", key)
		var out, said bytes.Buffer
		code := softphonectl.Main(t.Context(), []string{"status", "--server", s.nats.URL(), "--user", "ops", "--redis", "rediss://" + s.redis},
			softphonectl.Terminal{Out: &out, Err: &said})
		if code == softphonectl.Done {
			return ""
		}
		return said.String()
	}
	if code := softphonectl.Main(t.Context(), []string{
		"setup", "--server", s.nats.URL(), "--user", "ops", "--tls-ca-file", ours("ca"), "--tls-cert-file", ours("cert"), "--tls-key-file", ours("key"),
	}, softphonectl.Terminal{Out: &bytes.Buffer{}, Err: os.Stderr}); code != softphonectl.Done {
		t.Fatalf("setup with flags: exit %d", code)
	}
	for name, c := range map[string]struct {
		said string
		want []string
	}{
		"another authority":       {with(theirs("ca"), ours("cert"), ours("key")), []string{"TLS_CA_FILE", theirs("ca"), "add the certificate of that authority"}},
		"no client certificate":   {with(ours("ca"), "", ""), []string{"set TLS_CERT_FILE and TLS_KEY_FILE"}},
		"a stranger's":            {with(ours("ca"), theirs("cert"), theirs("key")), []string{"TLS_CERT_FILE", theirs("cert"), "an authority that the server trusts"}},
		"one that has expired":    {with(ours("ca"), oldCert, oldKey), []string{"TLS_CERT_FILE", oldCert, "expired on", "replace it"}},
		"an authority of no file": {with("/does/not/exist", ours("cert"), ours("key")), []string{"TLS_CA_FILE", "/does/not/exist"}},
	} {
		for _, want := range c.want {
			if !strings.Contains(c.said, want) {
				t.Errorf("%s: %q does not say %q", name, c.said, want)
			}
		}
	}
}

// A server that does not know the routes' password, or has no certificate, becomes no part of the cluster: as one it
// could say anything in anybody's name.
func TestClusterRefusesStrangers(t *testing.T) {
	program := t.TempDir()
	run(t, exec.Command("go", "build", "-o", program+"/", "github.com/nats-io/nats-server/v2"))
	for name, encrypted := range map[string]bool{"TLS": true, "password alone": false} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, program, encrypted)
			for i := range c.nodes {
				c.nodes[i] = c.start(t, i, c.secrets, c.certificates)
			}
			c.await(t)
			other := filepath.Join(t.TempDir(), "secrets")
			run(t, exec.Command("bash", filepath.Join(root, "scripts/secrets.sh"), other, "nats-route"))
			intruders := map[string]*clusterServer{"another password": c.start(t, 3, other, c.certificates)}
			says := map[string]string{"another password": "authentication error"}
			if encrypted {
				intruders["no certificate"], says["no certificate"] = c.start(t, 4, c.secrets, ""), "TLS route handshake error"
			}
			for what, intruder := range intruders {
				intruder.output.Await(t, "Server is ready")
				c.nodes[0].output.Await(t, says[what]) // it has been refused at least once
			}
			for _, n := range c.nodes {
				if got := n.peers(t); len(got) != 2 || got["nats-3"] || got["nats-4"] {
					t.Errorf("%s has let in %v", n.name, got)
				}
			}
		})
	}
}

type cluster struct {
	program, secrets, certificates string
	addresses                      [5]string // of the routes
	nodes                          [3]*clusterServer
}

type clusterServer struct {
	name, url, monitor string
	output             *servertest.Lines
}

func newCluster(t *testing.T, program string, encrypted bool) *cluster {
	t.Helper()
	c := &cluster{program: program, secrets: filepath.Join(t.TempDir(), "secrets")}
	run(t, exec.Command("bash", filepath.Join(root, "scripts/secrets.sh"), c.secrets, "nats-route"))
	if encrypted {
		c.certificates = filepath.Join(t.TempDir(), "tls")
		run(t, exec.Command("bash", filepath.Join(root, "scripts/certificates.sh"), c.certificates))
	}
	for i := range c.addresses {
		c.addresses[i] = servertest.Address(t)
	}
	return c
}

// start runs deploy/nats/start.sh as one server of the cluster.
func (c *cluster) start(t *testing.T, i int, secrets, certificates string) *clusterServer {
	t.Helper()
	n := &clusterServer{name: fmt.Sprintf("nats-%d", i), output: &servertest.Lines{}}
	n.url, n.monitor = servertest.Address(t), servertest.Address(t)
	host, port, _ := strings.Cut(n.url, ":")
	_, monitor, _ := strings.Cut(n.monitor, ":")
	cmd := exec.Command("sh", filepath.Join(root, "deploy/nats/start.sh"), "--name", n.name, "--addr", host, "--port", port, "--http_port", monitor)
	cmd.Env = append(os.Environ(), "PATH="+c.program+":"+os.Getenv("PATH"), "SECRETS="+secrets, "NATS_DATA="+t.TempDir(),
		"NATS_CLUSTER="+strings.Join(c.addresses[:3], " "), "NATS_CLUSTER_LISTEN="+c.addresses[i],
		"TLS_CERT_FILE=") // not what this process connects with
	if certificates != "" {
		cmd.Env = append(cmd.Env, tlsOf(certificates, "nats")...)
	}
	cmd.Stdout, cmd.Stderr = n.output, n.output
	server, err := child.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Signal(os.Kill)
		_ = server.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", n.name, n.output)
		}
	})
	return n
}

// await returns when the three are a cluster that keeps three copies.
func (c *cluster) await(t *testing.T) {
	t.Helper()
	if c.certificates != "" {
		setTLS(t, c.certificates, "ops")
	}
	led := func(n *clusterServer) bool { return n.output.Count("JetStream cluster new metadata leader") > 0 }
	for end := time.Now().Add(time.Minute); !slices.ContainsFunc(c.nodes[:], led); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no leader:\n%s", c.nodes[0].output)
		}
	}
	scheme := map[bool]string{true: "tls://", false: "nats://"}[c.certificates != ""]
	var said bytes.Buffer
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		said.Reset()
		if softphonectl.Main(t.Context(), []string{
			"setup", "--replicas", "3", "--server", scheme + c.nodes[0].url, "--user", "ops", "--password-file", filepath.Join(c.secrets, "nats-ops"),
		}, softphonectl.Terminal{Out: &said, Err: &said}) == softphonectl.Done {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no cluster: %s", &said)
		}
	}
}

// peers are the names of the servers that a server is connected to.
func (n *clusterServer) peers(t *testing.T) map[string]bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+n.monitor+"/routez", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var shown struct {
		Routes []struct {
			RemoteName string `json:"remote_name"`
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&shown); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, r := range shown.Routes {
		names[r.RemoteName] = true
	}
	delete(names, "")
	return names
}
