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

// On three servers the raft logs keep what was published, after it was overwritten in the streams. The streams do
// not have it on any server; two restarts each mostly clean the raft logs too, and what they leave is logged.
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
	var out bytes.Buffer
	args := []string{"erase", "acme/1666", "--yes", "--server", urls(nodes), "--redis", redis.URL(), "--state-dir", t.TempDir()}
	if code := softphonectl.Main(t.Context(), args, softphonectl.Terminal{In: strings.NewReader(""), Out: &out, Err: &out}); code != softphonectl.Done {
		t.Fatalf("exit %d: %s", code, &out)
	}
	if !strings.Contains(out.String(), "restart each NATS server twice") {
		t.Errorf("nothing is said of the raft logs: %s", &out)
	}
	for _, n := range append(nodes, nodes...) {
		await(t, "all copies are there, and it is quiet", func(ctx context.Context) error { return quiet(ctx, js) })
		n.Restart()
	}
	var where string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) { // a server writes beside its start
		where = ""
		for _, n := range nodes {
			where += having(n.Dir(), words)
		}
		if where == "" {
			break
		}
	}
	for line := range strings.Lines(where) {
		if strings.Contains(line, "_js_") { // one of four runs: no restart makes sure of it, see package erase
			t.Logf("a raft log still has it: %s", line)
			continue
		}
		t.Errorf("what was erased is still in %s", line)
	}
}

// quiet says what is going on: workers that were cut off by a restart begin again.
func quiet(ctx context.Context, js jetstream.JetStream) error {
	var last [2]uint64
	for i := range last {
		if err := current(ctx, js); err != nil {
			return err
		}
		stream, err := js.Stream(ctx, events.Stream)
		if err != nil {
			return err
		}
		last[i] = stream.CachedInfo().State.LastSeq
		time.Sleep(3 * time.Second)
	}
	if last[0] != last[1] {
		return fmt.Errorf("the log went from %d to %d", last[0], last[1])
	}
	return nil
}

// current says which copy of a stream is not.
func current(ctx context.Context, js jetstream.JetStream) error {
	for _, name := range []string{events.Stream, events.DeadStream} {
		stream, err := js.Stream(ctx, name)
		if err != nil {
			return err
		}
		for _, r := range stream.CachedInfo().Cluster.Replicas {
			if !r.Current {
				return fmt.Errorf("%s on %s is behind", name, r.Name)
			}
		}
	}
	return nil
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
