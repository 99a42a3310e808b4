package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/child"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// The health check of docker-compose.yml finds the ops port of the program beside it, with TLS on that port as well,
// and says that it is not ready while its servers are away.
func TestComposeHealthCheck(t *testing.T) {
	s := deployTLS(t)
	s.setUp(t)
	built := t.TempDir()
	run(t, exec.Command("go", "build", "-C", filepath.Join(root, "services/license"), "-o", built+"/", "./cmd/license"))
	run(t, exec.Command("go", "build", "-C", filepath.Join(root, "services/internal"), "-o", built+"/", "./healthcheck"))
	for name, encrypted := range map[string]string{"plain": "false", "TLS": "true"} {
		t.Run(name, func(t *testing.T) {
			check := composeTLS(t).Services["license"].HealthCheck.Test
			if len(check) != 2 || check[0] != "CMD" {
				t.Fatalf("the check is %q", check)
			}
			environment := append(s.environment(t, "license"),
				"SOFTPHONE_OPS_LISTEN="+strings.Replace(servertest.Address(t), "127.0.0.1", "0.0.0.0", 1), "SOFTPHONE_OPS_TLS="+encrypted)
			healthy := func() (bool, string) {
				cmd := exec.Command(filepath.Join(built, check[1]))
				cmd.Env = environment
				text, err := cmd.CombinedOutput()
				return err == nil, string(text)
			}
			if well, text := healthy(); well || !strings.Contains(text, "connection refused") {
				t.Errorf("before the start: %t, %s", well, text)
			}
			var output servertest.Lines
			cmd := exec.Command(filepath.Join(built, "license"))
			cmd.Env, cmd.Stdout, cmd.Stderr = environment, &output, &output
			program, err := child.Start(cmd)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = program.Signal(os.Interrupt)
				_ = program.Wait()
			}()
			await(t, "healthy", &output, func() bool { well, _ := healthy(); return well })
			s.nats.Stop()
			defer s.nats.Start()
			await(t, "unhealthy without NATS", &output, func() bool {
				well, text := healthy()
				return !well && strings.Contains(text, "503") && strings.Contains(text, "nats")
			})
		})
	}
}

func await(t *testing.T, what string, log *servertest.Lines, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not %s:\n%s", what, log)
		}
	}
}
