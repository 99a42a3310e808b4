package standalone_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/services/internal/child"
)

// limit is how long anything may take here, on a busy machine.
const limit = time.Minute

// programs is the folder with standalone and softphonectl, as `make run` builds them.
var programs string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	folder, err := os.MkdirTemp("", "standalone-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	programs = folder
	for _, pkg := range []string{"standalone", "softphonectl"} {
		cmd := exec.Command("go", "build", "-race", "-o", folder+"/", "../"+pkg+"/cmd/"+pkg)
		if said, err := cmd.CombinedOutput(); err != nil {
			panic(string(said))
		}
	}
	return m.Run()
}

// system is a running standalone.
type system struct {
	t         *testing.T
	process   *child.Process
	out, log  output
	variables map[string]string
}

// hosts counts the addresses given out.
var hosts atomic.Int32

// variables give every listener a port of its own, and a data folder.
func variables(t *testing.T) map[string]string {
	t.Helper()
	v := map[string]string{"SOFTPHONE_DATA": filepath.Join(t.TempDir(), "data")}
	host := "127.0.0.1"
	if runtime.GOOS == "linux" { // a loopback address of its own: nobody else can take a port between here and the start
		host = fmt.Sprintf("127.%d.%d.%d", 64+os.Getpid()>>8&63, os.Getpid()&255, 1+hosts.Add(1)%254)
	}
	for _, name := range []string{"HTTP", "NATS", "INBOX", "SMTP", "OPS"} {
		l, err := net.Listen("tcp", host+":0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // when all are chosen
		v["SOFTPHONE_"+name+"_LISTEN"] = l.Addr().String()
	}
	return v
}

// launch starts it and does not wait.
func launch(t *testing.T, variables map[string]string) *system {
	t.Helper()
	s := &system{t: t, variables: variables}
	cmd := exec.Command(filepath.Join(programs, "standalone"))
	cmd.Dir = t.TempDir()
	cmd.Env = os.Environ()
	for name, value := range variables {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = &s.out, &s.log
	var err error
	if s.process, err = child.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.process.Signal(syscall.SIGKILL)
		<-s.process.Done()
	})
	return s
}

// run starts it and waits until it says where to look.
func run(t *testing.T, variables map[string]string) *system {
	t.Helper()
	s := launch(t, variables)
	s.eventually("the greeting", func() bool { return strings.Contains(s.out.String(), "Make something happen") })
	return s
}

func (s *system) eventually(what string, done func() bool) {
	s.t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if done() {
			return
		}
		select {
		case <-s.process.Done():
			s.t.Fatalf("standalone ended while the test waited for %s:\n%s", what, &s.log)
		default:
		}
	}
	s.t.Fatalf("no %s within %s:\n%s", what, limit, &s.log)
}

// code waits for the end and returns the exit code.
func (s *system) code() int {
	s.t.Helper()
	select {
	case <-s.process.Done():
	case <-time.After(limit):
		s.t.Fatalf("still running after %s:\n%s", limit, &s.log)
	}
	var exit *exec.ExitError
	if err := s.process.Wait(); errors.As(err, &exit) {
		return exit.ExitCode()
	} else if err != nil {
		s.t.Fatal(err)
	}
	return 0
}

// stop is Ctrl-C.
func (s *system) stop() {
	s.t.Helper()
	if err := s.process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	if code := s.code(); code != 0 {
		s.t.Errorf("exit %d after Ctrl-C:\n%s", code, &s.log)
	}
}

// tour are the commands it offers.
func (s *system) tour() []string {
	s.t.Helper()
	commands := regexp.MustCompile(`(?m)^  ((?:SOFTPHONE_DATA=\S+ )?\S*softphonectl publish .*)$`).FindAllStringSubmatch(s.out.String(), -1)
	if len(commands) != 3 {
		s.t.Fatalf("it offers %d commands, want 3:\n%s", len(commands), &s.out)
	}
	return []string{commands[0][1], commands[1][1], commands[2][1]}
}

// shell types a command.
func (s *system) shell(command string) string {
	s.t.Helper()
	said, err := exec.Command("sh", "-c", command).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s: %v\n%s\n%s", command, err, said, &s.log)
	}
	return string(said)
}

