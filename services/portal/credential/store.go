package credential

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
)

// Credential is what a fact puts in force.
type Credential struct {
	Hash string // of the password

	// Epoch is the same for one password and the next, unless whoever set the next signed
	// all devices out: a device stays signed in as long as the epoch it signed in under.
	// So both take effect with one fact, at one place in the log.
	Epoch string
}

// NewEpoch begins one.
func NewEpoch() string { return rand.Text() }

// Store keeps credentials in a key-value bucket: <tenant>.<extension>.<id of the fact>.
type Store struct {
	bucket jetstream.KeyValue
	stream jetstream.Stream
	name   string
	seal   Seal
}

// Open finds the bucket.
func Open(ctx context.Context, js jetstream.JetStream, bucket string, seal Seal) (*Store, error) {
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
	return &Store{bucket: kv, stream: stream, name: bucket, seal: seal}, nil
}

func key(x events.Extension, factID string) string { return x.Tenant + "." + x.Number + "." + factID }

// Put stores the credential that a fact will put in force, and returns its place.
func (s *Store) Put(ctx context.Context, x events.Extension, factID string, c Credential) (place uint64, err error) {
	place, err = s.bucket.PutString(ctx, key(x, factID), s.seal.write(x, factID, c))
	if err != nil {
		return 0, fmt.Errorf("storing a credential: %w", err)
	}
	return place, nil
}

// Get returns the credential that a fact put in force; the zero one when there is none.
// [ErrSeal] says that what is stored is none of ours.
func (s *Store) Get(ctx context.Context, x events.Extension, factID string) (c Credential, err error) {
	entry, err := s.bucket.Get(ctx, key(x, factID))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("reading a credential: %w", err)
	}
	return s.seal.read(x, factID, string(entry.Value()))
}

// Place is the end of the bucket now.
func (s *Store) Place(ctx context.Context) (uint64, error) {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("reading the bucket of credentials: %w", err)
	}
	return info.State.LastSeq, nil
}

// Drop removes the credential of a fact that was refused.
func (s *Store) Drop(ctx context.Context, x events.Extension, factID string) error {
	return s.purge(ctx, jetstream.WithPurgeSubject("$KV."+s.name+"."+key(x, factID)))
}

// DropBefore removes the credentials of an extension that were stored before a
// place. Call it when a fact is in the log, with the place its own credential has or
// that was the end before it was published: whoever stored one earlier has either
// published before that fact, which is the one that counts now, or will be refused.
func (s *Store) DropBefore(ctx context.Context, x events.Extension, place uint64) error {
	return s.purge(ctx, jetstream.WithPurgeSubject("$KV."+s.name+"."+key(x, ">")), jetstream.WithPurgeSequence(place))
}

func (s *Store) purge(ctx context.Context, options ...jetstream.StreamPurgeOpt) error {
	if err := s.stream.Purge(ctx, options...); err != nil {
		return fmt.Errorf("removing credentials: %w", err)
	}
	return nil
}
