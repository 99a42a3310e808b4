package delivery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/time/rate"
)

// Limit of the mails to one recipient's domain.
type Limit struct {
	AtOnce int        // mails being handed over
	Rate   rate.Limit // mails a second; 0: as fast as it goes
}

// DomainLimits are limits by domain, in ASCII; "*" is that of every other domain.
type DomainLimits map[string]Limit

// ParseDomainLimits reads MAIL_DOMAIN_LIMITS: with spaces or commas in between,
//
//	domain=at-once[@count/unit]      such as gmail.com=4 *=2@30/m
//
// where unit is s, m or h.
func ParseDomainLimits(list string) (DomainLimits, error) {
	limits := DomainLimits{}
	var faults []error
	for word := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		domain, limit, err := parseLimit(word)
		if _, again := limits[domain]; err == nil && again {
			err = errors.New("is there twice")
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("MAIL_DOMAIN_LIMITS: %q: %w", word, err))
			continue
		}
		limits[domain] = limit
	}
	return limits, errors.Join(faults...)
}

var errLimit = errors.New("write domain=at-once or domain=at-once@count/unit with the unit s, m or h, such as gmail.com=4@60/m")

func parseLimit(word string) (domain string, limit Limit, err error) {
	domain, value, found := strings.Cut(word, "=")
	atOnce, every, rated := strings.Cut(value, "@")
	limit.AtOnce, err = strconv.Atoi(atOnce)
	if !found || err != nil || limit.AtOnce < 1 {
		return "", Limit{}, errLimit
	}
	if domain != "*" {
		if domain, err = idna.Lookup.ToASCII(domain); err != nil || domain == "" {
			return "", Limit{}, errors.New("is not about a domain name or *")
		}
	}
	if !rated {
		return domain, limit, nil
	}
	count, unit, _ := strings.Cut(every, "/")
	n, err := strconv.ParseFloat(count, 64)
	second := map[string]float64{"s": 1, "m": 60, "h": 3600}[unit]
	if err != nil || n <= 0 || second == 0 {
		return "", Limit{}, errLimit
	}
	limit.Rate = rate.Limit(n / second)
	return domain, limit, nil
}

// Busy says that a recipient's domain has its share of the connections, or of the
// rate. Nothing was tried and nothing failed: try again after a while.
type Busy struct {
	Domain string
	After  time.Duration
}

func (b *Busy) Error() string {
	return fmt.Sprintf("%s has its share of the mails under way: later", b.Domain)
}

// domains keeps one slow domain from taking all connections. A few mails that would
// be too many wait a moment for a place; the others do not, as whoever waits keeps its
// caller from other mails: they are told when to come again, each a turn later than
// the one before.
type domains struct {
	limits  DomainLimits
	rest    Limit // of domains that have none of their own
	waiting int   // mails to one domain that wait a moment for a place

	mu sync.Mutex
	by map[string]*domain
}

// domain is how much is under way to one.
type domain struct {
	limit   Limit
	bucket  *rate.Limiter // nil: no rate
	running int
	waiting []chan struct{} // for a place, first come first; closed: it is theirs
	last    time.Time       // a mail ended
	gap     time.Duration   // between mails that ended, smoothed
	turn    time.Time       // of the last mail that was sent away
}

// newDomains takes the number of connections there are: unless told otherwise, one
// domain may have three quarters of them.
func newDomains(limits DomainLimits, connections, waiting int) *domains {
	rest, set := limits["*"]
	if !set {
		rest = Limit{AtOnce: max(1, connections*3/4)}
	}
	return &domains{limits: limits, rest: rest, waiting: waiting, by: map[string]*domain{}}
}

