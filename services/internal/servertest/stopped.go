package servertest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// awaitStopped waits until no thread of a process that was sent SIGSTOP runs any more: until then it may answer once
// more. Where the system has no /proc it returns at once.
func awaitStopped(t testing.TB, pid int) {
	t.Helper()
	for end := time.Now().Add(startLimit); running(pid); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("process %d still runs %s after SIGSTOP", pid, startLimit)
		}
	}
}

func running(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, thread := range threads {
		stat, err := os.ReadFile(thread)
		if err != nil {
			continue // it ended
		}
		_, state, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" ")) // proc(5): the name may have anything in it
		if !bytes.HasPrefix(state, []byte("T")) {
			return true
		}
	}
	return false
}
