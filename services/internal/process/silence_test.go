package process

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// TestSilentConnection: a server that is cut off without a word leaves a connection that looks well. /readyz says so within
// seconds, and that it is over.
func TestSilentConnection(t *testing.T) {
	t.Parallel()
	server := servertest.NATSChild(t)
	h := NewHost(zerolog.Nop())
	nc, err := h.ConnectNATS(t.Context(), NATS{URL: server.URL()}, "test", nats.PingInterval(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	server.Pause()
	eventually(t, "said that the connection is silent", func() bool { return h.Health.Report().Parts["nats"].Status == statusNotReady })
	if !nc.IsConnected() {
		t.Error("the library noticed by itself: this test shows nothing")
	}
	server.Resume()
	eventually(t, "well again", func() bool { return h.Health.Report().Status == statusOK })
}
