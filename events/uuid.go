package events

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 9562 prescribes SHA-1 for version 5; nothing here depends on collisions being hard.
	"encoding/binary"
	"encoding/hex"
	"time"
)

// outcomeNamespace is the namespace of the outcomes' ids, the UUID 6f1d0c52-3b0e-4a8e-9d57-2c0a7b61e493. It can never change: readers recognize an outcome told
// twice by its id.
const outcomeNamespace = "\x6f\x1d\x0c\x52\x3b\x0e\x4a\x8e\x9d\x57\x2c\x0a\x7b\x61\xe4\x93"

// uuidV7 is a UUID of RFC 9562, section 5.7: the time in milliseconds, then its fraction in twelve bits (section 6.2,
// method 3), then 62 random bits. Ids made one after the other by one process sort that way, to 0.25 µs.
func uuidV7(now time.Time) string {
	var u [16]byte
	_, _ = rand.Read(u[8:]) // never fails: it ends the process instead
	ms := uint64(now.UnixMilli())
	fraction := uint64(now.Nanosecond()%1e6) * 4096 / 1e6
	binary.BigEndian.PutUint64(u[:8], ms<<16|7<<12|fraction)
	u[8] = u[8]&0x3f | 0x80
	return uuidString(u)
}

// uuidV5 is the UUID of RFC 9562, section 5.5, for the outcome of one worker on one cause: always the same one.
func uuidV5(worker, causeID string) string {
	h := sha1.New() //nolint:gosec // see the import
	h.Write([]byte(outcomeNamespace + worker + "/" + causeID))
	u := [16]byte(h.Sum(nil)[:16])
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return uuidString(u)
}

func uuidString(u [16]byte) string {
	var s [36]byte
	hex.Encode(s[0:8], u[0:4])
	hex.Encode(s[9:13], u[4:6])
	hex.Encode(s[14:18], u[6:8])
	hex.Encode(s[19:23], u[8:10])
	hex.Encode(s[24:36], u[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// uuid is the rule of ids: a UUID of any version in its canonical form.
func uuid(s string) string {
	if len(s) != 36 {
		return notUUID(s)
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return notUUID(s)
			}
		default:
			if c := s[i]; !isDigit(c) && (c < 'a' || c > 'f') {
				return notUUID(s)
			}
		}
	}
	return ""
}

// factID is the rule of facts' ids: publishers make them, with the time in front, so that they sort by it.
func factID(s string) string {
	if problem := uuid(s); problem != "" {
		return problem
	}
	if s[14] != '7' || s[19] != '8' && s[19] != '9' && s[19] != 'a' && s[19] != 'b' {
		return show(s) + " is not a UUID of version 7 (RFC 9562, section 5.7), which the id of a fact must be"
	}
	return ""
}

func notUUID(s string) string {
	return show(s) + " is not a UUID in its canonical form: 36 characters, lower-case, like 01928c7e-0a3b-7c4d-8e5f-60718293a4b5"
}
