package namesync

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

func number(i int) events.Extension {
	return events.Extension{Tenant: "acme", Number: fmt.Sprint(i)}
}

func TestPushedOnce(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	d := newDirectory(t)
	start(w, "a", d.config())
	start(w, "b", d.config())
	x := workertest.Extension()
	w.Publish(enable(x, "Ada")) // nothing to push
	fact := rename(x, "Ada \"King\" <Lovelace>")
	sequence := w.Decide(fact).Sequence
	d.pushed(w, 1)
	outcome := events.NewOutcome(events.NameSync, fact, events.SoftphoneRenamed{Name: "Ada \"King\" <Lovelace>"})
	want := message{Type: "com.mycloudpbx.SoftphoneRenamed", Timestamp: fact.Time, Data: renamed{
		Tenant: "acme", Extension: "1001", Name: "Ada \"King\" <Lovelace>", Sequence: sequence,
	}}
	got := d.got()
	if len(got) != 1 {
		t.Fatalf("%d requests: %+v", len(got), got)
	}
	if diff := cmp.Diff(want, got[0].message); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got[0].id != outcome.ID || got[0].key != outcome.ID {
		t.Errorf("ids %s and %s, want the outcome's %s", got[0].id, got[0].key, outcome.ID)
	}
	if asked := workertest.Get[events.NameAnswer](w, events.NameSync, x); asked.Sequence != got[0].Data.Sequence {
		t.Errorf("the directory has sequence %d, who asks is told %d", got[0].Data.Sequence, asked.Sequence)
	}
	if strings.Contains(w.Lines(), strings.TrimPrefix(secret, "whsec_")) {
		t.Error("a log line has the secret")
	}
}

func TestRetried(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 408, 429, 500, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			w := workertest.New(t)
			d := newDirectory(t)
			d.script = func(n int, _ request) int {
				if n <= 3 {
					return status
				}
				return 0
			}
			start(w, "a", d.config())
			w.Publish(rename(workertest.Extension(), "Ada"))
			d.pushed(w, 4)
			got := d.got()
			if len(got) != 4 || d.name(workertest.Extension()) != "Ada" {
				t.Errorf("%d requests, the name is %q", len(got), d.name(workertest.Extension()))
			}
			for _, r := range got {
				if r.id != got[0].id || r.body != got[0].body || r.key != r.id {
					t.Errorf("sent %+v, then %+v", got[0], r)
				}
			}
			if dead := w.Messages(events.DeadStream, "dead.>"); len(dead) != 0 {
				t.Errorf("%d dead letters", len(dead))
			}
		})
	}
}

