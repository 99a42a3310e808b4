package portal

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/services/internal/embedded"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m, nil) }

// The counts, on a real Redis and on the stand-in that standalone uses without one.
func TestThrottle(t *testing.T) {
	t.Parallel()
	t.Run("redis-server", func(t *testing.T) { t.Parallel(); testThrottle(t, servertest.Redis(t).Client(t)) })
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		server, err := embedded.StartMiniredis()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		options, err := redis.ParseURL(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		client := redis.NewClient(options)
		t.Cleanup(func() { _ = client.Close() })
		testThrottle(t, client)
	})
}

func testThrottle(t *testing.T, client *redis.Client) {
	t.Helper()
	th, ctx := newThrottle(client, time.Minute), t.Context()
	try := func(username, address string) (attempt, time.Duration) {
		t.Helper()
		a, err := th.try(ctx, username, address)
		if many, ok := errors.AsType[*TooMany](err); ok {
			return a, many.RetryAfter
		}
		if err != nil {
			t.Fatal(err)
		}
		return a, 0
	}
	// later lets the delay of what is counted pass, for nobody waits in a test.
	later := func(username, address string) {
		for _, key := range countedAs(username, address) {
			client.HDel(ctx, key, "from")
		}
	}
	free := func(n int, username, address string) {
		t.Helper()
		for range n {
			if _, wait := try(username, address); wait > 0 {
				t.Fatalf("%s must wait %s", username, wait)
			}
		}
	}
	// delays fails once more, as late as it may, and says how long nobody may try then.
	delays := func(username, address, counter string, want time.Duration) {
		t.Helper()
		later(username, address)
		before := client.Time(ctx).Val()
		free(1, username, address)
		after := client.Time(ctx).Val()
		from, err := client.HGet(ctx, counter, "from").Int64()
		if err != nil {
			t.Fatal(err)
		}
		until := time.UnixMilli(from)
		if until.Before(before.Add(want).Truncate(time.Millisecond)) || until.After(after.Add(want)) {
			t.Errorf("%s from %s: delayed until %s, want %s after a time from %s to %s", username, address, until, want, before, after)
		}
	}

	// An account: five are free, then the delay doubles up to five minutes, and it does
	// not help to come from elsewhere.
	free(5, "ada", "192.0.2.1")
	account := countedAs("ada", "")[0]
	for _, seconds := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		delays("ada", "192.0.2.3", account, time.Duration(seconds)*time.Second)
	}
	if _, wait := try("ada", "192.0.2.4"); wait <= 0 || wait > mostPerAccount {
		t.Errorf("the next must wait %s", wait)
	}
	free(1, "bob", "192.0.2.1") // is somebody else

	// The right password, after however many: forgotten.
	later("ada", "")
	right, _ := try("ada", "192.0.2.1")
	if right.known {
		t.Error("an address is known that nobody signed in from")
	}
	if err := right.succeeded(ctx); err != nil {
		t.Fatal(err)
	}
	free(5, "ada", "192.0.2.2")
	if known, _ := try("bob", "192.0.2.1"); !known.known {
		t.Error("the address of who signed in is not known")
	}
	if stranger, _ := try("bob", "192.0.2.2"); stranger.known {
		t.Error("the address of who failed is known")
	}

	// What was never compared does not count.
	for range 20 {
		a, wait := try("eve", "192.0.2.9")
		if wait > 0 {
			t.Fatalf("abandoned attempts count: wait %s", wait)
		}
		if err := a.abandoned(ctx); err != nil {
			t.Fatal(err)
		}
	}

	// An address: a hundred are free, then the delay doubles every ten.
	for i := range 100 {
		free(1, fmt.Sprint("user", i), "198.51.100.1")
	}
	address := countedAs("", "198.51.100.1")[1]
	for _, seconds := range []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 4} {
		delays("one more", "198.51.100.1", address, time.Duration(seconds)*time.Second)
	}
	free(1, "another", "198.51.100.2")
	if ttl := client.TTL(ctx, countedAs("another", "")[0]).Val(); ttl < remembered-time.Minute || ttl > remembered+time.Minute {
		t.Errorf("a count is kept %s", ttl)
	}

	// A hundred at once from one address are not delayed when they are right.
	for i := range 300 {
		a, wait := try(fmt.Sprint("worker", i), "203.0.113.1")
		if wait > 0 {
			t.Fatalf("an office must wait %s", wait)
		}
		if err := a.succeeded(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if left := client.Keys(ctx, "*address:203.0.113.1").Val(); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}
