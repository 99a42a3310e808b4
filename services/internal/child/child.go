// Package child starts processes that cannot outlive the one that started them.
//
// A server that standalone or a test has started must be gone when its parent is, also when the parent was killed with
// SIGKILL and had no chance to clean up: an orphaned redis-server would keep its port, its files and its lock, and the
// next start would fail for a reason nobody sees. On Linux the kernel does it (prctl PR_SET_PDEATHSIG). Elsewhere there is
// no such thing; there a child survives a parent that was killed with SIGKILL, and only that.
package child

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// Process is a started child. Its methods may be called from any goroutine.
type Process struct {
	done chan struct{}
	err  error // of Wait; read it only after done is closed

	mu    sync.Mutex // guards ended: a process that was waited for must not be signaled, its id may be another's by now
	ended bool
	os    *os.Process
}

// Start starts cmd, as exec.Cmd.Start does, and waits for it in the background: the caller must not call cmd.Wait.
// Without a SysProcAttr of the caller's it gets a process group of its own: Ctrl-C in a terminal goes to the parent
// alone, which then stops the child in order.
//
// The kernel sends the parent-death signal when the *thread* that started the child ends, not when the process does. So
// the goroutine that starts it is locked to its thread and stays there until the child is gone: while it does, the Go
// runtime can neither end that thread nor use it for anything else.
func Start(cmd *exec.Cmd) (*Process, error) {
	dieWithParent(cmd)
	p := &Process{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		p.os = cmd.Process
		started <- err
		if err == nil {
			p.wait(cmd)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func ownGroup(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
}

func (p *Process) wait(cmd *exec.Cmd) {
	p.err = cmd.Wait()
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	close(p.done)
}

// Done is closed when the child has ended and its output is complete.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the child to end and returns what exec.Cmd.Wait returned.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// PID is the child's process id.
func (p *Process) PID() int { return p.os.Pid }

// Signal sends s. A child that has ended gives os.ErrProcessDone.
func (p *Process) Signal(s os.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return os.ErrProcessDone
	}
	return p.os.Signal(s)
}
