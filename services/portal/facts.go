package portal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// facts is what the log says of an extension at one moment.
type facts struct {
	extension events.Extension

	fence   uint64 // where its fence stood before they were read
	version uint64 // sequence of its last fact, of any kind
	name    string
	exists  bool
	email   string // of the license in force or the last one asked for
	moving  bool   // to that address, and the license worker has not come to it yet
	license license
	granted uint64 // sequence of the last license, in force or not
	pending bool   // enabled, and no license yet
	changed change // its last fact but for sign-ins

	credential string // id of the fact whose credential is in force; "" when none is
}

// license in force; the zero license when there is none.
type license struct {
	id       string
	limit    int
	username string
}

// change is a fact as a conflict tells it.
type change struct {
	sequence uint64
	who      events.Actor
	what     string
	when     time.Time
}

// enabling tells whether it is somebody's Enable, or the password they set when they
// tried that again.
func (c change) enabling(who events.Actor) bool {
	return who.Kind != "" && c.who.Kind == who.Kind && c.who.Name == who.Name &&
		(c.what == events.SoftphoneEnabled{}.EventName() || c.what == events.SoftphonePasswordReset{}.EventName())
}

// since is the conflict with a caller who saw a version; nil when only devices
// signed in since, or the caller does not care.
func (f facts) since(version uint64) error {
	if version == Any {
		return nil
	}
	return f.after(version)
}

// after is since for a version that is one, also when it is 0.
func (f facts) after(version uint64) error {
	if f.changed.sequence <= version {
		return nil
	}
	return &Conflict{Who: f.changed.who, What: f.changed.what, When: f.changed.when}
}

// settings are the events that say how an extension is set. Each is read from its
// own subject, which the server finds at once.
func settings() []events.Data {
	return []events.Data{
		events.ExtensionRenamed{}, events.ExtensionDeleted{},
		events.SoftphoneEnabled{}, events.SoftphoneDisabled{}, events.SoftphonePasswordReset{},
		events.SoftphoneEmailChanged{}, events.DeviceRemoved{}, events.WelcomeEmailRequested{},
		events.LicenseGranted{}, events.LicenseEmailChanged{},
	}
}

// said are the last events of each kind; an event that was never said is the zero
// entry.
type said map[string]entry

type entry struct {
	events.Recorded
	stored time.Time
}

func (s said) at(d events.Data) uint64 { return s[d.EventName()].Sequence }

// facts reads what the log says. A fact that is stored while it reads makes it read
// again, so that all of it is of one moment.
func (s *Service) facts(ctx context.Context, x events.Extension) (facts, error) {
	ctx, cancel := s.waiting(ctx)
	defer cancel()
	for range 10 {
		fence, version, last, err := s.read(ctx, x)
		if err != nil {
			return facts{}, err
		}
		f := conclude(version, last)
		f.extension, f.fence = x, fence
		if f.changed.sequence <= version {
			return f, nil
		}
	}
	return facts{}, fmt.Errorf("%w: extension %s changes faster than it can be read", ErrTryAgain, x)
}

