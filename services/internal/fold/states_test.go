package fold_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/foldtest"
)

// replayed folds the whole log of the world's key in memory.
func (w *world) replayed() *fold.Replay[int] {
	w.t.Helper()
	r := fold.NewReplay(tally())
	input := tally().Inputs[0]
	for from := uint64(1); ; {
		m, err := w.log.NextOf(w.t.Context(), from, input.Filter(w.part))
		if err != nil {
			w.t.Fatal(err)
		}
		if m == nil {
			return r
		}
		r.Fold(*m)
		from = m.Sequence + 1
	}
}

func (w *world) states() fold.States { return fold.StatesOf(w.rdb, worker, w.part) }

func TestReplayFoldsWhatTheOwnerFolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(1, 2, 0, poison, 3)
	w.publish("fact-1", w.fact("fact-1", 7))
	w.own(nil)
	w.settled(soon)

	r := w.replayed()
	hashes, checkpoint, err := w.states().Read(t.Context(), []events.Extension{w.key, extension("none")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.Hash(w.key), hashes[0]); diff != "" {
		t.Errorf("the replay's hash and the owner's (-replay +owner):\n%s", diff)
	}
	if hashes[1] != nil || r.Hash(extension("none")) != nil {
		t.Errorf("a key never seen has a state")
	}
	if checkpoint.Seq != r.Last() {
		t.Errorf("the checkpoint is at %d, the replay at %d", checkpoint.Seq, r.Last())
	}
}

// What is listed are the states of the worker, in all partitions, and nothing else.
func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{
		"softphone:{p3}:license:acme:1001", "softphone:{p12}:license:acme:1002", "softphone:{p12}:license:acme:1003",
		"softphone:{p3}:license:checkpoint", "softphone:{p3}:licenses:acme:1001", "softphone:{p3}:other:license:acme", "softphone:{p3}:other:acme:1001",
		"softphone:{px}:license:acme:1001", "softphone:{p16}:license:acme:1001", "softphone:{p3}:license:acme:10:01", "softphone:{p3}:license:ac.me:1001", "{p3}:license:acme:1001",
	} {
		if err := w.rdb.HSet(t.Context(), name, "seq", 1).Err(); err != nil {
			t.Fatal(err)
		}
	}
	got := map[int][]events.Extension{}
	if err := fold.Extensions(t.Context(), w.rdb, worker, func(partition int, keys []events.Extension) error {
		got[partition] = append(got[partition], keys...)
		slices.SortFunc(got[partition], events.Extension.Compare)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[int][]events.Extension{3: {extension("1001")}, 12: {extension("1002"), extension("1003")}}, got); diff != "" {
		t.Errorf("keys in Redis (-want +is):\n%s", diff)
	}
}

// A state is corrupted and repaired while its owner is at any step of deciding on
// it: the owner must not put the corrupt one back.
func TestRepairUnderAnOwner(t *testing.T) {
	t.Parallel()
	for _, facts := range []int{1, 40} {
		for _, at := range []string{"read", "load", "decide", "publish", "commit", "answer"} {
			t.Run(fmt.Sprintf("%s/%d", at, facts), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				stop, _ := w.own(nil)
				w.add(ones(5)...)
				w.settled(soon)
				stop()

				right := w.replayed()
				hash := w.states().Hash(w.key)
				if err := w.rdb.HSet(t.Context(), hash, "total", 100).Err(); err != nil {
					t.Fatal(err)
				}
				paused, resume := make(chan struct{}), make(chan struct{})
				first := true
				w.add(ones(facts)...)
				w.own(func(step string) {
					if first && step == at {
						first = false
						close(paused)
						<-resume
					}
				})
				<-paused
				hashes, checkpoint, err := w.states().Read(t.Context(), []events.Extension{w.key})
				if err != nil {
					t.Fatal(err)
				}
				if at == "answer" { // it has committed
					right = w.replayed()
				}
				if hashes[0]["total"] == right.Hash(w.key)["total"] {
					t.Fatal("nothing is wrong, nothing is tested")
				}
				if err := w.states().Repair(t.Context(), checkpoint, []fold.Repair{{Extension: w.key, Hash: right.Hash(w.key)}}); err != nil {
					t.Fatal(err)
				}
				close(resume)
				w.add(ones(facts)...)
				w.repaired()
			})
		}
	}
}

// repaired waits until what is kept equals an independent fold. What was told
// because of a corrupt state may be wrong, but nothing may be missing or doubled.
func (w *world) repaired() {
	w.t.Helper()
	for deadline := time.Now().Add(soon); ; time.Sleep(20 * time.Millisecond) {
		report := foldtest.Audit(w.t, w.js, w.rdb, tally())
		if len(report.States)+report.Behind+report.Missing+report.Doubled+report.Phantom == 0 {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("not repaired: %v", report)
		}
	}
}

func TestRepairNeedsTheCheckpointItWasMadeFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.own(nil)
	w.add(1, 2)
	w.settled(soon)
	s := w.states()
	old, err := s.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.add(3)
	w.settled(soon)
	wrong := []fold.Repair{{Extension: w.key, Hash: map[string]string{"seq": "1", "total": "9"}}}
	for name, at := range map[string]fold.Checkpoint{"an older one": old, "none": {}} {
		if err := s.Repair(t.Context(), at, wrong); !errors.Is(err, fold.ErrMoved) {
			t.Errorf("at %s: %v, want ErrMoved", name, err)
		}
	}
	for name, at := range map[string]fold.Checkpoint{"an older one": old, "none": {}} {
		if err := s.Reset(t.Context(), at, []events.Extension{w.key}); !errors.Is(err, fold.ErrMoved) {
			t.Errorf("resetting at %s: %v, want ErrMoved", name, err)
		}
	}
	w.settled(soon)
}

// A partition that was reset is folded from the beginning, by an owner that ran all
// the time; none of its states is there when that begins.
func TestReset(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop, _ := w.own(nil)
	w.add(ones(100)...)
	w.settled(soon)
	stray := "softphone:{p" + fmt.Sprint(w.part) + "}:" + worker + ":acme:stray"
	if err := w.rdb.HSet(t.Context(), stray, "seq", 1).Err(); err != nil {
		t.Fatal(err)
	}
	reset := func() {
		t.Helper()
		s := w.states()
		at, err := s.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Reset(t.Context(), at, []events.Extension{w.key, extension("stray")}); err != nil {
			t.Fatal(err)
		}
	}
	reset()
	w.add(1)
	w.settled(soon)
	stop()
	reset()
	reset() // what has no checkpoint
	if names, err := w.rdb.Keys(t.Context(), "*").Result(); err != nil || len(names) > 0 {
		t.Errorf("left are %v, %v", names, err)
	}
}
