package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
)

// Store keeps API tokens and tenants' limits. It is safe for concurrent use.
//
//	_api.<id>.<SHA-256 of the token, hex>   record of a token
//	_tenant.<tenant>                        limits of a tenant
//
// No tenant's name begins with "_", so none of these is a password's hash, which is under
// <tenant>.<extension>.
type Store struct {
	bucket jetstream.KeyValue
	stream jetstream.Stream
	name   string
	redis  redis.UniversalClient
	log    zerolog.Logger

	mu   sync.Mutex
	used map[string]time.Time // by id: when it was last written down
}

// Open finds the bucket.
func Open(ctx context.Context, js jetstream.JetStream, bucket string, client redis.UniversalClient, log zerolog.Logger) (*Store, error) {
	kv, err := js.KeyValue(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, fmt.Errorf("opening key-value bucket %s: %w: run `softphonectl setup` once", bucket, err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening key-value bucket %s: %w", bucket, err)
	}
	stream, err := js.Stream(ctx, "KV_"+bucket)
	if err != nil {
		return nil, fmt.Errorf("opening key-value bucket %s: %w", bucket, err)
	}
	return &Store{bucket: kv, stream: stream, name: bucket, redis: client, log: log, used: map[string]time.Time{}}, nil
}

// get reads a key into a value, and says whether it is there.
func (s *Store) get(ctx context.Context, key string, into any) (bool, error) {
	entry, err := s.bucket.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(entry.Value(), into)
	}
	if err != nil {
		return false, fmt.Errorf("reading %s of the bucket %s: %w", key, s.name, err)
	}
	return true, nil
}

func (s *Store) put(ctx context.Context, key string, value any) error {
	body, err := json.Marshal(value)
	if err == nil {
		_, err = s.bucket.Put(ctx, key, body)
	}
	if err != nil {
		return fmt.Errorf("storing %s in the bucket %s: %w", key, s.name, err)
	}
	return nil
}

// keys are those that begin with some tokens. The portal may not make consumers of the
// bucket, so they come from the index of the stream.
func (s *Store) keys(ctx context.Context, prefix string) (all []string, err error) {
	subject := "$KV." + s.name + "."
	info, err := s.stream.Info(ctx, jetstream.WithSubjectFilter(subject+prefix+".>"))
	if err != nil {
		return nil, fmt.Errorf("listing the bucket %s: %w", s.name, err)
	}
	for found := range info.State.Subjects {
		all = append(all, strings.TrimPrefix(found, subject))
	}
	return all, nil
}

// remove erases the keys that begin with some tokens.
func (s *Store) remove(ctx context.Context, filter string) error {
	if err := s.stream.Purge(ctx, jetstream.WithPurgeSubject("$KV."+s.name+"."+filter)); err != nil {
		return fmt.Errorf("removing %s from the bucket %s: %w", filter, s.name, err)
	}
	return nil
}
