package eventlog_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// store publishes messages, and returns the sequences of those that are 1001's.
func store(t testing.TB, js jetstream.JetStream, n int, is func(i int) bool) (ours []uint64) {
	t.Helper()
	for i := range n {
		number := fmt.Sprintf("2%03d", i%500)
		if is(i) {
			number = "1001"
			ours = append(ours, uint64(i+1))
		}
		m := nats.NewMsg("softphone.pbx.acme." + number + "." + []string{"Add", "Take"}[i%2])
		if _, err := js.PublishMsgAsync(m); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	return ours
}

// Newest returns what reading the whole log would, wherever the messages are: dense, rare, in clusters, none.
func TestNewest(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for name, is := range map[string]func(i int) bool{
		"none":     func(int) bool { return false },
		"first":    func(i int) bool { return i == 0 },
		"last":     func(i int) bool { return i == 2999 },
		"all":      func(int) bool { return true },
		"rare":     func(i int) bool { return i%611 == 5 },
		"random":   func(int) bool { return random.IntN(20) == 0 },
		"clusters": func(i int) bool { return i/100%9 == 2 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, js, log := setup(t)
			ours := store(t, js, 3000, is)
			for _, limit := range []int{1, 2, 21, 4000} {
				for _, before := range []uint64{0, 1, 2, 65, 1234, 2999, 3000, 3001, math.MaxUint64} {
					found, err := log.Newest(t.Context(), "log.*.pbx.acme.1001.*", before, limit)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(newest(ours, before, limit), sequences(found)); diff != "" {
						t.Errorf("before %d, %d of them (-want +got):\n%s", before, limit, diff)
					}
				}
			}
		})
	}
}

func newest(all []uint64, before uint64, limit int) (want []uint64) {
	for _, sequence := range slices.Backward(all) {
		if sequence < before && len(want) < limit {
			want = append(want, sequence)
		}
	}
	return want
}

func sequences(messages []eventlog.Message) (all []uint64) {
	for _, m := range messages {
		all = append(all, m.Sequence)
	}
	return all
}

// BenchmarkNewest reads a page of 21 out of 200,000 messages.
func BenchmarkNewest(b *testing.B) {
	for name, is := range map[string]func(i int) bool{
		"dense": func(int) bool { return true },
		"rare":  func(i int) bool { return i%5000 == 7 },
		"old":   func(i int) bool { return i < 21 },
		"heaps": func(i int) bool { return i/1000%50 == 7 },
	} {
		b.Run(name, func(b *testing.B) {
			server := servertest.NATS(b)
			js := server.JetStream(b)
			if err := eventlog.Ensure(b.Context(), js, eventlog.Layout{}); err != nil {
				b.Fatal(err)
			}
			log, err := eventlog.Open(b.Context(), server.Connect(b))
			if err != nil {
				b.Fatal(err)
			}
			store(b, js, 200_000, is)
			for b.Loop() {
				if found, err := log.Newest(b.Context(), "log.*.pbx.acme.1001.*", math.MaxUint64, 21); err != nil || len(found) != 21 {
					b.Fatal(len(found), err)
				}
			}
		})
	}
}
