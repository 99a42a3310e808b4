package main

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/ThreeDotsLabs/watermill"
	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
)

// subjectKey is where a watermill message keeps the subject it came from, which
// watermill itself drops.
const subjectKey = "subject"

// watermillHandler is the handler in a watermill router on watermill's JetStream
// publisher and subscriber, 64 at a time, with what makes them fast: no
// deduplication, acknowledgements that are not waited for, no log.
type watermillHandler struct {
	finished atomic.Int64
	handler  handler
}

func (h *watermillHandler) done() int { return int(h.finished.Load()) }

func (h *watermillHandler) prepare(ctx context.Context, w *world, softphones []softphone) error {
	h.handler = newHandler(w.client)
	return h.handler.prepare(ctx, softphones)
}

func (h *watermillHandler) run(ctx context.Context, w *world) error {
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	in, err := wmnats.NewSubscriber(wmnats.SubscriberConfig{
		URL: w.natsURL, SubscribersCount: many, QueueGroupPrefix: "watermill", Unmarshaler: keepSubject{},
		JetStream: wmnats.JetStreamConfig{
			DurablePrefix: "watermill", AckAsync: true, SubscribeOptions: []nats.SubOpt{nats.BindStream(events.Stream), nats.DeliverAll(), nats.AckExplicit()},
		},
	}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	out, err := wmnats.NewPublisher(wmnats.PublisherConfig{URL: w.natsURL}, watermill.NopLogger{})
	if err != nil {
		return errors.Join(err, in.Close())
	}
	router.AddConsumerHandler("device-counter", signIns(), in, func(m *message.Message) error { return h.one(m, out) })
	return errors.Join(router.Run(ctx), out.Close())
}

func (h *watermillHandler) one(m *message.Message, out message.Publisher) error {
	subject, outcome, err := h.handler.handle(m.Context(), m.Metadata.Get(subjectKey), m.Payload)
	if err != nil {
		return err
	}
	if err := out.Publish(subject, message.NewMessage(watermill.NewUUID(), outcome)); err != nil {
		return err
	}
	h.finished.Add(1)
	return nil
}

// keepSubject is watermill's own reading of a message, and its subject.
type keepSubject struct{ wmnats.NATSMarshaler }

func (k keepSubject) Unmarshal(m *nats.Msg) (*message.Message, error) {
	read, err := k.NATSMarshaler.Unmarshal(m)
	if err == nil {
		read.Metadata.Set(subjectKey, m.Subject)
	}
	return read, err
}
