package fold

import "crypto/sha256"

const (
	// maxRecent is how many facts of an extension are recognized when they are repeated.
	maxRecent = 16

	// markSize is the size of a fact's mark, in bytes. A new fact is taken for a repeated one with a chance of 16/2^48,
	// once in 10^13 facts. With 8 bytes a license with four devices no longer fits into 512 bytes of Redis, and then
	// takes 640.
	markSize = 6
)

// recent is the marks of an extension's last facts, the newest last.
type recent string

// markOf is the mark of the fact with an id.
func markOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return string(sum[:markSize])
}

func (r recent) has(mark string) bool {
	for at := 0; at+markSize <= len(r); at += markSize {
		if string(r[at:at+markSize]) == mark {
			return true
		}
	}
	return false
}

func (r recent) with(mark string) recent {
	r += recent(mark)
	return r[max(0, len(r)-maxRecent*markSize):]
}
