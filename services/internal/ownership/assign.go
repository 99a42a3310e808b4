package ownership

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strconv"
)

// Assign gives each of n partitions to one of the members. It depends on the names alone, not on their order. The shares
// differ by one at most. When a member comes or goes, mostly those partitions move that it gets or had.
func Assign(n int, members []string) []string {
	owners := make([]string, n)
	if len(members) == 0 {
		return owners
	}
	type bid struct {
		partition int
		member    string
		weight    uint32
	}
	bids := make([]bid, 0, n*len(members))
	for partition := range n {
		for _, m := range members {
			bids = append(bids, bid{partition, m, weight(partition, m)})
		}
	}
	slices.SortFunc(bids, func(a, b bid) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.partition, b.partition), cmp.Compare(a.member, b.member))
	})
	each, larger := n/len(members), n%len(members) // so many get one more than each
	held := map[string]int{}
	for _, b := range bids {
		switch has := held[b.member]; {
		case owners[b.partition] != "" || has > each:
			continue
		case has == each && larger == 0:
			continue
		case has == each:
			larger--
		}
		owners[b.partition] = b.member
		held[b.member]++
	}
	return owners
}

// weight says how much a member wants a partition: highest random weight, as in rendezvous hashing.
func weight(partition int, member string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(member + " " + strconv.Itoa(partition)))
	// FNV's last byte changes only the low bits; this spreads them (the finalizer of MurmurHash3).
	x := h.Sum32()
	x = (x ^ x>>16) * 0x85ebca6b
	x = (x ^ x>>13) * 0xc2b2ae35
	return x ^ x>>16
}
