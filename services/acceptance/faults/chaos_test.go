package faults

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/foldtest"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// chaosTime is how long TestChaos hurts everything.
const chaosTime = 60 * time.Second

// Three owners of one partition at once, chosen by nobody, are paused and killed;
// the NATS server is killed; Redis is put back and emptied.
func TestChaos(t *testing.T) {
	t.Parallel()
	const partition = 3
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))

	natsServer, redisServer := servertest.NATSChild(t), servertest.Redis(t)
	js := natsServer.JetStream(t)
	// The duplicate window is shorter than the pauses: nothing may rely on it.
	if err := eventlog.Ensure(t.Context(), js, eventlog.Layout{DuplicateWindow: time.Second}); err != nil {
		t.Fatal(err)
	}
	log, err := eventlog.Open(t.Context(), natsServer.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	load := &traffic{
		log: log, random: rand.New(rand.NewPCG(seed, 2)), extensions: extensionsIn(partition, 20), grants: true,
	}
	stopLoad := load.start(t, time.Millisecond)

	owners := make([]*servertest.Child, 3)
	start := func(i int) {
		env := environment(natsServer.URL(), redisServer.URL(), fmt.Sprintf("owner-%d", i))
		owners[i] = servertest.StartChild(t, childOwner, append(env, partitionEnv(partition))...)
	}
	for i := range owners {
		start(i)
	}
	resume := make([]time.Time, len(owners)) // of those that are paused
	done := map[string]int{}
	older := redisServer.Snapshot()
	for end := time.Now().Add(chaosTime); time.Now().Before(end); {
		time.Sleep(time.Duration(50+random.IntN(400)) * time.Millisecond)
		for i, at := range resume {
			if !at.IsZero() && time.Now().After(at) {
				owners[i].Resume()
				resume[i] = time.Time{}
			}
		}
		i := random.IntN(len(owners))
		switch dice := random.IntN(100); {
		case dice < 35:
			done["pause"]++
			owners[i].Pause()
			resume[i] = time.Now().Add(time.Duration(100+random.IntN(3000)) * time.Millisecond)
		case dice < 55:
			done["kill"]++
			owners[i].Kill()
			resume[i] = time.Time{}
			start(i)
		case dice < 60:
			done["nats"]++
			natsServer.Kill()
			natsServer.Start()
		case dice < 75:
			older = redisServer.Snapshot()
		case dice < 93:
			done["put back"]++
			redisServer.PutBack(older)
		default:
			done["empty"]++
			redisServer.Empty()
		}
	}
	stopLoad()
	for i, at := range resume {
		if !at.IsZero() {
			owners[i].Resume()
		}
	}
	report := foldtest.Await(t, js, redisServer.Client(t), devicecounter.Rules(), time.Minute)
	t.Logf("%v; %d published, %d repeated; %v", done, load.published.Load(), load.interrupted.Load(), report)
	if !report.Clean() || report.Outcomes < 1000 {
		t.Fatalf("after the chaos: %v", report)
	}
}