func (s *system) get(address string) (int, string) {
	s.t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// mails are the subjects of the caught mails, newest first.
func (s *system) mails() (subjects []string) {
	s.t.Helper()
	_, body := s.get("http://" + s.variables["SOFTPHONE_INBOX_LISTEN"] + "/api/v1/messages")
	var list struct {
		Messages []struct{ Subject string }
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		s.t.Fatal(err)
	}
	for _, m := range list.Messages {
		subjects = append(subjects, m.Subject)
	}
	return subjects
}

func TestTheMainJob(t *testing.T) {
	t.Parallel()
	v := variables(t)
	s := run(t, v)
	commands := s.tour()
	for i, want := range []string{"LicenseGranted", "DeviceActivated: phone-1 is signed in, 1 of 4 devices", `SoftphoneRenamed: shown as "Ann Lee (Sales)"`} {
		if said := s.shell(commands[i]); !strings.Contains(said, want) {
			t.Errorf("%s\nsays %q, want %s", commands[i], said, want)
		}
	}
	s.eventually("mail", func() bool { return len(s.mails()) == 1 })
	if code, body := s.get("http://" + v["SOFTPHONE_OPS_LISTEN"] + "/readyz"); code != http.StatusOK {
		t.Errorf("readyz: %d %s", code, body)
	}
	link := regexp.MustCompile(`http://\S+/sign-in#\S+`).FindString(s.out.String())
	if page, _, found := strings.Cut(link, "#"); !found {
		t.Errorf("no link to the portal:\n%s", s.out.String())
	} else if code, _ := s.get(page); code != http.StatusOK {
		t.Errorf("%s: %d", page, code)
	}
	if _, page := s.get("http://" + v["SOFTPHONE_INBOX_LISTEN"]); !strings.Contains(page, "Your softphone is ready") {
		t.Errorf("the inbox page does not show the mail:\n%s", page)
	}
	s.stop()

	again := run(t, v)
	if said := again.shell(again.tour()[1]); !strings.Contains(said, "DeviceRecognized") {
		t.Errorf("after a restart the same device: %s", said)
	}
	if mails := again.mails(); len(mails) != 1 {
		t.Errorf("after a restart the inbox has %q", mails)
	}
	again.stop()
}

// Beside the data folder softphonectl finds the servers by itself, Redis too, and
// when the system has stopped it says so.
func TestSoftphonectlFindsIt(t *testing.T) {
	t.Parallel()
	s := run(t, variables(t))
	s.shell(s.tour()[0])
	status := func(folder string, variables ...string) (string, error) {
		cmd := exec.Command(filepath.Join(programs, "softphonectl"), "replay", "state", "--restart")
		cmd.Dir, cmd.Env = folder, append(os.Environ(), variables...)
		said, err := cmd.CombinedOutput()
		return string(said), err
	}
	data := s.variables["SOFTPHONE_DATA"]
	if said, err := status(filepath.Dir(data)); err != nil || !strings.Contains(said, "license: 1 event folded, 1 state compared, 0 differences") {
		t.Errorf("beside the data folder: %v\n%s", err, said)
	}
	if said, err := status("/", "SOFTPHONE_DATA="+data); err != nil {
		t.Errorf("told of the data folder: %v\n%s", err, said)
	}
	if said, err := status("/", "SOFTPHONE_DATA="+data, "NATS_URL=nats://127.0.0.1:1"); err == nil || !strings.Contains(said, "NATS_URL") {
		t.Errorf("told of another NATS: %v\n%s", err, said)
	}
	s.stop()
	if said, err := status(filepath.Dir(data)); err == nil || !strings.Contains(said, "NATS at nats://127.0.0.1:4222") {
		t.Errorf("after its end: %v\n%s", err, said)
	}
}

// Nobody who merely reaches its NATS may do anything there: the password is in the data folder, for its owner alone.
func TestItsNATSHasALogin(t *testing.T) {
	t.Parallel()
	s := run(t, variables(t))
	url := "nats://" + s.variables["SOFTPHONE_NATS_LISTEN"]
	if nc, err := nats.Connect(url); !errors.Is(err, nats.ErrAuthorization) {
		nc.Close()
		t.Errorf("without a login: %v", err)
	}
	file := filepath.Join(s.variables["SOFTPHONE_DATA"], "nats-password")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%s: %v, %v", file, info, err)
	}
	password, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(url, nats.UserInfo("local", strings.TrimSpace(string(password))))
	if err != nil {
		t.Fatalf("with what is in the folder: %v", err)
	}
	nc.Close()
	for what, text := range map[string]string{"greeting": s.out.String(), "log": s.log.String()} {
		if strings.Contains(text, strings.TrimSpace(string(password))) {
			t.Errorf("the %s shows the password", what)
		}
	}
	if said := s.shell("SOFTPHONE_DATA=" + s.variables["SOFTPHONE_DATA"] + " " + filepath.Join(programs, "softphonectl") + " status --server " + url); said == "" {
		t.Error("softphonectl says nothing")
	}
	s.stop()
}

