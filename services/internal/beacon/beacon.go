// Package beacon is how softphonectl finds a system that runs in one process.
//
// Such a system's Redis listens on a socket in its data folder and its NATS
// perhaps on another port than usual. While it runs, the folder has a small file
// that says where they are; whoever works beside that folder need not.
//
// What the file says is believed only when nobody else could have written it, for
// a password may be sent to where it points.
package beacon

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// FileName is the file's name in the data folder.
const FileName = "running.json"

// PasswordFile is the name, in the data folder, of the file with the password of NATS. Only its owner can read it, and it
// outlives the system, so that tools that were told of it need not be told again.
const PasswordFile = "nats-password"

// Secret returns the one in a file of a folder, which it makes when there is none yet. Only
// the file's owner can read it.
func Secret(folder, name string) (string, error) {
	file := filepath.Join(folder, name)
	text, err := os.ReadFile(file)
	if err == nil && len(bytes.TrimSpace(text)) > 0 {
		return string(bytes.TrimSpace(text)), os.Chmod(file, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	secret := rand.Text() // 128 random bits
	part := file + ".part"
	if err := os.WriteFile(part, []byte(secret+"\n"), 0o600); err != nil {
		return "", err
	}
	return secret, os.Rename(part, file)
}

// Beacon says where the servers of a running system are. It holds no password.
type Beacon struct {
	NATS  string `json:"nats"`
	User  string `json:"user,omitempty"`  // of NATS; its password is in PasswordFile
	Redis string `json:"redis,omitempty"` // empty: not in the system's hands
}

// Light puts a beacon into a folder, in place of one that a killed system left
// behind. The returned function takes it away.
func Light(folder string, b Beacon) (extinguish func(), err error) {
	text, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", FileName, err)
	}
	file := filepath.Join(folder, FileName)
	part := file + ".part"
	if err := os.WriteFile(part, append(text, '\n'), 0o600); err != nil {
		return nil, err
	}
	return func() { _ = os.Remove(file) }, os.Rename(part, file)
}

// Find reads the beacon of a folder; false when there is none.
func Find(folder string) (Beacon, bool, error) {
	file := filepath.Join(folder, FileName)
	info, err := os.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Beacon{}, false, nil
	}
	if err != nil {
		return Beacon{}, false, err
	}
	if !ours(info) {
		return Beacon{}, false, fmt.Errorf("%s is not believed, another user can write it: remove it, or say where the servers are", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return Beacon{}, false, err
	}
	var b Beacon
	if err := json.Unmarshal(text, &b); err != nil || b.NATS == "" {
		return Beacon{}, false, fmt.Errorf("%s does not say where a system is: remove it", file)
	}
	return b, true, nil
}

// ours tells whether only the user of this process can have written a file.
func ours(info fs.FileInfo) bool {
	owner, is := info.Sys().(*syscall.Stat_t)
	return is && info.Mode().IsRegular() && info.Mode().Perm()&0o022 == 0 && int(owner.Uid) == os.Geteuid()
}
