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
	t.Run("redis-server", func(t *testing.T) {
		t.Parallel()
		client := servertest.Redis(t).Client(t)
		testThrottle(t, client)
		testAcquainted(t, client)
	})
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
		testAcquainted(t, client)
	})
}

// guesser tries passwords, and fails the test when what it is told is not what was to be.
type guesser struct {
	*throttle

	t      *testing.T
	shared bool // the address
}

func (g guesser) try(username, address string) (attempt, time.Duration) {
	g.t.Helper()
	a, err := g.throttle.try(g.t.Context(), username, address, g.shared)
	if many, ok := errors.AsType[*TooMany](err); ok {
		return a, many.RetryAfter
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return a, 0
}

// free tries with a wrong password, and is not told to wait.
func (g guesser) free(n int, username, address string) {
	g.t.Helper()
	for range n {
		if _, wait := g.try(username, address); wait > 0 {
			g.t.Fatalf("%s must wait %s", username, wait)
		}
	}
}

// right tries with the right one.
func (g guesser) right(username, address string) attempt {
	g.t.Helper()
	a, wait := g.try(username, address)
	if wait > 0 {
		g.t.Fatalf("%s from %s must wait %s", username, address, wait)
	}
	if err := a.succeeded(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	return a
}

// later lets the delays of what is counted pass, for nobody waits in a test.
func (g guesser) later(username, address string) {
	for _, key := range countedAs(username, address) {
		g.redis.HDel(g.t.Context(), key, "from")
	}
}

// stuck fails until an account is delayed as long as can be.
func (g guesser) stuck(username, address string) {
	g.t.Helper()
	for range 20 {
		g.later(username, address)
		g.free(1, username, address)
	}
	if _, wait := g.try(username, address); wait <= 0 {
		g.t.Errorf("%s need not wait after 20 failures", username)
	}
}

// delays fails once more, as late as it may, and says how long nobody may try then.
func (g guesser) delays(username, address, counter string, want time.Duration) {
	g.t.Helper()
	g.later(username, address)
	ctx := g.t.Context()
	before := g.redis.Time(ctx).Val()
	g.free(1, username, address)
	after := g.redis.Time(ctx).Val()
	from, err := g.redis.HGet(ctx, counter, "from").Int64()
	if err != nil {
		g.t.Fatal(err)
	}
	until := time.UnixMilli(from)
	if until.Before(before.Add(want).Truncate(time.Millisecond)) || until.After(after.Add(want)) {
		g.t.Errorf("%s from %s: delayed until %s, want %s after a time from %s to %s", username, address, until, want, before, after)
	}
}

func testThrottle(t *testing.T, client *redis.Client) {
	t.Helper()
	g, ctx := guesser{throttle: newThrottle(client, time.Minute), t: t}, t.Context()

	// An account: five are free, then the delay doubles up to five minutes, and it does
	// not help to come from elsewhere.
	g.free(5, "ada", "192.0.2.1")
	account := countedAs("ada", "")[0]
	for _, seconds := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		g.delays("ada", "192.0.2.3", account, time.Duration(seconds)*time.Second)
	}
	if _, wait := g.try("ada", "192.0.2.4"); wait <= 0 || wait > mostPerAccount {
		t.Errorf("the next must wait %s", wait)
	}
	g.free(1, "bob", "192.0.2.1") // is somebody else

	// The right password, after however many: forgotten.
	g.later("ada", "")
	if a := g.right("ada", "192.0.2.1"); a.known {
		t.Error("an address is known that nobody signed in from")
	}
	g.free(5, "ada", "192.0.2.2")
	if known, _ := g.try("bob", "192.0.2.1"); !known.known {
		t.Error("the address of who signed in is not known")
	}
	if stranger, _ := g.try("bob", "192.0.2.2"); stranger.known {
		t.Error("the address of who failed is known")
	}

	// What was never compared does not count.
	for range 20 {
		a, wait := g.try("eve", "192.0.2.9")
		if wait > 0 {
			t.Fatalf("abandoned attempts count: wait %s", wait)
		}
		if err := a.abandoned(ctx); err != nil {
			t.Fatal(err)
		}
	}

	// An address: a hundred are free, then the delay doubles every ten.
	for i := range 100 {
		g.free(1, fmt.Sprint("user", i), "198.51.100.1")
	}
	address := countedAs("", "198.51.100.1")[1]
	for _, seconds := range []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 4} {
		g.delays("one more", "198.51.100.1", address, time.Duration(seconds)*time.Second)
	}
	g.free(1, "another", "198.51.100.2")
	if ttl := client.TTL(ctx, countedAs("another", "")[0]).Val(); ttl < remembered-time.Minute || ttl > remembered+time.Minute {
		t.Errorf("a count is kept %s", ttl)
	}

	// A hundred at once from one address are not delayed when they are right.
	for i := range 300 {
		g.right(fmt.Sprint("worker", i), "203.0.113.1")
	}
	if left := client.Keys(ctx, "*address:203.0.113.1").Val(); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// Where somebody signed in lately, no stranger's failures hold them up.
func testAcquainted(t *testing.T, client *redis.Client) {
	t.Helper()
	g, ctx := guesser{throttle: newThrottle(client, time.Minute), t: t}, t.Context()
	const home, elsewhere = "192.0.2.77", "198.51.100.77"
	failed := func(counter string) string { return client.HGet(ctx, counter, "failed").Val() }
	g.right("grace", home)
	strangers, atHome := countedAs("grace", "")[0], countedAs("grace", home)[4]

	// Strangers go on until they wait as long as one can. At home nobody waits.
	g.stuck("grace", elsewhere)
	g.right("grace", home)
	if _, wait := g.try("grace", elsewhere); wait <= 0 {
		t.Error("strangers need not wait after somebody signed in at home")
	}
	// There, too, guesses have an end.
	g.free(5, "grace", home)
	for _, seconds := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		g.delays("grace", home, atHome, time.Duration(seconds)*time.Second)
	}
	if _, wait := g.try("grace", home); wait <= 0 || wait > mostPerAccount {
		t.Errorf("at home the next must wait %s", wait)
	}
	if there, here := failed(strangers), failed(atHome); there != "20" || here != "16" {
		t.Errorf("20 failed elsewhere and 16 at home; counted are %s and %s", there, here)
	}
	if ttl := client.TTL(ctx, atHome).Val(); ttl < remembered-time.Minute || ttl > remembered+mostPerAccount {
		t.Errorf("what failed at home is kept %s", ttl)
	}
	// What was never compared is taken back where it was counted.
	g.later("grace", home)
	a, _ := g.try("grace", home)
	if err := a.abandoned(ctx); err != nil {
		t.Fatal(err)
	}
	if there, here := failed(strangers), failed(atHome); there != "20" || here != "16" {
		t.Errorf("taken back from %s elsewhere and %s at home", there, here)
	}
	g.right("grace", home)
	g.free(5, "grace", home) // the others are forgotten

	// An address is one account's, not everybody's from there.
	g.stuck("mallory", elsewhere)
	if _, wait := g.try("mallory", home); wait <= 0 {
		t.Error("an address is taken for one that mallory signed in from")
	}
	// And for 30 days, as all that is kept expires.
	keys := client.Keys(ctx, "*"+home).Val()
	for _, key := range keys {
		if ttl := client.TTL(ctx, key).Val(); ttl <= 0 || ttl > acquainted {
			t.Errorf("%s is kept %s", key, ttl)
		}
	}
	if len(keys) != 4 { // two that say who signed in from there, and two counters
		t.Errorf("of an address is kept: %v", keys)
	}
	g.stuck("grace", elsewhere)
	client.Del(ctx, countedAs("grace", home)[3])
	if _, wait := g.try("grace", home); wait <= 0 {
		t.Error("an address is never a stranger's again")
	}
}
