package acceptance

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/services/internal/child"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// TestFullDisk: NATS servers as they are deployed, whose disks are full and then are not. Whatever starts containers again
// is played by this test. It needs root, for file systems with a size.
func TestFullDisk(t *testing.T) {
	for name, c := range map[string]struct{ servers, full int }{"one server": {1, 1}, "two of three": {3, 2}} {
		t.Run(name, func(t *testing.T) {
			s := newDisks(t, c.servers)
			js := s.jetStream()
			s.until("a stream is made", func(ctx context.Context) error {
				_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "LOG", Subjects: []string{"log.>"}, Replicas: c.servers})
				return err
			})
			publish := func(ctx context.Context) error {
				_, err := js.Publish(ctx, "log.x", make([]byte, 20_000))
				return err
			}
			s.until("a message is stored", publish)
			for _, n := range s.nodes[:c.full] {
				n.fill()
			}
			s.until("nothing is stored", func(ctx context.Context) error {
				ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
				defer cancel()
				if publish(ctx) == nil {
					return fmt.Errorf("there was room")
				}
				return nil
			})
			s.until("a server says so", func(context.Context) error {
				for _, n := range s.nodes[:c.full] {
					if strings.Contains(n.health(), "no space left") || strings.Contains(n.health(), "not enabled") {
						return nil
					}
				}
				return fmt.Errorf("healths: %s", s.nodes[0].health())
			})
			for _, n := range s.nodes[:c.full] {
				n.free()
			}
			s.until("something is stored again", publish)
		})
	}
}

// disks are NATS servers with small disks.
type disks struct {
	*testing.T

	secrets string
	nodes   []*node
}

// node is one, which is started again when it ends.
type node struct {
	t                        *testing.T
	data, listen, monitorURL string
	output                   servertest.Lines
}

func newDisks(t *testing.T, servers int) *disks {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: a file system with a size is mounted")
	}
	s := &disks{T: t, secrets: t.TempDir()}
	bin := t.TempDir()
	for _, cmd := range []*exec.Cmd{
		exec.Command("bash", "scripts/secrets.sh", s.secrets), exec.Command("go", "build", "-o", bin+"/", "github.com/nats-io/nats-server/v2"),
	} {
		cmd.Dir = root
		run(t, cmd)
	}
	var routes []string
	for range servers {
		routes = append(routes, "nats://"+servertest.Address(t))
	}
	for i, route := range routes {
		n := &node{t: t, data: t.TempDir(), listen: servertest.Address(t)}
		run(t, exec.Command("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", n.data))
		t.Cleanup(func() { _ = exec.Command("umount", "-l", n.data).Run() })
		_, port, _ := net.SplitHostPort(n.listen)
		monitor := servertest.Address(t)
		_, monitorPort, _ := net.SplitHostPort(monitor)
		n.monitorURL = "http://" + monitor + "/healthz"
		args := []string{filepath.Join(root, "deploy/nats/start.sh"), "-n", fmt.Sprintf("nats-%d", i+1), "-a", "127.0.0.1", "-p", port, "-m", monitorPort}
		if servers > 1 {
			args = append(args, "--cluster_name", "softphone", "--cluster", route, "--routes", strings.Join(routes, ","))
		}
		n.keep(args, append(os.Environ(), "SECRETS="+s.secrets, "NATS_DATA="+n.data+"/nats", "PATH="+bin+":"+os.Getenv("PATH")))
		s.nodes = append(s.nodes, n)
	}
	return s
}

// keep starts it, and again whenever it ends, as docker does.
func (n *node) keep(args, environment []string) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	n.t.Cleanup(func() { close(stop); <-stopped })
	go func() {
		defer close(stopped)
		for {
			cmd := exec.Command("sh", args...)
			cmd.Env, cmd.Stdout, cmd.Stderr = environment, &n.output, &n.output
			c, err := child.Start(cmd)
			if err != nil {
				n.t.Error(err)
				return
			}
			select {
			case <-stop:
				_ = c.Signal(os.Kill)
				_ = c.Wait()
				return
			case <-c.Done():
			}
		}
	}()
}

func (n *node) fill() { _ = exec.Command("dd", "if=/dev/zero", "of="+n.data+"/filler", "bs=4k").Run() }

func (n *node) free() {
	if err := os.Remove(n.data + "/filler"); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) health() string {
	said, _ := exec.Command("curl", "-s", "-m", "3", n.monitorURL).CombinedOutput()
	return string(said)
}

func (s *disks) jetStream() jetstream.JetStream {
	s.Helper()
	var urls []string
	for _, n := range s.nodes {
		urls = append(urls, "nats://"+n.listen)
	}
	password, err := os.ReadFile(filepath.Join(s.secrets, "nats-ops"))
	if err != nil {
		s.Fatal(err)
	}
	nc, err := nats.Connect(strings.Join(urls, ","), nats.UserInfo("ops", strings.TrimSpace(string(password))), nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true), nats.ReconnectWait(50*time.Millisecond), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		s.Fatal(err)
	}
	return js
}

// until tries until it works.
func (s *disks) until(what string, try func(context.Context) error) {
	s.Helper()
	var err error
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); {
		ctx, cancel := context.WithTimeout(s.Context(), 5*time.Second)
		err = try(ctx)
		cancel()
		if err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.Fatalf("never: %s: %v\n%s", what, err, &s.nodes[0].output)
}
