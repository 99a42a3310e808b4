package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
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

// run measures what the arguments say and prints it.
func run(ctx context.Context, args []string, out io.Writer) error {
	sizes, err := parse(args)
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
	report, err := (&bench{sizes: sizes, world: w, progress: newProgress()}).run(ctx)
	if err != nil {
		return err
	}
	return report.print(out)
}

func parse(args []string) (Sizes, error) {
	s := fullSizes()
	if len(args) > 0 && (args[0] == "-quick" || args[0] == "--quick") {
		s, args = quickSizes(), args[1:]
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.Bool("quick", false, "measure next to nothing, to see that it works; must come first")
	flags.IntVar(&s.Rounds, "rounds", s.Rounds, "rounds of the throughput")
	flags.IntVar(&s.SignIns, "sign-ins", s.SignIns, "sign-ins in the throughput's log")
	flags.DurationVar(&s.Limit, "limit", s.Limit, "time for one contender in one round")
	flags.IntVar(&s.Refold, "refold", s.Refold, "events to fold again")
	flags.IntVar(&s.RefoldRounds, "refold-rounds", s.RefoldRounds, "rounds of folding again")
	flags.DurationVar(&s.Idle, "idle", s.Idle, "time of sign-ins one at a time")
	flags.DurationVar(&s.Load, "load", s.Load, "time of sign-ins at a rate")
	flags.IntVar(&s.Rate, "rate", s.Rate, "sign-ins a second")
	flags.IntVar(&s.Small, "small", s.Small, "extensions of the small worker")
	flags.IntVar(&s.Large, "large", s.Large, "extensions of the large worker")
	return s, flags.Parse(args)
}
