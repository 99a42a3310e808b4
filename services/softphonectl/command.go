// Package softphonectl is the command line for operations.
//
//	softphonectl setup                            create or check the streams and buckets
//	softphonectl publish SoftphoneEnabled …       say one fact, as the PBX core would
//
// It talks to NATS only: what it may do is what its NATS user may do. Results go
// to standard output, everything else to standard error. The exit code is 0 when
// it is done, 1 when it failed, and 2 when what was typed cannot be carried out
// as it stands and nothing was sent.
//
// A password is never an argument, which other users of the machine could read:
// NATS_PASSWORD, or a file named by --password-file or NATS_PASSWORD_FILE.
package softphonectl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	Done   = 0
	Failed = 1
	Usage  = 2
)

// Terminal is where a command reads and writes.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
}

// Main runs one command line, without the program's name, and returns the exit code.
func Main(ctx context.Context, args []string, t Terminal) int {
	root := command()
	root.SetArgs(args)
	root.SetIn(t.In)
	root.SetOut(t.Out)
	root.SetErr(t.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return Done
	}
	fmt.Fprintf(t.Err, "softphonectl: %v\n", err)
	if _, failure := errors.AsType[failedError](err); failure {
		return Failed
	}
	return Usage
}

// failedError marks what went wrong after the command line was understood. Every
// other error, cobra's own among them, is a fault of the command line.
type failedError struct{ error }

func (f failedError) Unwrap() error { return f.error }

// failed wraps a command so that its errors are failures, unless it says otherwise
// with a usageError.
func failed(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		err := run(c, args)
		if _, usage := errors.AsType[usageError](err); err == nil || usage {
			return err
		}
		return failedError{err}
	}
}

// usageError is a fault of what was typed, found before anything was sent.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func command() *cobra.Command {
	var to server
	root := &cobra.Command{
		Use:   "softphonectl",
		Short: "Operate the softphone system",
		Long: "Operate the softphone system.\n\n" +
			"Exit codes: 0 done, 1 failed, 2 the command line cannot be carried out and nothing was sent.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&to.url, "server", "", "NATS server (default: $NATS_URL, else "+defaultURL+")")
	flags.StringVar(&to.user, "user", "", "NATS user (default: $NATS_USER)")
	flags.StringVar(&to.passwordFile, "password-file", "", "file with its password (default: $NATS_PASSWORD_FILE, else $NATS_PASSWORD is the password)")
	root.PersistentPreRun = func(*cobra.Command, []string) { to.fill(os.Getenv) }
	root.AddCommand(publishCommand(&to), setupCommand(&to))
	return root
}
