package ownership

import "errors"

var (
	// ErrGivenUp is the cause of an owner's context when the partition is another replica's share.
	ErrGivenUp = errors.New("partition given up to another replica")
	// ErrSameName says that two processes run as the same replica of the same worker. The older one gets it.
	ErrSameName = errors.New("another process runs under the same replica name")
	// ErrConfig says that a replica was given something it cannot work with.
	ErrConfig = errors.New("ownership configuration")
	// errUnheard is for health.
	errUnheard = errors.New("this replica's own messages do not come back from NATS: it takes no partition until they do")
)
