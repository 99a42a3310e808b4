package worker

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/process"
)

// partitions is what health calls the partitions of a replica.
const partitions = "partitions"

// faults are what keeps this replica from folding some of its partitions, for
// /healthz and /readyz.
type faults struct {
	health *process.Health
	mu     sync.Mutex
	of     map[int]error
}

// report takes a partition's fault, or nil when it is over.
func (f *faults) report(partition int, fault error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.of, partition)
	if fault != nil {
		f.of[partition] = fault
	}
	var broken, waiting []error
	for _, partition := range slices.Sorted(maps.Keys(f.of)) {
		if fault := f.of[partition]; fold.Refused(fault) {
			broken = append(broken, fault)
		} else {
			waiting = append(waiting, fault)
		}
	}
	f.health.Broken(partitions, once(broken))
	f.health.NotReady(partitions, once(waiting))
}

// once joins faults, each said once: a server that is away is a fault of every
// partition.
func once(faults []error) error {
	var all []error
	said := map[string]int{}
	for _, fault := range faults {
		if said[fault.Error()]++; said[fault.Error()] == 1 {
			all = append(all, fault)
		}
	}
	for i, fault := range all {
		if n := said[fault.Error()]; n > 1 {
			all[i] = fmt.Errorf("%w (%d partitions)", fault, n)
		}
	}
	return errors.Join(all...)
}
