package softphonectl

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/replay"
)

// copying is what the flags of `replay into` say.
type copying struct {
	selection
	hiding
	speed      string
	tenants    []string
	user, file string // of the target
}

func replayIntoCommand(a *app) *cobra.Command {
	var i copying
	cmd := &cobra.Command{
		Use:   "into NATS-URL",
		Short: "Copy facts into another system's log, where its workers decide them",
		Long: "Copy a range of facts into another system's log, such as that of a staging system. Its workers decide them there.\n\n" +
			"Safe to re-run, also after an interrupt: it copies what is not there yet, and every copy says where it comes from.\n" +
			"A fact older than one copied before for the same extension is left out as too late: facts are decided in order.\n\n" +
			"Beware: its mailer sends welcome e-mails to the addresses in the facts, unless --anonymize replaces them.\n" +
			"--anonymize also replaces names, user names, reasons and device ids, equal values by equal ones; extension\n" +
			"numbers and tenants stay (see --rename-tenant).",
		Example: "  softphonectl replay into nats://staging:4222 --tenant acme --rename-tenant acme=acme-test --anonymize",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.with(a.open, func(x *session, args []string) error { return i.run(x, args[0]) }),
	}
	i.whom(cmd)
	i.when(cmd)
	i.where(cmd)
	flags := cmd.Flags()
	flags.StringVar(&i.speed, "speed", "max", "how fast: 1x as it happened, 60x, or max")
	flags.StringSliceVar(&i.tenants, "rename-tenant", nil, "old=new, may be repeated")
	i.flags(cmd)
	flags.StringVar(&i.user, "to-user", "", "NATS user of the target (default: none, or as in the URL)")
	flags.StringVar(&i.file, "to-password-file", "", "file with its password (default: $TARGET_NATS_PASSWORD)")
	return cmd
}

func (i *copying) run(x *session, url string) error {
	if url == "" { // NATS would take the one at its default address
		return usageError{errors.New("the target is required, such as nats://host:4222")}
	}
	i.sources = events.FactSources()
	r, err := i.ranged(time.Now())
	if err != nil {
		return err
	}
	copier, err := i.copier(x)
	if err != nil {
		return err
	}
	target := server{url: url, user: i.user, passwordFile: i.file, password: os.Getenv("TARGET_NATS_PASSWORD")}
	conn, err := target.connect(func(refusal error) { x.say("the target refuses: %v", refusal) })
	if err != nil {
		return err
	}
	defer conn.Close()
	if copier.To, err = eventlog.Open(x.ctx, conn); err != nil {
		return fmt.Errorf("the target: %w", err)
	}
	source, err := x.log.State(x.ctx)
	if err != nil {
		return err
	}
	copier.Created = source.Created
	if err := copier.Begin(x.ctx); err != nil {
		return fmt.Errorf("the target: %w", err)
	}
	total, err := replay.Count(x.ctx, x.log, r)
	if err != nil {
		return err
	}
	if x.dryRun {
		return x.print(map[string]any{"facts": total, "into": redacted(url)}, func() string {
			return "would copy up to " + plural(total, "fact") + " into " + redacted(url)
		})
	}
	yes, err := x.confirm(i.question(total, url))
	if !yes || err != nil {
		return err
	}
	erased, err := replay.CoveredIn(x.ctx, x.log)
	if err != nil {
		return err
	}
	read := func(each func(eventlog.Message) error) error {
		return replay.Scan(x.ctx, x.log, r, func(m eventlog.Message) error {
			if erased.Has(m) {
				return nil
			}
			return each(m)
		})
	}
	return x.copy(read, copier, total)
}

func (i *copying) question(total uint64, url string) string {
	q := "Copy up to " + plural(total, "fact") + " into " + redacted(url) + "?"
	if !i.anonymize {
		q += " Its mailer will send welcome e-mails to the addresses in them."
	}
	return q
}

