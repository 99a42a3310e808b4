package softphonectl

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

// Exit codes. They are part of what scripts build on.
const (
	Done        = 0
	Failed      = 1
	Usage       = 2
	Partly      = 3
	Differs     = 4
	Interrupted = 130
)

// exitCodes explains them.
func exitCodes() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What softphonectl's exit codes mean",
		Long: `Exit codes:

    0  done
    1  failed: the command could not be carried out
    2  the command line has a fault; nothing was changed
    3  partly: some of it was done; standard error says what was not
    4  differs: nothing failed, and a comparison found differences
  130  interrupted; the same command continues where it stopped, or starts
       over without doing anything twice`,
	}
}

// failedError marks what went wrong after the command line was understood. Every
// other error, cobra's own among them, is a fault of the command line.
type failedError struct{ error }

func (f failedError) Unwrap() error { return f.error }

// usageError is a fault of what was typed, found before anything was changed.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// codeError ends a command with Partly or Differs.
type codeError struct {
	error

	code int
}

func (c codeError) Unwrap() error { return c.error }

// failed wraps a command so that its errors are failures, unless it says otherwise.
func failed(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		err := run(c, args)
		if _, usage := errors.AsType[usageError](err); err == nil || usage {
			return err
		}
		return failedError{err}
	}
}

// codeOf is the exit code of an error.
func codeOf(ctx context.Context, err error) int {
	_, failure := errors.AsType[failedError](err)
	special, is := errors.AsType[codeError](err)
	switch {
	case err == nil:
		return Done
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return Interrupted
	case is:
		return special.code
	case failure:
		return Failed
	}
	return Usage
}
