package lease

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Bucket holds the leases.
type Bucket struct {
	jetstream.KeyValue

	TTL time.Duration // of a lease that is not renewed
}

// Open finds the bucket. It returns jetstream.ErrBucketNotFound when nobody has made it, and ErrBucket when leases in it
// do not expire.
func Open(ctx context.Context, js jetstream.JetStream, name string) (Bucket, error) {
	kv, err := js.KeyValue(ctx, name)
	if err != nil {
		return Bucket{}, fmt.Errorf("lease bucket %s: %w", name, err)
	}
	status, err := kv.Status(ctx)
	if err != nil {
		return Bucket{}, fmt.Errorf("lease bucket %s: %w", name, err)
	}
	if status.TTL() <= 0 {
		return Bucket{}, fmt.Errorf("%w: %s has no TTL", ErrBucket, name)
	}
	return Bucket{kv, status.TTL()}, nil
}

// EnsureBucket opens the bucket, and creates it when it is not there. It does not change one that is: a TTL that replicas
// disagree about is worse than the wrong one, so other settings than these are ErrBucket. Leases live for seconds; stop
// the workers and delete the bucket to change it.
//
// It is made as a stream and not by CreateKeyValue because that always allows direct reads, which any replica of the
// stream answers, also from the past: Check would find a lease that was lost.
func EnsureBucket(ctx context.Context, js jetstream.JetStream, name string, ttl time.Duration, replicas int) (Bucket, error) {
	stream, err := js.Stream(ctx, "KV_"+name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, bucketStream(name, ttl, replicas))
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // somebody else was faster
			stream, err = js.Stream(ctx, "KV_"+name)
		}
	}
	if err != nil {
		return Bucket{}, fmt.Errorf("lease bucket %s: %w", name, err)
	}
	c := stream.CachedInfo().Config
	if c.MaxAge != ttl || c.AllowDirect || max(c.Replicas, 1) != max(replicas, 1) {
		return Bucket{}, fmt.Errorf("%w: %s has a TTL of %s, %d replicas, direct reads: %t; wanted are %s, %d, false: stop the workers and delete it",
			ErrBucket, name, c.MaxAge, c.Replicas, c.AllowDirect, ttl, max(replicas, 1))
	}
	return Open(ctx, js, name)
}

// bucketStream is what the NATS key-value convention asks of a bucket's stream. It is a file, not memory: a server that
// restarts within the TTL must find the leases, or every partition would change hands.
func bucketStream(name string, ttl time.Duration, replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              "KV_" + name,
		Description:       "Which replica of a worker owns which partition.",
		Subjects:          []string{"$KV." + name + ".>"},
		MaxMsgsPerSubject: 1,
		MaxAge:            ttl,
		Duplicates:        min(ttl, 2*time.Minute), // may not exceed MaxAge
		MaxMsgSize:        1 << 10,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardNew,
		Replicas:          max(replicas, 1),
		AllowRollup:       true,
		DenyDelete:        true,
	}
}

// entry is a key as it was read. A key that is not in the bucket is the zero entry; its revision 0 is what an update must
// name to create it.
type entry struct {
	value    string // empty: deleted
	revision uint64
}

// owner is the replica in the value.
func (e entry) owner() string {
	replica, _, _ := strings.Cut(e.value, " ")
	return replica
}

// read returns all keys of the worker, as of one moment: one consumer delivers the last message of each. It returns with
// ctx; the library's own last steps, which do not end with it, go on in the background for a few seconds at most.
func read(ctx context.Context, bucket jetstream.KeyValue, worker string) (map[string]entry, error) {
	type result struct {
		keys map[string]entry
		err  error
	}
	c := make(chan result, 1)
	go func() {
		w, err := bucket.Watch(ctx, worker+".>")
		if err != nil {
			c <- result{nil, err}
			return
		}
		keys, err := initial(ctx, w)
		c <- result{keys, err}
		_ = w.Stop()
	}()
	select {
	case r := <-c:
		return r.keys, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// initial reads what was there when the watch began; its end is marked by nil.
func initial(ctx context.Context, w jetstream.KeyWatcher) (map[string]entry, error) {
	keys := map[string]entry{}
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case e, open := <-w.Updates():
			switch {
			case !open:
				return nil, errors.New("reading the lease bucket ended early")
			case e == nil:
				return keys, nil
			case e.Operation() == jetstream.KeyValuePut:
				keys[e.Key()] = entry{string(e.Value()), e.Revision()}
			default:
				keys[e.Key()] = entry{"", e.Revision()}
			}
		}
	}
}
