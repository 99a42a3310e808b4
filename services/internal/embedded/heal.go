package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	healPeriod = 2 * time.Second
	healRoom   = 8 << 20 // bytes that must fit on the disk before the server is started again
)

// Heal starts the server again when it could not write and the disk has room again, until ctx ends. It returns an error when
// the server does not start, and nil with ctx.
//
// nats-server 2.15.2 takes a stream out of service with the first write that fails, until it is started again: what is
// published there is not answered any more, also when there is room. Starting it again while the disk is full would lose
// what can still be read. Clients connect again by themselves.
func (n *NATS) Heal(ctx context.Context) error {
	ticker := time.NewTicker(healPeriod)
	defer ticker.Stop()
	said := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		fault := n.writeFault()
		if fault == nil {
			continue
		}
		if err := hasRoom(n.opts.StoreDir); err != nil {
			if !said {
				n.log.Error().Err(fault).Str("folder", n.opts.StoreDir).Msg("NATS cannot write to the disk: free space there; it then goes on by itself")
			}
			said = true
			continue
		}
		n.log.Warn().Err(fault).Msg("NATS could not write to the disk, which has room: starting it again")
		if err := n.again(); err != nil {
			return fmt.Errorf("nats: starting again after %w: %w", fault, err)
		}
		n.log.Info().Msg("NATS writes again")
		said = false
	}
}

// writeFault is why a stream, or all of JetStream, is out of service; nil when none is.
func (n *NATS) writeFault() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.server.Healthz(&server.HealthzOptions{Details: true}).Errors {
		if e.Type == server.HealthzErrorJetStream || strings.Contains(e.Error, "write error") {
			return errors.New(e.Error)
		}
	}
	return nil
}

// hasRoom tries whether a file fits into a folder.
func hasRoom(folder string) error {
	name := filepath.Join(folder, ".room")
	defer func() { _ = os.Remove(name) }()
	return os.WriteFile(name, make([]byte, healRoom), 0o600)
}

// again stops the server and starts it with the same options, on the same address.
func (n *NATS) again() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil
	}
	if address, is := n.server.Addr().(*net.TCPAddr); is {
		n.opts.Port = address.Port
	}
	n.server.Shutdown()
	n.server.WaitForShutdown()
	return n.start(n.opts, n.log)
}
