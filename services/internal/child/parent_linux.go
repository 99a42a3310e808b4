package child

import (
	"os/exec"
	"syscall"
)

// dieWithParent asks for SIGKILL rather than SIGTERM: a child that is stopped (SIGSTOP) or hangs would not act on SIGTERM
// before somebody continues it, which nobody is left to do.
func dieWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	// Its own process group: Ctrl-C in a terminal goes to the parent alone, which then stops the child in order.
	cmd.SysProcAttr.Setpgid = true
}
