package runbook

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// drills are what happens outside of the terminal, in the page's words.
func (s *system) drills() map[string]func() {
	counter := s.worker("device-counter")
	return map[string]func(){
		"Ann's softphone is enabled, and two devices signed in": func() {
			s.enable("1001")
			s.signIn("1001", "mac", "iphone")
		},

		"Redis ends, and its files are gone": func() { s.redis.end(syscall.SIGKILL); s.redis.forget() },
		"Redis is started again, empty":      func() { s.redis.start() },

		"The server that leads the log is killed, and its disk is lost": func() { s.lose(s.leader()); s.lost[0].forget() },
		"It is started again, with an empty disk":                       func() { s.find() },
		"Two of the three servers are killed":                           func() { s.lose(s.nats[0], s.nats[1]) },
		"They are started again":                                        func() { s.find() },

		"The mail server refuses our login; Ben's softphone is enabled": func() {
			s.relay.SetScript(servertest.SMTPScript{Mail: func(string) error {
				return servertest.SMTPAnswer(530, 5, 7, 0, "Authentication required")
			}})
			s.enable("1002")
		},
		"The mail server takes our mail again": func() { s.relay.SetScript(servertest.SMTPScript{}) },
		"The mail server refuses Cleo's address, for good": func() {
			s.relay.SetScript(servertest.SMTPScript{Rcpt: func(string) error {
				return servertest.SMTPAnswer(550, 5, 1, 1, "no such user")
			}})
			s.enable("1003")
			s.until("softphonectl emails acme/1003", "failed")
			s.relay.SetScript(servertest.SMTPScript{})
		},

		"A program of the PBX core publishes a fact that nobody can read": func() { s.publishBadly() },

		"The only replica of device-counter hangs, and devices sign in": func() {
			s.signal(counter, syscall.SIGSTOP)
			s.signInOften("1002", 20)
		},
		"A second replica is started": func() { s.startWorker("device-counter", s.address("second replica")) },
		"The one that hung goes on":   func() { s.signal(counter, syscall.SIGCONT) },

		"The log's servers are stopped, and a copy of an hour ago is put in their place": func() { s.restore() },
		"The mailer is started again, for its place in the log is in the log's servers": func() {
			s.worker("mailer").end(syscall.SIGTERM)
			s.worker("mailer").start()
		},
	}
}

// leader is the server whose copy of the log all others follow.
func (s *system) leader() *part {
	s.t.Helper()
	name := strings.TrimSpace(s.shell(`softphonectl status --json | head -n 1 | grep -o '"server":"[^"]*","leads"' | cut -d '"' -f 4`))
	for _, node := range s.nats {
		if node.name == name {
			return node
		}
	}
	s.t.Fatalf("no server is named %q", name)
	return nil
}

// lose kills servers, find starts them again.
func (s *system) lose(nodes ...*part) {
	s.t.Helper()
	s.lost = nodes
	for _, node := range nodes {
		node.end(syscall.SIGKILL)
	}
}

func (s *system) find() {
	s.t.Helper()
	for _, node := range s.lost {
		node.start()
	}
}

// publishBadly publishes what no program should, as the PBX core.
func (s *system) publishBadly() {
	s.t.Helper()
	password, err := os.ReadFile(filepath.Join(s.secrets, "nats-pbx"))
	if err != nil {
		s.t.Fatal(err)
	}
	conn, err := nats.Connect(s.natsURL(), nats.UserInfo("pbx", string(password)))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Publish("softphone.pbx.acme.1001.DeviceRemoved", []byte(`{"specversion":"1.0","type":"DeviceRemoved"}`)); err != nil {
		s.t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *system) enable(extension string) {
	s.t.Helper()
	s.must(fmt.Sprintf(`softphonectl publish SoftphoneEnabled --tenant acme --extension %s --wait=60s --data '{"email":"user%s@example.com","username":"user%s","displayName":"User %s"}'`,
		extension, extension, extension, extension))
}

func (s *system) signIn(extension string, devices ...string) {
	s.t.Helper()
	for _, device := range devices {
		s.must(fmt.Sprintf(`softphonectl publish DeviceSignedIn --tenant acme --extension %s --wait=60s --data '{"deviceId":"%s","platform":"mac"}'`, extension, device))
	}
}

// signInOften signs three devices in, one after the other, and does not wait.
func (s *system) signInOften(extension string, times int) {
	s.t.Helper()
	for n := range times {
		s.must(fmt.Sprintf(`softphonectl publish DeviceSignedIn --tenant acme --extension %s --data '{"deviceId":"mac-%d","platform":"mac"}'`, extension, n%3))
	}
}

// must runs a command that succeeds.
func (s *system) must(command string) {
	s.t.Helper()
	if said := s.shell(command + " && echo done"); !strings.HasSuffix(said, "done\n") {
		s.t.Fatalf("$ %s\n%s", command, said)
	}
}

func (s *system) signal(p *part, signal syscall.Signal) {
	s.t.Helper()
	if err := p.process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// restore stops the log's servers, and puts a copy in their place that was made
// before some sign-ins and an Enable.
func (s *system) restore() {
	s.t.Helper()
	saved := func(node *part) string { return filepath.Join(s.folder, "saved", node.name) }
	s.stopped(func(node *part) error { return os.CopyFS(saved(node), os.DirFS(node.data)) })
	s.until("softphonectl status && echo well", "\nwell\n")
	s.signInOften("1004", 100) // so that all that follows is further than fences take the copy
	s.enable("1004")
	s.until("softphonectl status && echo well", "\nwell\n")
	s.until("softphonectl emails acme/1004", "  sent  ") // the mailer has seen what the copy has not
	s.stopped(func(node *part) error {
		node.forget()
		return os.CopyFS(node.data, os.DirFS(saved(node)))
	})
}

// stopped does something to the log's servers while none of them runs.
func (s *system) stopped(do func(*part) error) {
	s.t.Helper()
	for _, node := range s.nats {
		node.end(syscall.SIGTERM)
	}
	for _, node := range s.nats {
		if err := do(node); err != nil {
			s.t.Fatal(err)
		}
	}
	for _, node := range s.nats {
		node.start()
	}
}
