package bounce

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
)

// mailbox is a Maildir, and a taker that notes what it is handed.
type mailbox struct {
	Maildir
	t     *testing.T
	lines buffer

	mu     sync.Mutex
	taken  []Notification
	answer func(n int) error // of the n-th call; nil: it takes everything
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	m := &mailbox{t: t}
	m.Maildir = Maildir{Dir: t.TempDir(), Every: time.Millisecond, Wait: time.Hour, Logger: zerolog.New(&m.lines)}
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.Mkdir(filepath.Join(m.Dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m *mailbox) deliver(name string, raw []byte) {
	m.t.Helper()
	part := filepath.Join(m.Dir, "tmp", name)
	if err := errors.Join(os.WriteFile(part, raw, 0o600), os.Rename(part, filepath.Join(m.Dir, "new", name))); err != nil {
		m.t.Fatal(err)
	}
}

func (m *mailbox) take(_ context.Context, n Notification) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.taken = append(m.taken, n)
	if m.answer != nil {
		return m.answer(len(m.taken))
	}
	return nil
}

func (m *mailbox) in(sub string) []string {
	m.t.Helper()
	entries, err := os.ReadDir(filepath.Join(m.Dir, sub))
	if err != nil {
		m.t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (m *mailbox) pass() error { return m.Maildir.pass(m.t.Context(), m.take) }

func (m *mailbox) want(inNew, inCur []string) {
	m.t.Helper()
	if diff := cmp.Diff([][]string{inNew, inCur}, [][]string{m.in("new"), m.in("cur")}); diff != "" {
		m.t.Errorf("new/ and cur/ (-want +got):\n%s", diff)
	}
}

func TestMaildir(t *testing.T) {
	t.Parallel()
	m := newMailbox(t)
	m.deliver("1.a.host", sample(t, "postfix-failed.eml"))
	m.deliver("2.b.host", sample(t, "vacation.eml"))
	m.deliver("3.c.host", make([]byte, MaxSize+1))
	m.deliver(".hidden", sample(t, "postfix-failed.eml"))
	if err := os.Symlink("/etc/passwd", filepath.Join(m.Dir, "new", "4.d.host")); err != nil {
		t.Fatal(err)
	}
	if err := m.pass(); err != nil {
		t.Fatal(err)
	}
	m.want([]string{".hidden", "4.d.host"}, []string{"1.a.host:2,S", "2.b.host:2,FS", "3.c.host:2,FS"})
	if len(m.taken) != 1 || m.taken[0].Recipients[0].Enhanced != "5.1.1" {
		t.Errorf("taken %+v", m.taken)
	}
}

// What cannot be put on record stays, and is handed over again.
func TestMaildirForgetsNothing(t *testing.T) {
	t.Parallel()
	m := newMailbox(t)
	away := errors.New("the log is away")
	m.answer = func(n int) error {
		if n == 1 {
			return away
		}
		return nil
	}
	m.deliver("1.a.host", sample(t, "postfix-failed.eml"))
	m.deliver("2.b.host", sample(t, "several.eml"))
	if err := m.pass(); !errors.Is(err, away) {
		t.Errorf("%v, want that the log is away", err)
	}
	m.want([]string{"1.a.host", "2.b.host"}, []string{})
	if err := m.pass(); err != nil {
		t.Error(err)
	}
	m.want([]string{}, []string{"1.a.host:2,S", "2.b.host:2,S"})
	if len(m.taken) != 3 {
		t.Errorf("handed over %d times, want 3", len(m.taken))
	}
}

// A notification may come before it is on record that the mail was sent; after a
// while it is about none of ours.
func TestMaildirWaitsForTheMail(t *testing.T) {
	t.Parallel()
	m := newMailbox(t)
	m.answer = func(int) error { return ErrUnknownMail }
	m.deliver("1.a.host", sample(t, "postfix-failed.eml"))
	m.deliver("2.b.host", sample(t, "several.eml"))
	old := time.Now().Add(-2 * m.Wait)
	if err := os.Chtimes(filepath.Join(m.Dir, "new", "2.b.host"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := m.pass(); err != nil {
		t.Fatal(err)
	}
	m.want([]string{"1.a.host"}, []string{"2.b.host:2,FS"})
}

// Two readers of one directory, and a message that is gone before it is moved.
func TestMaildirTwoReaders(t *testing.T) {
	t.Parallel()
	m := newMailbox(t)
	m.answer = func(int) error { return os.Remove(filepath.Join(m.Dir, "new", "1.a.host")) }
	m.deliver("1.a.host", sample(t, "postfix-failed.eml"))
	if err := m.pass(); err != nil {
		t.Fatal(err)
	}
	m.want([]string{}, []string{})
	if got := m.lines.String(); got != "" {
		t.Errorf("said %s", got)
	}
}

// Trouble is told once, and its end.
func TestMaildirRun(t *testing.T) {
	t.Parallel()
	m := newMailbox(t)
	taken := make(chan struct{})
	m.answer = func(n int) error {
		switch {
		case n < 5:
			return errors.New("the log is away")
		case n == 5:
			close(taken)
		}
		return nil
	}
	m.deliver("1.a.host", sample(t, "postfix-failed.eml"))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); m.Run(ctx, m.take) }()
	<-taken
	for len(m.in("cur")) == 0 || !strings.Contains(m.lines.String(), "are read again") {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
	if n := strings.Count(m.lines.String(), "\n"); n != 2 {
		t.Errorf("%d lines, want 2:\n%s", n, m.lines.String())
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	m := newMailbox(t)
	if err := m.Check(); err != nil {
		t.Error(err)
	}
	if err := (Maildir{Dir: t.TempDir()}).Check(); err == nil {
		t.Error("an empty directory is a Maildir")
	}
}
