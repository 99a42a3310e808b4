package lease

import "errors"

var (
	// ErrLost says that a lease is not, or not surely, ours any more. It is also the cause of the owner's context.
	ErrLost = errors.New("lease lost")
	// ErrGivenUp is the cause of the owner's context when the partition is another replica's share.
	ErrGivenUp = errors.New("lease given up to another replica")
	// ErrSameName says that two processes run as the same replica of the same worker. The older one gets it.
	ErrSameName = errors.New("another process runs under the same replica name")
	// ErrBucket says that a bucket with other settings is there already.
	ErrBucket = errors.New("lease bucket has other settings")
	// errNone is for health.
	errNone = errors.New("no partition is owned although some should be: other replicas hold them, or died and hold them until their leases expire")
	// ErrConfig says that Run was given something it cannot work with.
	ErrConfig = errors.New("lease configuration")
)
