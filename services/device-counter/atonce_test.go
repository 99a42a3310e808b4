package devicecounter

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

// window is how many sign-ins are under way at most: many times more than there
// are on one extension, but no backlog for the workers to crawl through.
const window = 4096

// crowd signs devices in many at a time and collects what each is told.
type crowd struct {
	t        *testing.T
	js       jetstream.JetStream
	inbox    string
	underway chan struct{} // one for each that is not answered

	asked int
	mu    sync.Mutex
	told  []string // by question; "" when it was not answered
}

func newCrowd(t *testing.T, w *workertest.World, questions int) *crowd {
	t.Helper()
	conn := w.NATS.Connect(t)
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(1024))
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{t: t, js: js, inbox: conn.NewInbox(), underway: make(chan struct{}, window), told: make([]string, questions)}
	if _, err := conn.Subscribe(c.inbox+".*", c.hear); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask publishes the next question; its answer comes some time.
func (c *crowd) ask(fact events.Event) {
	c.t.Helper()
	c.enter()
	m := workertest.Message(c.t, fact)
	m.Header.Set(events.HeaderReplyTo, c.inbox+"."+strconv.Itoa(c.asked))
	c.asked++
	if _, err := c.js.PublishMsgAsync(m, jetstream.WithStallWait(time.Minute)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *crowd) enter() {
	c.t.Helper()
	select {
	case c.underway <- struct{}{}:
	case <-time.After(workertest.Patience):
		c.t.Fatalf("%d of %d sign-ins wait, and none was answered for %s", len(c.underway), c.asked, workertest.Patience)
	}
}

// hear takes an answer.
func (c *crowd) hear(m *nats.Msg) {
	question, err := strconv.Atoi(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:])
	var decision events.Decision
	if err := errors.Join(err, json.Unmarshal(m.Data, &decision)); err != nil {
		c.t.Errorf("an answer on %s: %s: %v", m.Subject, m.Data, err)
		return
	}
	c.mu.Lock()
	before := c.told[question]
	c.told[question] = decision.Outcome
	c.mu.Unlock()
	if before != "" {
		c.t.Errorf("question %d is answered twice: %s, %s", question, before, decision.Outcome)
		return
	}
	<-c.underway
}

// answers waits until every question is answered.
func (c *crowd) answers() []string {
	c.t.Helper()
	for range window {
		c.enter()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told
}

func count(told []string) map[string]int {
	by := map[string]int{}
	for _, outcome := range told {
		by[outcome]++
	}
	return by
}

// 64 different devices at once on each of 1,000 extensions of 4 seats, and two
// replicas: exactly 4 are in on each, and everybody else is told why not.
func TestManyDevicesAtOnce(t *testing.T) {
	const extensions, devices, limit = 1000, 64, 4
	const together = 50 // extensions whose devices come all at the same time
	w := workertest.New(t)
	start(w, "a")
	start(w, "b")
	w.Shares(events.DeviceCounter, "a", "b")
	for i := range extensions {
		license(t, w, workertest.Nth(i), 1, limit)
	}
	c := newCrowd(t, w, extensions*devices)
	began := time.Now()
	asked := make([][]int, extensions) // the questions of each
	for first := 0; first < extensions; first += together {
		for d := range devices {
			for i := first; i < first+together; i++ {
				asked[i] = append(asked[i], c.asked)
				c.ask(knock(workertest.Nth(i), fmt.Sprintf("device-%d", d)))
			}
		}
	}
	told := c.answers()
	t.Logf("%d sign-ins decided in %s", len(told), time.Since(began).Round(time.Millisecond))
	for i := range extensions {
		by := map[string]int{}
		for _, question := range asked[i] {
			by[told[question]]++
		}
		if by["DeviceActivated"] != limit || by["DeviceActivationLimitReached"] != devices-limit {
			t.Errorf("extension %d: told %v, want %d in and %d not", i, by, limit, devices-limit)
		}
	}
	report := workertest.Settled(t, w, Rules())
	if report.Outcomes != extensions*devices {
		t.Errorf("%d outcomes, want %d", report.Outcomes, extensions*devices)
	}
	for i := 0; i < extensions; i += 100 {
		if got := get(w, workertest.Nth(i)); !got.Current || got.Used != limit || got.Limit != limit || len(got.Devices) != limit {
			t.Errorf("extension %d: %+v", i, got)
		}
	}
}

// The same device 64 times at once: one seat, and all are told that it is in.
func TestSameDeviceAtOnce(t *testing.T) {
	t.Parallel()
	const extensions, times = 50, 64
	w := workertest.New(t)
	start(w, "a")
	start(w, "b")
	w.Shares(events.DeviceCounter, "a", "b")
	for i := range extensions {
		license(t, w, workertest.Nth(i), 1, 4)
	}
	c := newCrowd(t, w, extensions*times)
	for range times {
		for i := range extensions {
			c.ask(knock(workertest.Nth(i), "the-one"))
		}
	}
	if by := count(c.answers()); by["DeviceActivated"] != extensions || by[events.DeviceRecognized] != extensions*(times-1) {
		t.Errorf("told %v, want %d seats taken and everybody else recognized", by, extensions)
	}
	workertest.Settled(t, w, Rules())
	for i := range extensions {
		if got := get(w, workertest.Nth(i)); got.Used != 1 {
			t.Errorf("extension %d: %+v", i, got)
		}
	}
}
