// Command softphonectl is the command line for operations of the softphone
// system. `softphonectl help` lists what it does.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/services/softphonectl"
)

func main() {
	redis.SetLogger(silent{}) // what goes wrong comes back as an error of the call
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	code := softphonectl.Main(ctx, os.Args[1:], softphonectl.Terminal{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Asks:  isatty.IsTerminal(os.Stdin.Fd()) && isatty.IsTerminal(os.Stderr.Fd()),
		Draws: isatty.IsTerminal(os.Stderr.Fd()),
	})
	stop()
	os.Exit(code)
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}
