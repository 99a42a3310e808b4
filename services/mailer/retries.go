package mailer

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// retry is the latest try of a mail that failed so far. The log has the tries 1, 2,
// 4, 8 and so on; this is for showing the ones between.
type retry struct {
	Attempts     int       `json:"attempts"`
	Next         time.Time `json:"nextAttempt"`
	At           time.Time `json:"at"`
	Reason       string    `json:"reason"`
	SMTPCode     int       `json:"smtpCode,omitempty"`
	EnhancedCode string    `json:"enhancedCode,omitempty"`
}

// retries keeps them in the mailer's bucket. No error is returned: who shows nothing
// has lost nothing.
type retries struct {
	bucket jetstream.KeyValue
	logger zerolog.Logger
}

// bucketTimeout bounds one exchange with the bucket.
const bucketTimeout = 2 * time.Second

func (r retries) put(ctx context.Context, c cause, what retry) {
	ctx, cancel := context.WithTimeout(ctx, bucketTimeout)
	defer cancel()
	body, err := json.Marshal(what)
	if err == nil {
		_, err = r.bucket.Put(ctx, key(c), body)
	}
	r.note(c, err)
}

func (r retries) get(ctx context.Context, c cause) (retry, bool) {
	ctx, cancel := context.WithTimeout(ctx, bucketTimeout)
	defer cancel()
	var what retry
	entry, err := r.bucket.Get(ctx, key(c))
	if err == nil {
		err = json.Unmarshal(entry.Value(), &what)
	}
	if !errors.Is(err, jetstream.ErrKeyNotFound) {
		r.note(c, err)
	}
	return what, err == nil
}

func (r retries) forget(ctx context.Context, c cause) {
	ctx, cancel := context.WithTimeout(ctx, bucketTimeout)
	defer cancel()
	r.note(c, r.bucket.Delete(ctx, key(c)))
}

func (r retries) note(c cause, err error) {
	if err != nil {
		c.Logger(r.logger).Debug().Err(err).Msg("display of retries")
	}
}

func key(c cause) string { return c.Extension.Tenant + "." + c.Extension.Number + "." + c.ID }
