package namesync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/react"
)

// PushDurable is the name of the push's consumer, and of the push in dead letters.
const PushDurable = "name-sync-push"

// message is what the directory is sent. It is the same, byte for byte, each time
// it is sent.
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // of the rename
	Data      renamed   `json:"data"`
}

type renamed struct {
	Tenant    string `json:"tenant"`
	Extension string `json:"extension"`
	Name      string `json:"name"`
	Sequence  uint64 `json:"sequence"` // of the rename in the log, as ask.name-sync.get tells it
}

const messageType = "com.mycloudpbx.SoftphoneRenamed"

// renames are what is pushed.
func renames() []events.Input { return events.Inputs(events.SoftphoneRenamed{}) }

// pushing brings names to the directory until the context ends.
func pushing(ctx context.Context, c Config) error {
	hook, err := newWebhook(c.Directory)
	if err != nil {
		return err
	}
	defer hook.close()
	own := *c.Host
	host := &own
	host.Health = c.Host.Health.With("push")
	conn, err := host.ConnectNATS(ctx, c.NATS, PushDurable)
	if err != nil {
		return err
	}
	defer func() {
		_ = conn.FlushTimeout(time.Second) // what was given back at the end
		conn.Close()
	}()
	log, err := process.OpenLog(ctx, host, conn)
	if err != nil {
		return err
	}
	p := &pusher{log: log, hook: hook, logger: c.Host.Log, metrics: newMetrics(host.Metrics)}
	return react.Run(ctx, react.Config{
		Log: log, Durable: PushDurable, Inputs: renames(),
		Retry: c.Directory.Retry, Recover: c.Directory.Recover,
		Logger: host.Log, Health: host.Health, Metrics: react.NewMetrics(host.Metrics), Tracer: host.Tracer,
	}, p.handle)
}

// Durables are the consumers that setup makes for name-sync.
func Durables() []react.Config {
	return []react.Config{{Durable: PushDurable, Inputs: renames()}}
}

// pusher is a run of the push.
type pusher struct {
	log    *eventlog.Log
	hook   *webhook
	turns  turns
	later  atomic.Int64 // Unix nanoseconds before which the directory wants nothing
	logger zerolog.Logger

	metrics metrics
}

// handle pushes the last name of an extension and looks again, until the last one
// is what it has pushed. The package comment says why that is enough.
func (p *pusher) handle(ctx context.Context, d react.Delivery) error {
	done, err := p.turns.take(ctx, d.Extension())
	if err != nil {
		return err
	}
	defer done()
	for pushed := uint64(0); ; {
		last, err := p.log.LastFrom(ctx, d.Subject, max(pushed, d.Sequence))
		if err != nil {
			return err
		}
		if last == nil || last.Sequence <= pushed { // erased, or pushed
			return nil
		}
		if err := p.push(ctx, *last); err != nil {
			return err
		}
		pushed = last.Sequence
	}
}

func (p *pusher) push(ctx context.Context, m eventlog.Message) error {
	id, body, err := compose(m)
	if err != nil {
		return react.Permanent(fmt.Errorf("the name at sequence %d: %w", m.Sequence, err))
	}
	if until := time.Unix(0, p.later.Load()); time.Now().Before(until) {
		return react.Pause(fmt.Errorf("the directory wants nothing until %s", until.UTC().Format(time.RFC3339)))
	}
	began := time.Now()
	err = p.hook.post(ctx, id, body)
	if err != nil && ctx.Err() != nil { // we are stopping, that says nothing of the directory
		return ctx.Err()
	}
	p.metrics.pushed(err, time.Since(began))
	if failed, ok := errors.AsType[*postError](err); ok {
		p.wait(failed.retryAfter)
		return fmt.Errorf("the name at sequence %d: %w", m.Sequence, verdict(failed))
	}
	m.Logger(p.logger).Debug().Msg("name pushed")
	return err
}

// wait keeps the push from asking again too soon.
func (p *pusher) wait(d time.Duration) {
	if d > 0 {
		p.later.Store(time.Now().Add(d).UnixNano())
	}
}

// compose is a rename as the directory gets it, and its id.
func compose(m eventlog.Message) (id string, body []byte, err error) {
	e, err := m.Decode()
	if err != nil {
		return "", nil, err
	}
	said, ok := e.Data.(events.SoftphoneRenamed)
	if !ok {
		return "", nil, fmt.Errorf("is a %s", e.EventName())
	}
	body, err = json.Marshal(message{Type: messageType, Timestamp: e.Time, Data: renamed{
		Tenant: e.Extension.Tenant, Extension: e.Extension.Number, Name: said.Name, Sequence: e.Cause,
	}})
	return e.ID, body, err
}

// verdict hands on to package react what a failed post means.
func verdict(e *postError) error {
	switch e.means() {
	case unwanted:
		return react.Permanent(e)
	case away:
		return react.Pause(e)
	}
	return e
}
