package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/access"
)

const day = 24 * time.Hour

// makeToken makes an API token and shows it, this once.
func makeToken(ctx context.Context, b backend, arguments []string, out io.Writer) error {
	wanted, err := tokenOf(arguments)
	if err != nil {
		return err
	}
	token, made, err := b.access.Make(ctx, wanted)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\nshown only now; id %s, %s for tenant %s, until %s\n", token, made.ID, made.Scopes, made.Tenant, made.Ends.Format(time.DateOnly))
	return err
}

// tokenOf reads a name and flags. Who the token is for and what it may do has no default.
func tokenOf(arguments []string) (t access.Token, err error) {
	if len(arguments) == 0 || strings.HasPrefix(arguments[0], "-") {
		return t, errors.New("tokens make: the name comes first: say what the token is for")
	}
	flags := flag.NewFlagSet("tokens make", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	tenant := flags.String("tenant", "", "")
	scopes := flags.String("scopes", "", "")
	days := flags.Int("days", 365, "")
	if err := flags.Parse(arguments[1:]); err != nil {
		return t, fmt.Errorf("tokens make: %w\n\n%s", err, usage)
	}
	if flags.NArg() > 0 {
		return t, fmt.Errorf("tokens make: %q is one word too many: put a name of several words in quotes", flags.Arg(0))
	}
	if *tenant == "" {
		return t, errors.New(`tokens make: --tenant is required: a tenant, or "*" for all of them`)
	}
	t = access.Token{Name: arguments[0], Tenant: *tenant, Ends: time.Now().Add(time.Duration(*days) * day)}
	if *scopes == "" {
		return t, errors.New("tokens make: --scopes is required: read, admin, core, or several with commas")
	}
	t.Scopes, err = portal.ParseScopes(*scopes)
	return t, err
}

func listTokens(ctx context.Context, b backend, arguments []string, out io.Writer) error {
	if len(arguments) > 0 {
		return errUsage
	}
	all, err := b.access.List(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tTENANT\tSCOPES\tENDS\tLAST USED")
	for _, t := range all {
		ends, used := t.Ends.Format(time.DateOnly), "never"
		if time.Now().After(t.Ends) {
			ends = "ended " + ends
		}
		if !t.Used.IsZero() {
			used = t.Used.Format(minutes)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, t.Tenant, t.Scopes, ends, used)
	}
	return table.Flush()
}

func endToken(ctx context.Context, b backend, arguments []string, out io.Writer) error {
	if len(arguments) != 1 {
		return errUsage
	}
	if err := b.access.End(ctx, arguments[0]); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "API token %s has ended\n", arguments[0])
	return err
}

func listLimits(ctx context.Context, b backend, arguments []string, out io.Writer) error {
	if len(arguments) > 0 {
		return errUsage
	}
	all, err := b.access.AllMaxDevices(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TENANT\tDEVICES")
	for _, tenant := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(table, "%s\t%d\n", tenant, all[tenant])
	}
	fmt.Fprintf(table, "all others\t%d\n", events.DefaultDeviceLimit)
	return table.Flush()
}

func setLimit(ctx context.Context, b backend, arguments []string, out io.Writer) error {
	if len(arguments) != 2 {
		return errUsage
	}
	devices, err := strconv.Atoi(arguments[1])
	if err != nil {
		return fmt.Errorf("limits set: %q is not a number of devices", arguments[1])
	}
	if err := b.access.SetMaxDevices(ctx, arguments[0], devices); err != nil {
		return err
	}
	now, err := b.access.MaxDevices(ctx, arguments[0])
	if err == nil {
		_, err = fmt.Fprintf(out, "%s may give a license up to %d devices; licenses that are granted keep theirs\n", arguments[0], now)
	}
	return err
}
