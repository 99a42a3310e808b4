package servertest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Cluster is three NATS servers in this process that replicate what they store.
type Cluster struct {
	t       testing.TB
	Servers []*NATSServer // node-0 to node-2
}

// NATSCluster starts one. It ends with the test.
func NATSCluster(t testing.TB, options ...NATSOption) *Cluster {
	t.Helper()
	var routes []string
	for range 3 {
		routes = append(routes, Address(t))
	}
	c := &Cluster{t: t}
	for n, route := range routes {
		file := filepath.Join(t.TempDir(), "nats.conf")
		text := fmt.Sprintf("server_name: node-%d\ncluster { name: test, listen: %q, routes: [\"nats://%s\"] }\n", n, route, strings.Join(routes, `", "nats://`))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c.Servers = append(c.Servers, NATS(t, append(options, ConfigFile(file))...))
	}
	return c
}

// URL is where clients connect: to any of them.
func (c *Cluster) URL() string {
	urls := make([]string, len(c.Servers))
	for i, s := range c.Servers {
		urls[i] = s.URL()
	}
	return strings.Join(urls, ",")
}

// Connect returns a connection to one of the servers.
func (c *Cluster) Connect(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	return connect(t, c.URL(), options...)
}

// Ready calls something again until it succeeds: until there are leaders.
func (c *Cluster) Ready(do func() error) {
	c.t.Helper()
	for end := time.Now().Add(startLimit); ; time.Sleep(50 * time.Millisecond) {
		err := do()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			c.t.Fatal(err)
		}
	}
}

// Leaders are the names of the servers that lead a stream and one of its consumers; ""
// for one that nobody leads now.
func Leaders(t testing.TB, js jetstream.JetStream, stream, consumer string) (ofStream, ofConsumer string) {
	t.Helper()
	if s, err := js.Stream(t.Context(), stream); err == nil && s.CachedInfo().Cluster != nil {
		ofStream = s.CachedInfo().Cluster.Leader
	}
	if c, err := js.Consumer(t.Context(), stream, consumer); err == nil && c.CachedInfo().Cluster != nil {
		ofConsumer = c.CachedInfo().Cluster.Leader
	}
	return ofStream, ofConsumer
}

// KeepApart has the leaders of a stream and of one of its consumers on different
// servers, until the returned function is called, which says how often they were seen
// apart and how often not. Move, when it is true, has them move all the while.
func KeepApart(t testing.TB, conn *nats.Conn, stream, consumer string, move bool) (stop func() (apart, together int)) {
	t.Helper()
	js := jetStream(t, conn)
	stepDown := func(subject string) { _, _ = conn.Request(subject, nil, 2*time.Second) }
	ofStream := "$JS.API.STREAM.LEADER.STEPDOWN." + stream
	ofConsumer := "$JS.API.CONSUMER.LEADER.STEPDOWN." + stream + "." + consumer
	ended, done := make(chan struct{}), make(chan struct{})
	var apart, together int
	go func() {
		defer close(done)
		for n := 1; ; n++ {
			select {
			case <-ended:
				return
			case <-time.After(100 * time.Millisecond):
			}
			s, c := Leaders(t, js, stream, consumer)
			switch {
			case s == "" || c == "":
			case s == c:
				together++
				stepDown(ofConsumer)
			default:
				apart++
				if move && n%20 == 0 {
					stepDown([]string{ofStream, ofConsumer}[n/20%2])
				}
			}
		}
	}()
	return func() (int, int) {
		close(ended)
		<-done
		return apart, together
	}
}