// enter lets a mail to a domain pass, until leave; otherwise it is [*Busy], or the
// context's error.
func (d *domains) enter(ctx context.Context, name string) (leave func(), err error) {
	at, turn, err := d.ask(name)
	if err != nil {
		return nil, err
	}
	if turn != nil {
		moment := time.NewTimer(aMoment)
		defer moment.Stop()
		select {
		case <-turn:
		case <-moment.C:
			err = d.leaveQueue(name, at, turn)
		case <-ctx.Done():
			err = context.Cause(ctx)
			if d.leaveQueue(name, at, turn) == nil {
				d.leave(at)
			}
		}
	}
	return func() { d.leave(at) }, err
}

// ask for a place: nil and no error is one; a channel, one to wait for.
func (d *domains) ask(name string) (*domain, chan struct{}, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	at := d.of(name, now)
	if d.crowded(at) {
		return nil, nil, at.busy(name, now)
	}
	if at.running >= at.limit.AtOnce {
		turn := make(chan struct{})
		at.waiting = append(at.waiting, turn)
		return at, turn, nil
	}
	if at.bucket != nil && !at.bucket.AllowN(now, 1) {
		return nil, nil, at.spent(name, now)
	}
	at.running++
	if at.running == 1 {
		at.last = now
	}
	return at, nil, nil
}

// full says what enter would, where it would neither let a mail pass nor wait: nil
// when it would.
func (d *domains) full(name string) *Busy {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	switch at := d.of(name, now); {
	case d.crowded(at):
		return at.busy(name, now)
	case at.bucket != nil && at.bucket.TokensAt(now) < 1:
		return at.spent(name, now)
	default:
		return nil
	}
}

// crowded says whether a domain has all its places taken, and those to wait for one.
func (d *domains) crowded(at *domain) bool {
	return at.running >= at.limit.AtOnce && (at.bucket != nil || len(at.waiting) >= d.waiting)
}

// leaveQueue waits no longer, unless the place was given in this moment: nil.
func (d *domains) leaveQueue(name string, at *domain, turn chan struct{}) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, waits := range at.waiting {
		if waits == turn {
			at.waiting = slices.Delete(at.waiting, i, i+1)
			return at.busy(name, time.Now())
		}
	}
	return nil
}

func (d *domain) busy(name string, now time.Time) *Busy {
	return &Busy{name, d.later(now, max(d.gap, now.Sub(d.last)))}
}

// spent is a domain that has had its rate.
func (d *domain) spent(name string, now time.Time) *Busy {
	return &Busy{name, d.later(now, time.Duration(float64(time.Second)/float64(d.limit.Rate)))}
}

// of finds a domain, or begins it. Whoever asks holds the lock.
func (d *domains) of(name string, now time.Time) *domain {
	if at := d.by[name]; at != nil {
		return at
	}
	if len(d.by) >= manyDomains {
		maps.DeleteFunc(d.by, func(_ string, at *domain) bool { return at.running == 0 && now.Sub(at.last) > time.Hour })
	}
	at := &domain{limit: d.rest, last: now}
	if own, has := d.limits[name]; has {
		at.limit = own
	}
	if at.limit.Rate > 0 {
		at.bucket = rate.NewLimiter(at.limit.Rate, at.limit.AtOnce)
	}
	d.by[name] = at
	return at
}

// manyDomains is when those that nobody writes to are forgotten.
const manyDomains = 4096

func (d *domains) leave(at *domain) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	at.gap += (now.Sub(at.last) - at.gap) / 8
	at.last = now
	if len(at.waiting) > 0 {
		close(at.waiting[0])
		at.waiting = at.waiting[1:]
		return
	}
	at.running--
}

// later is the next turn after the one given out last, a gap each.
func (d *domain) later(now time.Time, gap time.Duration) time.Duration {
	if d.turn.Before(now) {
		d.turn = now
	}
	d.turn = d.turn.Add(max(gap, minTurn))
	if latest := now.Add(maxTurn); d.turn.After(latest) {
		d.turn = latest
	}
	return d.turn.Sub(now)
}

const (
	aMoment = time.Second // for a place; a domain that needs longer for a mail is a slow one
	minTurn = time.Millisecond
	maxTurn = time.Minute // so that a domain that is itself again is soon written to
)
