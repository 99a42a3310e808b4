package softphonectl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/process"
)

// decisionTime is how long --wait waits when it does not say.
const decisionTime = 5 * time.Second

// publication is what the flags of publish say.
type publication struct {
	tenant, extension string
	data, dataFile    string
	id, time          string
	wait              time.Duration
}

// published is the result, as --json prints it.
type published struct {
	Sequence  uint64           `json:"sequence"`
	Duplicate bool             `json:"duplicate"` // it was in the log already, there
	ID        string           `json:"id"`
	Subject   string           `json:"subject"`
	Decision  *events.Decision `json:"decision,omitempty"`
}

func publishCommand(a *app) *cobra.Command {
	var p publication
	cmd := &cobra.Command{
		Use:   "publish <Event>",
		Short: "Publish one fact, as the PBX core would, and print its sequence in the log",
		Long: "Publish one fact, as the PBX core would, and print its sequence in the log.\n\n" +
			"The facts and their data:\n\n" + catalog() + "\n" +
			"Unknown fields are refused, and nothing is sent. An event never carries a password.",
		Example: `  softphonectl publish SoftphoneEnabled --tenant acme --extension 1001 --wait \
    --data '{"email":"ann@example.com","username":"ann","displayName":"Ann"}'
  softphonectl publish ExtensionDeleted --tenant acme --extension 1001`,
		Args: func(_ *cobra.Command, args []string) error { return oneFact(args) },
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return events.Facts(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: failed(func(c *cobra.Command, args []string) error { return p.run(c, a, args[0]) }),
	}
	flags := cmd.Flags()
	flags.StringVar(&p.tenant, "tenant", "", "tenant of the extension (required)")
	flags.StringVar(&p.extension, "extension", "", "the extension (required)")
	flags.StringVar(&p.data, "data", "", "the fact's data, a JSON object")
	flags.StringVar(&p.dataFile, "data-file", "", "file with the data; - is standard input")
	flags.StringVar(&p.id, "id", "", "UUID of version 7; publishing again with the same ID counts once")
	flags.StringVar(&p.time, "time", "", "when it happened, RFC 3339 (default: now)")
	flags.Var(durationFlag(&p.wait, time.Millisecond), "wait", "wait for the decision and print it; --wait=30s to wait longer than "+decisionTime.String())
	flags.Lookup("wait").NoOptDefVal = decisionTime.String()
	cmd.MarkFlagsMutuallyExclusive("data", "data-file")
	for _, name := range []string{"tenant", "extension", "data", "id", "time"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return cmd
}

// catalog lists the facts with the fields of their data.
func catalog() string {
	var b strings.Builder
	for _, name := range events.Facts() {
		b.WriteString(strings.TrimRight(fmt.Sprintf("  %-23s %s", name, strings.Join(events.KnownFields(name), ", ")), " ") + "\n")
	}
	return b.String()
}

func oneFact(args []string) error {
	if len(args) == 0 {
		return errors.New("a fact is required: one of " + strings.Join(events.Facts(), ", "))
	}
	if len(args) > 1 {
		return fmt.Errorf("one fact at a time, but %q follows it (a time to wait is --wait=10s)", args[1])
	}
	switch sources := events.SourcesOf(args[0]); {
	case events.IsFact(args[0]):
		return nil
	case len(sources) == 0:
		return fmt.Errorf("%q is an unknown fact; expected one of %s", args[0], strings.Join(events.Facts(), ", "))
	default:
		return fmt.Errorf("%s is an outcome, which only the worker %s publishes", args[0], sources[0])
	}
}

func (p *publication) run(c *cobra.Command, a *app, name string) error {
	if err := p.check(name); err != nil {
		return usageError{err}
	}
	fact, err := p.fact(c.Context(), name, c.InOrStdin())
	if err != nil {
		return usageError{err}
	}
	if a.dryRun {
		return a.print(published{ID: fact.ID, Subject: fact.Subject()}, func() string { return "would publish " + fact.Subject() })
	}
	ctx, cancel := context.WithCancelCause(c.Context())
	defer cancel(nil)
	nc, err := a.connect(func(refusal error) { cancel(fmt.Errorf("NATS user %q: %w", a.nats.user, refusal)) })
	if err != nil {
		return err
	}
	defer nc.Close()
	result, err := p.send(ctx, nc, fact)
	if result.Sequence > 0 {
		if err := a.print(result, result.text); err != nil {
			return err
		}
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// check finds faults of the flags that the contract does not know about.
func (p *publication) check(name string) error {
	if p.tenant == "" || p.extension == "" {
		return errors.New("--tenant and --extension are required")
	}
	if p.wait > 0 && !slices.Contains(decided(), name) {
		return fmt.Errorf("--wait: %s has no decision, the mailer handles it when it can: leave --wait out", name)
	}
	return nil
}

// decided lists the facts that have a decision: all but those that only the mailer reads.
func decided() []string {
	return slices.DeleteFunc(events.Facts(), func(name string) bool {
		return name == events.SoftphonePasswordReset{}.EventName() || name == events.WelcomeEmailRequested{}.EventName()
	})
}

// fact builds the event and holds it to the contract. Its errors never show the
// value of a field the contract does not know: it may be a password.
func (p *publication) fact(ctx context.Context, name string, in io.Reader) (events.Event, error) {
	raw, err := typed(ctx, func() ([]byte, error) { return p.read(in) })
	if err != nil {
		return events.Event{}, err
	}
	data, err := events.DecodeDataStrict(name, raw)
	if err != nil {
		return events.Event{}, err
	}
	fact := events.NewFact(events.Extension{Tenant: p.tenant, Number: p.extension}, data)
	if p.id != "" {
		fact.ID = p.id
	}
	if p.time != "" {
		if fact.Time, err = time.Parse(time.RFC3339Nano, p.time); err != nil {
			return events.Event{}, fmt.Errorf("--time: %q is not a time of RFC 3339, like 2026-03-31T09:30:00Z", p.time)
		}
	}
	return fact, fact.Validate()
}

func (p *publication) read(in io.Reader) ([]byte, error) {
	if p.dataFile == "" {
		if p.data == "" {
			return []byte("{}"), nil
		}
		return []byte(p.data), nil
	}
	if p.dataFile != "-" {
		file, err := os.Open(p.dataFile)
		if err != nil {
			return nil, fmt.Errorf("--data-file: %w", err)
		}
		defer file.Close()
		in = file
	}
	raw, err := io.ReadAll(io.LimitReader(in, events.MaxSize+1)) // one too many is the contract's to refuse
	if err != nil {
		return nil, fmt.Errorf("--data-file: %w", err)
	}
	return raw, nil
}

// send publishes the fact and, when asked to, waits for the decision. With a
// sequence the fact is in the log, whatever the error says.
func (p *publication) send(ctx context.Context, nc *nats.Conn, fact events.Event) (published, error) {
	result := published{ID: fact.ID, Subject: fact.Subject()}
	js, err := jetstream.New(nc)
	if err != nil {
		return result, err
	}
	m := nats.NewMsg(fact.Subject())
	m.Header.Set(events.HeaderMsgID, fact.ID)
	if m.Data, err = fact.Encode(); err != nil {
		return result, err
	}
	var decisions *nats.Subscription
	if p.wait > 0 {
		inbox := eventlog.NewInbox(nc)
		if decisions, err = nc.SubscribeSync(inbox); err != nil {
			return result, err
		}
		m.Header.Set(events.HeaderReplyTo, inbox)
	}
	ack, err := store(ctx, js, m)
	if err != nil {
		return result, notStored(err, fact.ID)
	}
	result.Sequence, result.Duplicate = ack.Sequence, ack.Duplicate
	if decisions == nil {
		return result, nil
	}
	result.Decision, err = p.decision(ctx, decisions, result)
	return result, err
}

// store publishes a fact, and begins its trace where OTEL_EXPORTER_OTLP_ENDPOINT says
// who wants it.
func store(ctx context.Context, js jetstream.JetStream, m *nats.Msg) (*jetstream.PubAck, error) {
	var traces process.Traces
	if err := process.Parse(&traces, os.Environ()); err != nil {
		return nil, usageError{err}
	}
	tracer, flush, err := traces.Tracer(ctx, "softphonectl", "")
	if err != nil {
		return nil, err
	}
	defer flush()
	publishing, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	span := tracer.Publish(publishing, m)
	ack, err := js.PublishMsg(publishing, m)
	span.End(err)
	return ack, err
}

// notStored explains why the log did not acknowledge a fact.
func notStored(err error, id string) error {
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("no stream stores facts there: run `softphonectl setup` once; in a cluster, a majority of the servers may be missing (%w)", err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no acknowledgement within %s; it may be stored anyway: repeat with --id %s, and it counts once", patience, id)
	}
	return fmt.Errorf("not stored: %w", err)
}

func (p *publication) decision(ctx context.Context, from *nats.Subscription, stored published) (*events.Decision, error) {
	if stored.Duplicate {
		return nil, errors.New("this fact was already in the log, and is decided only once")
	}
	waiting, cancel := context.WithTimeout(ctx, p.wait)
	defer cancel()
	m, err := from.NextMsgWithContext(waiting)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("stored as sequence %d, but no decision came within %s: is the worker running?", stored.Sequence, p.wait)
	case err != nil:
		return nil, fmt.Errorf("waiting for the decision: %w", err)
	}
	var d events.Decision
	if err := json.Unmarshal(m.Data, &d); err != nil {
		return nil, fmt.Errorf("reading the decision: %w", err)
	}
	return &d, nil
}

// text is the result for people.
func (p published) text() string {
	text := fmt.Sprintf("sequence %d", p.Sequence)
	if p.Duplicate {
		text += " (already stored)"
	}
	if p.Decision != nil {
		text += "\n" + describe(*p.Decision)
	}
	return text
}
