package runbook

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/child"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// system is everything, each part a process.
type system struct {
	t           *testing.T
	folder      string // of programs, passwords and data
	secrets     string
	environment []string // of whoever is on call
	nats        []*part
	redis       *part
	relay       *servertest.SMTPServer
	workers     map[string]*part
	addresses   map[string]string // free ones, by what they are for
	names       map[string]string // what the page names, and what that is called here
	lost        []*part           // servers that are gone for a while
}

// Addresses the page names: the operations page of each worker.
var opsPages = map[string]string{
	"license": "127.0.0.1:9091", "device-counter": "127.0.0.1:9092", "mailer": "127.0.0.1:9093", "name-sync": "127.0.0.1:9094",
}

func newSystem(t *testing.T) *system {
	t.Helper()
	s := &system{
		t: t, folder: t.TempDir(), relay: servertest.SMTP(t, servertest.SMTPScript{}),
		workers: map[string]*part{}, addresses: map[string]string{}, names: map[string]string{},
	}
	s.secrets = filepath.Join(s.folder, "secrets")
	s.command(exec.Command("bash", "scripts/secrets.sh", s.secrets))
	packages := []string{"build", "-o", filepath.Join(s.folder, "bin") + "/", "github.com/nats-io/nats-server/v2", "./services/softphonectl/cmd/softphonectl"}
	for name := range opsPages {
		packages = append(packages, "./services/"+name+"/cmd/"+name)
	}
	s.command(exec.Command("go", packages...))
	s.environment = append(os.Environ(), "PATH="+filepath.Join(s.folder, "bin")+":"+os.Getenv("PATH"), "XDG_STATE_HOME="+s.folder)
	s.startServers()
	s.environment = append(s.environment,
		"NATS_URL="+s.natsURL(), "NATS_USER=ops", "NATS_PASSWORD_FILE="+filepath.Join(s.secrets, "nats-ops"),
		"REDIS_URL="+s.redisURL(), "REDIS_USER=ops", "REDIS_PASSWORD_FILE="+filepath.Join(s.secrets, "redis-ops"))
	s.until("softphonectl setup --replicas 3", "ready: ")
	for name, page := range opsPages {
		s.names[page] = s.address(page)
		s.startWorker(name, s.names[page])
	}
	s.until("softphonectl status && echo well", "\nwell\n")
	return s
}

// command runs one that must succeed, in the repository's root.
func (s *system) command(cmd *exec.Cmd) {
	s.t.Helper()
	cmd.Dir = root
	if said, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", cmd, err, said)
	}
}

// until types a command until it says something.
func (s *system) until(command, says string) {
	s.t.Helper()
	said := ""
	for deadline := time.Now().Add(soon); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if said = s.shell(command); strings.Contains(said, says) {
			return
		}
	}
	s.t.Fatalf("$ %s\nnever says %q, but\n%s", command, says, said)
}

// startServers starts three NATS servers that know one another, and Redis.
func (s *system) startServers() {
	s.t.Helper()
	var routes []string
	for i := range 3 {
		routes = append(routes, "nats://"+s.address(fmt.Sprintf("route %d", i)))
	}
	for i := range 3 {
		_, port, _ := net.SplitHostPort(s.address(fmt.Sprintf("client %d", i)))
		_, monitor, _ := net.SplitHostPort(s.address(fmt.Sprintf("monitor %d", i)))
		name := fmt.Sprintf("nats-%d", i+1)
		node := &part{s: s, name: name, data: filepath.Join(s.folder, name)}
		node.args = []string{
			"sh", filepath.Join(root, "deploy/nats/start.sh"), "-n", name, "-a", "127.0.0.1", "-p", port, "-m", monitor,
			"--cluster_name", "softphone", "--cluster", routes[i], "--routes", strings.Join(routes, ","),
		}
		node.environment = []string{"SECRETS=" + s.secrets, "NATS_DATA=" + node.data}
		s.nats = append(s.nats, node)
		node.start()
	}
	_, port, _ := net.SplitHostPort(s.address("redis"))
	run := s.t.TempDir()
	s.redis = &part{
		s: s, name: "redis", data: filepath.Join(s.folder, "redis"), args: []string{"sh", filepath.Join(root, "deploy/redis/start.sh")},
	}
	s.redis.environment = []string{"SECRETS=" + s.secrets, "REDIS_RUN=" + run, "REDIS_DATA=" + s.redis.data, "REDIS_PORT=" + port}
	s.redis.start()
}

func (s *system) natsURL() string {
	var all []string
	for i := range s.nats {
		all = append(all, "nats://"+s.address(fmt.Sprintf("client %d", i)))
	}
	return strings.Join(all, ",")
}

func (s *system) redisURL() string { return "redis://" + s.address("redis") + "/0" }

// startWorker starts one as docker-compose.yml does.
func (s *system) startWorker(name, ops string) *part {
	s.t.Helper()
	p := &part{s: s, name: name, data: filepath.Join(s.folder, name+"-data"), args: []string{filepath.Join(s.folder, "bin", name)}}
	p.environment = []string{
		"NATS_URL=" + s.natsURL(), "NATS_USER=" + name, "NATS_PASSWORD_FILE=" + filepath.Join(s.secrets, "nats-"+name),
		"REDIS_URL=" + s.redisURL(), "REDIS_USER=" + name, "REDIS_PASSWORD_FILE=" + filepath.Join(s.secrets, "redis-"+name),
		"SMTP_URL=smtp://" + s.relay.Addr + "?starttls=never", "SOFTPHONE_OPS_LISTEN=" + ops,
	}
	s.workers[name+" "+ops] = p
	p.start()
	return p
}

// worker is the first process of one.
func (s *system) worker(name string) *part { return s.workers[name+" "+s.address(opsPages[name])] }

// address is a free one for a purpose, always the same.
func (s *system) address(of string) string {
	s.t.Helper()
	if s.addresses[of] == "" {
		s.addresses[of] = servertest.Address(s.t)
	}
	return s.addresses[of]
}

// part is a process that can be killed and started again.
type part struct {
	s           *system
	name, data  string
	args        []string
	environment []string
	process     *child.Process
	output      servertest.Lines
}

func (p *part) start() {
	p.s.t.Helper()
	if err := os.MkdirAll(p.data, 0o700); err != nil {
		p.s.t.Fatal(err)
	}
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Env = append(append([]string{}, p.s.environment...), p.environment...)
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	var err error
	if p.process, err = child.Start(cmd); err != nil {
		p.s.t.Fatal(err)
	}
	process := p.process
	p.s.t.Cleanup(func() { _ = process.Signal(syscall.SIGKILL); <-process.Done() })
}

// end sends a signal and waits until it is gone.
func (p *part) end(signal syscall.Signal) {
	p.s.t.Helper()
	if err := p.process.Signal(signal); err != nil {
		p.s.t.Fatalf("%s: %v\n%s", p.name, err, p.said())
	}
	<-p.process.Done()
}

// forget empties its folder.
func (p *part) forget() {
	p.s.t.Helper()
	if err := os.RemoveAll(p.data); err != nil {
		p.s.t.Fatal(err)
	}
}

func (p *part) said() string { return p.output.String() }
