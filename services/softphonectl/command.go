// Package softphonectl is the command line for operations: see everything, replay
// anything, repair without stopping.
//
//	setup, publish                      prepare a system; say one fact, as the PBX core would
//	status                              how each worker is
//	events                              what is in the log
//	license, devices, emails            what is known of an extension, and how it came to that
//	emails preview                      what e-mails look like, by kind, language and tenant
//	replay state, replay decisions      hold what workers keep and told against the log; repair what they keep
//	replay mail                         send welcome e-mails again, on purpose
//	replay into                         copy facts into another system's log
//	export, import                      the log as a file, and back
//	dead-letters                        what could not be processed: list, show, retry, drop
//	rebuild                             forget what a worker keeps, and watch it heal
//	person, erase                       all that is kept of somebody: print it, delete it for good
//
// Data goes to standard output, a line a thing, with --json an object a line.
// Progress, questions and remarks go to standard error; a progress bar only to a
// terminal. Whatever changes something can be looked at first with --dry-run and
// asks before it does it; without a terminal to ask at it wants --yes.
//
// Exit codes: 0 done, 1 failed, 2 the command line cannot be carried out, 3 partly
// done, 4 what was compared differs, 130 interrupted. See exit.go, and
// `softphonectl help exit-codes`.
//
// A command that was interrupted can be given again: what it did is not done
// twice, and what it had compared within the last hour is not compared again.
//
// Beside a system of `make run` it finds its servers by itself, see locate.
//
// What it may do is what its users of NATS and Redis may do; most of it needs
// those of operations. A password is never an argument, which other users of the
// machine could read: NATS_PASSWORD, or a file named by --password-file or
// NATS_PASSWORD_FILE; REDIS_PASSWORD or REDIS_PASSWORD_FILE.
//
// One file is one command. What they read and replay with is package replay.
package softphonectl

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Terminal is where a command reads and writes.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
	Asks     bool // a person is at In and Err, and can be asked
	Draws    bool // Err shows progress: it is a terminal
}

// Main runs one command line, without the program's name, and returns the exit code.
func Main(ctx context.Context, args []string, t Terminal) int {
	root := command(&app{terminal: t})
	root.SetArgs(args)
	root.SetIn(t.In)
	root.SetOut(t.Out)
	root.SetErr(t.Err)
	err := root.ExecuteContext(ctx)
	code := codeOf(ctx, err)
	switch {
	case code == Interrupted:
		fmt.Fprintln(t.Err, "softphonectl: interrupted")
	case err != nil:
		fmt.Fprintf(t.Err, "softphonectl: %v\n", err)
	}
	return code
}

// group makes a command of one that only has others. What is none of them is a fault of
// the command line; cobra by itself would show the help, and call that done.
func group(c *cobra.Command, others ...*cobra.Command) *cobra.Command {
	c.Args, c.DisableFlagsInUseLine = cobra.NoArgs, true
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	c.AddCommand(others...)
	return c
}

func command(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "softphonectl",
		Short:         "Operate the softphone system",
		Long:          "Operate the softphone system: look at it, replay its log, repair it while it runs.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.nats.url, "server", "", "NATS server (default: $NATS_URL, else the one that runs beside ./data or $SOFTPHONE_DATA, else "+defaultURL+")")
	flags.StringVar(&a.nats.user, "user", "", "NATS user (default: $NATS_USER)")
	flags.StringVar(&a.nats.passwordFile, "password-file", "", "file with its password (default: $NATS_PASSWORD_FILE, else $NATS_PASSWORD is the password)")
	flags.StringVar(&a.nats.tls.CAFile, "tls-ca-file", "", "the authority of the certificates of NATS and Redis (default: $TLS_CA_FILE, else those of the system)")
	flags.StringVar(&a.nats.tls.CertFile, "tls-cert-file", "", "client certificate for NATS and Redis (default: $TLS_CERT_FILE)")
	flags.StringVar(&a.nats.tls.KeyFile, "tls-key-file", "", "its private key (default: $TLS_KEY_FILE)")
	flags.StringVar(&a.redisURL, "redis", "", "Redis (default: $REDIS_URL, else found as --server is, else redis://127.0.0.1:6379/0; its login: $REDIS_USER, $REDIS_PASSWORD or $REDIS_PASSWORD_FILE)")
	flags.StringVar(&a.stateDir, "state-dir", "", "where an interrupted command saves its progress (default: $XDG_STATE_HOME/softphonectl, else ~/.local/state/softphonectl)")
	flags.BoolVar(&a.json, "json", false, "print JSON, one object a line")
	flags.BoolVarP(&a.yes, "yes", "y", false, "do it without asking")
	flags.BoolVar(&a.dryRun, "dry-run", false, "show what would be done, and change nothing")
	root.AddCommand(
		setupCommand(a), publishCommand(a), statusCommand(a), eventsCommand(a),
		licenseCommand(a), devicesCommand(a), emailsCommand(a),
		replayCommand(a), exportCommand(a), importCommand(a), deadLettersCommand(a), rebuildCommand(a),
		personCommand(a), eraseCommand(a),
		exitCodes(),
	)
	return helped(root)
}

// helped adds cobra's own commands, as strict as ours: what there is no help on, and no
// completion for, they would say, and call that done.
func helped(root *cobra.Command) *cobra.Command {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "completion":
			group(c)
		case "help":
			c.Args = func(_ *cobra.Command, topic []string) error {
				if _, left, err := root.Find(topic); err != nil || len(left) > 0 {
					return fmt.Errorf("no help for %q; `softphonectl help` lists the commands", strings.Join(topic, " "))
				}
				return nil
			}
		}
	}
	return root
}
