package faults

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Workers are killed with -9 at random moments, 100 times, under load.
func TestKill(t *testing.T) {
	t.Parallel()
	const kills = 100
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	s := newSystem(t, childLicense, childLicense, childCounter, childCounter)
	load := &traffic{log: s.log, random: rand.New(rand.NewPCG(seed, 2)), extensions: extensionsIn(-1, 200)}
	stop := load.start(t, 2*time.Millisecond)
	for range kills {
		time.Sleep(time.Duration(random.IntN(800)) * time.Millisecond)
		i := random.IntN(len(s.workers))
		s.workers[i].Kill()
		s.start(i)
	}
	stop()
	t.Logf("%d events published", load.published.Load())
	s.settled(time.Minute)
}
