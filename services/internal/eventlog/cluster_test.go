package eventlog_test

import (
	"context"
	"errors"
	"fmt"
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
	expected := events.LogSubject(0, "license", "acme", "1001", "Granted")
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
	_, log := clustered(t)
	return log
}

func clustered(t *testing.T) (*servertest.Cluster, *eventlog.Log) {
	t.Helper()
	servers := servertest.NATSCluster(t)
	js := servers.Servers[0].JetStream(t)
	servers.Ready(func() error { return eventlog.Ensure(t.Context(), js, eventlog.Layout{Replicas: 3}) })
	log, err := eventlog.Open(t.Context(), servers.Servers[0].Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	return servers, log
}

// A leader says how old its answers may be: it hears from the others every second, and
// one that is left alone says so.
func TestQuorum(t *testing.T) {
	t.Parallel()
	servers, log := clustered(t)
	last := publish(t, log, "softphone.pbx.acme.1001.Add", "", "1").Sequence
	for range 40 { // 4 s, in which nothing is published
		state, err := log.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if state.Quorum <= 0 || state.Quorum > 2*time.Second {
			t.Errorf("the leader heard from the others %s ago", state.Quorum)
		}
		time.Sleep(100 * time.Millisecond)
	}
	began := time.Now()
	state, err := log.StateAsOf(t.Context(), last+1) // which is nowhere: the log lost its tail
	if err != nil || state.Last != last {
		t.Errorf("%+v, %v; want the state as it is, confirmed by the others", state, err)
	}
	t.Logf("that took %s", time.Since(began).Round(time.Millisecond))
	time.AfterFunc(300*time.Millisecond, func() { publish(t, log, "softphone.pbx.acme.1001.Add", "", "2") })
	if state, err = log.StateAsOf(t.Context(), last+1); err != nil || state.Last < last+1 {
		t.Errorf("%+v, %v; want the log as of %d", state, err, last+1)
	}

	leader, _ := servertest.Leaders(t, log.JetStream(), events.Stream, "none")
	asked, err := eventlog.Open(t.Context(), servers.Servers[leader[len(leader)-1]-'0'].Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	if at, err := asked.LastAbout(t.Context(), events.Extension{Tenant: "acme", Number: "1001"}); err != nil || at.Sequence != last+1 || !at.Log.Equal(state.Created) {
		t.Errorf("the last event is at %+v, %v; want %d", at, err, last+1)
	}
	for n, server := range servers.Servers {
		if fmt.Sprintf("node-%d", n) != leader {
			server.Stop()
		}
	}
	alone := servers.Servers[leader[len(leader)-1]-'0']
	left, err := eventlog.Open(t.Context(), alone.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		state, err := left.State(t.Context())
		if err == nil && state.Quorum > 3*time.Second {
			t.Logf("a leader that is alone says that it heard from the others %s ago", state.Quorum)
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%+v, %v", state, err)
		}
	}
	for what, l := range map[string]*eventlog.Log{"that was not asked before": left, "that was": asked} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if at, err := l.LastAbout(ctx, events.Extension{Tenant: "acme", Number: "1001"}); err == nil {
			t.Errorf("a leader that is alone, %s, says that the last event is at %+v", what, at)
		}
		cancel()
	}
	if state, err := left.StateAsOf(t.Context(), last+100); !errors.Is(err, eventlog.ErrBehind) && err == nil {
		t.Errorf("%+v, %v; want %v", state, err, eventlog.ErrBehind)
	}
}
