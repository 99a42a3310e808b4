package portal

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed begin.lua
var beginSource string

//go:embed end.lua
var endSource string

// What failed sign-ins cost. Nothing locks for good: who knows the password waits at
// most as long as the longest delay. Behind one address there may be a whole office,
// so it has more for free and its delay grows slowly.
const (
	remembered = time.Hour // after the last failure

	acquainted = 30 * 24 * time.Hour // an address, after the last that signed in from there

	freePerAccount, doublePerAccount, mostPerAccount = 5, 1, 5 * time.Minute
	freePerAddress, doublePerAddress, mostPerAddress = 100, 10, time.Minute
)

// throttle counts failed sign-ins in Redis, by account and by address.
type throttle struct {
	redis      redis.UniversalClient
	patience   time.Duration // for Redis
	begin, end *redis.Script
}

func newThrottle(client redis.UniversalClient, patience time.Duration) *throttle {
	return &throttle{redis: client, patience: patience, begin: redis.NewScript(beginSource), end: redis.NewScript(endSource)}
}

// attempt is one sign-in under way, counted as failed.
type attempt struct {
	*throttle
	keys  []string
	known bool // somebody signed in from there lately
}

// try begins one, or returns *TooMany.
func (t *throttle) try(ctx context.Context, username, address string) (attempt, error) {
	a := attempt{throttle: t, keys: countedAs(username, address)}
	limits := []any{
		remembered.Milliseconds(),
		freePerAccount, doublePerAccount, mostPerAccount.Milliseconds(),
		freePerAddress, doublePerAddress, mostPerAddress.Milliseconds(),
	}
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	told, err := t.begin.Run(ctx, t.redis, a.keys, limits...).Int64Slice()
	if err != nil || len(told) != 2 {
		return attempt{}, fmt.Errorf("counting sign-ins: %d answers: %w", len(told), err)
	}
	if wait := told[0]; wait > 0 {
		return attempt{}, &TooMany{RetryAfter: time.Duration(wait) * time.Millisecond}
	}
	a.known = told[1] == 1
	return a, nil
}

// succeeded forgets the account's failures, and makes the address known.
func (a attempt) succeeded(ctx context.Context) error { return a.close(ctx, "in") }

// abandoned says that the password was never compared.
func (a attempt) abandoned(ctx context.Context) error { return a.close(ctx, "") }

func (a attempt) close(ctx context.Context, how string) error {
	ctx, cancel := context.WithTimeout(ctx, a.patience)
	defer cancel()
	if err := a.end.Run(ctx, a.redis, a.keys, how, acquainted.Milliseconds()).Err(); err != nil {
		return fmt.Errorf("counting sign-ins: %w", err)
	}
	return nil
}

// countedAs names the counters, and where it is kept that an address is known. They
// share one slot of a cluster, for one script keeps them. The account is hashed: people type passwords where their name belongs.
func countedAs(username, address string) []string {
	sum := sha256.Sum256([]byte(username))
	keys := []string{"softphone:portal:{sign-in}:account:" + hex.EncodeToString(sum[:16])}
	if from := network(address); from != "" {
		keys = append(keys, "softphone:portal:{sign-in}:address:"+from, "softphone:portal:{sign-in}:known:"+from)
	}
	return keys
}

// network is what one client has to itself: an IPv4 address, or an IPv6 /64.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(64)
	if err != nil {
		return ""
	}
	return prefix.String()
}
