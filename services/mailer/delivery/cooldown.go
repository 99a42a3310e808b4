package delivery

import (
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Cooldown bounds how long a server that is down is left alone, from the first time to the longest.
type Cooldown struct{ First, Max time.Duration }

// DefaultCooldown is short enough that a server that was restarted is soon used again.
func DefaultCooldown() Cooldown { return Cooldown{First: 5 * time.Second, Max: 5 * time.Minute} }

func (c Cooldown) pauses() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(c.First), backoff.WithMaxInterval(c.Max),
		backoff.WithMultiplier(2), backoff.WithRandomizationFactor(0.2), backoff.WithMaxElapsedTime(0))
}

// cooldown keeps mails from a server that cannot be reached or refuses us: for a time that doubles, after which one
// mail probes it.
type cooldown struct {
	mu      sync.Mutex
	pauses  *backoff.ExponentialBackOff
	until   time.Time
	down    bool
	probing bool // one mail is on its way
}

// allow reports whether a mail may go to the server now.
func (c *cooldown) allow() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.down {
		return true
	}
	if c.probing || time.Now().Before(c.until) {
		return false
	}
	c.probing = true
	return true
}

// markDown begins a cooldown and returns how long it is; 0: it had begun before. Of many mails that meet the same
// outage the first counts, and then the probes.
func (c *cooldown) markDown() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down && !c.probing && time.Now().Before(c.until) {
		return 0
	}
	pause := c.pauses.NextBackOff()
	c.down, c.probing, c.until = true, false, time.Now().Add(pause)
	return pause
}

// markUp ends the cooldown, and reports whether there was one.
func (c *cooldown) markUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.down
	c.down, c.probing = false, false
	c.pauses.Reset()
	return was
}

// inconclusive ends a probe that says nothing about the server: it was canceled.
func (c *cooldown) inconclusive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.probing = false
}
