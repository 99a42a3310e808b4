package portal

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

var (
	// ErrNotFound says that there is no such extension, or no such device on it.
	ErrNotFound = errors.New("not found")

	// ErrExists says that an extension that was to be added is there already.
	ErrExists = errors.New("the extension exists already")

	// ErrNotEnabled says that the extension has no softphone, and the change needs one.
	ErrNotEnabled = errors.New("the softphone is not enabled")

	// ErrUnauthorized is the one answer to a user that is unknown, disabled or gave
	// a wrong password, and to a token that is not, or no longer, valid.
	ErrUnauthorized = errors.New("username or password is wrong, or the softphone is not enabled")

	// ErrTryAgain says that something needed is away or slow. Nothing is half done:
	// trying again is safe.
	ErrTryAgain = errors.New("cannot be answered just now: try again")
)

// Conflict says that an extension was changed since the caller looked at it.
type Conflict struct {
	Who  events.Actor
	What string    // the fact's name, for example "ExtensionRenamed"
	When time.Time // when it was stored
}

func (c *Conflict) Error() string {
	who := c.Who.String()
	if who == "" {
		who = "somebody"
	}
	return fmt.Sprintf("changed meanwhile: %s by %s at %s; look again and repeat what is still wanted",
		c.What, who, c.When.UTC().Format(time.RFC3339))
}

// Forbidden says that whoever acts may not do that.
type Forbidden struct {
	Detail string // what it needs
}

func (f *Forbidden) Error() string { return "not allowed: " + f.Detail }

// LimitReached says that every seat is taken.
type LimitReached struct {
	Used, Limit int
	Devices     []Device // who holds the seats, at most events.MaxSeats
}

func (l *LimitReached) Error() string {
	return fmt.Sprintf("Device Activation Limit Reached: %d of %d", l.Used, l.Limit)
}

// What there may be too many of.
const (
	OfFailedSignIns = "failed sign-ins"
	OfSignIns       = "sign-ins of this account"
	OfStreams       = "streams"
	OfEmails        = "welcome e-mails"
	OfChanges       = "changes of the e-mail address"
)

// TooMany says that something was done too often; it may be tried again later.
type TooMany struct {
	Of         string // one of Of…
	RetryAfter time.Duration
}

func (t *TooMany) Error() string {
	seconds := int(math.Ceil(t.RetryAfter.Seconds()))
	switch {
	case seconds <= 1:
		return fmt.Sprintf("too many %s: try again in a second", t.Of)
	case seconds < 120:
		return fmt.Sprintf("too many %s: try again in %d seconds", t.Of, seconds)
	}
	return fmt.Sprintf("too many %s: try again in %d minutes", t.Of, (seconds+59)/60)
}
