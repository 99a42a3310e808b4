package main

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"time"

	"github.com/rs/zerolog"
)

// silent is the log of what runs in this process.
var silent = zerolog.Nop() //nolint:gochecknoglobals // a value without state

// Sizes says how much is measured.
type Sizes struct {
	Rounds       int           `json:"rounds"`       // of the throughput
	SignIns      int           `json:"signIns"`      // in the throughput's log
	Limit        time.Duration `json:"limit"`        // for one contender in one round
	Refold       int           `json:"refold"`       // messages of the log to fold again
	RefoldRounds int           `json:"refoldRounds"` //
	Replay       int           `json:"replay"`       // events to replay
	Idle         time.Duration `json:"idle"`         // of sign-ins one at a time
	Load         time.Duration `json:"load"`         // of sign-ins at a rate
	Rate         int           `json:"rate"`         // sign-ins a second
	Small        int           `json:"small"`        // extensions of the small worker
	Large        int           `json:"large"`        // and of the large one
	Portal       int           `json:"portal"`       // extensions of the portal
	Listing      int           `json:"listing"`      // extensions of one tenant, listed
	Mails        int           `json:"mails"`        // welcome mails
	MailRounds   int           `json:"mailRounds"`   //
}

func fullSizes() Sizes {
	return Sizes{
		Rounds: 3, SignIns: 80_000, Limit: 4 * time.Second, Refold: 1_000_000, RefoldRounds: 2, Replay: 1_000_000,
		Idle: 8 * time.Second, Load: 10 * time.Second, Rate: 1000, Small: 10_000, Large: 1_000_000, Portal: 4000, Listing: 100_000,
		Mails: 10_000, MailRounds: 5,
	}
}

// quickSizes show that everything works and nothing else.
func quickSizes() Sizes {
	return Sizes{
		Rounds: 1, SignIns: 500, Limit: 2 * time.Second, Refold: 900, RefoldRounds: 1, Replay: 9000,
		Idle: 300 * time.Millisecond, Load: 300 * time.Millisecond, Rate: 100, Small: 50, Large: 500, Portal: 50, Listing: 60,
		Mails: 50, MailRounds: 1,
	}
}

// bench is one run.
type bench struct {
	sizes    Sizes
	only     *regexp.Regexp // which parts
	world    *world
	progress progress
}

func (b *bench) mode() string {
	if b.world.sync {
		return "sync always"
	}
	return "sync every 2 minutes"
}

// Report is all that a run found. What was not measured is left out.
type Report struct {
	Go         string  `json:"go"`
	CPUs       int     `json:"cpus"`
	Sizes      Sizes   `json:"sizes"`
	Seconds    float64 `json:"seconds"`
	Default    Table   `json:"default,omitzero"`
	SyncAlways Table   `json:"syncAlways,omitzero"`
	Memory     Memory  `json:"memory,omitzero"`
	Replays    Replays `json:"replays,omitzero"`
	Portal     Portal  `json:"portal,omitzero"` // through HTTP, sync always
	Listing    Listing `json:"listing,omitzero"`
	Flood      Flood   `json:"flood,omitzero"`
	Mails      Mails   `json:"mails,omitzero"`
	AllMet     bool    `json:"allMet"` // of what was measured
}

// run measures everything, on the server that syncs always last. The replays and the
// refolds share a log.
func (b *bench) run(ctx context.Context) (Report, error) {
	r := Report{Go: runtime.Version(), CPUs: runtime.NumCPU(), Sizes: b.sizes}
	defer b.progress.end()
	start := time.Now()
	for _, part := range []struct {
		name string
		sync bool
		do   func() error
	}{
		{"memory of Redis", false, func() error { return b.redisMemory(ctx, &r.Memory) }},
		{"memory of a worker", false, func() error { return b.workerMemory(ctx, &r.Memory) }},
		{"mails", false, func() error { return b.mails(ctx, &r.Mails) }},
		{"throughput", false, func() error { return b.throughput(ctx, &r.Default.Throughput) }},
		{"sign-in", false, func() error { return b.signIn(ctx, &r.Default.SignIn) }},
		{"replay", false, func() error { return b.replays(ctx, &r.Replays) }},
		{"refold", false, func() error { return b.refold(ctx, &r.Default.Refold) }},
		{"refold, sync always", true, func() error { return b.refold(ctx, &r.SyncAlways.Refold) }},
		{"throughput, sync always", true, func() error { return b.throughput(ctx, &r.SyncAlways.Throughput) }},
		{"sign-in, sync always", true, func() error { return b.signIn(ctx, &r.SyncAlways.SignIn) }},
		{"portal, sync always", true, func() error { return b.portal(ctx, &r.Portal) }},
		{"portal, listing", true, func() error { return b.listing(ctx, &r.Listing) }},
		{"portal, flood", true, func() error { return b.flood(ctx, &r.Flood) }},
	} {
		if !b.only.MatchString(part.name) {
			continue
		}
		if part.sync && !b.world.sync {
			if err := b.world.syncAlways(ctx); err != nil {
				return r, err
			}
		}
		if err := part.do(); err != nil {
			return r, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	r.Seconds = time.Since(start).Seconds()
	r.AllMet = r.allMet()
	return r, nil
}
