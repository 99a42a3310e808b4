package softphonectl_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	streams "github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// On three servers the raft logs keep what was published, after it was overwritten in the streams. Erasing clears
// them too, while others publish: no file of any server has a byte of the person. A server that is away is named, and
// erasing again when it is back reaches it.
func TestEraseOnThreeServers(t *testing.T) {
	nodes := cluster(t)
	nc := nodes[0].Connect(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	redis := servertest.Redis(t)
	await(t, "the streams are set up", func(ctx context.Context) error {
		return streams.Everything(ctx, js, eventlog.Layout{Replicas: 3})
	})
	log, err := eventlog.Open(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	l := newLive(t) // its own servers idle; what matters is its way to start workers
	c := l.Config("replica-1")
	c.NATS.URL, c.Redis.URL = urls(nodes), redis.URL()
	l.Start(func(ctx context.Context) error { return license.Run(ctx, c) })
	l.Start(func(ctx context.Context) error { return devicecounter.Run(ctx, c) })
	say := func(x events.Extension, data events.Data) {
		t.Helper()
		m := workertest.Message(t, events.NewFact(x, data))
		await(t, data.EventName()+" is decided", func(ctx context.Context) error { _, _, err := log.Ask(ctx, m); return err })
	}
	eve := events.Extension{Tenant: "acme", Number: "1666"}
	say(eve, events.SoftphoneEnabled{Email: "eve.adams@private.example", Username: "eves-login", DisplayName: "Evelyn Adamsson"})
	say(eve, events.DeviceSignedIn{DeviceID: "mac-of-eve", Platform: events.PlatformMac, DeviceName: "Evelyns Mac"})
	for i := range 40 { // others come and go
		say(events.Extension{Tenant: "acme", Number: fmt.Sprint(2000 + i)},
			events.SoftphoneEnabled{Email: fmt.Sprintf("u%d@example.com", i), Username: fmt.Sprintf("u%d", i), DisplayName: "Somebody"})
	}
	say(eve, events.ExtensionDeleted{})
	words := []string{"eve.adams@private.example", "eves-login", "Evelyn", "mac-of-eve"}
	for _, n := range nodes {
		if !strings.Contains(having(n.Dir(), words), "_js_") {
			t.Fatalf("%s has nothing in its raft logs: this test shows nothing", n.Dir())
		}
	}
	erase := func() (int, string) {
		var out bytes.Buffer
		args := []string{"erase", "acme/1666", "--yes", "--server", urls(nodes), "--redis", redis.URL(), "--state-dir", t.TempDir()}
		code := softphonectl.Main(t.Context(), args, softphonectl.Terminal{In: strings.NewReader(""), Out: &out, Err: &out})
		return code, out.String()
	}
	nodes[2].Stop()
	if code, out := erase(); code != softphonectl.Failed || !strings.Contains(out, ": this server is away") {
		t.Errorf("with a server away: exit %d: %s", code, out)
	}
	nodes[2].Start()
	stop := busy(t, log)
	began := time.Now()
	if code, out := erase(); code != softphonectl.Done {
		t.Fatalf("exit %d: %s", code, out)
	}
	took := time.Since(began).Round(time.Millisecond)
	n, slowest := stop()
	t.Logf("erased in %s; meanwhile %d facts, the slowest in %s", took, n, slowest)
	var where string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) { // a server removes files beside its other work
		where = ""
		for _, n := range nodes {
			where += having(n.Dir(), words)
		}
		if where == "" {
			break
		}
	}
	for line := range strings.Lines(where) {
		t.Errorf("what was erased is still in %s", line)
	}
}

// busy publishes facts until it is stopped, and returns how many and how long the slowest took. All are acknowledged.
func busy(t *testing.T, log *eventlog.Log) (stop func() (int, time.Duration)) {
	t.Helper()
	var n int
	var slowest time.Duration
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ended:
				return
			case <-time.After(5 * time.Millisecond):
			}
			began := time.Now()
			x := events.Extension{Tenant: "acme", Number: fmt.Sprint(3000 + n)}
			if _, err := log.Publish(t.Context(), workertest.Message(t, events.NewFact(x, events.ExtensionRenamed{Name: "Somebody"}))); err != nil {
				t.Errorf("publishing meanwhile: %v", err)
			}
			n, slowest = n+1, max(slowest, time.Since(began))
		}
	}()
	return func() (int, time.Duration) { close(ended); <-done; return n, slowest }
}

// cluster starts three NATS servers that know one another.
func cluster(t *testing.T) (nodes []*servertest.NATSServer) {
	t.Helper()
	var routes []string
	for range 3 {
		routes = append(routes, "nats://"+servertest.Address(t))
	}
	started := make(chan *servertest.NATSServer, len(routes))
	for i, route := range routes {
		file := filepath.Join(t.TempDir(), "nats.conf")
		text := fmt.Sprintf("server_name: n%d\ncluster { name: c, listen: %q, routes: [%s] }\n",
			i, strings.TrimPrefix(route, "nats://"), `"`+strings.Join(routes, `", "`)+`"`)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		go func() { started <- servertest.NATS(t, servertest.ConfigFile(file)) }()
	}
	for range routes {
		nodes = append(nodes, <-started)
	}
	return nodes
}

func urls(nodes []*servertest.NATSServer) string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.URL())
	}
	return strings.Join(all, ",")
}

// having are the files below a folder that have one of some words.
func having(dir string, words []string) string {
	var found strings.Builder
	_ = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil //nolint:nilerr // what is gone meanwhile holds nothing
		}
		body, _ := os.ReadFile(path)
		for _, word := range words {
			if bytes.Contains(body, []byte(word)) {
				fmt.Fprintf(&found, "%s: %s\n", path, word)
			}
		}
		return nil
	})
	return found.String()
}

func await(t *testing.T, what string, try func(context.Context) error) {
	t.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err = try(ctx)
		cancel()
		if err == nil {
			return
		}
	}
	t.Fatalf("never: %s: %v", what, err)
}
