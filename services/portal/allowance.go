package portal

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
)

//go:embed take.lua
var takeSource string

// allowance is how often something may be done: at once so many times, and then once in
// every so long.
type allowance struct {
	name  string // as it is counted in softphone_limited_total
	holds int
	every time.Duration
}

// What one account, extension or address has.
//
//nolint:gochecknoglobals // constants, which Go has no word for
var (
	// A sign-in costs a password hash, a token, and for a new device an event. A license has
	// at most events.MaxDeviceLimit devices, which may all come in one morning.
	signInAllowance = allowance{"sign-ins", 120, 30 * time.Second}

	// A device too many leaves two events in the log for ever. When the allowance is used up
	// it is answered the same, from the seats, and leaves none.
	refusalAllowance = allowance{"refusals", 10, 10 * time.Minute}

	// "Send again". An address may be that of many extensions.
	mailAllowance    = allowance{"emails", 3, 5 * time.Minute}
	addressAllowance = allowance{"emails", 10, 5 * time.Minute}

	// A change of an address sends two e-mails. Whoever has used up "Send again" for a wrong
	// address can still correct it.
	changeAllowance = allowance{"address-changes", 5, 5 * time.Minute}
)

// allowances are kept in Redis. Losing them gives everybody a whole one.
type allowances struct {
	redis    redis.UniversalClient
	patience time.Duration // for Redis
	source   *redis.Script
	metrics  *metrics
}

func newAllowances(client redis.UniversalClient, patience time.Duration, m *metrics) *allowances {
	return &allowances{redis: client, patience: patience, source: redis.NewScript(takeSource), metrics: m}
}

// part is an allowance of somebody.
type part struct {
	allowance

	of string
}

// take takes one from each, or from none and returns for how long there is none.
func (a *allowances) take(ctx context.Context, parts ...part) (wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, a.patience)
	defer cancel()
	return a.wait(together(ctx, a.redis, a.script("take", parts...))[0], parts...)
}

// script takes one from each, or only looks ("look"); wait reads its reply.
func (a *allowances) script(how string, parts ...part) script {
	keys, args := make([]string, 0, len(parts)), []any{how}
	for i, p := range parts {
		sum := sha256.Sum256([]byte(p.of)) // people type passwords where their name belongs
		keys = append(keys, fmt.Sprintf("softphone:portal:{allowed}:%s-%d:%s", p.name, i, hex.EncodeToString(sum[:16])))
		args = append(args, p.holds, p.every.Milliseconds())
	}
	return script{a.source, keys, args}
}

func (a *allowances) wait(reply *redis.Cmd, parts ...part) (time.Duration, error) {
	wait, err := reply.Int64()
	if err != nil {
		return 0, away(fmt.Errorf("counting what is allowed: %w", err))
	}
	if wait > 0 {
		a.metrics.limited.WithLabelValues(parts[0].name).Inc()
	}
	return time.Duration(wait) * time.Millisecond, nil
}

// mayMail takes a welcome e-mail from what an extension and an address may have, or returns
// *[TooMany].
func (s *Service) mayMail(ctx context.Context, x events.Extension, address string) error {
	return s.mailsTo(ctx, part{mailAllowance, x.String()}, address, OfEmails)
}

// mayChange takes what a change of an extension's address sends, or returns *[TooMany].
func (s *Service) mayChange(ctx context.Context, x events.Extension, address string) error {
	return s.mailsTo(ctx, part{changeAllowance, x.String()}, address, OfChanges)
}

func (s *Service) mailsTo(ctx context.Context, by part, address, of string) error {
	wait, err := s.allowances.take(ctx, by, part{addressAllowance, strings.ToLower(address)})
	if err == nil && wait > 0 {
		err = &TooMany{Of: of, RetryAfter: wait}
	}
	return err
}
