package bounce

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"
)

// Maildir is a directory that a mail server delivers notifications into: new/ has those
// to read, cur/ those that were read. A message is moved once it is on record, so none is
// lost; if the process dies in between, one is read twice.
//
// A message that is no notification, or about no mail of ours, is moved too, and flagged
// (F) for a person to look at.
type Maildir struct {
	Dir    string
	Every  time.Duration // how often new/ is looked at
	Wait   time.Duration // how long a notification may be about a mail nobody knows of yet
	Logger zerolog.Logger
}

// Defaults of a Maildir.
const (
	DefaultEvery = 10 * time.Second
	DefaultWait  = 10 * time.Minute
)

// Check returns what is wrong with the directory.
func (m Maildir) Check() error {
	for _, sub := range []string{"new", "cur"} {
		info, err := os.Stat(filepath.Join(m.Dir, sub))
		if err == nil && !info.IsDir() {
			err = errors.New("it is not a directory")
		}
		if err != nil {
			return fmt.Errorf("%s is not a Maildir: its %s/: %w", m.Dir, sub, err)
		}
	}
	return nil
}

// Run reads messages until the context ends.
func (m Maildir) Run(ctx context.Context, take Taker) {
	ticker := time.NewTicker(m.Every)
	defer ticker.Stop()
	trouble := ""
	for {
		err := m.pass(ctx, take)
		text := ""
		if err != nil && ctx.Err() == nil {
			text = err.Error()
		}
		if text != trouble { // once, and not every time
			trouble = text
			if text != "" {
				m.Logger.Warn().Err(err).Msg("bounces are not read: tried again")
			} else {
				m.Logger.Info().Msg("bounces are read again")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// pass reads the messages that are there now. It stops at one that cannot be put on
// record, because the next one could not be either.
func (m Maildir) pass(ctx context.Context, take Taker) error {
	entries, err := os.ReadDir(filepath.Join(m.Dir, "new"))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || entry.Name()[0] == '.' {
			continue
		}
		flag, err := m.message(ctx, entry, take)
		if err != nil {
			return err
		}
		if flag != "" {
			m.seen(entry.Name(), flag)
		}
	}
	return nil
}

// Flags of a message in cur/.
const (
	seen    = "S"
	flagged = "FS"
)

// message reads one and returns the flag to move it with; empty: try again later.
func (m Maildir) message(ctx context.Context, entry fs.DirEntry, take Taker) (flag string, err error) {
	info, err := entry.Info()
	if err != nil {
		return "", nil //nolint:nilerr // another reader was quicker
	}
	log := m.Logger.With().Str("file", entry.Name()).Logger()
	if info.Size() > MaxSize {
		log.Info().Int64("bytes", info.Size()).Msg("too large for a bounce")
		return flagged, nil
	}
	raw, err := os.ReadFile(filepath.Join(m.Dir, "new", entry.Name()))
	if err != nil {
		log.Warn().Err(err).Msg("a bounce cannot be read")
		return "", nil
	}
	notification, err := Parse(raw)
	if err != nil {
		log.Info().Err(err).Msg("no bounce")
		return flagged, nil
	}
	switch err := take(ctx, notification); {
	case err == nil:
		return seen, nil
	case !errors.Is(err, ErrUnknownMail):
		return "", err
	case time.Since(info.ModTime()) < m.Wait:
		return "", nil
	default:
		log.Info().Err(err).Msg("no bounce of ours")
		return flagged, nil
	}
}

// seen moves a message to cur/. If it is gone, another reader has moved it.
func (m Maildir) seen(name, flag string) {
	err := os.Rename(filepath.Join(m.Dir, "new", name), filepath.Join(m.Dir, "cur", name+":2,"+flag))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.Logger.Warn().Err(err).Str("file", name).Msg("a bounce was read and cannot be moved: it is read again")
	}
}
