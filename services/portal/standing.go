package portal

import (
	"context"
	"fmt"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// What devices sign in by, and are shown. It stands in the view's row of the extension, which is
// folded from the log and may be of the past; one look at the log, for the extension's last
// event, says whether it is. So a sign-in costs one request to the log for that, however many
// events make up what holds. Only when the view does not catch up is the log itself read.

// standing is what holds of an extension for its devices.
type standing struct {
	extension  events.Extension
	exists     bool
	name       string
	license    license // in force; the zero license when none is
	granted    uint64  // sequence of that license
	credential string  // id of the fact whose credential is in force; "" when none is

	// counted is the last event that the device counter reads; nil when that is not known.
	counted *events.Position
}

// viewed is a row as it was read, perhaps of the past.
type viewed struct {
	fold.Entry[row]

	extension events.Extension
}

// standing is what the row says, as of a look at the log.
func (v viewed) standing(last events.Position) standing {
	s := v.State
	is := standing{extension: v.extension, exists: s.Exists, name: s.Name, counted: &events.Position{Log: last.Log, Sequence: s.Counted}}
	if s.LicenseID != "" {
		is.license = license{id: s.LicenseID, limit: s.Limit, username: s.Username}
		is.granted, is.credential = s.Granted, s.credential()
	}
	return is
}

// standing is what was read from the log.
func (f facts) standing() standing {
	return standing{
		extension: f.extension, exists: f.exists, name: f.name, license: f.license, granted: f.granted, credential: f.credential,
	}
}

// viewed reads the row of an extension. One that is damaged is as if it were not there: the log
// says what holds.
func (s *Service) viewed(ctx context.Context, x events.Extension) (viewed, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience.redis)
	defer cancel()
	entry, err := s.view.Read(ctx, x)
	if fold.Damaged(err) {
		s.logger.Warn().Err(err).Msg("the portal's view cannot be read, and the log is read instead; `softphonectl replay state --apply` repairs it")
		return viewed{extension: x}, nil
	}
	return viewed{entry, x}, away(err)
}

// standing is what holds of an extension, as of a look at the log after the call.
func (s *Service) standing(ctx context.Context, x events.Extension) (standing, error) {
	v, err := s.viewed(ctx, x)
	if err != nil {
		return standing{}, err
	}
	return s.confirm(ctx, v)
}

const (
	// behindPause is for how long the view is let catch up before it is read again, at first; the
	// pause doubles. It is a few milliseconds behind what was published just now.
	behindPause = 2 * time.Millisecond

	// behindTries is how often it is read again, 126 ms in all.
	behindTries = 6
)

// confirm looks at the log, and returns what the row says if that is what holds now. Else the view
// gets a moment to catch up, and then the log is asked for everything.
func (s *Service) confirm(ctx context.Context, v viewed) (standing, error) {
	ctx, cancel := s.waiting(ctx)
	defer cancel()
	pause := behindPause
	for try := 0; ; try++ {
		last, err := s.log.LastAbout(ctx, v.extension)
		if err != nil {
			return standing{}, away(err)
		}
		folded := v.AsOf(last)
		if folded && v.Last() == last.Sequence {
			return v.standing(last), nil
		}
		// The view reads every event: one that is not in a row although the view has come to it is a
		// dead letter, or of a later version of the contract, or somebody took the row out of Redis.
		if folded || try == behindTries {
			f, err := s.facts(ctx, v.extension)
			return f.standing(), err
		}
		select {
		case <-ctx.Done():
			return standing{}, fmt.Errorf("%w: %w", ErrTryAgain, context.Cause(ctx))
		case <-time.After(pause):
		}
		pause *= 2
		if v, err = s.viewed(ctx, v.extension); err != nil {
			return standing{}, err
		}
	}
}
