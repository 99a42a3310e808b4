package faults

import (
	"math/rand/v2"
	"testing"
	"time"
)

// outage is how long a server is gone.
const outage = time.Minute

func TestNATSGone(t *testing.T) {
	t.Parallel()
	s, stop := underLoad(t)
	s.nats.Kill()
	time.Sleep(outage)
	s.nats.Start()
	time.Sleep(2 * time.Second) // some load after it
	stop()
	s.settled(2 * time.Minute)
}

func TestRedisGone(t *testing.T) {
	t.Parallel()
	s, stop := underLoad(t)
	s.redis.Stop()
	time.Sleep(outage)
	s.redis.Start()
	time.Sleep(2 * time.Second)
	stop()
	s.settled(2 * time.Minute)
}

// Redis is emptied, and put back to an older copy, while everything runs: within
// 10 s the state equals the fold of the log, and no outcome was told twice.
func TestRedisSetBack(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"emptied", "put back"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s, stop := underLoad(t)
			older := s.redis.Snapshot()
			time.Sleep(3 * time.Second)
			if how == "emptied" {
				s.redis.Empty()
			} else {
				s.redis.PutBack(older)
			}
			time.Sleep(time.Second)
			stop()
			s.settled(10 * time.Second)

			// And without anything that happens.
			if how == "emptied" {
				s.redis.Empty()
			} else {
				s.redis.PutBack(older)
			}
			s.settled(10 * time.Second)
		})
	}
}

// underLoad is a system that has worked for some seconds and goes on to.
func underLoad(t *testing.T) (*system, func()) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s := newSystem(t, childLicense, childCounter)
	load := &traffic{log: s.log, random: rand.New(rand.NewPCG(seed, 2)), extensions: extensionsIn(-1, 100)}
	stop := load.start(t, 5*time.Millisecond)
	time.Sleep(3 * time.Second)
	return s, stop
}
