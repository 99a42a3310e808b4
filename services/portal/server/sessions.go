package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/mycloudpbx/softphone/services/portal/web"
)

const minutes = "2006-01-02 15:04 UTC"

func listSessions(ctx context.Context, b backend, arguments []string, out io.Writer) error {
	if len(arguments) > 0 {
		return errUsage
	}
	all, err := web.NewSessions(b.redis).List(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tTENANT\tSIGNED IN\tLAST USED")
	for _, s := range all {
		tenant := s.Tenant
		if tenant == "" {
			tenant = "*"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", s.ID, s.Name, tenant, s.Began.Format(minutes), s.Used.Format(minutes))
	}
	return table.Flush()
}

func endSessions(ctx context.Context, b backend, arguments []string, out io.Writer) error {
	if len(arguments) != 1 {
		return errUsage
	}
	sessions := web.NewSessions(b.redis)
	ids := arguments
	if arguments[0] == "--all" {
		all, err := sessions.List(ctx)
		if err != nil {
			return err
		}
		ids = nil
		for _, s := range all {
			ids = append(ids, s.ID)
		}
	}
	ended := 0
	for _, id := range ids {
		err := sessions.End(ctx, id)
		if errors.Is(err, web.ErrNoSession) && arguments[0] == "--all" {
			continue // it ended by itself
		}
		if err != nil {
			return fmt.Errorf("%s: %w; `portal sessions list` shows those there are", id, err)
		}
		ended++
	}
	_, err := fmt.Fprintf(out, "sessions ended: %d\n", ended)
	return err
}
