package runbook

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// root is the repository's.
const root = "../../.."

// soon is how long anything may take, on a busy machine.
const soon = 2 * time.Minute

func TestRunbook(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "deploy/RUNBOOK.md"))
	if err != nil {
		t.Fatal(err)
	}
	s := newSystem(t)
	ran := 0
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		for _, b := range blocks(body) {
			ran++
			if !s.play(title, b) {
				t.FailNow() // what follows builds on it
			}
		}
	}
	if ran < 12 {
		t.Errorf("deploy/RUNBOOK.md has %d scenes: are they marked as such?", ran)
	}
}

// block is what a fence holds.
type block struct{ kind, text string }

func blocks(text string) (all []block) {
	for _, b := range regexp.MustCompile("(?s)```(console|json)\n(.*?)```").FindAllStringSubmatch(text, -1) {
		all = append(all, block{b[1], b[2]})
	}
	return all
}

// line is one of a scene.
type line struct {
	drill, command string // one of them
	says           string
}

func lines(scene string) (all []line) {
	for text := range strings.Lines(scene) {
		switch {
		case strings.HasPrefix(text, "# "):
			all = append(all, line{drill: strings.TrimSpace(text[2:])})
		case strings.HasPrefix(text, "$ "):
			all = append(all, line{command: strings.TrimSpace(text[2:])})
		case len(all) > 0:
			all[len(all)-1].says += text
		}
	}
	return all
}

// play does what a block says, and tells whether it came out as written.
func (s *system) play(title string, b block) bool {
	s.t.Helper()
	if b.kind == "json" {
		return s.logged(title, strings.TrimSpace(b.text))
	}
	drills := s.drills()
	for _, l := range lines(b.text) {
		started := time.Now()
		if l.command != "" {
			if !s.enter(title, l) {
				return false
			}
		} else if do := drills[l.drill]; do != nil {
			do()
		} else {
			s.t.Errorf("%s: nobody knows how to do %q", title, l.drill)
			return false
		}
		s.t.Logf("%6.1fs  %s%s", time.Since(started).Seconds(), l.drill, l.command)
	}
	return true
}

// enter types a command, and again until it says what is written if it changes
// nothing.
func (s *system) enter(title string, l line) bool {
	s.t.Helper()
	once := strings.Contains(l.command, "--yes") && !strings.Contains(l.command, " rebuild ")
	want := regexp.MustCompile(pattern(l.says))
	for deadline := time.Now().Add(soon); ; time.Sleep(200 * time.Millisecond) {
		said := s.shell(l.command)
		switch {
		case want.MatchString(masked(said)):
			s.t.Logf("$ %s\n%s", l.command, said)
			s.learn(l.says, said)
			return true
		case once || time.Now().After(deadline):
			s.t.Errorf("%s\n$ %s\nsays\n%s\n(-RUNBOOK.md +now, without what differs between runs):\n%s", title, l.command, said,
				cmp.Diff(strings.Split(masked(l.says), "\n"), strings.Split(masked(said), "\n")))
			return false
		}
	}
}

func (s *system) shell(command string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), soon)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", s.here(command))
	cmd.Dir, cmd.Env = s.folder, s.environment
	said, _ := cmd.CombinedOutput() // what it says and how it ends is compared
	return string(said)
}

// logged waits for a line of a worker's log.
func (s *system) logged(title, text string) bool {
	s.t.Helper()
	want := regexp.MustCompile(`(?m)` + pattern(text))
	for deadline := time.Now().Add(soon); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		for _, p := range s.workers {
			if want.MatchString(masked(p.said())) {
				return true
			}
		}
	}
	s.t.Errorf("%s: no worker has logged %s", title, text)
	return false
}

// masks are what differs between two runs. Numbers of one digit are told apart:
// so many devices, no lag.
var masks = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`16/16`), "all"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "uuid"},
	{regexp.MustCompile(`\b[0-9a-f]{16}\b`), "digest"},
	{regexp.MustCompile(`(\d+[smhd] ago|now)\b`), "ago"},
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`), "time"},
	{regexp.MustCompile(`"(replica|owner|of)":"?[^",]*"?`), `"$1":name`},
	{regexp.MustCompile(`nats-\d`), "node"},
	{regexp.MustCompile(`(127\.0\.0\.1|\[::1\]):\d+`), "address"},
	{regexp.MustCompile(`\d+(\.\d+)?(ms|µs|s)\b`), "duration"},
	{regexp.MustCompile(`\d+\.\d+`), "n"},
	{regexp.MustCompile(`\d{2,}`), "n"},
	{regexp.MustCompile(`[─ ]+`), " "},
	{regexp.MustCompile(`(?m) +$`), ""},
}

func masked(text string) string {
	for _, m := range masks {
		text = m.what.ReplaceAllString(text, m.with)
	}
	return text
}

// pattern is what a command must say, as a regular expression over the masked text.
func pattern(says string) string {
	quoted := regexp.QuoteMeta(masked(says))
	quoted = regexp.MustCompile(`(?m)^…\n`).ReplaceAllString(quoted, `(?:.*\n)*`)
	return "^" + strings.ReplaceAll(quoted, "…", ".*") + "$"
}

// deadLetter is the ID of one. What the page calls it is another than what it has
// here, so commands that name it need to be told.
var deadLetter = regexp.MustCompile(`[a-z-]+\.\d{13}\.\d+`)

// learn remembers what the page calls something, and what it is called here.
func (s *system) learn(written, said string) {
	here := deadLetter.FindAllString(said, -1)
	for i, there := range deadLetter.FindAllString(written, -1) {
		if i < len(here) {
			s.names[there] = here[i]
		}
	}
}

// here is a command with what is called otherwise here.
func (s *system) here(command string) string {
	for there, here := range s.names {
		command = strings.ReplaceAll(command, there, here)
	}
	return command
}
