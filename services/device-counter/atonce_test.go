package devicecounter

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

// crowd signs devices in many at a time and collects what each is told.
type crowd struct {
	t       *testing.T
	w       *workertest.World
	js      jetstream.JetStream
	inbox   string
	answers *nats.Subscription
	told    []string // by question; "" when it was not answered
	asked   int
}

func newCrowd(t *testing.T, w *workertest.World, questions int) *crowd {
	t.Helper()
	conn := w.NATS.Connect(t)
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(1024))
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{t: t, w: w, js: js, inbox: conn.NewInbox(), told: make([]string, questions)}
	if c.answers, err = conn.SubscribeSync(c.inbox + ".*"); err != nil {
		t.Fatal(err)
	}
	if err := c.answers.SetPendingLimits(-1, -1); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask publishes the next question without waiting for anything.
func (c *crowd) ask(fact events.Event) {
	c.t.Helper()
	m := workertest.Message(c.t, fact)
	m.Header.Set(events.HeaderReplyTo, c.inbox+"."+strconv.Itoa(c.asked))
	c.asked++
	if _, err := c.js.PublishMsgAsync(m, jetstream.WithStallWait(time.Minute)); err != nil {
		c.t.Fatal(err)
	}
}

// collect waits until every question is answered, or for a while after the last
// answer, and returns how many are not.
func (c *crowd) collect() (unanswered int) {
	c.t.Helper()
	select {
	case <-c.js.PublishAsyncComplete():
	case <-time.After(2 * time.Minute):
		c.t.Fatal("the sign-ins are not stored")
	}
	for missing := c.asked; missing > 0; missing-- {
		m, err := c.answers.NextMsg(workertest.Patience)
		if err != nil {
			return missing
		}
		question, err := strconv.Atoi(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:])
		if err != nil {
			c.t.Fatal(err)
		}
		var decision events.Decision
		if err := json.Unmarshal(m.Data, &decision); err != nil {
			c.t.Fatal(err)
		}
		if before := c.told[question]; before != "" {
			c.t.Fatalf("question %d is answered twice: %s, %s", question, before, decision.Outcome)
		}
		c.told[question] = decision.Outcome
	}
	return 0
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
	w := workertest.New(t, 0)
	start(w, "a")
	start(w, "b")
	w.Shares(events.DeviceCounter, "a", "b")
	number := func(i int) events.Extension { return events.Extension{Tenant: "acme", Number: fmt.Sprint(i)} }
	for i := range extensions {
		license(t, w, number(i), 1, limit)
	}
	c := newCrowd(t, w, extensions*devices)
	began := time.Now()
	for d := range devices {
		for i := range extensions {
			c.ask(knock(number(i), fmt.Sprintf("device-%d", d)))
		}
	}
	if missing := c.collect(); missing != 0 {
		t.Errorf("%d sign-ins are not answered", missing)
	}
	t.Logf("%d sign-ins decided in %s", len(c.told), time.Since(began).Round(time.Millisecond))
	for i := range extensions {
		var told []string
		for d := range devices {
			told = append(told, c.told[d*extensions+i])
		}
		by := count(told)
		if by["DeviceActivated"] != limit || by["DeviceActivationLimitReached"] != devices-limit {
			t.Errorf("extension %d: told %v, want %d in and %d not", i, by, limit, devices-limit)
		}
	}
	report := workertest.Settled(t, w, Rules())
	if report.Outcomes != extensions*devices {
		t.Errorf("%d outcomes, want %d", report.Outcomes, extensions*devices)
	}
	for i := 0; i < extensions; i += 100 {
		if got := get(w, number(i)); !got.Current || got.Used != limit || got.Limit != limit || len(got.Devices) != limit {
			t.Errorf("extension %d: %+v", i, got)
		}
	}
}

// The same device 64 times at once: one seat, and all are told that it is in.
func TestSameDeviceAtOnce(t *testing.T) {
	t.Parallel()
	const extensions, times = 50, 64
	w := workertest.New(t, ttl)
	start(w, "a")
	start(w, "b")
	w.Shares(events.DeviceCounter, "a", "b")
	number := func(i int) events.Extension { return events.Extension{Tenant: "acme", Number: fmt.Sprint(i)} }
	for i := range extensions {
		license(t, w, number(i), 1, 4)
	}
	c := newCrowd(t, w, extensions*times)
	for range times {
		for i := range extensions {
			c.ask(knock(number(i), "the-one"))
		}
	}
	if missing := c.collect(); missing != 0 {
		t.Errorf("%d sign-ins are not answered", missing)
	}
	if by := count(c.told); by["DeviceActivated"] != extensions || by[events.DeviceRecognized] != extensions*(times-1) {
		t.Errorf("told %v, want %d seats taken and everybody else recognized", by, extensions)
	}
	workertest.Settled(t, w, Rules())
	for i := range extensions {
		if got := get(w, number(i)); got.Used != 1 {
			t.Errorf("extension %d: %+v", i, got)
		}
	}
}
