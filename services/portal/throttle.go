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

// What failed sign-ins cost. Nothing locks for good: no delay is longer than the longest.
// Behind one address there may be a whole office, so it has more for free and its delay
// grows slowly.
const (
	remembered = time.Hour // after the last failure

	acquainted = 30 * 24 * time.Hour // an address, after the last who signed in from there

	freePerAccount, doublePerAccount, mostPerAccount = 5, 1, 5 * time.Minute
	freePerAddress, doublePerAddress, mostPerAddress = 100, 10, time.Minute
)

// throttle counts failed sign-ins in Redis, by account and by address.
//
// Strangers share the account's counter, wherever they come from, and so do not gain by
// coming from many places. An address from which this very account signed in lately has a
// counter of its own for it, with the same delays: who keeps failing elsewhere holds
// nobody up there, and signing in there takes nothing from what the others have failed. So
// an account can be guessed at the rate of one counter by strangers, and of one more from
// each address where its owner has been.
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
	keys  []string // as countedAs has them; the first is what counted it for the account
	known bool     // somebody signed in from there lately

	shared    bool // the address
	uncounted bool // by the address
}

// try begins one, or returns *TooMany.
// A shared address may be that of a proxy, which everybody comes through: an account known there is
// not counted by it.
func (t *throttle) try(ctx context.Context, username, address string, shared bool) (attempt, error) {
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	a, begin := t.beginning(username, address, shared)
	return a.begun(together(ctx, t.redis, begin)[0])
}

// beginning is the script that begins one; begun reads its reply.
func (t *throttle) beginning(username, address string, shared bool) (attempt, script) {
	a := attempt{throttle: t, keys: countedAs(username, address), shared: shared}
	return a, script{t.begin, a.keys, []any{
		remembered.Milliseconds(),
		freePerAccount, doublePerAccount, mostPerAccount.Milliseconds(),
		freePerAddress, doublePerAddress, mostPerAddress.Milliseconds(),
		shared,
	}}
}

func (a attempt) begun(reply *redis.Cmd) (attempt, error) {
	told, err := reply.Int64Slice()
	if err != nil || len(told) != 3 {
		return attempt{}, away(fmt.Errorf("counting sign-ins: %d answers: %w", len(told), err))
	}
	if wait := told[0]; wait > 0 {
		return attempt{}, &TooMany{Of: OfFailedSignIns, RetryAfter: time.Duration(wait) * time.Millisecond}
	}
	a.known = told[1] == 1
	if told[2] == 1 {
		a.keys[0], a.uncounted = a.keys[4], a.shared
	}
	return a, nil
}

// succeeded forgets the account's failures where this one was counted, and makes the
// address known.
func (a attempt) succeeded(ctx context.Context) error { return a.close(ctx, "in") }

// abandoned says that the password was never compared.
func (a attempt) abandoned(ctx context.Context) error { return a.close(ctx, "") }

func (a attempt) close(ctx context.Context, how string) error {
	ctx, cancel := context.WithTimeout(ctx, a.patience)
	defer cancel()
	if err := together(ctx, a.redis, a.ending(how))[0].Err(); err != nil {
		return fmt.Errorf("counting sign-ins: %w", err)
	}
	return nil
}

// ending is the script that ends one.
func (a attempt) ending(how string) script {
	return script{a.end, a.keys, []any{how, acquainted.Milliseconds(), a.uncounted}}
}

// countedAs names the keys: the account's counter; and for an address its counter, where
// it is kept that somebody signed in from there, that this account did, and the account's
// counter there. They share one slot of a cluster, for one script keeps them. The account
// is hashed: people type passwords where their name belongs.
func countedAs(username, address string) []string {
	const prefix = "softphone:portal:{sign-in}:"
	sum := sha256.Sum256([]byte(username))
	account := hex.EncodeToString(sum[:16])
	keys := []string{prefix + "account:" + account}
	if from := network(address); from != "" {
		there := account + ":" + from
		keys = append(keys, prefix+"address:"+from, prefix+"known:"+from, prefix+"acquainted:"+there, prefix+"account:"+there)
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
