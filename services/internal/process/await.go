package process

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	answerTimeout = 2 * time.Second // of one question; one that was under way when the server died is never answered
	partStart     = "start"
)

// Await asks a NATS server that has accepted the connection for something that a process cannot start without. A server
// that goes away just then is waited for, as it is at any later time: Await asks again, with pauses of up to a second, until
// there is an answer. Meanwhile the part "start" is not ready, and the log says so once. It returns the error of an answer,
// or the context's cause.
func Await[T any](ctx context.Context, h *Host, ask func(context.Context) (T, error)) (T, error) {
	pause := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond), backoff.WithMaxInterval(time.Second), backoff.WithMaxElapsedTime(0))
	waiting := false
	answer, err := backoff.RetryNotifyWithData(func() (T, error) {
		asking, cancel := context.WithTimeout(ctx, answerTimeout)
		defer cancel()
		answer, err := ask(asking)
		if err != nil && !away(err) {
			err = backoff.Permanent(err)
		}
		return answer, err
	}, backoff.WithContext(pause, ctx), func(err error, _ time.Duration) {
		h.Health.NotReady(partStart, err)
		if !waiting {
			h.Log.Warn().Err(err).Msg("NATS does not answer: the start waits for it")
		}
		waiting = true
	})
	if waiting {
		h.Health.NotReady(partStart, nil)
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return answer, err
}

// away tells whether an error is no answer, but the lack of one.
func away(err error) bool {
	for _, lack := range []error{
		context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrReconnectBufExceeded, nats.ErrDisconnected,
		nats.ErrConnectionReconnecting,
	} {
		if errors.Is(err, lack) {
			return true
		}
	}
	if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
		return false
	}
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && api.Code == http.StatusServiceUnavailable // a cluster without a leader
}
