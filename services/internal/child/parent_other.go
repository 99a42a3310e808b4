//go:build !linux

package child

import "os/exec"

func dieWithParent(cmd *exec.Cmd) { ownGroup(cmd) }
