package main

import (
	"fmt"
	"os"
)

// progress says on a terminal what is being measured; elsewhere it is silent.
type progress struct{ terminal bool }

func newProgress() progress {
	info, err := os.Stderr.Stat()
	return progress{terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (p progress) say(format string, args ...any) {
	if p.terminal {
		fmt.Fprintf(os.Stderr, "\r\033[K"+format, args...)
	}
}

func (p progress) end() { p.say("") }
