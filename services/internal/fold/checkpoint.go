package fold

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// Checkpoint says through which event the states of a partition are folded. The zero Checkpoint is before the first event
// of any stream.
type Checkpoint struct {
	Stream string // creation time of the stream, Unix nanoseconds
	Seq    uint64 // of the last event folded
	Digest string // of that event, see digest
	Repair string // name of the last repair, see States.Repair; "": there was none
}

// ErrDamaged says that the checkpoint in Redis cannot be read. Its partition is not folded until the checkpoint is
// removed, see States.Discard.
var ErrDamaged = errors.New("the checkpoint in Redis is damaged")

// checkpointFields is the number of values of a checkpoint in Redis and in the scripts.
const checkpointFields = 4

func (c Checkpoint) values() [checkpointFields]string {
	if c == (Checkpoint{}) {
		return [checkpointFields]string{}
	}
	return [checkpointFields]string{c.Stream, strconv.FormatUint(c.Seq, 10), c.Digest, c.Repair}
}

func parseCheckpoint(values []any) (Checkpoint, error) {
	var text [checkpointFields]string
	for i, v := range values {
		text[i], _ = v.(string) // nil without a checkpoint
	}
	if text == [checkpointFields]string{} {
		return Checkpoint{}, nil
	}
	seq, err := strconv.ParseUint(text[1], 10, 64)
	if err != nil || seq == 0 || text[0] == "" || text[2] == "" {
		return Checkpoint{}, fmt.Errorf("%w: stream %q, seq %q, digest %q", ErrDamaged, text[0], text[1], text[2])
	}
	return Checkpoint{Stream: text[0], Seq: seq, Digest: text[2], Repair: text[3]}, nil
}

func (c Checkpoint) String() string {
	if c == (Checkpoint{}) {
		return "the checkpoint is empty"
	}
	return fmt.Sprintf("the checkpoint is at sequence %d (event %s) of a stream created %s", c.Seq, c.Digest, created(c.Stream))
}

// after is the checkpoint once a message is folded.
func (c Checkpoint) after(stream string, m eventlog.Message) Checkpoint {
	return Checkpoint{Stream: stream, Seq: m.Sequence, Digest: digest(m), Repair: c.Repair}
}

// identity is how a checkpoint names a stream.
func identity(s eventlog.State) string { return strconv.FormatInt(s.Created.UnixNano(), 10) }

func created(stream string) string {
	ns, err := strconv.ParseInt(stream, 10, 64)
	if err != nil {
		return strconv.Quote(stream)
	}
	return time.Unix(0, ns).UTC().Format(time.RFC3339Nano)
}

// digest of a stored message: the first 8 bytes of SHA-256 over subject and body, as hex. It detects another message at
// the same sequence of a stream that lost its tail. It does not detect a forgery.
func digest(m eventlog.Message) string {
	h := sha256.New()
	h.Write([]byte(m.Subject))
	h.Write([]byte{0})
	h.Write(m.Data)
	return hex.EncodeToString(h.Sum(nil)[:8])
}
