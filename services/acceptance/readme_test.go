package acceptance

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// TestReadme does what README.md says: it runs its commands and reads its pages,
// on other ports, and compares what comes out with what is written there.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	ports := &ports{t: t, of: map[string]string{}}
	data := "SOFTPHONE_DATA=" + t.TempDir()
	environment := append(os.Environ(), data,
		"SOFTPHONE_NATS_LISTEN="+ports.instead("127.0.0.1:4222"),
		"SOFTPHONE_HTTP_LISTEN="+ports.instead("127.0.0.1:8080"),
		"SOFTPHONE_INBOX_LISTEN="+ports.instead("127.0.0.1:8025"),
		"SOFTPHONE_SMTP_LISTEN="+ports.instead("127.0.0.1:1025"),
		"SOFTPHONE_OPS_LISTEN="+ports.instead("127.0.0.1:9090"))

	namesTests(t, string(text))

	var system *standalone
	for _, command := range commands(string(text)) {
		switch {
		case command.line == "make run":
			system = makeRun(t, environment)
		case strings.HasPrefix(command.line, "make "):
			run(t, inRoot("make", "--dry-run", strings.Fields(command.line)[1]))
		default:
			cmd := inRoot("bash", "-c", command.line)
			cmd.Env = append(os.Environ(), data)
			got, err := cmd.CombinedOutput()
			if diff := cmp.Diff(varying(command.says), varying(string(got))); diff != "" {
				t.Errorf("$ %s\n(-README +what it says, %v):\n%s", command.line, err, diff)
			}
		}
	}
	if system == nil {
		t.Fatal("README.md has no `make run`")
	}
	for _, page := range regexp.MustCompile(`<http://([0-9.:]+)(/[^>]*)?>`).FindAllStringSubmatch(string(text), -1) {
		fetch(t, "http://"+ports.instead(page[1])+page[2])
	}
	system.interrupt()
}

// namesTests checks that the tests README.md names exist.
func namesTests(t *testing.T, text string) {
	t.Helper()
	var tests strings.Builder
	err := filepath.WalkDir(filepath.Join(root, "services"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		tests.Write(source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile("`(Test[A-Za-z]+)`").FindAllStringSubmatch(text, -1) {
		if !strings.Contains(tests.String(), "\nfunc "+name[1]+"(t *testing.T)") {
			t.Errorf("README.md names %s, which is no test", name[1])
		}
	}
}

// command is one that README.md shows, and what it says it prints.
type command struct{ line, says string }

// commands are the lines of blocks marked sh, and those after $ in blocks marked
// console.
func commands(text string) []command {
	var all []command
	for _, block := range regexp.MustCompile("(?s)```(sh|console)\n(.*?)```").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[2]) {
			shown, isCommand := strings.CutPrefix(line, "$ ")
			switch {
			case isCommand || block[1] == "sh":
				all = append(all, command{line: strings.TrimSpace(shown)})
			default:
				all[len(all)-1].says += line
			}
		}
	}
	return all
}

// varying replaces what differs from run to run.
func varying(said string) string {
	said = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).ReplaceAllString(said, "<id>")
	return regexp.MustCompile(`(?m)^sequence \d+$`).ReplaceAllString(said, "sequence <n>")
}

// ports maps the ports README.md names to free ones.
type ports struct {
	t  *testing.T
	of map[string]string
}

func (p *ports) instead(address string) string {
	if p.of[address] == "" {
		p.of[address] = servertest.Address(p.t)
	}
	return p.of[address]
}

func inRoot(name string, arguments ...string) *exec.Cmd {
	cmd := exec.Command(name, arguments...)
	cmd.Dir = root
	return cmd
}

// standalone is a `make run`.
type standalone struct {
	t   *testing.T
	cmd *exec.Cmd
	out servertest.Lines
}

func makeRun(t *testing.T, environment []string) *standalone {
	t.Helper()
	s := &standalone{t: t, cmd: inRoot("make", "run")}
	s.cmd.Env = environment
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a terminal's foreground job is
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) })
	for deadline := time.Now().Add(5 * time.Minute); !strings.Contains(s.out.String(), "Make something happen"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) || syscall.Kill(s.cmd.Process.Pid, 0) != nil {
			t.Fatalf("make run:\n%s", &s.out)
		}
	}
	return s
}

// interrupt is Ctrl-C: everything ends in order. Make itself always ends by the
// signal, as a shell expects.
func (s *standalone) interrupt() {
	s.t.Helper()
	if err := syscall.Kill(-s.cmd.Process.Pid, syscall.SIGINT); err != nil {
		s.t.Fatal(err)
	}
	err := s.cmd.Wait()
	if said := s.out.String(); !strings.HasSuffix(said, `"message":"stopped"}`+"\n") || strings.Contains(said, `"level":"error"`) {
		s.t.Errorf("make run, after Ctrl-C: %v\n%s", err, said)
	}
}

func fetch(t *testing.T, page string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Errorf("%s: %v", page, err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	var body bytes.Buffer
	if _, err := io.Copy(&body, response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("%s: %s, %v\n%s", page, response.Status, err, &body)
	}
}
