package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime/pprof"
	"strings"
	"syscall"
)

func main() {
	if asChild() {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

// options are what the command line says.
type options struct {
	sizes      Sizes
	only       *regexp.Regexp
	cpuProfile string
}

// run measures what the arguments say and prints it.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "softphone-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	w, err := newWorld(ctx, folder)
	if err != nil {
		return err
	}
	defer w.close()
	if o.cpuProfile != "" {
		profile, err := os.Create(o.cpuProfile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(profile); err != nil {
			return err
		}
		defer func() { pprof.StopCPUProfile(); _ = profile.Close() }()
	}
	report, err := (&bench{sizes: o.sizes, only: o.only, world: w, progress: newProgress()}).run(ctx)
	if err != nil {
		return err
	}
	return report.print(out)
}

func parse(args []string) (o options, err error) {
	o.sizes = fullSizes()
	if len(args) > 0 && strings.TrimLeft(args[0], "-") == "quick" {
		o.sizes = quickSizes()
	}
	s := &o.sizes
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.Bool("quick", false, "measure next to nothing, to see that it works; must come first")
	only := flags.String("only", "", "measure only the parts this regular expression matches")
	flags.StringVar(&o.cpuProfile, "cpuprofile", "", "write a CPU profile of this process to a file")
	flags.IntVar(&s.Rounds, "rounds", s.Rounds, "rounds of the throughput")
	flags.IntVar(&s.SignIns, "sign-ins", s.SignIns, "sign-ins in the throughput's log")
	flags.DurationVar(&s.Limit, "limit", s.Limit, "time for one contender in one round")
	flags.IntVar(&s.Refold, "refold", s.Refold, "events to fold again")
	flags.IntVar(&s.RefoldRounds, "refold-rounds", s.RefoldRounds, "rounds of folding again")
	flags.IntVar(&s.Replay, "replay", s.Replay, "events to replay")
	flags.DurationVar(&s.Idle, "idle", s.Idle, "time of sign-ins one at a time")
	flags.DurationVar(&s.Load, "load", s.Load, "time of sign-ins at a rate")
	flags.IntVar(&s.Rate, "rate", s.Rate, "sign-ins a second")
	flags.IntVar(&s.Small, "small", s.Small, "extensions of the small worker")
	flags.IntVar(&s.Large, "large", s.Large, "extensions of the large worker")
	flags.IntVar(&s.Listing, "listing", s.Listing, "extensions of the tenant that is listed")
	flags.IntVar(&s.Mails, "mails", s.Mails, "welcome mails")
	flags.IntVar(&s.MailRounds, "mail-rounds", s.MailRounds, "rounds of them")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.only, err = regexp.Compile(*only)
	return o, err
}
