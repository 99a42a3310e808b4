package credential

import (
	"crypto/rand"
	"strings"
)

const (
	// unambiguous is what nobody mistakes on paper or over the phone: no upper case,
	// and neither i, l, o nor 0, 1. A character is worth 4.95 bits.
	unambiguous = "abcdefghjkmnpqrstuvwxyz23456789"

	groups, group = 4, 5 // 20 characters, 99 bits
)

// Generate makes a password up: "k7fvm-3xq9a-pd2hs-tw8nz".
func Generate() string {
	var b strings.Builder
	for i := range groups * group {
		if i > 0 && i%group == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(unambiguous[below(len(unambiguous))])
	}
	return b.String()
}

// below is a random number from 0 to n-1, each as likely as another; n is at most 256.
func below(n int) int {
	var b [1]byte
	for {
		_, _ = rand.Read(b[:]) // never fails: it ends the process instead
		if int(b[0]) < 256-256%n {
			return int(b[0]) % n
		}
	}
}