func TestWithoutARedisServer(t *testing.T) {
	t.Parallel()
	v := variables(t)
	v["PATH"] = t.TempDir()
	s := run(t, v)
	if !strings.Contains(s.log.String(), "no redis-server is installed") {
		t.Errorf("it does not say that state is kept in the process:\n%s", &s.log)
	}
	commands := s.tour()
	s.shell(commands[0])
	s.shell(commands[1])
	s.stop()

	again := run(t, v)
	again.eventually("state folded from the log", func() bool {
		return strings.Contains(again.shell(commands[1]), "DeviceRecognized")
	})
	again.stop()
}

func TestARedisServerThatDiesEndsIt(t *testing.T) {
	t.Parallel()
	v := variables(t)
	s := run(t, v)
	if err := syscall.Kill(childOf(t, s.process.PID(), "redis-server"), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := s.code(); code != 1 || !strings.Contains(s.log.String(), "redis-server ended by itself") {
		t.Errorf("exit %d:\n%s", code, &s.log)
	}
}

func TestFaultsAreOneLine(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	const nobody = "127.0.0.1:1"

	for name, c := range map[string]struct {
		variable, value string
		code            int
		says            string
	}{
		"ops port taken":    {"SOFTPHONE_OPS_LISTEN", taken.Addr().String(), 1, "SOFTPHONE_OPS_LISTEN"},
		"NATS port taken":   {"SOFTPHONE_NATS_LISTEN", taken.Addr().String(), 1, "SOFTPHONE_NATS_LISTEN"},
		"inbox port taken":  {"SOFTPHONE_INBOX_LISTEN", taken.Addr().String(), 1, "SOFTPHONE_INBOX_LISTEN"},
		"portal port taken": {"SOFTPHONE_HTTP_LISTEN", taken.Addr().String(), 1, "SOFTPHONE_HTTP_LISTEN"},
		"SMTP port taken":   {"SOFTPHONE_SMTP_LISTEN", taken.Addr().String(), 1, "SOFTPHONE_SMTP_LISTEN"},
		"no address":        {"SOFTPHONE_NATS_LISTEN", "4222", 2, "SOFTPHONE_NATS_LISTEN"},
		"no level":          {"SOFTPHONE_LOG_LEVEL", "loud", 2, "SOFTPHONE_LOG_LEVEL"},
		"no duration":       {"MAIL_DEADLINE", "soon", 2, "MAIL_DEADLINE"},
		"no folder":         {"SOFTPHONE_DATA", "/dev/null/data", 1, "SOFTPHONE_DATA"},
		"nobody at NATS":    {"NATS_URL", "nats://" + nobody, 1, "NATS_URL"},
		"nobody at Redis":   {"REDIS_URL", "redis://" + nobody, 1, "REDIS_URL"},
		"no URL of Redis":   {"REDIS_URL", nobody, 2, "REDIS_URL"},
		"no URL of a relay": {"SMTP_URL", "mail", 2, "SMTP_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := variables(t)
			v[c.variable] = c.value
			s := launch(t, v)
			if code := s.code(); code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			var faults []string
			for line := range strings.Lines(s.log.String()) {
				if strings.Contains(line, `"level":"error"`) {
					faults = append(faults, line)
				}
			}
			if s.out.String() != "" {
				t.Errorf("it says it runs:\n%s", &s.out)
			}
			if len(faults) != 1 || !strings.Contains(faults[0], c.says) {
				t.Errorf("%d lines of error, want one with %s:\n%s", len(faults), c.says, &s.log)
			}
		})
	}
}

func TestTwoOnOneFolder(t *testing.T) {
	t.Parallel()
	first := run(t, variables(t))
	v := variables(t)
	v["SOFTPHONE_DATA"] = first.variables["SOFTPHONE_DATA"]
	second := launch(t, v)
	if code := second.code(); code != 1 || !strings.Contains(second.log.String(), "SOFTPHONE_DATA") {
		t.Errorf("the second on a folder: exit %d\n%s", code, &second.log)
	}
	first.stop()
}

// childOf finds a child of a process by its name.
func childOf(t *testing.T, parent int, name string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil || len(files) == 0 {
		t.Skip("only Linux tells whose child a process is")
	}
	want := regexp.MustCompile(fmt.Sprintf(`(?s)^Name:\t%s\n.*\nPPid:\t%d\n`, name, parent))
	for _, file := range files {
		if status, err := os.ReadFile(file); err == nil && want.Match(status) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("process %d has no child %s", parent, name)
	return 0
}

// output collects what a child says while the test reads it.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
