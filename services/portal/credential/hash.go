package credential

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
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

const (
	// queue is how many passwords may wait for each that is being computed. More than
	// patience allows would only wait in vain.
	queue = 64

	// patience is how long one waits for its turn.
	patience = 2 * time.Second
)

// Hasher computes and compares hashes, a few at a time: each takes 19 MiB and a core,
// and a flood of sign-ins may have neither the memory nor all the cores.
type Hasher struct {
	room  chan struct{} // held by those that wait or compute
	slots chan struct{} // held by those that compute
	dummy string        // a hash of nothing anybody knows
}

// NewHasher makes one that computes at most n hashes at a time.
func NewHasher(n int) *Hasher {
	n = max(1, n)
	nobody := make([]byte, saltLen)
	_, _ = rand.Read(nobody)
	return &Hasher{
		room: make(chan struct{}, n*(1+queue)), slots: make(chan struct{}, n),
		dummy: encode(nobody, derive(rand.Text(), nobody)),
	}
}

// Hash returns the hash of a password in PHC string form, with a salt of its own.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt)
	return encode(salt, derive(password, salt)), nil
}

// Matches compares a password with a hash. For a hash of "" it takes as long and is
// false: there is nothing to tell an unknown user by.
func (h *Hasher) Matches(ctx context.Context, hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = h.dummy
	}
	salt, key, err := decode(hash)
	if err != nil {
		return false, err
	}
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	same := subtle.ConstantTimeCompare(derive(password, salt), key) == 1
	return same && known, nil
}

// enter waits for a turn to compute.
func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.room <- struct{}{}:
	default:
		return ErrBusy
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-timeout.C:
		<-h.room
		return ErrBusy
	case <-ctx.Done():
		<-h.room
		return ctx.Err()
	}
}

func (h *Hasher) leave() {
	<-h.slots
	<-h.room
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
