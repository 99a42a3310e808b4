package embedded

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// takeFolder creates dir and locks it until the returned file is closed. The kernel drops the lock with the process, so
// a killed one leaves nothing to clean up.
func takeFolder(dir string) (*os.File, error) {
	if dir == "" {
		return nil, errors.New("a data folder is needed: Dir is empty")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrFolderTaken, dir)
		}
		return nil, fmt.Errorf("data folder %s: lock: %w", dir, err)
	}
	return f, nil
}

// checkFree tells whether one can listen on address just now.
func checkFree(address string) error {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s: %w", address, ErrAddressTaken)
	}
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	return l.Close()
}

// FreeAddress is one on the loopback interface that nobody listens on just now. Somebody else may take it before it is
// used.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
