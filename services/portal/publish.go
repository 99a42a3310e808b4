package portal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// Publish stores a fact that a PBX core has made, without condition: what happened,
// happened. It is published as the portal's own, by whoever acts. It waits up to the given time for the decision; nil when none came, which
// does not say that there will be none.
func (s *Service) Publish(ctx context.Context, fact events.Event, wait time.Duration) (eventlog.Receipt, *events.Decision, error) {
	if err := authorize(ctx, opPublish, fact.Extension.Tenant); err != nil {
		return eventlog.Receipt{}, nil, err
	}
	if err := errors.Join(s.affords(ctx, fact), s.mails(ctx, fact)); err != nil {
		return eventlog.Receipt{}, nil, err
	}
	fact.Source, fact.Actor, fact.Data = events.Portal, actor(ctx), cleanData(fact.Data)
	m, err := message(fact)
	if err != nil {
		return eventlog.Receipt{}, nil, err
	}
	if wait == 0 || slices.Contains(undecided(), fact.EventName()) {
		receipt, err := s.log.Publish(ctx, m)
		return receipt, nil, away(err)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	receipt, decision, err := s.log.Ask(ctx, m)
	switch {
	case errors.Is(err, eventlog.ErrNoAnswer):
		return receipt, nil, nil
	case err != nil:
		return receipt, nil, away(err)
	}
	return receipt, &decision, nil
}

// affords refuses, of an actor of one tenant, a license for more devices than the tenant may
// have. Whoever acts for all tenants sells what they like.
func (s *Service) affords(ctx context.Context, fact events.Event) error {
	enabled, is := fact.Data.(events.SoftphoneEnabled)
	if !is || ActorOf(ctx).Tenant == EveryTenant {
		return nil
	}
	most, err := s.limits.MaxDevices(ctx, fact.Extension.Tenant)
	if err != nil {
		return away(err)
	}
	if wanted := cmp.Or(enabled.DeviceLimit, events.DefaultDeviceLimit); wanted > most {
		return &Forbidden{Detail: fmt.Sprintf("a license for %d devices; the highest deviceLimit of tenant %s is %d", wanted, fact.Extension.Tenant, most)}
	}
	return nil
}

// mails refuses a welcome e-mail too many, as SendWelcome and ChangeEmail do.
func (s *Service) mails(ctx context.Context, fact events.Event) error {
	changed, change := fact.Data.(events.SoftphoneEmailChanged)
	if _, again := fact.Data.(events.WelcomeEmailRequested); !again && !change {
		return nil
	}
	f, err := s.facts(ctx, fact.Extension)
	switch email := cleanText(changed.Email); {
	case err != nil || f.license.id == "" || change && f.email == email: // then none is sent
		return err
	case change:
		return s.mayChange(ctx, fact.Extension, email)
	}
	return s.mayMail(ctx, fact.Extension, f.email)
}

// undecided are the facts no worker answers: the mailer reads them, and what becomes
// of an e-mail is in the log later.
func undecided() []string {
	return []string{events.SoftphonePasswordReset{}.EventName(), events.WelcomeEmailRequested{}.EventName()}
}
