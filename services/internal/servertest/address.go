package servertest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/embedded"
)

// Address is one on the loopback interface that is the test's until its end: whoever is
// told it may listen there, stop, and listen again. While nobody does, connections are
// refused, and the system gives the port to nobody else, which it might do with one that
// was only free: as a listener's, or as the near end of any connection.
//
// It is kept by a socket that is bound and never listens. A server that sets
// SO_REUSEADDR, as all do, may listen beside it.
func Address(t testing.TB) string {
	t.Helper()
	address, release, err := reserve()
	if err != nil {
		t.Fatalf("an address of its own: %v", err)
	}
	t.Cleanup(release)
	return address
}

// listening starts what listens on an address, again while the one before it is not gone
// yet: a process that is just being started holds for a moment what its parent had open.
func listening[T any](start func() (T, error)) (server T, err error) {
	for end := time.Now().Add(startLimit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		server, err = start()
		if !errors.Is(err, embedded.ErrAddressTaken) && !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return server, err
}

func reserve() (address string, release func(), err error) {
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return "", nil, os.NewSyscallError("socket", err)
	}
	release = func() { _ = syscall.Close(fd) }
	defer func() {
		if err != nil {
			release()
		}
	}()
	if err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return "", nil, os.NewSyscallError("setsockopt", err)
	}
	if err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return "", nil, os.NewSyscallError("bind", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return "", nil, os.NewSyscallError("getsockname", err)
	}
	is, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		err = fmt.Errorf("the address is a %T", name)
		return "", nil, err
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(is.Port)), release, nil
}