func TestRetryAfterIsKeptTo(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	d := newDirectory(t)
	d.after = "1"
	d.script = func(n int, _ request) int {
		if n == 1 {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	start(w, "a", d.config())
	w.Publish(rename(number(1), "Ada"))
	w.Eventually("the first request", func() bool { return len(d.got()) == 1 })
	w.Publish(rename(number(2), "Bob"))
	d.pushed(w, 3)
	got := d.got()
	if wait := got[1].at.Sub(got[0].at); wait < time.Second {
		t.Errorf("asked again after %s", wait)
	}
}

// A name that the directory chokes on holds up no other.
func TestOneBadNameHoldsUpNobody(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	d := newDirectory(t)
	d.script = func(_ int, r request) int {
		switch r.Data.Extension {
		case "1":
			return http.StatusInternalServerError
		case "2":
			return http.StatusBadRequest
		}
		return 0
	}
	start(w, "a", d.config())
	for i := 1; i <= 50; i++ {
		w.Publish(rename(number(i), "Ada"))
	}
	w.Eventually("the others are pushed", func() bool {
		for i := 3; i <= 50; i++ {
			if d.name(number(i)) != "Ada" {
				return false
			}
		}
		return true
	})
	var dead []string
	w.Eventually("the refused one is a dead letter", func() bool {
		dead = nil
		for _, m := range w.Messages(events.DeadStream, "dead."+PushDurable+".>") {
			dead = append(dead, m.Headers().Get(eventlog.HeaderDeadExtension)+": "+m.Headers().Get(eventlog.HeaderDeadReason))
		}
		return len(dead) > 0
	})
	if len(dead) != 1 || !strings.HasPrefix(dead[0], "2: ") || !strings.Contains(dead[0], "400 Bad Request") {
		t.Errorf("dead letters %q", dead)
	}
	if n := d.count("2"); n != 1 {
		t.Errorf("the refused one was sent %d times", n)
	}
	w.Eventually("the other one is tried again", func() bool { return d.count("1") > 2 })
}

func (d *directory) count(extension string) (n int) {
	for _, r := range d.got() {
		if r.Data.Extension == extension {
			n++
		}
	}
	return n
}

// The first push of an old name is slow. Meanwhile newer names are pushed, by the
// other replica too, and then the old one arrives.
func TestOldNameNeverStays(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	d := newDirectory(t)
	x := workertest.Extension()
	slow := make(chan struct{})
	finish := sync.OnceFunc(func() { close(slow) })
	t.Cleanup(finish)
	d.script = func(n int, _ request) int {
		if n == 1 {
			<-slow
		}
		return 0
	}
	start(w, "a", d.config())
	start(w, "b", d.config())
	w.Shares(events.NameSync, "a", "b")
	w.Decide(rename(x, "old"))
	w.Eventually("the old name is on its way", func() bool { return len(d.got()) == 1 })
	for i := range 20 { // more than one replica handles at a time
		w.Decide(rename(x, fmt.Sprint("newer ", i)))
	}
	w.Decide(rename(x, "newest"))
	w.Eventually("the other replica pushed the newest", func() bool { return d.name(x) == "newest" })
	finish()
	w.Eventually("the old one arrived", func() bool { return d.arrived("old") })
	d.pushed(w, 3)
	if got := d.name(x); got != "newest" {
		t.Errorf("in the end it is called %q", got)
	}
}

// arrived tells whether an extension ever had the name.
func (d *directory) arrived(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.took[name]
}

// Of two replicas each has one event of an extension in hand, the older one's push
// is slow, and nothing comes after: only its look at the log puts it right.
func TestLooksAgain(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	d := newDirectory(t)
	slow := make(chan struct{})
	finish := sync.OnceFunc(func() { close(slow) })
	t.Cleanup(finish)
	d.script = func(n int, _ request) int {
		if n == 1 {
			<-slow
		}
		return 0
	}
	x := workertest.Extension()
	renamed := func(name string) react.Delivery {
		fact := rename(x, name)
		w.Store(workertest.Outcome(t, events.NameSync, fact, w.Publish(fact), events.SoftphoneRenamed{Name: name}))
		return react.Delivery{Message: *w.Last(x, events.NameSync, "SoftphoneRenamed")}
	}
	replica := func() *pusher {
		return &pusher{log: w.Log, hook: testHook(t, d.config().URL), logger: zerolog.Nop(), metrics: newMetrics(nil)}
	}
	older, done := renamed("older"), make(chan error, 1)
	go func() { done <- replica().handle(t.Context(), older) }()
	w.Eventually("the older name is on its way", func() bool { return len(d.got()) == 1 })
	if err := replica().handle(t.Context(), renamed("newer")); err != nil || d.name(x) != "newer" {
		t.Fatalf("it is called %q, %v", d.name(x), err)
	}
	finish()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !d.arrived("older") || d.name(x) != "newer" || len(d.got()) != 3 {
		t.Errorf("it is called %q after %d requests", d.name(x), len(d.got()))
	}
}

// Two replicas, a directory that takes its time and takes every name as it comes.
func TestRacingRenames(t *testing.T) {
	t.Parallel()
	const extensions, renames = 5, 40
	w := workertest.New(t)
	d := newDirectory(t)
	d.script = func(n int, _ request) int {
		time.Sleep(rand.N(20 * time.Millisecond))
		return []int{0, 0, 0, 500, 0, 503, 0, 0}[n%8]
	}
	start(w, "a", d.config())
	start(w, "b", d.config())
	w.Shares(events.NameSync, "a", "b")
	for i := range renames {
		for e := range extensions {
			w.Publish(rename(number(e), fmt.Sprint("name ", i)))
		}
	}
	d.pushed(w, extensions)
	for e := range extensions {
		if got, want := d.name(number(e)), fmt.Sprint("name ", renames-1); got != want {
			t.Errorf("extension %d is called %q in the end, want %q", e, got, want)
		}
	}
}

// Nobody listens for a while: nothing is lost, no name is to blame, readiness tells.
func TestDirectoryIsAway(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	d := newDirectory(t)
	config := d.config()
	address := d.server.Listener.Addr().String()
	d.server.Close()
	c := Config{Config: w.Config("a"), Directory: config}
	w.Start(func(ctx context.Context) error { return Run(ctx, c) })
	for i := range 30 {
		w.Decide(rename(number(i), "Ada"))
	}
	part := "push/" + PushDurable
	w.Eventually("readiness tells", func() bool { return c.Host.Health.Report().Parts[part].Reason != "" })
	if reason := c.Host.Health.Report().Parts[part].Reason; !strings.Contains(reason, "cannot be reached") {
		t.Errorf("readiness says %q", reason)
	}
	d.again(address)
	d.pushed(w, 30)
	for i := range 30 {
		if got := d.name(number(i)); got != "Ada" {
			t.Errorf("extension %d is called %q", i, got)
		}
	}
	if dead := w.Messages(events.DeadStream, "dead.>"); len(dead) != 0 {
		t.Errorf("%d dead letters", len(dead))
	}
	w.Eventually("it is ready", func() bool { return c.Host.Health.Report().Status == "ok" })
}

// again starts the directory on its old address.
func (d *directory) again(address string) {
	d.t.Helper()
	var listener net.Listener
	for deadline := time.Now().Add(workertest.Patience); listener == nil; time.Sleep(20 * time.Millisecond) {
		var err error // the kernel may have lent the port to somebody's connection
		if listener, err = net.Listen("tcp", address); err != nil && time.Now().After(deadline) {
			d.t.Fatal(err)
		}
	}
	d.server = httptest.NewUnstartedServer(d)
	d.server.Listener.Close()
	d.server.Listener = listener
	d.server.Start()
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	w := workertest.New(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	t.Cleanup(elsewhere.Close)
	asked := make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusPermanentRedirect)
		select {
		case asked <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(server.Close)
	config := newDirectory(t).config()
	config.URL = server.URL
	start(w, "a", config)
	w.Publish(rename(workertest.Extension(), "Ada"))
	for range 3 { // it keeps asking, for somebody may put it right
		select {
		case <-asked:
		case <-time.After(workertest.Patience):
			t.Fatal("not asked again")
		}
	}
}
