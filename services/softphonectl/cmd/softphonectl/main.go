// Command softphonectl is the command line for operations of the softphone
// system. `softphonectl help` lists what it does.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/mycloudpbx/softphone/services/softphonectl"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := softphonectl.Main(ctx, os.Args[1:], softphonectl.Terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
