package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

const (
	// pace is the pause between two measurements when idle.
	pace = 5 * time.Millisecond

	// patience is how long a caller waits for a decision.
	patience = 30 * time.Second

	// warmUp is the number of extensions that sign in first, so that every partition
	// has an owner and every connection is open.
	warmUp = 100
)

// signIn measures the time from publishing a sign-in to its decision. The worker
// is a process of its own; this process is the PBX core.
func (b *bench) signIn(ctx context.Context, s *SignIn) error {
	if err := b.world.empty(ctx); err != nil {
		return err
	}
	writer, err := newWriter(ctx, b.world.js)
	if err != nil {
		return err
	}
	loaded := int(b.sizes.Load.Seconds() * float64(b.sizes.Rate))
	softphones := newSoftphones(warmUp + max(warmUp, loaded/2))
	if err := writer.license(ctx, softphones); err != nil {
		return err
	}
	counter, err := startCounter(b.world)
	if err != nil {
		return err
	}
	defer counter.stop()
	caller, err := b.newCaller(ctx, softphones)
	if err != nil {
		return err
	}
	defer caller.log.Conn().Close()

	b.progress.say("%s: sign-in: waiting for the worker", b.mode())
	for range warmUp {
		if _, err := caller.ask(ctx); err != nil {
			return fmt.Errorf("warming up: %w", err)
		}
	}
	if err := b.idle(ctx, caller, s); err != nil {
		return err
	}
	b.loaded(ctx, caller, loaded, s)
	return nil
}

// idle measures sign-ins and, in turn with them, the bare steps.
func (b *bench) idle(ctx context.Context, c *caller, s *SignIn) error {
	bare, err := b.newBare(ctx)
	if err != nil {
		return err
	}
	defer bare.close()
	var asked []time.Duration
	for end := time.Now().Add(b.sizes.Idle); time.Now().Before(end); {
		b.progress.say("%s: sign-in, idle: %d", b.mode(), len(asked))
		time.Sleep(pace)
		took, err := c.ask(ctx)
		if err != nil {
			return err
		}
		asked = append(asked, took)
		if err := bare.measure(ctx); err != nil {
			return fmt.Errorf("the bare steps: %w", err)
		}
	}
	s.Idle = latency(asked)
	bare.into(s)
	s.IdleVersus = atMost(s.Idle.P50/s.BareSum, 1.5)
	s.ChainVersus = s.Idle.P50 / s.Chain.P50
	return nil
}

// loaded lets sign-ins happen at a steady rate, whether or not those before are
// answered.
func (b *bench) loaded(ctx context.Context, c *caller, n int, s *SignIn) {
	b.progress.say("%s: sign-in, %d a second", b.mode(), b.sizes.Rate)
	took := make([]time.Duration, n)
	var all sync.WaitGroup
	start := time.Now()
	for i := range n {
		time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(b.sizes.Rate))))
		event := c.next()
		all.Go(func() {
			var err error
			if took[i], err = c.decision(ctx, event); err != nil {
				took[i] = -1
			}
		})
	}
	s.Rate = float64(n) / time.Since(start).Seconds()
	all.Wait()
	answered := took[:0]
	for _, t := range took {
		if t >= 0 {
			answered = append(answered, t)
		}
	}
	s.Failed = n - len(answered)
	s.Loaded = latency(answered)
	s.LoadedP99 = atMost(s.Loaded.P99, 10)
	s.LoadedP99.Met = s.LoadedP99.Met && s.Failed == 0
}

// caller signs devices in: one on each extension, then a second on each.
type caller struct {
	log        *eventlog.Log
	softphones []softphone
	asked      int
}

func (b *bench) newCaller(ctx context.Context, softphones []softphone) (*caller, error) {
	log, err := b.world.log(ctx, "pbx")
	return &caller{log: log, softphones: softphones}, err
}

// next is the next sign-in.
func (c *caller) next() events.Event {
	n := len(c.softphones)
	event := c.softphones[c.asked%n].signedIn(c.asked / n)
	c.asked++
	return event
}

func (c *caller) ask(ctx context.Context) (time.Duration, error) { return c.decision(ctx, c.next()) }

// decision publishes a sign-in and returns how long its decision took.
func (c *caller) decision(ctx context.Context, event events.Event) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m, err := factMessage(event)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	_, answer, err := c.log.Ask(ctx, m)
	took := time.Since(start)
	if err != nil {
		return 0, err
	}
	if answer.Outcome != (events.DeviceActivated{}).EventName() {
		return 0, fmt.Errorf("a new device was answered %s %s", answer.Outcome, answer.Reason)
	}
	return took, nil
}
