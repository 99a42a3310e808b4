package process

import (
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

const anyPort = "SOFTPHONE_OPS_LISTEN=127.0.0.1:0"

func TestMainStopsOnSignal(t *testing.T) {
	t.Parallel()
	c := servertest.StartChild(t, "waits", anyPort)
	var line struct{ Ops, Service, Time string }
	if err := json.Unmarshal([]byte(c.Await(`"started"`)), &line); err != nil {
		t.Fatal(err)
	}
	if _, err := time.Parse(time.RFC3339, line.Time); err != nil || line.Service != "test" {
		t.Errorf("log line of %q at %q", line.Service, line.Time)
	}
	answer, err := http.Get(line.Ops + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("/readyz answers %d", answer.StatusCode)
	}
	if err := c.Terminate(); err != nil {
		t.Errorf("ended with %v\n%s", err, c.Output())
	}
}

func TestMainSecondSignal(t *testing.T) {
	t.Parallel()
	c := servertest.StartChild(t, "hangs", anyPort)
	c.Await(`"started"`)
	if err := syscall.Kill(c.PID(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	c.Await("a second signal ends at once")
	if got := code(c.Terminate()); got != exitFailed {
		t.Errorf("exit code %d", got)
	}
}

func TestMainFails(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		child, env string
		code       int
		want       []string // a line each
	}{
		"run fails":   {"fails", anyPort, exitFailed, []string{"first line; second line"}},
		"bad setting": {"refuse", "NATS_URL=%\nREDIS_URL=%", exitConfig, []string{"NATS_URL: ", "REDIS_URL: "}},
		"closed for good": {
			"cut off", anyPort + "\nNATS_URL=" + servertest.NATS(t).URL(), exitFailed, []string{"the connection to NATS is closed for good"},
		},
		"taken port": {"refuse", "SOFTPHONE_OPS_LISTEN=" + listening(t), exitFailed, []string{"set SOFTPHONE_OPS_LISTEN to another"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := servertest.StartChild(t, tc.child, strings.Split(tc.env, "\n")...)
			if got := code(c.Wait()); got != tc.code {
				t.Errorf("exit code %d", got)
			}
			lines := strings.Split(strings.TrimSpace(c.Output()), "\n")
			lines = lines[max(0, len(lines)-len(tc.want)):]
			for i, want := range tc.want {
				if i >= len(lines) || !strings.Contains(lines[i], want) || !strings.Contains(lines[i], `"level":"error"`) {
					t.Errorf("no error line %q in:\n%s", want, c.Output())
				}
			}
		})
	}
}

func TestMainTakesNoArguments(t *testing.T) {
	t.Parallel()
	for argument, want := range map[string]int{"--help": exitOK, "-x": exitConfig} {
		var out strings.Builder
		var c testConfig
		p := program{name: "test", target: &c, common: &c.Config, errors: &out}
		if got := p.main(argument); got != want || !strings.Contains(out.String(), "NATS_URL") {
			t.Errorf("%s: exit code %d\n%s", argument, got, out.String())
		}
	}
}

func listening(t *testing.T) string {
	t.Helper()
	l, err := Listen("TEST", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func code(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return 0
}
