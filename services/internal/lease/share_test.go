package lease

import (
	"fmt"
	"testing"
)

// For every number of members: each partition is some member's, the shares differ by one at most, and everybody who
// starts at its first and counts up to its share meets no other.
func TestShare(t *testing.T) {
	t.Parallel()
	for partitions := 1; partitions <= 32; partitions++ {
		for members := 1; members <= 40; members++ {
			var names []string
			for m := range members {
				names = append(names, fmt.Sprintf("r%02d", m))
			}
			taken := map[int]string{}
			for _, name := range names {
				count, first := share(partitions, append([]string{}, names...), name)
				if count != partitions/members && count != (partitions+members-1)/members {
					t.Fatalf("%d partitions, %d members: %s gets %d", partitions, members, name, count)
				}
				for n := first; n < first+count; n++ {
					if other := taken[n]; other != "" {
						t.Fatalf("%d partitions, %d members: %s and %s get %d", partitions, members, other, name, n)
					}
					taken[n] = name
				}
			}
			if len(taken) != partitions {
				t.Fatalf("%d partitions, %d members: %d are taken", partitions, members, len(taken))
			}
		}
	}
}

func TestIsName(t *testing.T) {
	t.Parallel()
	for s, want := range map[string][2]bool{ // as a worker, as a replica
		"device-counter": {true, true}, "host.example.com": {false, true}, "": {}, ".a": {}, "a.": {}, "a..b": {}, "a b": {},
		"*": {}, ">": {}, "é": {}, "a\n": {},
	} {
		if isName(s, false) != want[0] || isName(s, true) != want[1] {
			t.Errorf("%q", s)
		}
	}
}
