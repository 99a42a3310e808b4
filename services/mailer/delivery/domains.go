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
	Rate   rate.Limit // mails a second; 0: no limit
}

// DomainLimits are limits by domain, in ASCII; "*" is the limit of every other domain.
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

// Busy says that a recipient's domain has its share of the connections, or of the rate. The mail was not tried: try
// it again after a while.
type Busy struct {
	Domain string
	After  time.Duration
}

func (b *Busy) Error() string {
	return fmt.Sprintf("%s has its share of the mails under way: later", b.Domain)
}

// domains keeps one slow domain from taking all connections. Of the mails over a domain's limit, some wait briefly for
// a place. The others get a [*Busy] with a time to come again, each a turn later than the one before, because a mail
// that waits keeps its caller from other mails.
type domains struct {
	limits  DomainLimits
	others  Limit // of domains that have none of their own
	waiting int   // mails to one domain that may wait for a place

	mu sync.Mutex
	by map[string]*domain
}

// domain is how much is under way to one.
type domain struct {
	limit   Limit
	bucket  *rate.Limiter // nil: no rate
	running int
	waiting []chan struct{} // for a place, in their order; closed: the place is theirs
	last    time.Time       // when a mail ended
	gap     time.Duration   // between mails that ended, smoothed
	turn    time.Time       // of the last mail that got a Busy
}

// newDomains makes the limits. Without one for "*", a domain may have three quarters of the connections.
func newDomains(limits DomainLimits, connections, waiting int) *domains {
	others, set := limits["*"]
	if !set {
		others = Limit{AtOnce: max(1, connections*3/4)}
	}
	return &domains{limits: limits, others: others, waiting: waiting, by: map[string]*domain{}}
}

// enter admits a mail to a domain, until leave. Its error is [*Busy] or the context's.
func (d *domains) enter(ctx context.Context, name string) (leave func(), err error) {
	at, turn, err := d.ask(name)
	if err != nil {
		return nil, err
	}
	if turn != nil {
		timer := time.NewTimer(queueTimeout)
		defer timer.Stop()
		select {
		case <-turn:
		case <-timer.C:
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

// ask asks for a place. Without an error and a channel the mail has it; with a channel it has it once that is closed.
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

// full returns the error that enter would return at once, or nil.
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

// crowded reports whether all places of a domain are taken, and all places in its queue.
func (d *domains) crowded(at *domain) bool {
	return at.running >= at.limit.AtOnce && (at.bucket != nil || len(at.waiting) >= d.waiting)
}

// leaveQueue leaves the queue. It returns nil if the mail has just got its place.
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

// spent is for a domain that has reached its rate.
func (d *domain) spent(name string, now time.Time) *Busy {
	return &Busy{name, d.later(now, time.Duration(float64(time.Second)/float64(d.limit.Rate)))}
}

// of finds a domain, or adds it. The caller holds the lock.
func (d *domains) of(name string, now time.Time) *domain {
	if at := d.by[name]; at != nil {
		return at
	}
	if len(d.by) >= manyDomains {
		maps.DeleteFunc(d.by, func(_ string, at *domain) bool { return at.running == 0 && now.Sub(at.last) > time.Hour })
	}
	at := &domain{limit: d.others, last: now}
	if own, has := d.limits[name]; has {
		at.limit = own
	}
	if at.limit.Rate > 0 {
		at.bucket = rate.NewLimiter(at.limit.Rate, at.limit.AtOnce)
	}
	d.by[name] = at
	return at
}

// manyDomains is the number at which unused domains are dropped.
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

// later returns how long until the next turn, a gap after the last one.
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
	queueTimeout = time.Second // a domain that needs longer for a mail is a slow one
	minTurn      = time.Millisecond
	maxTurn      = time.Minute // so that a domain that has recovered soon gets mails again
)
