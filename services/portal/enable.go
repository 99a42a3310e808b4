package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal/credential"
)

// Enable grants a softphone, and returns when the license is granted. A password of
// "" makes one. After [ErrTryAgain] the softphone may be enabled, now or later; calling
// Enable again for the same address brings it to its end, with a password that is new
// and shown. Of several callers who try that at once, one is shown a password, and it
// is the one in force.
func (s *Service) Enable(ctx context.Context, x events.Extension, version uint64, email, password string) (e Enabled, err error) {
	if err := authorize(ctx, opEnable, x.Tenant); err != nil {
		return Enabled{}, err
	}
	email = cleanText(email)
	for range attempts {
		e, err = s.enable(ctx, x, version, email, password)
		if !errors.Is(err, errRefused) { // by the license that was granted just now: that changes what is to be done
			break
		}
	}
	return e, err
}

func (s *Service) enable(ctx context.Context, x events.Extension, version uint64, email, password string) (Enabled, error) {
	f, err := s.facts(ctx, x)
	switch {
	case err != nil:
		return Enabled{}, err
	case !f.exists:
		return Enabled{}, ErrNotFound
	case f.license.id != "" || f.pending:
		return s.enableAgain(ctx, x, f, version, email, password)
	case f.since(version) != nil:
		return Enabled{}, f.since(version)
	}
	name := f.name
	if name == "" {
		name = x.Number
	}
	limit, err := s.deviceLimit(ctx, x.Tenant)
	if err != nil {
		return Enabled{}, err
	}
	fact := newFact(ctx, x, events.SoftphoneEnabled{Email: email, Username: Username(x), DisplayName: name, DeviceLimit: limit})
	chosen, err := s.choose(x, fact, password)
	if err != nil {
		return Enabled{}, err
	}
	err = s.grant(ctx, f, fact, chosen)
	return s.enabled(ctx, fact, chosen, password != "", err)
}

// deviceLimit is what a license is granted for here: the default, or less where the tenant
// may have less.
func (s *Service) deviceLimit(ctx context.Context, tenant string) (int, error) {
	most, err := s.limits.MaxDevices(ctx, tenant)
	if err != nil {
		return 0, away(err)
	}
	return min(most, events.DefaultDeviceLimit), nil
}

// grant enables, and returns when the license of this very fact is granted.
func (s *Service) grant(ctx context.Context, f facts, fact events.Event, password string) error {
	place, err := s.prepare(ctx, fact, password, credential.NewEpoch())
	if err != nil {
		return err
	}
	ctx, cancel := s.waiting(ctx)
	defer cancel()
	_, decision, err := s.ask(ctx, f, fact)
	s.settle(ctx, fact, place, err)
	if err != nil {
		return err
	}
	var granted events.LicenseGranted
	if decision.Outcome != granted.EventName() {
		return fmt.Errorf("%w: instead of a license there is %s", ErrTryAgain, decision.Outcome)
	}
	if err := json.Unmarshal(decision.Data, &granted); err != nil {
		return fmt.Errorf("reading the license: %w", err)
	}
	return nil
}

// enabled is the answer to an Enable that set a password with a fact, or could not: the
// password is shown only when it is the one in force. One that was made up and is not
// shown is forgotten, so that a license that is granted later has none that anybody
// might know, which is how enableAgain knows it.
func (s *Service) enabled(ctx context.Context, fact events.Event, password string, known bool, err error) (Enabled, error) {
	x := fact.Extension
	var f facts
	if err == nil {
		f, err = s.facts(ctx, x)
	}
	if err == nil && f.credential != fact.ID {
		err = f.after(0) // somebody else was first
	}
	if err != nil {
		if !known {
			s.forget(ctx, fact)
		}
		return Enabled{}, err
	}
	s.inView(ctx, x)
	return Enabled{
		Username: f.license.username, Password: process.NewSecret(password), LicenseID: f.license.id, Limit: f.license.limit, Version: f.version,
	}, nil
}

// enableAgain is Enable when the softphone is enabled: it takes up what an earlier call
// for the same address, by the same person or seen by this one, began and did not bring
// to an end. It sets a new password, on the condition that no license was granted since
// it looked: so whoever still waits with an earlier password sees, when the license is
// granted, that it is not in force.
func (s *Service) enableAgain(ctx context.Context, x events.Extension, f facts, version uint64, email, password string) (Enabled, error) {
	seen := version != Any && f.since(version) == nil
	if !seen && !f.changed.enabling(actor(ctx)) || f.email != email {
		return Enabled{}, f.after(0)
	}
	if f.license.id != "" {
		set, err := s.replaceable(ctx, x, f.credential)
		if err != nil {
			return Enabled{}, away(err)
		}
		if set.Hash != "" {
			return s.enabledBefore(ctx, f, set.Hash, password)
		}
	}
	fact := newFact(ctx, x, events.SoftphonePasswordReset{})
	chosen, err := s.choose(x, fact, password)
	if err != nil {
		return Enabled{}, err
	}
	err = s.replace(ctx, f, fact, chosen)
	return s.enabled(ctx, fact, chosen, password != "", err)
}

// enabledBefore answers for a license that has a password: to who names it, as if it
// were granted now; to everybody else that somebody enabled it.
func (s *Service) enabledBefore(ctx context.Context, f facts, hash, password string) (Enabled, error) {
	if password == "" {
		return Enabled{}, f.after(0)
	}
	same, err := s.hasher.Matches(ctx, credential.Caller{Known: true}, hash, password)
	if err != nil {
		return Enabled{}, away(err)
	}
	if !same {
		return Enabled{}, f.after(0)
	}
	return Enabled{
		Username: f.license.username, Password: process.NewSecret(password), LicenseID: f.license.id, Limit: f.license.limit, Version: f.version,
	}, nil
}

// replace sets another password before anybody has one, and returns when the license
// is granted.
func (s *Service) replace(ctx context.Context, f facts, fact events.Event, password string) error {
	place, err := s.prepare(ctx, fact, password, credential.NewEpoch())
	if err != nil {
		return err
	}
	ctx, cancel := s.waiting(ctx)
	defer cancel()
	x := fact.Extension
	changes := s.tail.watch(ctx, x)
	_, err = s.publish(ctx, f, fact, guard{of(x, events.License, events.LicenseGranted{}.EventName()), f.granted})
	s.settle(ctx, fact, place, err)
	for err == nil {
		if f, err = s.facts(ctx, x); err == nil && !f.pending {
			return nil
		}
		if _, more := <-changes; !more {
			err = fmt.Errorf("%w: the license is not granted yet", ErrTryAgain)
		}
	}
	return err
}
