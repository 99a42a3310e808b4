package mailer

import (
	"context"
	"time"
)

const (
	probeKey      = "probe"
	probeInterval = 5 * time.Second
	probePart     = "bucket" // what health calls it

	// probeSize is nearly the most a value may have, and about a page of a file system: a disk without a free page still
	// takes what fits into the last one.
	probeSize = 4000
)

// probe writes to the mailer's bucket every probeInterval, until ctx ends, and reports to health whether that works: a server whose
// disk is full answers all that is read, and without a mail to send nobody would notice. It is the system's only write
// without a cause, so it is to a bucket that keeps one value and not to the log.
func (m *mailer) probe(ctx context.Context) {
	ticker := time.NewTicker(probeInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			writing, cancel := context.WithTimeout(ctx, probeInterval)
			_, err := m.retries.bucket.Put(writing, probeKey, make([]byte, probeSize))
			cancel()
			if ctx.Err() == nil {
				m.paused.NotReady(probePart, m.log.Unwritable(err))
			}
		}
	}
}
