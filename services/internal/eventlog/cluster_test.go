package eventlog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// In a cluster the server turns away who expects the same as somebody whose message it
// is just storing. Nobody is refused for that: not as expected is something else.
func TestSameExpectationInACluster(t *testing.T) {
	t.Parallel()
	log := cluster(t)
	expected := eventlog.Input{Source: "license", Name: "Granted"}.Of(0, "acme.1001")
	const publishers = 32
	var group sync.WaitGroup
	for n := range publishers {
		group.Go(func() {
			m := nats.NewMsg("softphone.pbx.acme.1001.SignedIn")
			m.Header.Set(events.HeaderMsgID, fmt.Sprint(n))
			eventlog.Expect(m, expected, 0)
			if _, err := log.Publish(t.Context(), m); err != nil {
				t.Errorf("publisher %d: %v", n, err)
			}
		})
	}
	group.Wait()
	state, err := log.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if state.Messages != publishers {
		t.Errorf("%d messages, want %d", state.Messages, publishers)
	}
}

// cluster is the log on three servers.
func cluster(t *testing.T) *eventlog.Log {
	t.Helper()
	var routes []string
	for range 3 {
		routes = append(routes, servertest.Address(t))
	}
	var servers []*servertest.NATSServer
	for n, route := range routes {
		file := filepath.Join(t.TempDir(), "nats.conf")
		text := fmt.Sprintf("server_name: node-%d\ncluster { name: test, listen: %q, routes: [\"nats://%s\"] }\n", n, route, strings.Join(routes, `", "nats://`))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		servers = append(servers, servertest.NATS(t, servertest.ConfigFile(file)))
	}
	js := servers[0].JetStream(t)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) { // until there is a leader
		err := eventlog.Ensure(t.Context(), js, eventlog.Layout{Replicas: 3})
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	log, err := eventlog.Open(t.Context(), servers[0].Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	return log
}
