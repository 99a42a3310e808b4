package fold

import (
	"errors"
	"fmt"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

var (
	// errFenced says that another owner has this partition now, or that Redis lost what this owner wrote.
	errFenced = errors.New("fenced: the checkpoint in Redis is not the one this owner wrote")

	// errNotOwned says that another replica owns the partition.
	errNotOwned = errors.New("the partition is not owned any more")

	// errTampered says that Redis has a state newer than its checkpoint, or one that cannot be read. No snapshot of
	// Redis has that, so it was changed by hand; the partition is folded from the beginning.
	errTampered = errors.New("a state in Redis is not what this worker wrote")
)

// Refusal says that the log and the checkpoint do not belong together. Nothing is written until an operator has put the
// right one back: either may be wrong, and guessing could publish outcomes twice or lose seats.
type Refusal struct {
	Worker     string
	Partition  int
	Log        string // what the log says
	Checkpoint string // what the checkpoint says
	Repair     string // what to do
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("partition %d of %s is refused: %s, but %s; %s",
		r.Partition, r.Worker, r.Log, r.Checkpoint, r.Repair)
}

// Refused reports whether only an operator can end a fault: a [Refusal], a checkpoint that is [ErrDamaged], or a stream
// that is not fit to be the log.
func Refused(err error) bool {
	var refusal *Refusal
	return errors.As(err, &refusal) || errors.Is(err, ErrDamaged) || errors.Is(err, eventlog.ErrUnfit)
}

// Damaged tells that what Redis has was written by no owner: a [View] cannot read it, until
// the owner has folded it again or somebody has discarded it.
func Damaged(err error) bool { return errors.Is(err, ErrDamaged) || errors.Is(err, errTampered) }
