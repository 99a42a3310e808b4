package credential

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Parameters of argon2id: the first choice of the OWASP cheat sheet, 19 MiB and two
// passes; about 34 ms on the machine this was made on.
const (
	memory  = 19456 // KiB
	passes  = 2
	lanes   = 1
	saltLen = 16
	keyLen  = 32
)

// Hasher computes and compares hashes, a few at a time: each takes 19 MiB and a core,
// and a flood of sign-ins may have neither the memory nor all the cores. Who waits for
// whom is in turns.go. It is a prometheus.Collector, see metrics.go.
type Hasher struct {
	turns    *turns
	computed atomic.Uint64
	dummy    string // a hash of nothing anybody knows
}

// NewHasher makes one that computes at most n hashes at a time, and lets nobody wait for
// longer than that for their turn; 0 is [Patience].
func NewHasher(n int, patience time.Duration) *Hasher {
	if patience == 0 {
		patience = Patience
	}
	nobody := make([]byte, saltLen)
	_, _ = rand.Read(nobody)
	return &Hasher{turns: newTurns(max(1, n), patience), dummy: encode(nobody, derive(rand.Text(), nobody))}
}

// Hash returns the hash of a password in PHC string form, with a salt of its own. It
// is for administrators, who are Known.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt)
	key, err := h.compute(ctx, Caller{Known: true}, password, salt)
	if err != nil {
		return "", err
	}
	return encode(salt, key), nil
}

// Matches compares a password with a hash. For a hash of "" it does the same work and
// is false: there is nothing to tell an unknown user by.
func (h *Hasher) Matches(ctx context.Context, c Caller, hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = h.dummy
	}
	salt, key, err := decode(hash)
	if err != nil {
		return false, err
	}
	computed, err := h.compute(ctx, c, password, salt)
	if err != nil {
		return false, err
	}
	same := subtle.ConstantTimeCompare(computed, key) == 1
	return same && known, nil
}

// compute is the work, when it is the caller's turn.
func (h *Hasher) compute(ctx context.Context, c Caller, password string, salt []byte) ([]byte, error) {
	if err := h.turns.take(ctx, c); err != nil {
		return nil, err
	}
	defer h.turns.pass()
	h.computed.Add(1)
	return derive(password, salt), nil
}

// derive computes. However a keyboard composes a letter, it is the same password.
func derive(password string, salt []byte) []byte {
	return argon2.IDKey(norm.NFC.AppendString(nil, password), salt, passes, memory, lanes, keyLen)
}

func encode(salt, key []byte) string {
	raw := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, memory, passes, lanes, raw.EncodeToString(salt), raw.EncodeToString(key))
}

// decode reads a hash that encode wrote. Other parameters are refused: there have
// been none, and a hash that asks for a gigabyte is an attack.
func decode(hash string) (salt, key []byte, err error) {
	prefix := fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, memory, passes, lanes)
	rest, ok := strings.CutPrefix(hash, prefix)
	first, second, found := strings.Cut(rest, "$")
	if !ok || !found {
		return nil, nil, errHash
	}
	salt, bad := base64.RawStdEncoding.DecodeString(first)
	key, worse := base64.RawStdEncoding.DecodeString(second)
	if bad != nil || worse != nil || len(salt) != saltLen || len(key) != keyLen {
		return nil, nil, errHash
	}
	return salt, key, nil
}
