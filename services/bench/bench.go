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

// Report is all that a run found.
type Report struct {
	Go         string  `json:"go"`
	CPUs       int     `json:"cpus"`
	Sizes      Sizes   `json:"sizes"`
	Seconds    float64 `json:"seconds"`
	Default    Table   `json:"default"`
	SyncAlways Table   `json:"syncAlways"`
	Memory     Memory  `json:"memory"`
	Replays    Replays `json:"replays"`
	Portal     Portal  `json:"portal"` // through HTTP, sync always
	Listing    Listing `json:"listing"`
	Flood      Flood   `json:"flood"`
	Mails      Mails   `json:"mails"`
	AllMet     bool    `json:"allMet"`
}

// run measures everything. The refold's log is written once: the server is set to
// sync always between its two measurements, and nothing else comes between them.
func (b *bench) run(ctx context.Context) (Report, error) {
	r := Report{Go: runtime.Version(), CPUs: runtime.NumCPU(), Sizes: b.sizes}
	defer b.progress.end()
	var history history
	start := time.Now()
	for _, part := range []struct {
		name string
		do   func() error
	}{
		{"memory of Redis", func() error { return b.redisMemory(ctx, &r.Memory) }},
		{"memory of a worker", func() error { return b.workerMemory(ctx, &r.Memory) }},
		{"mails", func() error { return b.mails(ctx, &r.Mails) }},
		{"throughput", func() error { return b.throughput(ctx, &r.Default.Throughput) }},
		{"sign-in", func() error { return b.signIn(ctx, &r.Default.SignIn) }},
		{"replay", func() error { return b.replays(ctx, &r.Replays) }},
		{"writing a log", func() (err error) {
			history, err = b.write(ctx, max(1, b.sizes.Refold/messagesEach), once)
			return err
		}},
		{"refold", func() error { return b.refold(ctx, history, &r.Default.Refold) }},
		{"restart", func() error { return b.world.syncAlways(ctx) }},
		{"refold, sync always", func() error { return b.refold(ctx, history, &r.SyncAlways.Refold) }},
		{"throughput, sync always", func() error { return b.throughput(ctx, &r.SyncAlways.Throughput) }},
		{"sign-in, sync always", func() error { return b.signIn(ctx, &r.SyncAlways.SignIn) }},
		{"portal, sync always", func() error { return b.portal(ctx, &r.Portal) }},
		{"portal, listing", func() error { return b.listing(ctx, &r.Listing) }},
		{"portal, flood", func() error { return b.flood(ctx, &r.Flood) }},
	} {
		if !b.only.MatchString(part.name) {
			continue
		}
		if err := part.do(); err != nil {
			return r, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	r.Seconds = time.Since(start).Seconds()
	r.AllMet = r.allMet()
	return r, nil
}
