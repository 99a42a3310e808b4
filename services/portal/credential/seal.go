package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/mycloudpbx/softphone/events"
)

// Seal binds a stored credential to its tenant, its extension and its fact, with a key that only the portals have: an
// HMAC-SHA256. Whoever can write to the bucket, on the disk of NATS or by putting back a copy, can take credentials away,
// and cannot make one, change one, or move one to another extension or a later fact.
type Seal struct{ keys [][]byte } // the first one seals, all of them are accepted

// minKey is the length of a key in characters, of those that crypto/rand.Text makes: 128 random bits.
const minKey = 26

// NewSeal takes one key, or a current one and the one before it with white space in between.
func NewSeal(keys string) (Seal, error) {
	all := strings.Fields(keys)
	if len(all) < 1 || len(all) > 2 {
		return Seal{}, fmt.Errorf("has %d keys: use one, or the current one and the one before it", len(all))
	}
	var s Seal
	for _, key := range all {
		if len(key) < minKey {
			return Seal{}, fmt.Errorf("has a key of %d characters: use at least %d (openssl rand -hex 32)", len(key), minKey)
		}
		s.keys = append(s.keys, []byte(key))
	}
	return s, nil
}

// write is the value that is stored for a credential.
func (s Seal) write(x events.Extension, factID string, c Credential) string {
	return strings.Join([]string{base64.RawURLEncoding.EncodeToString(sum(s.keys[0], x, factID, c)), c.Epoch, c.Hash}, " ")
}

// read takes the credential off a stored value. The error is ErrSeal when none of the keys sealed it for this fact.
func (s Seal) read(x events.Extension, factID, value string) (Credential, error) {
	tag, rest, _ := strings.Cut(value, " ")
	epoch, hash, whole := strings.Cut(rest, " ")
	c := Credential{Hash: hash, Epoch: epoch}
	have, err := base64.RawURLEncoding.DecodeString(tag)
	if whole && err == nil {
		for _, key := range s.keys {
			if hmac.Equal(have, sum(key, x, factID, c)) {
				return c, nil
			}
		}
	}
	return Credential{}, fmt.Errorf("%w: %s, fact %s", ErrSeal, x, factID)
}

// sum is the HMAC over everything that a credential is bound to, each with its length before it.
func sum(key []byte, x events.Extension, factID string, c Credential) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range []string{"softphone credential", x.Tenant, x.Number, factID, c.Epoch, c.Hash} {
		mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}
