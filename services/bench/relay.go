package main

import (
	"crypto/x509"
	"os"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/embedded"
)

// relay is a mail server to send to, with TLS from the first byte.
type relay struct {
	address, caFile string
	roots           *x509.CertPool
	close           func()
}

// startPostfix is a relay that does what one does: it has a mail on the disk before
// it takes it. It does not deliver it.
func startPostfix(string) (relay, error) {
	folder, err := os.MkdirTemp("", "softphone-bench-postfix-") // ours is closed to Postfix's own user
	if err != nil {
		return relay{}, err
	}
	server, err := embedded.StartPostfix(embedded.PostfixConfig{Dir: folder, Settings: map[string]string{
		"mynetworks": "127.0.0.0/8", "smtpd_recipient_restrictions": "permit_mynetworks, reject", "default_transport": "discard",
	}})
	if err != nil {
		_ = os.RemoveAll(folder)
		return relay{}, err
	}
	return relay{
		address: server.SMTPS, caFile: server.CAFile, roots: server.Certificate.Roots,
		close: func() { server.Close(); _ = os.RemoveAll(folder) },
	}, nil
}

// elsewhere is how long a relay on another machine takes for a mail: the way there
// and back, and a flush of its disk.
const elsewhere = 10 * time.Millisecond

// startElsewhere is a relay that costs this machine next to nothing, and takes its
// time.
func startElsewhere(folder string) (relay, error) { return startSinkRelay(folder, elsewhere) }

// startIdle is one that takes no time either.
func startIdle(folder string) (relay, error) { return startSinkRelay(folder, 0) }

func startSinkRelay(folder string, thinks time.Duration) (relay, error) {
	s, err := startSink(folder, thinks)
	if err != nil {
		return relay{}, err
	}
	return relay{address: s.address(), caFile: s.caFile, roots: s.roots, close: s.close}, nil
}
