package mailer

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// claimsSeen are the claims that goroutines have, by mail.
type claimsSeen struct {
	mu  sync.Mutex
	has map[string]map[*claim]bool
}

func (s *claimsSeen) set(c *claim, has bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.has[c.key] == nil {
		s.has[c.key] = map[*claim]bool{}
	}
	if has {
		s.has[c.key][c] = true
	} else {
		delete(s.has[c.key], c)
	}
}

// conflict is a mail of which two claims are good. A claim that is good before and after was good in between: a lease
// that ended has another incarnation.
func (s *claimsSeen) conflict() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, claims := range s.has {
		for a := range claims {
			for b := range claims {
				if a != b && a.good() == nil && b.good() == nil && a.good() == nil {
					return key
				}
			}
		}
	}
	return ""
}

// Processes that die, lose their lease and come back, at any time: no two claims of a mail are ever good together, and
// each mail is claimed again and again.
func TestGuardAtRandom(t *testing.T) {
	t.Parallel()
	const processes, mails, term = 6, 3, 400 * time.Millisecond
	bucket := newWorld(t, servertest.SMTPScript{}, 0).bucket()
	seen := &claimsSeen{has: map[string]map[*claim]bool{}}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	var running sync.WaitGroup
	taken := make(chan string, 10000)
	for range processes {
		running.Go(func() {
			for ctx.Err() == nil {
				life(ctx, bucket, term, mails, seen, taken)
			}
		})
	}
	for ctx.Err() == nil {
		if key := seen.conflict(); key != "" {
			t.Fatalf("two claims of %s are good", key)
		}
		time.Sleep(time.Millisecond)
	}
	running.Wait()
	count := map[string]int{}
	for range len(taken) {
		count[<-taken]++
	}
	t.Logf("taken: %v", count)
	for i := range mails {
		if count[strconv.Itoa(i)] < 5 {
			t.Errorf("mail %d was claimed %d times", i, count[strconv.Itoa(i)])
		}
	}
}

// life of a process: it loses its lease now and then, and ends without releasing what it claimed.
func life(ctx context.Context, bucket jetstream.KeyValue, term time.Duration, mails int, seen *claimsSeen, taken chan<- string) {
	g := newGuard(bucket, term, func() uint64 { return 0 })
	ctx, cancel := context.WithTimeout(ctx, rand.N(8*term))
	defer cancel()
	var working sync.WaitGroup
	for range 2 {
		working.Go(func() {
			for ctx.Err() == nil {
				g.workAtRandom(ctx, strconv.Itoa(rand.IntN(mails)), term, seen, taken)
			}
		})
	}
	for ctx.Err() == nil {
		stop := g.live()
		pause(ctx, rand.N(4*term))
		stop()
		pause(ctx, rand.N(2*term))
	}
	working.Wait()
}

func (g *guard) workAtRandom(ctx context.Context, mail string, term time.Duration, seen *claimsSeen, taken chan<- string) {
	own := g.begin(mailOf(mail))
	if own == nil {
		pause(ctx, term/50)
		return
	}
	if _, err := own.take(ctx); err == nil && own.good() == nil {
		seen.set(own, true)
		taken <- mail
		pause(ctx, rand.N(term))
		seen.set(own, false)
	}
	if ctx.Err() == nil { // else it died
		own.end(ctx)
		pause(ctx, rand.N(term/10))
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
