package embedded

import (
	"bytes"
	"strings"
	"sync"

	"github.com/rs/zerolog"
)

// redisLog takes redis-server's output. Redis writes its greetings and its farewell as warnings; so only what it says
// between them, when it should be quiet, is one here.
type redisLog struct {
	log zerolog.Logger

	mu      sync.Mutex
	serving bool
	rest    []byte // of a line that is not complete yet
	last    string
}

func (l *redisLog) running(yes bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.serving = yes
}

func (l *redisLog) lastLine() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

func (l *redisLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		line, rest, complete := bytes.Cut(l.rest, []byte{'\n'})
		if !complete {
			return len(p), nil
		}
		l.line(string(bytes.TrimSpace(line)))
		l.rest = rest
	}
}

func (l *redisLog) line(s string) {
	level := zerolog.DebugLevel
	if l.serving && strings.Contains(s, " # ") { // Redis's mark for a warning
		level = zerolog.WarnLevel
	}
	if s != "" {
		l.last = s
		l.log.WithLevel(level).Msg(s)
	}
}
