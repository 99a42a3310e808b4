package standalone

import (
	"path/filepath"
	"testing"
)

// Where no file can be made beside the servers' folders, the start fails, and what was
// started is stopped.
func TestNoRoomForTheBeacon(t *testing.T) {
	t.Parallel()
	stopped := false
	s := &servers{nats: "nats://127.0.0.1:4222", closing: []func(){func() { stopped = true }}}
	if err := s.light(Config{Data: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("there is a beacon in a folder that is not there")
	}
	s.close()
	if !stopped {
		t.Error("what was started is not stopped")
	}
}
