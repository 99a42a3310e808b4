//go:build !linux

package child

import (
	"os/exec"
	"syscall"
)

func dieWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	// Its own process group: Ctrl-C in a terminal goes to the parent alone, which then stops the child in order.
	cmd.SysProcAttr.Setpgid = true
}
