package main

import (
	"context"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
)

// contender turns sign-ins into outcomes in its own way.
type contender interface {
	// prepare tells it of the licenses, which are in the log already.
	prepare(ctx context.Context, w *world, softphones []softphone) error
	// run works until the context ends.
	run(ctx context.Context, w *world) error
	// done is how many events are finished: outcome in the log, event acknowledged
	// or committed.
	done() int
}

// signIns is what everybody has to read, and all that the others do.
func signIns() string {
	return events.Input{Source: events.PBX, Name: events.DeviceSignedIn{}.EventName()}.Filter(events.AnyPartition)
}

// byHand is a durable consumer with a handler in so many goroutines. With one,
// events are handled in their order; with more, they are not.
type byHand struct {
	goroutines int
	finished   atomic.Int64
	handler    handler
}

func (h *byHand) done() int { return int(h.finished.Load()) }

func (h *byHand) prepare(ctx context.Context, w *world, softphones []softphone) error {
	h.handler = newHandler(w.client)
	return h.handler.prepare(ctx, softphones)
}

func (h *byHand) run(ctx context.Context, w *world) error {
	log, err := w.log(ctx, "by-hand")
	if err != nil {
		return err
	}
	defer log.Conn().Close()
	js := log.JetStream()
	consumer, err := js.CreateConsumer(ctx, events.Stream, jetstream.ConsumerConfig{
		Durable: "by-hand", FilterSubject: signIns(), AckPolicy: jetstream.AckExplicitPolicy,
	})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	arrived := make(chan jetstream.Msg)
	for range h.goroutines {
		group.Go(func() error { return h.work(ctx, js, arrived) })
	}
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		select {
		case arrived <- m:
		case <-ctx.Done():
		}
	})
	if err != nil {
		return err
	}
	<-ctx.Done()
	consuming.Stop()
	return group.Wait()
}

// work handles messages one after the other.
func (h *byHand) work(ctx context.Context, js jetstream.JetStream, arrived <-chan jetstream.Msg) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-arrived:
			if err := h.one(ctx, js, m); err != nil {
				return err
			}
		}
	}
}

// one is script, publish, acknowledge.
func (h *byHand) one(ctx context.Context, js jetstream.JetStream, m jetstream.Msg) error {
	subject, outcome, err := h.handler.handle(ctx, m.Subject(), m.Data())
	if err != nil {
		return err
	}
	if _, err := js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: outcome}); err != nil {
		return err
	}
	if err := m.Ack(); err != nil {
		return err
	}
	h.finished.Add(1)
	return nil
}