// read reads the fence and the version first: what it then finds after either is from
// later.
func (s *Service) read(ctx context.Context, x events.Extension) (fence, version uint64, last said, err error) {
	if err := x.Validate(); err != nil {
		return 0, 0, nil, err
	}
	group, reading := errgroup.WithContext(ctx)
	group.Go(func() (err error) { fence, err = s.newest(reading, fenceOf(x)); return err })
	sources := events.FactSources()
	versions := make([]uint64, len(sources))
	for i, source := range sources {
		group.Go(func() (err error) { versions[i], err = s.newest(reading, of(x, source, "*")); return err })
	}
	if err := group.Wait(); err != nil {
		return 0, 0, nil, away(err)
	}
	kinds := settings()
	found := make([]entry, len(kinds))
	group, reading = errgroup.WithContext(ctx)
	for i, kind := range kinds {
		group.Go(func() (err error) {
			found[i], err = s.last(reading, x, kind)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, 0, nil, away(err)
	}
	last = said{}
	for i, kind := range kinds {
		last[kind.EventName()] = found[i]
	}
	return fence, slices.Max(versions), last, nil
}

// newest is the sequence of the last message under a subject, 0 when there is none.
func (s *Service) newest(ctx context.Context, subject string) (uint64, error) {
	m, err := s.log.LastOf(ctx, subject)
	if err != nil || m == nil {
		return 0, err
	}
	return m.Sequence, nil
}

// conclude makes of the last events what holds.
func conclude(version uint64, last said) facts {
	f := facts{version: version}
	deleted := last.at(events.ExtensionDeleted{})
	closed := max(deleted, last.at(events.SoftphoneDisabled{}))

	renamed, _ := last["ExtensionRenamed"].Data.(events.ExtensionRenamed)
	enabled, _ := last["SoftphoneEnabled"].Data.(events.SoftphoneEnabled)
	renamedAt, enabledAt := last.at(renamed), last.at(enabled)
	f.exists = max(renamedAt, enabledAt) > deleted
	if f.exists {
		f.name = renamed.Name
		if enabledAt > renamedAt {
			f.name = enabled.DisplayName
		}
		if enabledAt > deleted {
			f.email = enabled.Email
		}
		changed := last["LicenseEmailChanged"]
		if made, is := changed.Data.(events.LicenseEmailChanged); is && changed.Cause > enabledAt {
			f.email = made.Email
		}
	}
	grant := last["LicenseGranted"]
	granted, _ := grant.Data.(events.LicenseGranted)
	if (events.LicenseHistory{Granted: grant.Sequence, Cause: grant.Cause, Closed: closed}).InForce() {
		f.license = license{id: granted.LicenseID, limit: granted.DeviceLimit, username: granted.Username}
		f.email, f.moving = last.address(granted)
		f.credential = granted.LicenseID
		if reset := last["SoftphonePasswordReset"]; reset.Sequence > grant.Cause {
			f.credential = reset.ID
		}
	}
	f.granted = grant.Sequence
	f.pending = f.license.id == "" && enabledAt > closed
	f.changed = last.change()
	return f
}

// address is that of a license in force, and whether it is asked for and not decided yet:
// the license worker decides every change of an address that the license has not.
func (s said) address(of events.LicenseGranted) (email string, moving bool) {
	changed, asked := s["LicenseEmailChanged"], s["SoftphoneEmailChanged"]
	email, decided := of.Email, s["LicenseGranted"].Cause
	if made, is := changed.Data.(events.LicenseEmailChanged); is && made.LicenseID == of.LicenseID {
		email, decided = made.Email, changed.Cause
	}
	if wanted, is := asked.Data.(events.SoftphoneEmailChanged); is && asked.Sequence > decided && wanted.Email != email {
		return wanted.Email, true
	}
	return email, false
}

// change is the last fact among them.
func (s said) change() (c change) {
	for _, e := range s {
		if events.IsFactSource(e.Source) && e.Sequence > c.sequence {
			c = change{sequence: e.Sequence, who: e.By(), what: e.EventName(), when: e.stored}
		}
	}
	return c
}

// last reads the last event of a kind, whoever published it. One that cannot be read is
// a dead letter and counts for nobody: then the one before it does.
func (s *Service) last(ctx context.Context, x events.Extension, kind events.Data) (entry, error) {
	m, err := s.log.LastInput(ctx, x, events.Inputs(kind)...)
	if err != nil || m == nil {
		return entry{}, err
	}
	e, fault := decode(*m)
	if fault == nil {
		return e, nil
	}
	for end, from := m.Sequence, uint64(1); from < end; {
		if m, err = s.log.NextOf(ctx, from, of(x, "*", kind.EventName())); err != nil || m == nil {
			return e, err
		}
		if earlier, fault := decode(*m); fault == nil {
			e = earlier
		}
		from = m.Sequence + 1
	}
	return e, nil
}

func decode(m eventlog.Message) (entry, error) {
	recorded, err := m.Decode()
	if err != nil {
		return entry{}, err
	}
	return entry{Recorded: recorded, stored: m.Time}, nil
}

// of is the subject of one kind of event of an extension.
func of(x events.Extension, source, name string) string {
	return events.LogSubject(x.Partition(), source, x.Tenant, x.Number, name)
}

// plain names a field as callers know it, who know nothing of an event's data.
func plain(err error) error {
	wrong, ok := errors.AsType[*events.FieldError](err)
	if !ok {
		return err
	}
	field := strings.TrimPrefix(wrong.Field, "data.")
	switch field {
	case "displayName":
		field = "name"
	case "deviceId":
		field = "device.id"
	case "platform":
		field = "device.platform"
	case "deviceName":
		field = "device.name"
	}
	return &events.FieldError{Field: field, Problem: wrong.Problem}
}

// away makes of an error of the log or Redis one that says to try again.
func away(err error) error {
	if _, wrong := errors.AsType[*events.FieldError](err); err == nil || wrong || errors.Is(err, ErrTryAgain) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrTryAgain, err)
}
