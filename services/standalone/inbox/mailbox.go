package inbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Bounds of a mailbox: what is over them goes, the oldest first.
const (
	maxMails = 1000
	maxBytes = 64 << 20
)

// suffix of the files, one a mail: the envelope as one line of JSON, then the mail as it came.
const suffix = ".mail"

// ErrNoMail says that there is no mail of that id (any more).
var ErrNoMail = errors.New("no such mail")

// Mailbox keeps mails in a folder. It is safe for concurrent use.
type Mailbox struct {
	folder string
	limits limits

	mu    sync.Mutex
	mails []Summary // oldest first
	bytes int64
}

type limits struct {
	mails int
	bytes int64
}

// Envelope is what the SMTP client said, apart from the mail itself.
type Envelope struct {
	From     string    `json:"from"`
	To       []string  `json:"to"`
	Received time.Time `json:"received"`
}

// Summary is what a list shows of a mail.
type Summary struct {
	ID string
	Envelope
	Header
	Snippet     string // how its text begins
	Attachments int
	Size        int
	Read        bool // since the start of this process
}

// Open reads the mails that are in a folder, which it creates if need be. A file
// that is not a mail is passed over.
func Open(folder string) (*Mailbox, error) { return open(folder, limits{maxMails, maxBytes}) }

func open(folder string, l limits) (*Mailbox, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	names, err := filepath.Glob(filepath.Join(folder, "*"+suffix))
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	b := &Mailbox{folder: folder, limits: l}
	for _, name := range names {
		id := strings.TrimSuffix(filepath.Base(name), suffix)
		if envelope, raw, err := b.load(id); err == nil {
			b.append(summarize(id, envelope, raw))
		}
	}
	slices.SortFunc(b.mails, func(x, y Summary) int { return cmp.Compare(x.ID, y.ID) })
	return b, b.shrink()
}

// Add keeps a mail. When it returns, the mail is on the disk.
func (b *Mailbox) Add(envelope Envelope, raw []byte) error {
	id, err := uuid.NewV7() // sorts by time
	if err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	line, err := json.Marshal(envelope)
	if err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	s := summarize(id.String(), envelope, raw)

	b.mu.Lock()
	defer b.mu.Unlock()
	if err := write(b.path(s.ID), slices.Concat(line, []byte{'\n'}, raw)); err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	b.append(s)
	return b.shrink()
}

// write makes a file appear whole or not at all.
func write(path string, content []byte) error {
	file, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

func summarize(id string, envelope Envelope, raw []byte) Summary {
	body := parseBody(raw)
	return Summary{
		ID: id, Envelope: envelope, Header: parseHeader(raw),
		Snippet: snippet(body.Text), Attachments: len(body.Attachments), Size: len(raw),
	}
}

func (b *Mailbox) append(s Summary) {
	b.mails = append(b.mails, s)
	b.bytes += int64(s.Size)
}

// shrink removes the oldest mails until the rest is within the bounds.
func (b *Mailbox) shrink() error {
	for len(b.mails) > b.limits.mails || b.bytes > b.limits.bytes && len(b.mails) > 1 {
		if err := b.remove(0); err != nil {
			return err
		}
	}
	return nil
}

func (b *Mailbox) remove(i int) error {
	if err := os.Remove(b.path(b.mails[i].ID)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("inbox: %w", err)
	}
	b.bytes -= int64(b.mails[i].Size)
	b.mails = slices.Delete(b.mails, i, i+1)
	return nil
}

// path of a mail's file. An id is one this mailbox made or found, never a caller's.
func (b *Mailbox) path(id string) string { return filepath.Join(b.folder, id+suffix) }

func (b *Mailbox) load(id string) (Envelope, []byte, error) {
	content, err := os.ReadFile(b.path(id))
	if err != nil {
		return Envelope{}, nil, err
	}
	line, raw, _ := bytes.Cut(content, []byte{'\n'})
	var envelope Envelope
	err = json.Unmarshal(line, &envelope)
	return envelope, raw, err
}

// List returns the mails, newest first, from a start on and at most so many, and
// how many there are in all.
func (b *Mailbox) List(start, limit int) (page []Summary, total, unread int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range slices.Backward(b.mails) {
		if place := len(b.mails) - 1 - i; place >= start && place < start+limit {
			page = append(page, s)
		}
		if !s.Read {
			unread++
		}
	}
	return page, len(b.mails), unread
}

// Get returns a mail whole, and marks it as read. The id "latest" is the newest one.
func (b *Mailbox) Get(id string) (Summary, []byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.mails, func(s Summary) bool { return s.ID == id })
	if id == "latest" {
		i = len(b.mails) - 1
	}
	if i < 0 {
		return Summary{}, nil, ErrNoMail
	}
	_, raw, err := b.load(b.mails[i].ID)
	if err != nil {
		return Summary{}, nil, fmt.Errorf("inbox: %w", err)
	}
	b.mails[i].Read = true
	return b.mails[i], raw, nil
}

// Delete removes mails; without an id, all of them.
func (b *Mailbox) Delete(ids ...string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, m := range slices.Backward(b.mails) {
		if len(ids) > 0 && !slices.Contains(ids, m.ID) {
			continue
		}
		if err := b.remove(i); err != nil {
			return err
		}
	}
	return nil
}
