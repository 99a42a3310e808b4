package portal

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// Who may try to sign in, and what a right password takes back. The allowance of sign-ins and the
// throttle of failed ones are scripts of their own, each pair of which costs one round trip.

// admit lets a sign-in be tried, or returns *[TooMany]: when the account has used up its sign-ins,
// which only who has the password can, or too many have failed before.
func (s *Service) admit(ctx context.Context, in SignIn) (attempt, error) {
	running, cancel := context.WithTimeout(ctx, s.patience.redis)
	defer cancel()
	account := part{signInAllowance, in.Username}
	a, begin := s.throttle.beginning(in.Username, in.Address, in.Shared)
	replies := together(running, s.redis, s.allowances.script("look", account), begin)
	wait, err := s.allowances.wait(replies[0], account)
	a, failing := a.begun(replies[1])
	switch {
	case err == nil && wait == 0:
		return a, failing
	case failing == nil: // it is not tried, and so has not failed
		err = errors.Join(err, a.abandoned(context.WithoutCancel(ctx)))
	}
	if wait > 0 {
		return attempt{}, &TooMany{Of: OfSignIns, RetryAfter: wait}
	}
	return attempt{}, err
}

// admitted takes a sign-in with the right password from the account's allowance, and back from what
// has failed.
func (s *Service) admitted(ctx context.Context, a attempt, username string) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience.redis)
	defer cancel()
	account := part{signInAllowance, username}
	replies := together(ctx, s.redis, a.ending("in"), s.allowances.script("take", account))
	if err := replies[0].Err(); err != nil {
		return away(err)
	}
	_, err := s.allowances.wait(replies[1], account)
	return err
}

// script is one with what it is run on.
type script struct {
	*redis.Script

	keys []string
	args []any
}

// together runs scripts in one round trip, in no order. Of a pipeline there is no other error than
// those of its replies.
func together(ctx context.Context, client redis.UniversalClient, scripts ...script) []*redis.Cmd {
	pipe := client.Pipeline()
	replies := make([]*redis.Cmd, len(scripts))
	for i, s := range scripts {
		replies[i] = s.EvalSha(ctx, pipe, s.keys, s.args...)
	}
	_, _ = pipe.Exec(ctx)
	for i, s := range scripts {
		if redis.HasErrorPrefix(replies[i].Err(), "NOSCRIPT") { // it was started lately
			replies[i] = s.Eval(ctx, client, s.keys, s.args...)
		}
	}
	return replies
}
