package eventlog

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Who would have to wait long for the earliest does not wait at all.
func TestGroups(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from []uint64
		want [][]uint64
	}{
		"nobody":         {nil, nil},
		"one":            {[]uint64{7}, [][]uint64{{7}}},
		"all the same":   {[]uint64{1, 1, 1}, [][]uint64{{1, 1, 1}}},
		"near":           {[]uint64{togetherLimit + 1, 1}, [][]uint64{{1, togetherLimit + 1}}},
		"far":            {[]uint64{togetherLimit + 2, 1}, [][]uint64{{1}, {togetherLimit + 2}}},
		"near the first": {[]uint64{1, togetherLimit, 2 * togetherLimit}, [][]uint64{{1, togetherLimit}, {2 * togetherLimit}}},
	} {
		var all []*fed
		for _, from := range c.from {
			all = append(all, &fed{from: from})
		}
		var got [][]uint64
		for _, group := range groups(all) {
			var from []uint64
			for _, r := range group {
				from = append(from, r.from)
			}
			got = append(got, from)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Who had nothing to take for long, because another one held up the feed, is not the
// one that is stuck.
func TestWaitingIsNotStuck(t *testing.T) {
	t.Parallel()
	r := &fed{Reader: newReader(1)}
	r.full = time.Now().Add(-stuckLimit)
	r.offer(Message{Sequence: 1}, 1)
	got := make(chan error)
	go func() {
		time.Sleep(10 * time.Millisecond) // the feed is first to find no room
		for range 2 {
			_, err := r.Batch(t.Context(), 1, time.Minute)
			got <- err
		}
	}()
	r.offer(Message{Sequence: 2}, 0)
	for range 2 {
		if err := <-got; err != nil {
			t.Error(err)
		}
	}
}
