package ownership

import (
	"fmt"
	"slices"
	"testing"
)

func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("replica-%d", i)
	}
	return all
}

// Each partition is some member's, the shares differ by one at most, and the order of the members does not matter.
func TestAssignIsFair(t *testing.T) {
	t.Parallel()
	for partitions := 1; partitions <= 32; partitions++ {
		for members := 1; members <= 40; members++ {
			all := names(members)
			owners := Assign(partitions, all)
			held := map[string]int{}
			for _, owner := range owners {
				held[owner]++
			}
			for owner, n := range held {
				if !slices.Contains(all, owner) || n < partitions/members || n > (partitions+members-1)/members {
					t.Fatalf("%d partitions, %d members: %q gets %d", partitions, members, owner, n)
				}
			}
			slices.Reverse(all)
			if !slices.Equal(owners, Assign(partitions, all)) {
				t.Fatalf("%d partitions, %d members: the order of the members matters", partitions, members)
			}
		}
	}
}

// A member that comes or goes moves its own share, and little else.
func TestAssignMovesLittle(t *testing.T) {
	t.Parallel()
	const partitions = 16
	for members := 2; members <= 8; members++ {
		worst := 0
		for salt := range 100 {
			var all []string
			for i := range members {
				all = append(all, fmt.Sprintf("host-%d-%d", salt, i))
			}
			before, after := Assign(partitions, all), Assign(partitions, all[1:])
			moved := 0
			for p := range partitions {
				if before[p] != after[p] && before[p] != all[0] {
					moved++
				}
			}
			worst = max(worst, moved)
		}
		t.Logf("%d members, one goes: at most %d partitions of others move", members, worst)
		if worst > partitions/2 {
			t.Errorf("%d members, one goes: %d partitions of others move", members, worst)
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
