package servertest

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// Lines keeps what programs write, for a test that reads it meanwhile. The zero value is empty.
type Lines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write never fails.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is everything so far.
func (l *Lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Count is how often a text stands in it.
func (l *Lines) Count(text string) int { return strings.Count(l.String(), text) }

// Await waits until a text stands in it.
func (l *Lines) Await(t testing.TB, text string) {
	t.Helper()
	for end := time.Now().Add(startLimit); l.Count(text) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("nobody wrote %q within %s, but:\n%s", text, startLimit, l)
		}
	}
}
