package fold

import "crypto/sha256"

const (
	// remembered is how many facts of a key are known again when they repeat.
	remembered = 16

	// marked is the size of the mark a fact leaves, in bytes. A new fact is taken
	// for a repeated one with a chance of 16/2^48, once in 10^13 facts. With 8 bytes
	// a license with four devices no longer fits into 512 bytes of Redis, and then
	// takes 640.
	marked = 6
)

// recent holds the marks of a key's last facts, the newest last.
type recent string

// markOf is the mark that the fact with an id leaves.
func markOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return string(sum[:marked])
}

func (r recent) has(mark string) bool {
	for at := 0; at+marked <= len(r); at += marked {
		if string(r[at:at+marked]) == mark {
			return true
		}
	}
	return false
}

func (r recent) with(mark string) recent {
	r += recent(mark)
	return r[max(0, len(r)-remembered*marked):]
}
