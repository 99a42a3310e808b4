package softphonectl

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"github.com/synadia-io/orbit.go/jetstreamext"
	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/replay"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/internal/worker"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silent{})
	servertest.Main(m, nil)
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// BenchmarkReplay measures, on a log of SOFTPHONE_BENCH_EVENTS inputs of the device
// counter (100,000), folded by a real worker: the raw rate of a reader, and of both
// replays their rate and how much the heap grew.
//
//	go test -run '^$' -bench Replay -benchtime 1x -timeout 20m .
func BenchmarkReplay(b *testing.B) {
	total := 100_000
	if text := os.Getenv("SOFTPHONE_BENCH_EVENTS"); text != "" {
		total, _ = strconv.Atoi(text)
	}
	ctx := b.Context()
	server, store := servertest.NATSChild(b), servertest.Redis(b)
	js := server.JetStream(b)
	if err := setup.Everything(ctx, js, setup.Layout{}); err != nil {
		b.Fatal(err)
	}
	log, err := eventlog.Open(ctx, server.Connect(b))
	if err != nil {
		b.Fatal(err)
	}
	fill(b, log, total)
	b.Logf("%d events written", total)

	config := worker.Config{
		Config: process.Config{Host: process.NewHost(zerolog.Nop())}, Replica: "bench",
		NATS: process.NATS{URL: server.URL()}, Redis: process.Redis{URL: store.URL()},
	}
	working, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- devicecounter.Run(working, config) }()
	counter := folderOf(devicecounter.Rules())
	observer := replay.Observer{Log: log, Redis: store.Client(b), Partitions: events.Partitions}
	started := time.Now()
	for observer.Folder(ctx, counter.Folder).Lag > 0 {
		time.Sleep(200 * time.Millisecond)
	}
	b.Logf("folded in %s", time.Since(started).Round(time.Millisecond))
	stop()
	<-done

	b.Run("raw", func(b *testing.B) {
		measure(b, total, func() error {
			return replay.Scan(ctx, log, replay.Range{}, func(eventlog.Message) error { return nil })
		})
	})
	check := replay.Check{Log: log, Redis: store.Client(b), Found: func(f replay.Finding) { b.Errorf("found %v", f) }}
	for p := range events.Partitions {
		check.Partitions = append(check.Partitions, p)
	}
	b.Run("state", func(b *testing.B) {
		measure(b, total, func() error { _, err := counter.state(ctx, check); return err })
	})
	b.Run("decisions", func(b *testing.B) {
		measure(b, total, func() error { _, err := counter.decisions(ctx, check); return err })
	})
}

// measure reports the rate and the most the heap grew.
func measure(b *testing.B, total int, f func() error) {
	b.Helper()
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak atomic.Uint64
	sampling, stop := context.WithCancel(b.Context())
	defer stop()
	go func() {
		for sampling.Err() == nil {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			peak.Store(max(peak.Load(), now.HeapAlloc))
			time.Sleep(50 * time.Millisecond)
		}
	}()
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(total)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(peak.Load()-min(peak.Load(), before.HeapAlloc))/(1<<20), "MB-heap")
}

// perExtension is how many events each extension has: a license, and sign-ins.
const perExtension = 10

func fill(b *testing.B, log *eventlog.Log, total int) {
	b.Helper()
	group, ctx := errgroup.WithContext(b.Context())
	group.SetLimit(4)
	const batch = 50 // extensions
	for first := 0; first < total/perExtension; first += batch {
		group.Go(func() error {
			var messages []*nats.Msg
			for i := first; i < min(first+batch, total/perExtension); i++ {
				x := events.Extension{Tenant: fmt.Sprintf("t%d", i%100), Number: strconv.Itoa(i)}
				enabled := events.NewFact(x, events.SoftphoneEnabled{Email: "a@example.com", Username: "user", DisplayName: "User"})
				messages = append(messages, workertest.Outcome(b, events.License, enabled, 0, events.LicenseGranted{
					LicenseID: enabled.ID, Generation: 1, DeviceLimit: 4, Email: "a@example.com", Username: "user", DisplayName: "User",
				}))
				for n := range perExtension - 1 {
					messages = append(messages, workertest.Message(b, events.NewFact(x, events.DeviceSignedIn{
						DeviceID: fmt.Sprintf("device-%d", n%6), Platform: events.PlatformIPhone, DeviceName: "A telephone",
					})))
				}
			}
			_, err := jetstreamext.PublishMsgBatch(ctx, log.JetStream(), messages)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
}
