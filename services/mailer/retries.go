package mailer

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/setup"
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

// retries keeps them in [setup.MailerBucket]. Without a bucket it keeps nothing. No error is returned: who
// shows nothing has lost nothing.
type retries struct {
	bucket jetstream.KeyValue
	logger zerolog.Logger
}

// brief bounds what display may cost a mail.
const brief = 2 * time.Second

func openRetries(ctx context.Context, h *process.Host, js jetstream.JetStream) retries {
	bucket, err := process.Await(ctx, h, func(ctx context.Context) (jetstream.KeyValue, error) {
		return js.KeyValue(ctx, setup.MailerBucket)
	})
	if err != nil {
		h.Log.Warn().Err(err).Str("bucket", setup.MailerBucket).Msg("retries will not be shown: run `softphonectl setup`")
		return retries{logger: h.Log}
	}
	return retries{bucket: bucket, logger: h.Log}
}

func (r retries) put(ctx context.Context, c cause, what retry) {
	if r.bucket == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, brief)
	defer cancel()
	body, err := json.Marshal(what)
	if err == nil {
		_, err = r.bucket.Put(ctx, key(c), body)
	}
	r.note(c, err)
}

func (r retries) get(ctx context.Context, c cause) (retry, bool) {
	if r.bucket == nil {
		return retry{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, brief)
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
	if r.bucket == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, brief)
	defer cancel()
	r.note(c, r.bucket.Delete(ctx, key(c)))
}

func (r retries) note(c cause, err error) {
	if err != nil {
		c.Logger(r.logger).Debug().Err(err).Msg("display of retries")
	}
}

func key(c cause) string { return c.Extension.Tenant + "." + c.Extension.Number + "." + c.ID }
