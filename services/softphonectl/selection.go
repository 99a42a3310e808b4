package softphonectl

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/replay"
)

// selection is the part of the log that flags choose.
type selection struct {
	tenant, extension string
	types, sources    []string
	since, until      string
	from, to, limit   uint64
}

// whom adds the flags that name an extension.
func (s *selection) whom(c *cobra.Command) {
	c.Flags().Var(tenantFlag(&s.tenant), "tenant", "only of this tenant")
	c.Flags().Var(extensionFlag(&s.extension), "extension", "only of this extension")
	for _, name := range []string{"tenant", "extension"} {
		_ = c.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
}

// when adds the flags that name a time.
func (s *selection) when(c *cobra.Command) {
	const how = ": 2026-03-31T09:30:00Z, 2026-03-31, or how long ago: 90m, 36h, 7d"
	c.Flags().StringVar(&s.since, "since", "", "stored at this time or later"+how)
	c.Flags().StringVar(&s.until, "until", "", "stored at this time or earlier"+how)
}

// where adds the flags that name places in the log.
func (s *selection) where(c *cobra.Command) {
	c.Flags().Uint64Var(&s.from, "from-seq", 0, "from this sequence on")
	c.Flags().Var(countFlag(&s.to), "to-seq", "up to this sequence")
	c.Flags().Var(countFlag(&s.limit), "limit", "maximum number")
}

// what adds the flags that name kinds of events.
func (s *selection) what(c *cobra.Command) {
	c.Flags().StringSliceVar(&s.types, "type", nil, "only of these types: DeviceActivated,EmailFailed")
	c.Flags().StringSliceVar(&s.sources, "source", nil, "only published by these: "+strings.Join(sources(), ", "))
	_ = c.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(eventTypes(), cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("source", cobra.FixedCompletions(sources(), cobra.ShellCompDirectiveNoFileComp))
}

// eventTypes are all of the contract.
func eventTypes() []string {
	all := events.Facts()
	for _, source := range sources() {
		all = append(all, events.Outcomes(source)...)
	}
	return all
}

// known refuses types and sources that neither the contract nor the log has: to find
// nothing of one that was mistyped would be taken for an answer.
func (s *selection) known(x *session) error {
	for _, kind := range s.types {
		if err := x.known("--type", kind, eventTypes(), events.LogSubject(events.AnyPartition, "*", "*", "*", kind)); err != nil {
			return err
		}
	}
	for _, source := range s.sources {
		if err := x.known("--source", source, sources(), events.LogSubject(events.AnyPartition, source, "*", "*", "*")); err != nil {
			return err
		}
	}
	return nil
}

func (x *session) known(flag, name string, all []string, subject string) error {
	if slices.Contains(all, name) {
		return nil
	}
	there, err := x.log.LastOf(x.ctx, subject) // a stranger's, or of a newer contract
	if err == nil && there == nil {
		err = usageError{fmt.Errorf("%s: the log has no %q; it has %s", flag, name, strings.Join(all, ", "))}
	}
	return err
}

// ranged is the selection as the log reads it.
func (s *selection) ranged(now time.Time) (replay.Range, error) {
	r := replay.Range{From: s.from, To: s.to, Limit: s.limit}
	var err error
	if r.Since, err = moment("--since", s.since, now); err != nil {
		return r, err
	}
	if r.Until, err = moment("--until", s.until, now); err != nil {
		return r, err
	}
	switch {
	case r.To > 0 && r.From > r.To:
		return r, usageError{fmt.Errorf("--from-seq: %d comes after --to-seq %d", r.From, r.To)}
	case !r.Until.IsZero() && r.Since.After(r.Until):
		return r, usageError{fmt.Errorf("--since: %s comes after --until %s", s.since, s.until)}
	}
	r.Filters, err = s.filters()
	return r, err
}

// moment reads a time, or how long ago it was.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	if days, is := strings.CutSuffix(text, "d"); is {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, usageError{fmt.Errorf("%s: %q is neither a time such as 2026-03-31T09:30:00Z nor how long ago, such as 90m or 7d", flag, text)}
}

// filters are the subjects chosen; none means everything.
func (s *selection) filters() ([]string, error) {
	if err := s.checkNames(); err != nil {
		return nil, usageError{err}
	}
	tenant, extension, partition := orAny(s.tenant), orAny(s.extension), events.AnyPartition
	if s.tenant != "" {
		partition = events.PartitionOf(s.tenant)
	}
	if len(s.types)+len(s.sources) == 0 {
		if s.tenant == "" && s.extension == "" {
			return nil, nil
		}
		return []string{events.LogSubject(partition, "*", tenant, extension, "*")}, nil
	}
	var all []string
	for _, kind := range orAnyOf(s.types) {
		sources := orAnyOf(s.sources)
		if known := events.SourcesOf(kind); len(s.sources) == 0 && len(known) > 0 {
			sources = known
		}
		for _, source := range sources {
			all = append(all, events.LogSubject(partition, source, tenant, extension, kind))
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// checkNames finds what would be no subject.
func (s *selection) checkNames() error {
	for _, name := range append(slices.Clone(s.types), s.sources...) {
		if name == "" || strings.ContainsAny(name, ".*> \t") {
			return fmt.Errorf("%q is not the name of a type or a source", name)
		}
	}
	return nil
}

// one is the extension chosen, by flags or as tenant/extension.
func (s *selection) one(args []string) (events.Extension, error) {
	if len(args) == 1 {
		tenant, extension, two := strings.Cut(args[0], "/")
		if !two || s.tenant != "" || s.extension != "" {
			return events.Extension{}, usageError{errors.New("extension required as tenant/extension, or --tenant and --extension")}
		}
		s.tenant, s.extension = tenant, extension
	}
	if s.tenant == "" || s.extension == "" {
		return events.Extension{}, usageError{errors.New("extension required, e.g. acme/1001, or --tenant and --extension")}
	}
	x := events.Extension{Tenant: s.tenant, Number: s.extension}
	if err := x.Validate(); err != nil {
		return x, usageError{err}
	}
	return x, nil
}

func orAny(name string) string {
	if name == "" {
		return "*"
	}
	return name
}

func orAnyOf(names []string) []string {
	if len(names) == 0 {
		return []string{"*"}
	}
	return names
}

// sources are all that publish.
func sources() []string { return append(events.Sources(), events.Operator) }
