package portal

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal/credential"
)

// What administrators do. Each is one fact more. A version says what the caller saw,
// or is [Any]; a change that came in between is a [*Conflict], unless it made it what
// the caller wants anyway.

// Add makes an extension, or returns [ErrExists].
func (s *Service) Add(ctx context.Context, x events.Extension, name string) (version uint64, err error) {
	if err := authorize(ctx, opAdd, x.Tenant); err != nil {
		return 0, err
	}
	name = cleanName(name)
	f, err := s.facts(ctx, x)
	if err != nil {
		return 0, err
	}
	if f.exists {
		return 0, ErrExists
	}
	return s.rename(ctx, x, f, name)
}

// Save renames.
func (s *Service) Save(ctx context.Context, x events.Extension, version uint64, name string) (now uint64, err error) {
	if err := authorize(ctx, opSave, x.Tenant); err != nil {
		return 0, err
	}
	name = cleanName(name)
	f, err := s.facts(ctx, x)
	switch {
	case err != nil:
		return 0, err
	case f.exists && f.name == name:
		return f.version, nil
	case f.since(version) != nil:
		return 0, f.since(version)
	case !f.exists:
		return 0, ErrNotFound
	}
	return s.rename(ctx, x, f, name)
}

func (s *Service) rename(ctx context.Context, x events.Extension, f facts, name string) (uint64, error) {
	receipt, err := s.publish(ctx, f, newFact(ctx, x, events.ExtensionRenamed{Name: name}))
	if err != nil {
		return 0, err
	}
	s.inView(ctx, x)
	return receipt.Sequence, nil
}

// Delete removes an extension, its license with it, and returns when the license is
// revoked.
func (s *Service) Delete(ctx context.Context, x events.Extension, version uint64) error {
	if err := authorize(ctx, opDelete, x.Tenant); err != nil {
		return err
	}
	f, err := s.facts(ctx, x)
	switch {
	case err != nil:
		return err
	case !f.exists:
		return ErrNotFound
	case f.since(version) != nil:
		return f.since(version)
	}
	return s.close(ctx, f, newFact(ctx, x, events.ExtensionDeleted{}))
}

// Disable revokes the license, and returns when it is revoked. An extension that has
// none is left as it is.
func (s *Service) Disable(ctx context.Context, x events.Extension, version uint64) error {
	if err := authorize(ctx, opDisable, x.Tenant); err != nil {
		return err
	}
	f, err := s.facts(ctx, x)
	switch {
	case err != nil:
		return err
	case !f.exists:
		return ErrNotFound
	case f.license.id == "" && !f.pending:
		return s.revoked(ctx, x)
	case f.since(version) != nil:
		return f.since(version)
	}
	return s.close(ctx, f, newFact(ctx, x, events.SoftphoneDisabled{Reason: "disabled by an administrator"}))
}

// revoked says whether the license worker has come to it as well.
func (s *Service) revoked(ctx context.Context, x events.Extension) error {
	var license events.LicenseAnswer
	if err := s.question(ctx, events.License, x, nil, &license); err != nil {
		return away(err)
	}
	if !license.Current || license.Active {
		return fmt.Errorf("%w: the license is not revoked yet", ErrTryAgain)
	}
	return nil
}

// close publishes a fact that ends the license, and removes the credentials: they
// open nothing from that fact on, whether or not they are still there.
func (s *Service) close(ctx context.Context, f facts, fact events.Event) error {
	ctx, cancel := s.waiting(ctx)
	defer cancel()
	place, err := s.credentials.Place(ctx)
	if err != nil {
		return away(err)
	}
	if _, _, err := s.ask(ctx, f, fact); err != nil {
		return err
	}
	s.tidy(ctx, fact.Extension, place+1)
	s.inView(ctx, fact.Extension)
	return nil
}

// tidy removes credentials that no fact will ever put in force again.
func (s *Service) tidy(ctx context.Context, x events.Extension, before uint64) {
	if err := s.credentials.DropBefore(ctx, x, before); err != nil {
		s.logger.Warn().Err(err).Stringer("extension", x).Msg("old credentials stay until the next change")
	}
}

// ResetPassword replaces the password; "" makes one. Devices keep their seats. They stay
// signed in, unless signOut says that all of them are to sign in again: that takes effect
// with the password, also for a device that is signing in just now.
func (s *Service) ResetPassword(ctx context.Context, x events.Extension, version uint64, password string, signOut bool) (Reset, error) {
	if err := authorize(ctx, opResetPassword, x.Tenant); err != nil {
		return Reset{}, err
	}
	f, err := s.licensed(ctx, x, version)
	if err != nil {
		return Reset{}, err
	}
	fact := newFact(ctx, x, events.SoftphonePasswordReset{})
	password, err = s.choose(x, fact, password)
	if err != nil {
		return Reset{}, err
	}
	epoch, err := s.epoch(ctx, x, f, signOut)
	if err != nil {
		return Reset{}, err
	}
	place, err := s.prepare(ctx, fact, password, epoch)
	if err != nil {
		return Reset{}, err
	}
	ctx, cancel := s.waiting(ctx)
	defer cancel()
	receipt, err := s.publish(ctx, f, fact)
	s.settle(ctx, fact, place, err)
	if err != nil {
		return Reset{}, err
	}
	return Reset{Username: f.license.username, Password: process.NewSecret(password), Version: receipt.Sequence}, nil
}

// choose takes the password that is asked for or makes one up, and says what is wrong
// with the fact or the password before anything is stored.
func (s *Service) choose(x events.Extension, fact events.Event, password string) (string, error) {
	if err := fact.Validate(); err != nil {
		return "", plain(err)
	}
	if password == "" {
		return credential.Generate(), nil
	}
	return password, s.policy.Check(password, Username(x), x.Number, x.Tenant)
}

// epoch is that of the credential in force, or a new one.
func (s *Service) epoch(ctx context.Context, x events.Extension, f facts, anew bool) (string, error) {
	if anew {
		return credential.NewEpoch(), nil
	}
	now, err := s.replaceable(ctx, x, f.credential)
	if err != nil {
		return "", away(err)
	}
	return cmp.Or(now.Epoch, credential.NewEpoch()), nil
}

// replaceable is the credential of a fact as an administrator sees it: one that bears no seal
// opens nothing, is as good as none, and a new one puts it right.
func (s *Service) replaceable(ctx context.Context, x events.Extension, factID string) (credential.Credential, error) {
	c, err := s.credentials.Get(ctx, x, factID)
	if errors.Is(err, credential.ErrSeal) {
		s.logger.Error().Err(err).Msg("a stored password is not ours")
		return credential.Credential{}, nil
	}
	return c, err
}

// prepare stores the credential that a fact will put in force.
func (s *Service) prepare(ctx context.Context, fact events.Event, password, epoch string) (place uint64, err error) {
	hash, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return 0, away(err)
	}
	ctx, cancel := s.waiting(ctx)
	defer cancel()
	place, err = s.credentials.Put(ctx, fact.Extension, fact.ID, credential.Credential{Hash: hash, Epoch: epoch})
	return place, away(err)
}

// settle removes the credential of a fact that is not in the log, or those before
// the one that is. Of a fact that may be, nothing is removed.
func (s *Service) settle(ctx context.Context, fact events.Event, place uint64, err error) {
	switch {
	case err == nil:
		s.tidy(ctx, fact.Extension, place)
	case !stored(err):
		s.forget(ctx, fact)
	}
}

// forget removes the credential of a fact, also when whoever asked for it has gone.
func (s *Service) forget(ctx context.Context, fact events.Event) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.patience.decision)
	defer cancel()
	if err := s.credentials.Drop(ctx, fact.Extension, fact.ID); err != nil {
		s.logger.Warn().Err(err).Stringer("extension", fact.Extension).Msg("an unused credential stays until the next change")
	}
}

