package portal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
)

// News is what a device that follows is told.
type News struct {
	Profile   Profile
	SignedOut bool // the last there is
}

// How devices follow their profiles. Those of one extension share an audience: a change
// costs one look at the log and at the seats, and one at their tokens, however many they
// are. Without it, 300 streams of one token took all there was of sign-ins.

// lookAgain is how long an audience waits after a look that failed, and lookTokens how often
// it looks whether its devices are signed in still: that ends on another replica, or by
// time, without an event in the log.
const (
	lookAgain  = time.Second
	lookTokens = 15 * time.Second
)

// Follow tells the device of a token its profile, at once and whenever it changes, and when
// it is signed out, which is the end. The channel is closed with the context, and when a
// newer stream of the device takes its place. News that was not taken is replaced by what
// comes later. The errors are those of Profile, and *[TooMany].
func (s *Service) Follow(ctx context.Context, token string) (<-chan News, error) {
	who, err := s.tokens.session(ctx, token)
	if err != nil {
		return nil, away(err)
	}
	if who == (session{}) {
		return nil, ErrUnauthorized
	}
	ctx, end, err := s.streams.open(ctx, who.extension(), "device "+who.License+" "+who.DeviceID)
	if err != nil {
		return nil, err
	}
	f := &follower{who: who, token: token, news: make(chan News, 1), first: make(chan error, 1)}
	s.audiences.join(ctx, s, f)
	select {
	case err = <-f.first:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		end()
		return nil, err
	}
	return f.news, nil
}

// follower is one stream of a device.
type follower struct {
	who   session
	token string
	news  chan News
	first chan error // what came of the first look

	told  bool
	shown Profile
}

// tell passes on what the profile is now. Whoever could not be told at first is gone.
func (f *follower) tell(p Profile, err error) {
	signedOut := errors.Is(err, ErrUnauthorized)
	if !f.told {
		select {
		case f.first <- err:
		default:
		}
		f.told = err == nil
	}
	if !f.told || err != nil && !signedOut || err == nil && p == f.shown {
		return
	}
	f.shown = p
	select {
	case <-f.news:
	default:
	}
	f.news <- News{Profile: p, SignedOut: signedOut}
}

// audiences are the followers, by extension.
type audiences struct {
	mu sync.Mutex
	of map[events.Extension]*audience
}

// audience is the followers of one extension.
type audience struct {
	look chan struct{} // somebody came, or signed out
	end  context.CancelFunc

	mu        sync.Mutex
	followers map[*follower]struct{}
}

// join adds a follower until the context ends; the first makes the audience and the last
// ends it.
func (all *audiences) join(ctx context.Context, s *Service, f *follower) {
	x := f.who.extension()
	all.mu.Lock()
	defer all.mu.Unlock()
	a := all.of[x]
	if a == nil {
		var attending context.Context
		a = &audience{look: make(chan struct{}, 1), followers: map[*follower]struct{}{}}
		attending, a.end = context.WithCancel(context.WithoutCancel(ctx))
		all.of[x] = a
		go s.attend(attending, x, a)
	}
	a.mu.Lock()
	a.followers[f] = struct{}{}
	a.mu.Unlock()
	a.wake()
	context.AfterFunc(ctx, func() { all.leave(x, a, f) })
}

func (all *audiences) leave(x events.Extension, a *audience, f *follower) {
	all.mu.Lock()
	defer all.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.followers, f)
	close(f.news)
	if len(a.followers) == 0 && all.of[x] == a {
		delete(all.of, x)
		a.end()
	}
}

// wake makes the audience of an extension look, if there is one.
func (all *audiences) wake(x events.Extension) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if a := all.of[x]; a != nil {
		a.wake()
	}
}

func (a *audience) wake() {
	select {
	case a.look <- struct{}{}:
	default:
	}
}

func (a *audience) all() []*follower {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Collect(maps.Keys(a.followers))
}

// attend looks when something happened, until the context ends.
func (s *Service) attend(ctx context.Context, x events.Extension, a *audience) {
	changes := s.tail.watch(ctx, x)
	timer := time.NewTimer(lookTokens)
	defer timer.Stop()
	var seen snapshot
	for {
		look := true
		select {
		case <-ctx.Done():
			return
		case <-changes:
		case <-a.look:
		case <-timer.C:
			look = seen.err != nil
		}
		if look {
			seen = s.look(ctx, x)
		}
		next := lookTokens
		if err := s.inform(ctx, a, seen); err != nil {
			s.logger.Debug().Err(err).Stringer("extension", x).Msg("followers are told later")
			seen.err, next = err, lookAgain
		}
		timer.Reset(next)
	}
}

// inform tells each follower what was seen. It returns why somebody must be told later.
func (s *Service) inform(ctx context.Context, a *audience, seen snapshot) error {
	followers := a.all()
	in, err := s.tokens.alive(ctx, followers)
	if err = away(err); err != nil {
		in = make([]bool, len(followers))
	}
	var late error
	for i, f := range followers {
		p, wrong := seen.profile(f.who)
		switch {
		case errors.Is(wrong, ErrUnauthorized):
			wrong = s.ended(ctx, f.token)
		case err != nil:
			wrong = err
		case !in[i]:
			wrong = ErrUnauthorized
		}
		if wrong != nil && !errors.Is(wrong, ErrUnauthorized) {
			late = wrong
		}
		a.mu.Lock()
		if _, there := a.followers[f]; there { // else its channel is closed
			f.tell(p, wrong)
		}
		a.mu.Unlock()
	}
	return late
}

// snapshot is what an extension is to its devices, read at one time.
type snapshot struct {
	is    standing
	held  events.DevicesAnswer
	epoch string // of the password in force; "" where that is a core's own
	err   error  // what could not be read
}

// look reads it.
func (s *Service) look(ctx context.Context, x events.Extension) (v snapshot) {
	if v.is, v.err = s.standing(ctx, x); v.err != nil || v.is.license.id == "" {
		return v
	}
	group, reading := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if v.held, err = s.holders(reading, v.is); err == nil && !v.held.Current {
			v.held, err = s.seats(reading, x, s.patience.behind)
		}
		return err
	})
	group.Go(func() error {
		set, err := s.credentials.Get(reading, x, v.is.credential)
		v.epoch = set.Epoch
		return err
	})
	if v.err = away(group.Wait()); v.err == nil && !v.held.Current {
		v.err = fmt.Errorf("%w: the device counter is behind", ErrTryAgain)
	}
	return v
}

// profile is what the device of a session shows, or [ErrUnauthorized] when it is not signed
// in any more, or why that is not known.
func (v snapshot) profile(who session) (Profile, error) {
	license := v.is.license
	ended := license.id != who.License
	switch {
	case ended && (v.err == nil || license.id != ""): // whoever holds the seats of another license
		return Profile{}, ErrUnauthorized
	case v.err != nil:
		return Profile{}, v.err
	case v.epoch != "" && v.epoch != who.Epoch: // the password was reset, and all devices signed out
		return Profile{}, ErrUnauthorized
	case v.held.LicenseID != who.License || !v.held.Holds(who.DeviceID):
		return Profile{}, ErrUnauthorized
	}
	return Profile{
		Extension: who.extension(), DisplayName: v.is.name, Username: license.username, DeviceID: who.DeviceID,
		Used: v.held.Used, Limit: v.held.Limit,
	}, nil
}
