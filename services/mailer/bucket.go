package mailer

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/setup"
)

// openBucket opens [setup.MailerBucket], which the replicas share.
func openBucket(ctx context.Context, h *process.Host, js jetstream.JetStream) (jetstream.KeyValue, error) {
	bucket, err := process.Await(ctx, h, func(ctx context.Context) (jetstream.KeyValue, error) {
		return js.KeyValue(ctx, setup.MailerBucket)
	})
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, fmt.Errorf("key-value bucket %s does not exist: run `softphonectl setup` once", setup.MailerBucket)
	}
	if err != nil {
		return nil, fmt.Errorf("opening key-value bucket %s: %w", setup.MailerBucket, err)
	}
	return bucket, nil
}

// replace replaces the value that has a revision, 0 being none, and returns the new
// revision. It returns 0 when the value has another revision by now.
func replace(ctx context.Context, bucket jetstream.KeyValue, key string, value []byte, revision uint64) (uint64, error) {
	var err error
	if revision == 0 {
		revision, err = bucket.Create(ctx, key, value)
	} else {
		revision, err = bucket.Update(ctx, key, value, revision)
	}
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, nil
	}
	return revision, err
}

// current is the value of a key and its revision, 0 when there is none. In a bucket with
// replicas it may be an old one: act on it with replace.
func current(ctx context.Context, bucket jetstream.KeyValue, key string) ([]byte, uint64, error) {
	entry, err := bucket.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	return entry.Value(), entry.Revision(), nil
}
