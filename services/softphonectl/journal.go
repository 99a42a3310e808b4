package softphonectl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/replay"
)

// fresh is how long what was compared before an interrupt counts as compared.
const fresh = time.Hour

// journal is the note an interrupted replay leaves for the next: which partitions
// are done, and with what result.
type journal struct {
	Log     time.Time              `json:"log"`     // creation of the log it is about
	Written time.Time              `json:"written"` //
	Done    map[int]replay.Summary `json:"done"`    // by partition

	path string
}

// openJournal reads the note of a command, or begins one. What is not about this
// log, or too old, is forgotten.
func (x *session) openJournal(command, worker string, log time.Time, anew bool) (*journal, error) {
	folder, err := x.stateFolder()
	if err != nil {
		return nil, err
	}
	empty := &journal{Log: log, Done: map[int]replay.Summary{}, path: filepath.Join(folder, command+"-"+worker+".json")}
	text, err := os.ReadFile(empty.path)
	if errors.Is(err, fs.ErrNotExist) || anew {
		return empty, nil
	}
	if err != nil {
		return nil, err
	}
	j := &journal{}
	if err := json.Unmarshal(text, j); err != nil || !j.Log.Equal(log) || time.Since(j.Written) > fresh || len(j.Done) == 0 {
		return empty, nil //nolint:nilerr // a note that cannot be read is none
	}
	j.path = empty.path
	return j, nil
}

func (a *app) stateFolder() (string, error) {
	folder := a.stateDir
	if folder == "" {
		base := os.Getenv("XDG_STATE_HOME")
		if base == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", fmt.Errorf("--state-dir: %w", err)
			}
			base = filepath.Join(home, ".local", "state")
		}
		folder = filepath.Join(base, "softphonectl")
	}
	return folder, os.MkdirAll(folder, 0o700) //nolint:gosec // G703: the operator says where
}

// left are the partitions to do.
func (j *journal) left() []int {
	var all []int
	for p := range events.Partitions {
		if _, done := j.Done[p]; !done {
			all = append(all, p)
		}
	}
	return all
}

// done notes a partition.
func (j *journal) done(partition int, s replay.Summary) error {
	j.Done[partition], j.Written = s, time.Now().UTC()
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	part := j.path + ".part"
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	return os.Rename(part, j.path)
}

// total of all that is done.
func (j *journal) total() replay.Summary {
	var s replay.Summary
	for _, part := range j.Done {
		s.Add(part)
	}
	return s
}

// close removes the note: there is nothing left to do.
func (j *journal) close() {
	_ = os.Remove(j.path)
}
