package softphonectl_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// A server whose disk is full answers all that is read. The workers notice that nothing
// is stored, and status says so and what to type. It needs root, for a small disk.
func TestStatusSeesAFullDisk(t *testing.T) {
	l := newLive(t)
	free := l.smallDisk()
	l.start()
	l.enable(ann)
	well := func() bool { return l.run("status").code == softphonectl.Done }
	l.Eventually("all is well", well)
	l.fill()
	l.Eventually("status says that nothing is stored", func() bool {
		r := l.run("status")
		return r.code == softphonectl.Differs && strings.Contains(r.out, "! mailer: log: NATS answers and stores nothing") &&
			strings.Contains(r.out, "free space on the disk and restart that server")
	})
	free()
	l.NATS.Restart()
	l.Eventually("all is well again", well)
}

// smallDisk moves the store of NATS to one, and returns what makes room on it after fill.
func (l *live) smallDisk() (free func()) {
	l.t.Helper()
	if os.Geteuid() != 0 {
		l.t.Skip("needs root: a file system with a size is mounted")
	}
	l.NATS.Stop()
	store := l.NATS.CopyStore()
	if said, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", l.NATS.Dir()).CombinedOutput(); err != nil {
		l.t.Skipf("mounting is not allowed here: %s", said)
	}
	l.t.Cleanup(func() { _ = exec.Command("umount", "-l", l.NATS.Dir()).Run() })
	if said, err := exec.Command("cp", "-a", store+"/.", l.NATS.Dir()).CombinedOutput(); err != nil {
		l.t.Fatalf("%v: %s", err, said)
	}
	l.NATS.Start()
	return func() { _ = os.Remove(filepath.Join(l.NATS.Dir(), "filler")) }
}

// fill leaves no room on the disk.
func (l *live) fill() {
	_ = exec.Command("dd", "if=/dev/zero", "of="+filepath.Join(l.NATS.Dir(), "filler"), "bs=4k").Run()
}
