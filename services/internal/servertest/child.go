package servertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/child"
)

const (
	childName  = "SERVERTEST_CHILD" // in a child's environment: which function it runs
	mainCalled = "SERVERTEST_MAIN"  // in the test process's environment: its id, once Main was called
)

// Main is what TestMain calls, and all it does: it runs the tests, or, in a process started by StartChild, the function
// of that name.
//
//	func TestMain(m *testing.M) {
//		servertest.Main(m, map[string]func(){"worker": runWorker})
//	}
//
// A child's function reads what it needs from its environment. When it returns the process ends with code 0.
func Main(m *testing.M, children map[string]func()) {
	name := os.Getenv(childName)
	if name == "" {
		if err := os.Setenv(mainCalled, strconv.Itoa(os.Getpid())); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		os.Exit(m.Run())
	}
	run, known := children[name]
	if name == natsChild {
		run, known = runNATSChild, true
	}
	if !known {
		fmt.Fprintf(os.Stderr, "TestMain gives servertest.Main no child %q\n", name)
		os.Exit(2)
	}
	run()
	os.Exit(0)
}

// Child is a process of its own that runs one of the functions given to Main.
type Child struct {
	t       testing.TB
	name    string
	process *child.Process
	output  string // the file that takes its standard output and standard error
}

// StartChild starts it with the test's environment and env ("NAME=value") on top. It is killed when the test ends. A data
// race it reports fails the test; when the test fails for any reason, the end of its output is logged.
func StartChild(t testing.TB, name string, env ...string) *Child {
	t.Helper()
	if os.Getenv(mainCalled) != strconv.Itoa(os.Getpid()) {
		t.Fatal("children need a TestMain that calls servertest.Main")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatalf("child %s: %v", name, err)
	}
	c := &Child{t: t, name: name, output: filepath.Join(t.TempDir(), "output")}
	// A file and not a pipe: it cannot fill up while the test is busy.
	output, err := os.Create(c.output)
	if err != nil {
		t.Fatalf("child %s: %v", name, err)
	}
	defer func() { _ = output.Close() }()
	cmd := exec.Command(program)
	cmd.Env = append(append(os.Environ(), env...), childName+"="+name)
	cmd.Stdout, cmd.Stderr = output, output
	if c.process, err = child.Start(cmd); err != nil {
		t.Fatalf("child %s: %v", name, err)
	}
	t.Cleanup(c.end)
	return c
}

// Kill ends it with SIGKILL and waits until it is gone. It does nothing to one that has ended already.
func (c *Child) Kill() {
	_ = c.process.Signal(syscall.SIGKILL)
	<-c.process.Done()
}

// Terminate asks it to end with SIGTERM and waits until it has.
func (c *Child) Terminate() error {
	c.t.Helper()
	c.signal(syscall.SIGTERM)
	return c.process.Wait()
}

// Pause stops it with SIGSTOP, as a machine does that is suspended: all its connections stay open. It returns when
// nothing of it runs any more.
func (c *Child) Pause() {
	c.t.Helper()
	c.signal(syscall.SIGSTOP)
	awaitStopped(c.t, c.PID())
}

// Resume lets it go on.
func (c *Child) Resume() {
	c.t.Helper()
	c.signal(syscall.SIGCONT)
}

func (c *Child) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.process.Signal(s); err != nil {
		c.t.Fatalf("child %s: %v; it wrote:\n%s", c.name, err, c.tail())
	}
}

// PID is its process id.
func (c *Child) PID() int { return c.process.PID() }

// Done is closed when it has ended.
func (c *Child) Done() <-chan struct{} { return c.process.Done() }

// Wait waits until it has ended by itself; the error is an *exec.ExitError with its code.
func (c *Child) Wait() error { return c.process.Wait() }

// Output is what it has written so far, standard output and standard error together.
func (c *Child) Output() string {
	c.t.Helper()
	b, err := os.ReadFile(c.output)
	if err != nil {
		c.t.Fatalf("child %s: %v", c.name, err)
	}
	return string(b)
}

// Await returns the first complete line of its output that contains text. It fails the test when the child ends before it
// wrote one, or needs longer than half a minute.
func (c *Child) Await(text string) string {
	c.t.Helper()
	for end := time.Now().Add(startLimit); ; {
		ended := isClosed(c.process.Done())
		for line := range strings.Lines(c.Output()) {
			if strings.HasSuffix(line, "\n") && strings.Contains(line, text) {
				return strings.TrimSuffix(line, "\n")
			}
		}
		if ended || time.Now().After(end) {
			c.t.Fatalf("child %s (ended: %t) did not write %q; it wrote:\n%s", c.name, ended, text, c.tail())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (c *Child) end() {
	c.Kill()
	if strings.Contains(c.Output(), "WARNING: DATA RACE") {
		c.t.Errorf("child %s has a data race:\n%s", c.name, c.Output())
	} else if c.t.Failed() {
		c.t.Logf("child %s wrote at its end:\n%s", c.name, c.tail())
	}
}

func (c *Child) tail() string {
	const most = 4 << 10
	s := c.Output()
	return s[max(0, len(s)-most):]
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
