package mailer

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/mailer/letter"
)

// NoticesDurable is the name of the consumer of device limits and of addresses that
// were in force until a change, and of the mailer in dead letters about them. It is a
// consumer of its own, so that whoever tries passwords all night holds up no other mail,
// and that the welcome to a new address and the notice to the old one wait for each
// other in nothing. Where no brand sends these notices nobody reads it.
const NoticesDurable = "mailer-notices"

// noticesAtOnce bounds how many of them are looked at together.
const noticesAtOnce = 2

func noticeInputs() []events.Input {
	return events.Inputs(events.DeviceActivationLimitReached{}, events.LicenseEmailChanged{})
}

// sendsNotices says whether any tenant's users get them.
func sendsNotices(b *letter.Brands) bool {
	for _, tenant := range append(b.Tenants(), "") { // "": a tenant without a brand
		if b.Sends(tenant, letter.DeviceLimitReached) || b.Sends(tenant, letter.EmailChanged) {
			return true
		}
	}
	return false
}

// notices sees to it that of all the times an extension's device limit is reached
// in a day, one has a notice: the first to be put into the mailer's bucket, whichever
// replica does that. The others are done without a look into the log.
//
// The log decides in the end (record.noticed). If the bucket is lost, two replicas could
// both send a notice in the same minute, and no more than that.
type notices struct {
	bucket jetstream.KeyValue

	mu    sync.Mutex
	known map[events.Extension]notice // as far as this process knows
	swept time.Time
}

// notice is the one of a day.
type notice struct {
	Cause string    `json:"cause"`
	At    time.Time `json:"at"` // of the cause
}

// holds says whether it is of the other's day.
func (n notice) holds(other notice) bool { return n.Cause != "" && within(day, n.At, other.At) }

// mine reports whether a cause is the one of its day that has a notice.
//
// One that was never tried and is a day old is not: a notice of yesterday is of no use. So a consumer that begins at the first event of the log mails nothing.
func (n *notices) mine(ctx context.Context, c cause, stored time.Time, delivered int) (bool, error) {
	want := notice{c.ID, c.Time}
	stale := time.Since(stored) > day
	if held := n.knows(c.Extension); held.holds(want) {
		return held.Cause == want.Cause, nil
	}
	if stale && delivered == 1 {
		return false, nil
	}
	held, revision, err := n.read(ctx, c.Extension)
	if err != nil {
		return false, err
	}
	if !held.holds(want) {
		if stale {
			return false, nil
		}
		if taken, err := n.write(ctx, c.Extension, want, revision); err != nil || !taken {
			return false, err
		}
		held = want
	}
	n.learn(c.Extension, held)
	return held.Cause == want.Cause, nil
}

func (n *notices) knows(x events.Extension) notice {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.known[x]
}

// learn keeps a notice for a day.
func (n *notices) learn(x events.Extension, of notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil {
		n.known = map[events.Extension]notice{}
	}
	n.known[x] = of
	if time.Since(n.swept) < time.Hour {
		return
	}
	n.swept = time.Now()
	for x, of := range n.known {
		if time.Since(of.At) > day {
			delete(n.known, x)
		}
	}
}

func noticeKey(x events.Extension) string { return x.Tenant + "." + x.Number + ".device-limit" }

func (n *notices) read(ctx context.Context, x events.Extension) (held notice, revision uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, bucketTimeout)
	defer cancel()
	value, revision, err := current(ctx, n.bucket, noticeKey(x))
	if err == nil && revision > 0 {
		_ = json.Unmarshal(value, &held) // of nobody, when it cannot be read
	}
	return held, revision, err
}

// write puts a notice in the place of the one that was read. False: somebody else
// was quicker.
func (n *notices) write(ctx context.Context, x events.Extension, own notice, revision uint64) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, bucketTimeout)
	defer cancel()
	body, err := json.Marshal(own)
	if err == nil {
		revision, err = replace(ctx, n.bucket, noticeKey(x), body, revision)
	}
	return err == nil && revision > 0, err
}
