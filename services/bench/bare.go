package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// bareSource is under whose name the bare steps publish, which no worker reads.
const bareSource = "bench"

// bare measures what no way to decide a sign-in can do without, each by itself:
//
//   - one publication to the log, acknowledged, with the bytes of a sign-in;
//   - one delivery: a message handed from a publisher to a subscriber by the
//     server, not stored;
//   - one script in Redis, the hand-written handler's;
//   - one more publication, with the bytes of the outcome.
//
// The chain is these steps linked, each starting when the one before is done and
// the delivery being the log's own: a publication's delivery and its
// acknowledgement overlap, so the chain is less than the sum.
type bare struct {
	log       *eventlog.Log
	handler   handler
	delivered chan []byte // from the subscription
	stored    chan []byte // from the log
	stop      []func()
	n         int

	publish, delivery, script, chain []time.Duration
}

func (b *bench) newBare(ctx context.Context) (*bare, error) {
	log, err := b.world.log(ctx, "bare")
	if err != nil {
		return nil, err
	}
	r := &bare{
		log: log, handler: newHandler(b.world.client), delivered: make(chan []byte, 1), stored: make(chan []byte, 1),
	}
	r.stop = append(r.stop, log.Conn().Close)
	if err := r.listen(ctx); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *bare) listen(ctx context.Context) error {
	subscription, err := r.log.Conn().Subscribe("bench.delivery", func(m *nats.Msg) { r.delivered <- m.Data })
	if err != nil {
		return err
	}
	r.stop = append(r.stop, func() { _ = subscription.Unsubscribe() })
	consumer, err := r.log.JetStream().CreateConsumer(ctx, events.Stream, jetstream.ConsumerConfig{
		FilterSubject: events.Input{Source: bareSource, Name: "Asked"}.Filter(events.AnyPartition),
		AckPolicy:     jetstream.AckNonePolicy, MemoryStorage: true, DeliverPolicy: jetstream.DeliverNewPolicy,
	})
	if err != nil {
		return err
	}
	consuming, err := consumer.Consume(func(m jetstream.Msg) { r.stored <- m.Data() })
	if err != nil {
		return err
	}
	r.stop = append(r.stop, consuming.Stop)
	return r.log.Conn().Flush()
}

// measure takes each figure once, on a license of its own.
func (r *bare) measure(ctx context.Context) error {
	r.n++
	s := newSoftphone(r.n)
	s.grant(s.enabled(), 1)
	if err := r.handler.prepare(ctx, []softphone{s}); err != nil {
		return err
	}
	event := s.signedIn(0)
	device := event.Data.(events.DeviceSignedIn) //nolint:forcetypeassert // it is one
	body, err := event.Encode()
	if err != nil {
		return err
	}
	subject := func(name string) string {
		return events.PublishSubject(bareSource, s.Tenant, s.Number, name)
	}
	return errors.Join(
		timing(&r.publish, func() error { return r.publishTo(ctx, subject("Published"), body) }),
		timing(&r.delivery, func() error { return r.deliver(body) }),
		timing(&r.script, func() error {
			_, err := r.handler.seat(ctx, event, device)
			return err
		}),
		timing(&r.chain, func() error {
			if err := r.publishTo(ctx, subject("Asked"), body); err != nil {
				return err
			}
			_, outcome, err := r.handler.handle(ctx, event.Subject(), <-r.stored)
			if err != nil {
				return err
			}
			return r.publishTo(ctx, subject("Answered"), outcome)
		}))
}

// timing adds the time that one step takes after a pause.
func timing(into *[]time.Duration, step func() error) error {
	time.Sleep(pace)
	start := time.Now()
	err := step()
	*into = append(*into, time.Since(start))
	return err
}

func (r *bare) publishTo(ctx context.Context, subject string, body []byte) error {
	m := nats.NewMsg(subject)
	m.Data = body
	_, err := r.log.Publish(ctx, m)
	return err
}

func (r *bare) deliver(body []byte) error {
	if err := r.log.Conn().Publish("bench.delivery", body); err != nil {
		return err
	}
	<-r.delivered
	return nil
}

func (r *bare) into(s *SignIn) {
	s.Publish, s.Delivery, s.Script, s.Chain = latency(r.publish), latency(r.delivery), latency(r.script), latency(r.chain)
	s.BareSum = s.Publish.P50 + s.Delivery.P50 + s.Script.P50 + s.Publish.P50
}

func (r *bare) close() {
	for _, stop := range slices.Backward(r.stop) {
		stop()
	}
}
