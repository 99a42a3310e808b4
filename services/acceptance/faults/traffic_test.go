package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// traffic is what happens to some extensions: they are enabled and disabled, and
// devices sign in and are removed.
type traffic struct {
	log        *eventlog.Log
	random     *rand.Rand
	extensions []events.Extension

	// grants says that the test tells LicenseGranted and LicenseRevoked itself,
	// for want of a license worker.
	grants      bool
	licenses    map[events.Extension]*granted
	published   atomic.Int64
	interrupted atomic.Int64 // publications that had to be repeated
}

// granted is the license the test has told last.
type granted struct {
	id         string
	generation int
	active     bool
}

// extensionsIn returns n extensions of one partition, or of all for -1: two of each
// tenant, whose extensions are all in one partition.
func extensionsIn(partition, n int) []events.Extension {
	var all []events.Extension
	for i := 0; len(all) < n; i++ {
		tenant := "acme-" + strconv.Itoa(i/2)
		if partition < 0 || events.PartitionOf(tenant) == partition {
			all = append(all, events.Extension{Tenant: tenant, Number: strconv.Itoa(1000 + i)})
		}
	}
	return all
}

// run publishes until the context ends; a pause of zero is as fast as it can. It
// stops at the first event that cannot be published within a minute.
func (t *traffic) run(ctx context.Context, pause time.Duration) error {
	t.licenses = map[events.Extension]*granted{}
	for ctx.Err() == nil {
		if err := t.next(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

func (t *traffic) next() error {
	x := t.extensions[t.random.IntN(len(t.extensions))]
	device := "device-" + strconv.Itoa(t.random.IntN(8))
	switch dice := t.random.IntN(100); {
	case dice < 10:
		return t.enable(x)
	case dice < 18:
		return t.disable(x)
	case dice < 28:
		_, err := t.say(events.NewFact(x, events.DeviceRemoved{DeviceID: device}), nil)
		return err
	default:
		_, err := t.say(events.NewFact(x, events.DeviceSignedIn{
			DeviceID: device, Platform: events.PlatformMac, DeviceName: "Mac of " + device,
		}), nil)
		return err
	}
}

func (t *traffic) enable(x events.Extension) error {
	fact := events.NewFact(x, events.SoftphoneEnabled{Email: "anna@example.com", Username: x.Number, DisplayName: "Anna"})
	receipt, err := t.say(fact, nil)
	if err != nil || !t.grants {
		return err
	}
	l := t.licenses[x]
	if l == nil {
		l = &granted{}
		t.licenses[x] = l
	}
	if l.active {
		return nil
	}
	*l = granted{id: fact.ID, generation: l.generation + 1, active: true}
	_, err = t.say(events.NewOutcome(events.License, fact, events.LicenseGranted{
		LicenseID: l.id, Generation: l.generation, DeviceLimit: events.DefaultDeviceLimit,
		Email: "anna@example.com", Username: x.Number, DisplayName: "Anna",
	}), &receipt)
	return err
}

func (t *traffic) disable(x events.Extension) error {
	fact := events.NewFact(x, events.SoftphoneDisabled{})
	receipt, err := t.say(fact, nil)
	l := t.licenses[x]
	if err != nil || !t.grants || l == nil || !l.active {
		return err
	}
	l.active = false
	_, err = t.say(events.NewOutcome(events.License, fact, events.LicenseRevoked{
		LicenseID: l.id, Generation: l.generation,
	}), &receipt)
	return err
}

// say publishes an event, as often as it takes, with the same id.
func (t *traffic) say(e events.Event, cause *eventlog.Receipt) (eventlog.Receipt, error) {
	body, err := e.Encode()
	if err != nil {
		return eventlog.Receipt{}, err
	}
	var last error
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		m := nats.NewMsg(e.Subject())
		m.Data = body
		m.Header.Set(events.HeaderMsgID, e.ID)
		if cause != nil {
			m.Header.Set(events.HeaderCause, strconv.FormatUint(cause.Sequence, 10))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		receipt, err := t.log.Publish(ctx, m)
		cancel()
		if err == nil {
			t.published.Add(1)
			return receipt, nil
		}
		t.interrupted.Add(1)
		last = err
	}
	return eventlog.Receipt{}, fmt.Errorf("%s could not be published: %w", e.Subject(), last)
}

// start runs the traffic beside the test; the returned function ends it.
func (t *traffic) start(tb testing.TB, pause time.Duration) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- t.run(ctx, pause) }()
	return func() {
		tb.Helper()
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			tb.Fatalf("traffic: %v", err)
		}
	}
}
