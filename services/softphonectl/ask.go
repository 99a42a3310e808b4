package softphonectl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/replay"
)

// question is a command that asks a worker about one extension.
type question struct {
	use, short string
	worker     string
	history    []string // event types that led to the answer
	text       func(raw []byte) (string, error)
}

func (q question) command(a *app) *cobra.Command {
	var s selection
	var history bool
	cmd := &cobra.Command{
		Use:               q.use + " [tenant/extension]",
		Short:             q.short,
		Long:              q.short + ".\n\nThe worker " + q.worker + " answers. It says when its answer may be out of date.",
		Example:           "  softphonectl " + q.use + " acme/1001 --history",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.with(a.open, func(x *session, args []string) error {
			about, err := s.one(args)
			if err != nil {
				return err
			}
			if err := q.answer(x, about); err != nil || !history {
				return err
			}
			return q.story(x, about)
		}),
	}
	s.whom(cmd)
	cmd.Flags().BoolVar(&history, "history", false, "include its history, from the log")
	return cmd
}

func (q question) answer(x *session, about events.Extension) error {
	raw, err := x.ask(q.worker, about)
	if err != nil {
		return err
	}
	var answer struct{ Current bool }
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", q.worker, err)
	}
	if !answer.Current {
		x.say("%s is not up to date with this extension: the answer may be out of date", q.worker)
	}
	text, err := q.text(raw)
	if err != nil {
		return fmt.Errorf("reading the answer of %s: %w", q.worker, err)
	}
	return x.print(json.RawMessage(raw), func() string { return text })
}

// story prints the events behind the answer, outcomes under their causes.
func (q question) story(x *session, about events.Extension) error {
	s := selection{tenant: about.Tenant, extension: about.Number, types: q.history}
	filters, err := s.filters()
	if err != nil {
		return err
	}
	if !x.json {
		if err := x.print(nil, func() string { return "" }); err != nil {
			return err
		}
	}
	return x.tree(replay.Range{Filters: filters})
}

// ask asks a worker about an extension.
func (x *session) ask(worker string, about events.Extension) ([]byte, error) {
	body, err := json.Marshal(events.Question{Tenant: about.Tenant, Extension: about.Number})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(x.ctx, patience)
	defer cancel()
	reply, err := x.conn.RequestWithContext(ctx, "ask."+worker+".get", body)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("%s does not answer: no replica of it is running (see `softphonectl status`)", worker)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%s does not answer within %s (see `softphonectl status`)", worker, patience)
	case err != nil:
		return nil, fmt.Errorf("asking %s: %w", worker, err)
	}
	if code := reply.Header.Get(micro.ErrorCodeHeader); code != "" {
		return nil, fmt.Errorf("%s answers %s: %s", worker, code, reply.Header.Get(micro.ErrorHeader))
	}
	return reply.Data, nil
}

func named(data ...events.Data) []string {
	names := make([]string, len(data))
	for i, d := range data {
		names[i] = d.EventName()
	}
	return names
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }
