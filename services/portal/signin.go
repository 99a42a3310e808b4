package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal/credential"
	"github.com/mycloudpbx/softphone/services/portal/security"
)

// Username is what a person signs in with: <number>@<tenant>. It is made of the
// extension, so that it is nobody else's and nothing has to be looked up.
func Username(x events.Extension) string { return x.Number + "@" + x.Tenant }

// extensionOf reads a username. What is none becomes some extension, for which the
// same is done: how long an answer takes tells nothing.
func extensionOf(username string) (x events.Extension, ok bool) {
	number, tenant, ok := strings.Cut(username, "@")
	x = events.Extension{Number: number, Tenant: strings.ToLower(tenant)}
	if !ok || x.Validate() != nil {
		return events.Extension{Tenant: "nobody", Number: "nobody"}, false
	}
	return x, true
}

// SignIn lets a device in: it has the right password, and a seat. The errors are
// [ErrUnauthorized], *[LimitReached], *[TooMany], [ErrTryAgain], and a
// *events.FieldError for a device that is not described as it should be.
func (s *Service) SignIn(ctx context.Context, in SignIn) (SignedIn, error) {
	began := time.Now()
	signedIn, outcome, err := s.signIn(ctx, in)
	if err != nil {
		outcome = outcomeOf(ctx, err)
	}
	s.metrics.signedIn(outcome, began)
	s.audit(in, signedIn.Extension, outcome)
	if errors.Is(err, errSeatRefused) { // an answer like any other of its kind
		err = ErrUnauthorized
	}
	return signedIn, err
}

// audit records who tried to sign in, from where, and what came of it. A username or a
// device id that is none is not written: people type passwords where those belong.
func (s *Service) audit(in SignIn, x events.Extension, result string) {
	if typed, ok := extensionOf(strings.TrimSpace(in.Username)); ok && x == (events.Extension{}) {
		x = typed
	}
	device := in.Device.ID
	if (events.DeviceRemoved{DeviceID: device}).Validate() != nil {
		device = ""
	}
	s.security.Record(security.Event{
		What: security.SignIn, Result: result, Tenant: x.Tenant, Extension: x.Number, Device: device, From: in.Address,
	})
}

// signIn is SignIn, and tells what became of one that was let in.
func (s *Service) signIn(ctx context.Context, in SignIn) (_ SignedIn, outcome string, _ error) {
	in.Device.Name = cleanName(in.Device.Name)
	asked := events.DeviceSignedIn{
		DeviceID: in.Device.ID, Platform: in.Device.Platform, DeviceName: in.Device.Name, AppVersion: in.AppVersion,
	}
	if err := asked.Validate(); err != nil {
		return SignedIn{}, "", plain(err)
	}
	in.Username = strings.TrimSpace(in.Username)
	x, ok := extensionOf(in.Username)
	if ok {
		in.Username = Username(x)
	}
	in.Username = strings.ToLower(in.Username) // all spellings of a name are counted as one
	is, epoch, err := s.authenticate(ctx, x, in)
	if err != nil {
		return SignedIn{}, "", err
	}
	if !ok {
		return SignedIn{}, "", ErrUnauthorized
	}
	x = is.extension
	device := events.Actor{Kind: events.ActorDevice, ID: asked.DeviceID, Name: asked.DeviceName}
	held, outcome, err := s.seat(ctx, is, events.NewPortalFact(x, device, asked), asked.DeviceID)
	if err != nil {
		return SignedIn{}, "", err
	}
	token, err := s.tokens.issue(ctx, session{
		Tenant: x.Tenant, Number: x.Number, License: held.LicenseID, DeviceID: asked.DeviceID, Epoch: epoch, Issued: time.Now().Unix(),
	})
	if err != nil {
		return SignedIn{}, "", away(err)
	}
	return SignedIn{Token: process.NewSecret(token), Profile: Profile{
		Extension: x, DisplayName: is.name, Username: is.license.username, DeviceID: asked.DeviceID, Used: held.Used, Limit: held.Limit,
	}}, outcome, nil
}

// authenticate compares the password, and returns what holds of the extension since then, as it is
// spelled in the log, and the epoch of the password.
func (s *Service) authenticate(ctx context.Context, x events.Extension, in SignIn) (is standing, epoch string, err error) {
	attempt, err := s.admit(ctx, in)
	if err != nil {
		return is, "", err
	}
	caller := credential.Caller{Known: attempt.known, From: network(in.Address)}
	is, epoch, right, err := s.compare(ctx, x, caller, in.Password.Reveal())
	if err != nil {
		// The count is taken back also when the caller has gone.
		return is, "", errors.Join(away(err), attempt.abandoned(context.WithoutCancel(ctx)))
	}
	if !right {
		return is, "", ErrUnauthorized
	}
	return is, epoch, s.admitted(ctx, attempt, in.Username)
}

// compares bounds how often a password is compared in one sign-in.
const compares = 3

// compare says whether a password is right, by the credential that is still in force when it has
// been compared: that takes a while, and longer when many wait. The credential is that of the
// view; when the look at the log afterwards shows another, the password is compared with that.
//
// It does the same, and so takes as long, whether there is such a user or not.
func (s *Service) compare(
	ctx context.Context, x events.Extension, caller credential.Caller, password string,
) (is standing, epoch string, right bool, err error) {
	if x, err = s.meant(ctx, x); err != nil {
		return is, "", false, err
	}
	v, err := s.viewed(ctx, x)
	if err != nil {
		return is, "", false, err
	}
	id := v.State.credential()
	for range compares {
		if epoch, right, err = s.matches(ctx, x, id, caller, password); err != nil {
			return is, "", false, err
		}
		if is, err = s.confirm(ctx, v); err != nil || is.credential == id {
			return is, epoch, right, err
		}
		if id = is.credential; id == "" { // the license ended meanwhile
			return is, "", false, nil
		}
		if v, err = s.viewed(ctx, x); err != nil {
			return is, "", false, err
		}
	}
	return is, "", false, fmt.Errorf("%w: the password of %s changes faster than it can be compared", ErrTryAgain, x)
}

// matches compares a password with the credential of a fact; "" is nobody's.
func (s *Service) matches(
	ctx context.Context, x events.Extension, id string, caller credential.Caller, password string,
) (epoch string, right bool, err error) {
	if id == "" {
		id = "none"
	}
	set, err := s.credentials.Get(ctx, x, id)
	if err != nil {
		return "", false, err
	}
	right, err = s.hasher.Matches(ctx, caller, set.Hash, password)
	return set.Epoch, right, err
}

// seat returns the seats when the device holds one of the license in force, and
// whether it had it before. A device that is known already leaves no trace in the log.
func (s *Service) seat(ctx context.Context, is standing, fact events.Event, deviceID string) (held events.DevicesAnswer, outcome string, err error) {
	ctx, cancel := s.waiting(ctx)
	defer cancel()
	held, err = s.holders(ctx, is)
	if err == nil && held.Current && held.LicenseID == is.license.id {
		if held.Holds(deviceID) {
			return held, signInRecognized, nil
		}
		if held.Used >= held.Limit {
			wait, err := s.allowances.take(ctx, part{refusalAllowance, fact.Extension.String()})
			switch {
			case err != nil:
				return held, "", err
			case wait > 0:
				return held, "", full(held)
			}
		}
	}
	decision, err := s.askSeat(ctx, is, fact)
	if err != nil {
		return held, "", err
	}
	held, outcome, err = s.seatOf(ctx, fact.Extension, decision)
	if err == nil && held.LicenseID != is.license.id {
		err = errSeatRefused
	}
	return held, outcome, err
}

// askSeat publishes on the one condition that no license was granted since the look at the log:
// that one has another password. Else a device that signs in changes nothing that an
// administrator could overwrite.
func (s *Service) askSeat(ctx context.Context, is standing, fact events.Event) (events.Decision, error) {
	m, err := message(fact)
	if err != nil {
		return events.Decision{}, err
	}
	eventlog.Expect(m, of(fact.Extension, events.License, events.LicenseGranted{}.EventName()), is.granted)
	_, decision, err := s.log.Ask(ctx, m)
	if eventlog.Refused(err) {
		return decision, errSeatRefused
	}
	return decision, away(err)
}

// errSeatRefused says that the password was right, and the license ended before the
// device had its seat.
var errSeatRefused = errors.New("the license that the password is of is not in force any more")

// full is the answer to a device too many.
func full(held events.DevicesAnswer) *LimitReached {
	return &LimitReached{Used: held.Used, Limit: held.Limit, Devices: devices(held.Devices[:min(len(held.Devices), events.MaxSeats)])}
}

func (s *Service) seatOf(ctx context.Context, x events.Extension, decision events.Decision) (held events.DevicesAnswer, outcome string, err error) {
	switch decision.Outcome {
	case events.DeviceActivated{}.EventName():
		var in events.DeviceActivated
		if err := json.Unmarshal(decision.Data, &in); err != nil {
			return held, "", fmt.Errorf("reading the decision: %w", err)
		}
		return events.DevicesAnswer{LicenseID: in.LicenseID, Used: in.Used, Limit: in.Limit}, signInActivated, nil
	case events.DeviceRecognized:
		held, err := s.seats(ctx, x, s.patience.decision)
		if err == nil && !held.Current {
			err = errors.New("the device counter is behind")
		}
		return held, signInRecognized, away(err)
	case events.DeviceActivationLimitReached{}.EventName():
		var out events.DeviceActivationLimitReached
		if err := json.Unmarshal(decision.Data, &out); err != nil {
			return held, "", fmt.Errorf("reading the decision: %w", err)
		}
		return held, "", &LimitReached{Used: out.Used, Limit: out.Limit, Devices: devices(out.Devices)}
	case events.DeviceSignInRefused{}.EventName():
		return held, "", errSeatRefused
	}
	return held, "", fmt.Errorf("%w: the device counter answers %s", ErrTryAgain, decision.Outcome)
}

// Profile is what the device of a token shows, or [ErrUnauthorized] when it is not
// signed in, or not any more.
func (s *Service) Profile(ctx context.Context, token string) (Profile, error) {
	who, err := s.tokens.session(ctx, token)
	if err != nil {
		return Profile{}, away(err)
	}
	if who == (session{}) {
		return Profile{}, ErrUnauthorized
	}
	p, err := s.look(ctx, who.extension()).profile(who)
	if errors.Is(err, ErrUnauthorized) {
		err = s.ended(ctx, token)
	}
	return p, err
}

// ended forgets a token that opens nothing any more.
func (s *Service) ended(ctx context.Context, token string) error {
	if err := s.tokens.end(ctx, token); err != nil {
		s.logger.Debug().Err(err).Msg("a token that has ended stays until it expires")
	}
	return ErrUnauthorized
}

// SignOut ends a token. The device keeps its seat. A token that is not valid is
// [ErrUnauthorized].
func (s *Service) SignOut(ctx context.Context, token string) error {
	who, err := s.tokens.session(ctx, token)
	if err != nil {
		return away(err)
	}
	if who == (session{}) {
		return ErrUnauthorized
	}
	err = s.tokens.end(ctx, token)
	s.audiences.wake(who.extension())
	return away(err)
}