// copy copies what read hands it.
func (x *session) copy(read func(each func(eventlog.Message) error) error, copier *replay.Copy, total uint64) error {
	bar := x.bar("copying", total)
	copier.Progress = bar.add
	copier.Skipped = func(m eventlog.Message, err error) {
		bar.hide()
		x.say("sequence %d is not copied: %v", m.Sequence, err)
	}
	err := read(func(m eventlog.Message) error { return copier.Add(x.ctx, m) })
	done, late := copier.End(x.ctx)
	bar.end()
	if err := errors.Join(x.print(done, func() string { return copiedText(done) }), err, late); err != nil {
		return err
	}
	if left := done.Skipped + done.Late; left > 0 {
		return codeError{errors.New(plural(left, "fact") + were(left) + " not copied"), Partly}
	}
	return nil
}

func copiedText(c replay.Copied) string {
	text := fmt.Sprintf("%s copied, %d already there, %d skipped", plural(c.Written, "fact"), c.There, c.Skipped)
	if c.Late > 0 {
		text += fmt.Sprintf(", %d too late", c.Late)
	}
	return text
}

// copier knows how a fact is changed on its way.
func (i *copying) copier(x *session) (*replay.Copy, error) {
	c := &replay.Copy{}
	var err error
	if c.Speed, err = parseSpeed(i.speed); err != nil {
		return nil, err
	}
	rename, err := i.renamed(x)
	if err != nil {
		return nil, err
	}
	hide, err := i.anonymizer(x)
	if err != nil {
		return nil, err
	}
	c.Change = func(m eventlog.Message) (events.Event, error) { return change(m, rename, hide) }
	return c, nil
}

// renamed are the new names of tenants by the old ones. One that would rename nothing is
// refused: facts that were to go under another name would go under their own.
func (i *copying) renamed(x *session) (map[string]string, error) {
	rename := map[string]string{}
	for _, pair := range i.tenants {
		old, to, two := strings.Cut(pair, "=")
		if !two || problem(events.Extension{Tenant: old, Number: "1"}) != nil || problem(events.Extension{Tenant: to, Number: "1"}) != nil {
			return nil, usageError{fmt.Errorf("--rename-tenant: %q is not of the form old=new", pair)}
		}
		if before, twice := rename[old]; twice && before != to {
			return nil, usageError{fmt.Errorf("--rename-tenant: %s is renamed twice, to %s and to %s", old, before, to)}
		}
		if i.tenant != "" && i.tenant != old {
			return nil, usageError{fmt.Errorf("--rename-tenant: %s is not copied, only --tenant %s", old, i.tenant)}
		}
		there, err := x.hasFacts(old)
		if err != nil {
			return nil, err
		}
		if !there {
			return nil, usageError{fmt.Errorf("--rename-tenant: the log has no facts of tenant %s", old)}
		}
		rename[old] = to
	}
	return rename, nil
}

// hasFacts tells whether a tenant has any.
func (x *session) hasFacts(tenant string) (bool, error) {
	for _, source := range events.FactSources() {
		m, err := x.log.LastOf(x.ctx, events.LogSubject(events.PartitionOf(tenant), source, tenant, "*", "*"))
		if m != nil || err != nil {
			return m != nil, err
		}
	}
	return false, nil
}

// change makes of a stored fact the one to publish. What else a body may have
// beside the contract's fields is left behind.
func change(m eventlog.Message, rename map[string]string, hide *anonymizer) (events.Event, error) {
	fact, err := events.Decode(m.Subject, m.Data)
	if err != nil {
		return fact, err
	}
	if to, is := rename[fact.Extension.Tenant]; is {
		fact.Extension.Tenant = to
	}
	if hide != nil {
		fact.Actor = hide.actor(fact.Actor)
		if fact.Data = hide.data(fact.Data); fact.Data == nil {
			return fact, fmt.Errorf("what is personal in a %s is not known", m.Name())
		}
	}
	return fact, nil
}

// parseSpeed is how many times as fast as it happened; 0 is as fast as it goes.
func parseSpeed(text string) (float64, error) {
	if text == "max" {
		return 0, nil
	}
	speed, err := strconv.ParseFloat(strings.TrimSuffix(text, "x"), 64)
	if err != nil || !(speed > 0) || speed > 1e9 {
		return 0, usageError{fmt.Errorf("--speed: %q is neither max nor a number such as 1x or 60x", text)}
	}
	return speed, nil
}
