package servertest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/services/internal/embedded"
)

// startLimit is how long a child may take to start, and anything else on a busy machine.
const startLimit = time.Minute

// NATSOption changes how a NATS server runs.
type NATSOption func(*embedded.NATSConfig)

// SyncAlways flushes every message to the disk before it is acknowledged.
func SyncAlways() NATSOption { return func(c *embedded.NATSConfig) { c.SyncAlways = true } }

// ConfigFile runs the server with a nats-server configuration; the test's own address and folder override those in it.
func ConfigFile(path string) NATSOption { return func(c *embedded.NATSConfig) { c.ConfigFile = path } }

// NATSServer is a nats-server with JetStream in this process.
type NATSServer struct {
	t       testing.TB
	config  embedded.NATSConfig
	server  *embedded.NATS // nil while stopped
	address string         // nats://host:port, the same for its whole life
}

// NATS starts a server on an address of its own. It ends with the test.
func NATS(t testing.TB, options ...NATSOption) *NATSServer {
	t.Helper()
	n := &NATSServer{t: t, config: embedded.NATSConfig{Dir: filepath.Join(t.TempDir(), "nats"), Listen: Address(t)}}
	for _, o := range options {
		o(&n.config)
	}
	t.Cleanup(n.Stop)
	n.Start()
	n.address = n.server.URL()
	return n
}

// URL is where clients connect, also while the server is stopped.
func (n *NATSServer) URL() string { return n.address }

// Dir is the folder of its store.
func (n *NATSServer) Dir() string { return n.config.Dir }

// Stop stops the server in order; its store stays.
func (n *NATSServer) Stop() {
	if n.server != nil {
		n.server.Close()
		n.server = nil
	}
}

// Start starts it again on the same address and store.
func (n *NATSServer) Start() {
	n.t.Helper()
	if n.server != nil {
		n.t.Fatal("the NATS server runs already")
	}
	var err error
	if n.server, err = listening(func() (*embedded.NATS, error) { return embedded.StartNATS(n.config) }); err != nil {
		n.t.Fatal(err)
	}
}

// Restart stops and starts it.
func (n *NATSServer) Restart() {
	n.t.Helper()
	n.Stop()
	n.Start()
}

// CopyStore copies the stopped server's store to a new folder of the test, which it returns.
func (n *NATSServer) CopyStore() string {
	n.t.Helper()
	return copyStore(n.t, n.server == nil, n.config.Dir)
}

// PutBackStore replaces the stopped server's store by what CopyStore returned.
func (n *NATSServer) PutBackStore(store string) {
	n.t.Helper()
	putBackStore(n.t, n.server == nil, store, n.config.Dir)
}

// Connect returns a connection that never gives up. It is closed when the test ends.
func (n *NATSServer) Connect(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	return connect(t, n.address, options...)
}

// JetStream is Connect and its JetStream context.
func (n *NATSServer) JetStream(t testing.TB, options ...nats.Option) jetstream.JetStream {
	t.Helper()
	return jetStream(t, n.Connect(t, options...))
}

func connect(t testing.TB, address string, options ...nats.Option) *nats.Conn {
	t.Helper()
	// No reconnect buffer: a publish that failed while the server was away must not be stored later.
	base := []nats.Option{
		nats.Name(t.Name()), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1),
		nats.ReconnectWait(20 * time.Millisecond), nats.ReconnectJitter(20*time.Millisecond, 20*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // the default prints; the test looks itself
	}
	nc, err := nats.Connect(address, append(base, options...)...)
	if err != nil {
		t.Fatalf("connect to NATS at %s: %v", address, err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func jetStream(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatalf("JetStream: %v", err)
	}
	return js
}
