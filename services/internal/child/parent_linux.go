package child

import (
	"os/exec"
	"syscall"
)

// dieWithParent asks for SIGKILL rather than SIGTERM: a child that is stopped (SIGSTOP) or hangs would not act on SIGTERM
// before somebody continues it, which nobody is left to do.
func dieWithParent(cmd *exec.Cmd) {
	ownGroup(cmd)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