// RemoveDevice frees a device's seat, or returns [ErrNotFound] for one that holds
// none. The device is signed out.
func (s *Service) RemoveDevice(ctx context.Context, x events.Extension, version uint64, deviceID string) error {
	if err := authorize(ctx, opRemoveDevice, x.Tenant); err != nil {
		return err
	}
	f, err := s.licensed(ctx, x, version)
	if err != nil {
		return err
	}
	ctx, cancel := s.waiting(ctx)
	defer cancel()
	_, decision, err := s.ask(ctx, f, newFact(ctx, x, events.DeviceRemoved{DeviceID: deviceID}))
	if err != nil {
		return err
	}
	s.inView(ctx, x)
	if decision.Outcome == events.NothingToDo {
		return fmt.Errorf("device: %w", ErrNotFound)
	}
	return nil
}

// ChangeEmail corrects the address of the license in force, and returns when it is: the
// license, its devices and the password stay. The new address gets the welcome e-mail.
// *[TooMany] is its error for who does that too often.
func (s *Service) ChangeEmail(ctx context.Context, x events.Extension, version uint64, email string) (now uint64, err error) {
	if err := authorize(ctx, opChangeEmail, x.Tenant); err != nil {
		return 0, err
	}
	email = cleanText(email)
	fact := newFact(ctx, x, events.SoftphoneEmailChanged{Email: email})
	if err := fact.Validate(); err != nil {
		return 0, plain(err)
	}
	f, err := s.licensed(ctx, x, version)
	switch {
	case f.license.id != "" && f.email == email && f.moving:
		return 0, fmt.Errorf("%w: the address is not changed yet", ErrTryAgain)
	case f.license.id != "" && f.email == email:
		return f.version, nil
	case err != nil:
		return 0, err
	}
	if err := s.mayChange(ctx, x, email); err != nil {
		return 0, err
	}
	return s.readdress(ctx, f, fact)
}

func (s *Service) readdress(ctx context.Context, f facts, fact events.Event) (uint64, error) {
	ctx, cancel := s.waiting(ctx)
	defer cancel()
	receipt, decision, err := s.ask(ctx, f, fact)
	if err != nil {
		return 0, err
	}
	if decision.Outcome == events.NothingToDo { // a core was first: it disabled the app, or made the same change
		if f, err = s.facts(ctx, fact.Extension); err != nil || f.license.id == "" {
			return 0, cmp.Or(err, ErrNotEnabled)
		}
	}
	s.inView(ctx, fact.Extension)
	return receipt.Sequence, nil
}

// SendWelcome asks for the welcome e-mail once more, or returns *[TooMany].
func (s *Service) SendWelcome(ctx context.Context, x events.Extension, version uint64) error {
	if err := authorize(ctx, opSendWelcome, x.Tenant); err != nil {
		return err
	}
	f, err := s.licensed(ctx, x, version)
	if err != nil {
		return err
	}
	if err := s.mayMail(ctx, x, f.email); err != nil {
		return err
	}
	ctx, cancel := s.waiting(ctx)
	defer cancel()
	if _, err := s.publish(ctx, f, newFact(ctx, x, events.WelcomeEmailRequested{})); err != nil {
		return err
	}
	s.inView(ctx, x)
	return nil
}

// licensed reads an extension for a change that needs a license in force.
func (s *Service) licensed(ctx context.Context, x events.Extension, version uint64) (facts, error) {
	f, err := s.facts(ctx, x)
	switch {
	case err != nil:
		return f, err
	case !f.exists:
		return f, ErrNotFound
	case f.since(version) != nil:
		return f, f.since(version)
	case f.pending:
		return f, errors.Join(ErrTryAgain, errors.New("the license is not granted yet"))
	case f.license.id == "":
		return f, ErrNotEnabled
	}
	return f, nil
}
