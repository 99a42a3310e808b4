package servertest

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/services/internal/embedded"
)

const (
	natsChild       = "nats" // the child every test binary with Main has
	natsChildDir    = "SERVERTEST_NATS_DIR"
	natsChildListen = "SERVERTEST_NATS_LISTEN"
	natsChildConfig = "SERVERTEST_NATS_CONFIG"
	natsChildSync   = "SERVERTEST_NATS_SYNC"
	natsChildReady  = "nats-server listens on "
)

// NATSProcess is a nats-server with JetStream in a process of its own, so that it can be killed.
type NATSProcess struct {
	t       testing.TB
	config  embedded.NATSConfig
	child   *Child // nil while stopped
	address string
}

// NATSChild starts one. It keeps its address and its store over every Kill, Stop and Start, and ends with the test.
func NATSChild(t testing.TB, options ...NATSOption) *NATSProcess {
	t.Helper()
	n := &NATSProcess{t: t, config: embedded.NATSConfig{Dir: filepath.Join(t.TempDir(), "nats"), Listen: Address(t)}}
	for _, o := range options {
		o(&n.config)
	}
	n.Start()
	return n
}

// URL is where clients connect, also while the server is stopped.
func (n *NATSProcess) URL() string { return n.address }

// Dir is the folder of its store.
func (n *NATSProcess) Dir() string { return n.config.Dir }

// Start starts it, again on the same address and store, and returns when it accepts connections.
func (n *NATSProcess) Start() {
	n.t.Helper()
	if n.child != nil {
		n.t.Fatal("the NATS child runs already")
	}
	n.child = StartChild(n.t, natsChild, natsChildDir+"="+n.config.Dir, natsChildListen+"="+n.config.Listen,
		natsChildConfig+"="+n.config.ConfigFile, fmt.Sprintf("%s=%t", natsChildSync, n.config.SyncAlways))
	_, n.address, _ = strings.Cut(n.child.Await(natsChildReady), natsChildReady)
}

// Kill ends it with SIGKILL.
func (n *NATSProcess) Kill() {
	n.t.Helper()
	n.running().Kill()
	n.child = nil
}

// Stop ends it in order.
func (n *NATSProcess) Stop() {
	n.t.Helper()
	if err := n.running().Terminate(); err != nil {
		n.t.Fatalf("stop the NATS child: %v", err)
	}
	n.child = nil
}

// Pause stops it with SIGSTOP: connections stay open and nothing answers from when it returns.
func (n *NATSProcess) Pause() {
	n.t.Helper()
	n.running().Pause()
}

// Resume lets it go on.
func (n *NATSProcess) Resume() {
	n.t.Helper()
	n.running().Resume()
}

func (n *NATSProcess) running() *Child {
	n.t.Helper()
	if n.child == nil {
		n.t.Fatal("the NATS child is stopped")
	}
	return n.child
}

// CopyStore copies the stopped server's store to a new folder of the test, which it returns.
func (n *NATSProcess) CopyStore() string {
	n.t.Helper()
	return copyStore(n.t, n.child == nil, n.config.Dir)
}

// PutBackStore replaces the stopped server's store by what CopyStore returned.
func (n *NATSProcess) PutBackStore(store string) {
	n.t.Helper()
	putBackStore(n.t, n.child == nil, store, n.config.Dir)
}

// Connect returns a connection that never gives up. It is closed when the test ends.
func (n *NATSProcess) Connect(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	return connect(t, n.address, options...)
}

// JetStream is Connect and its JetStream context.
func (n *NATSProcess) JetStream(t testing.TB, options ...nats.Option) jetstream.JetStream {
	t.Helper()
	return jetStream(t, n.Connect(t, options...))
}

// runNATSChild is what the child does.
func runNATSChild() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	c := embedded.NATSConfig{
		Dir:        os.Getenv(natsChildDir),
		Listen:     os.Getenv(natsChildListen),
		ConfigFile: os.Getenv(natsChildConfig),
		SyncAlways: os.Getenv(natsChildSync) == "true",
	}
	s, err := listening(func() (*embedded.NATS, error) { return embedded.StartNATS(c) })
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(natsChildReady + s.URL())
	<-stop
	s.Close()
}
