package replay

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// Exported counts what was written.
type Exported struct {
	Messages uint64 `json:"messages"`
	Skipped  uint64 `json:"skipped,omitempty"` // messages that Change left out
	First    uint64 `json:"first"`             // sequences
	Last     uint64 `json:"last"`
}

// Change returns the message to write; false leaves it out.
type Change func(eventlog.Message) (eventlog.Message, bool)

// Export writes a range of the log as NDJSON: every message with its exact bytes, also one that is not an event,
// unless change replaces it. Fences are left out: they mean nothing elsewhere.
func Export(ctx context.Context, log *eventlog.Log, r Range, out io.Writer, change Change, progress func(int)) (Exported, error) {
	state, err := log.State(ctx)
	if err != nil {
		return Exported{}, err
	}
	whole := change == nil && len(r.Filters) == 0 && r.From <= 1 && r.To == 0 && r.Limit == 0 && r.Since.IsZero() && r.Until.IsZero()
	w, err := newFileWriter(out, Header{Log: events.Stream, Version: formatVersion, Created: state.Created, Whole: whole})
	if err != nil {
		return Exported{}, err
	}
	var done Exported
	err = Scan(ctx, log, r, func(m eventlog.Message) error {
		progress(1)
		if change != nil {
			var kept bool
			if m, kept = change(m); !kept {
				done.Skipped++
				return nil
			}
		}
		if done.Messages++; done.Messages == 1 {
			done.First = m.Sequence
		}
		done.Last = m.Sequence
		return w.add(m)
	})
	if err != nil {
		return done, err
	}
	return done, w.end()
}

// ExportFile is Export into a file, compressed if its name ends in .gz. The file gets its name only when it is
// complete.
func ExportFile(ctx context.Context, log *eventlog.Log, r Range, name string, change Change, progress func(int)) (done Exported, err error) {
	part := name + ".part"
	file, err := createOwn(part)
	if err != nil {
		return done, err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(part)
		}
	}()
	buffer := bufio.NewWriterSize(file, 256<<10)
	var out io.Writer = buffer
	finish := buffer.Flush
	if strings.HasSuffix(name, ".gz") {
		zipped := gzip.NewWriter(buffer)
		out, finish = zipped, func() error { return errors.Join(zipped.Close(), buffer.Flush()) }
	}
	if done, err = Export(ctx, log, r, out, change, progress); err != nil {
		return done, err
	}
	if err = errors.Join(finish(), file.Sync(), stillThere(file, part), file.Close()); err != nil {
		return done, fmt.Errorf("writing %s: %w", part, err)
	}
	return done, os.Rename(part, name)
}

// createOwn creates a new file. It removes what an interrupted export left, and a link, which would write the log to
// its target.
func createOwn(name string) (*os.File, error) {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

// stillThere checks that no other file has replaced ours, such as that of a second export to the same name.
func stillThere(file *os.File, name string) error {
	ours, err := file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(name)
	if err == nil && !os.SameFile(ours, there) {
		err = errors.New("another program has replaced it: export again, to a name of its own")
	}
	return err
}

func partitionToken(m eventlog.Message) string {
	return strconv.Itoa(m.Extension().Partition())
}
