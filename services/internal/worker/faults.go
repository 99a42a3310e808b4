package worker

import (
	"errors"
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
	f.health.Broken(partitions, errors.Join(broken...))
	f.health.NotReady(partitions, errors.Join(waiting...))
}
