package replay

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// A file of the log is NDJSON: a Header, a record for each message with its sequence and its bytes, and a trailer, so
// that a truncated file is noticed.

// Header is a file's first line.
type Header struct {
	Log     string    `json:"log"`     // name of the stream
	Version int       `json:"version"` // of this format
	Created time.Time `json:"created"` // of the stream
	Whole   bool      `json:"whole"`   // not only a range
}

const formatVersion = 1

// record is the line of a message. The body is a member "body" with its exact bytes if they fit into a line of JSON,
// otherwise "body64".
type record struct {
	Sequence uint64              `json:"sequence"`
	Time     time.Time           `json:"time"`
	Subject  string              `json:"subject"`
	Headers  map[string][]string `json:"headers,omitempty"`
	Body     json.RawMessage     `json:"body,omitempty"`
	Body64   []byte              `json:"body64,omitempty"`
}

type trailer struct {
	End      bool   `json:"end"`
	Messages uint64 `json:"messages"`
	SHA256   string `json:"sha256"` // of all lines before it
}

// line encodes a message. Unlike encoding/json it does not touch the body's bytes.
func line(m eventlog.Message) ([]byte, error) {
	r := record{Sequence: m.Sequence, Time: m.Time.UTC(), Subject: m.Subject, Headers: m.Header}
	embed := canEmbed(m.Data)
	if !embed {
		r.Body64 = m.Data
	}
	head, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encoding sequence %d: %w", m.Sequence, err)
	}
	if embed {
		head = append(head[:len(head)-1], `,"body":`...)
		head = append(append(head, m.Data...), '}')
	}
	return append(head, '\n'), nil
}

func canEmbed(body []byte) bool {
	return len(body) > 0 && json.Valid(body) && utf8.Valid(body) && !bytes.ContainsAny(body, "\r\n") &&
		len(bytes.TrimSpace(body)) == len(body) && string(body) != "null"
}

func (r record) message() eventlog.Message {
	m := eventlog.Message{Subject: r.Subject, Sequence: r.Sequence, Time: r.Time, Header: r.Headers, Data: r.Body64}
	if len(r.Body) > 0 {
		m.Data = r.Body
	}
	return m
}

// fileWriter writes the lines of a file.
type fileWriter struct {
	out io.Writer
	sum hash.Hash
	n   uint64
}

func newFileWriter(out io.Writer, h Header) (*fileWriter, error) {
	w := &fileWriter{out: out, sum: sha256.New()}
	head, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encoding the header: %w", err)
	}
	return w, w.write(append(head, '\n'))
}

func (w *fileWriter) write(line []byte) error {
	w.sum.Write(line)
	if _, err := w.out.Write(line); err != nil {
		return fmt.Errorf("writing the file: %w", err)
	}
	return nil
}

func (w *fileWriter) add(m eventlog.Message) error {
	l, err := line(m)
	if err != nil {
		return err
	}
	w.n++
	return w.write(l)
}

func (w *fileWriter) end() error {
	last, err := json.Marshal(trailer{End: true, Messages: w.n, SHA256: hex.EncodeToString(w.sum.Sum(nil))})
	if err != nil {
		return fmt.Errorf("encoding the trailer: %w", err)
	}
	if _, err := w.out.Write(append(last, '\n')); err != nil {
		return fmt.Errorf("writing the file: %w", err)
	}
	return nil
}

// maxLine bounds a line: a message in base64, and the other members.
const maxLine = 2*eventlog.MaxMessage + 4<<10

// FileError is a fault of a file.
type FileError struct {
	Line    int
	Problem string
}

func (e *FileError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Problem) }

// fileReader reads the lines of a file and checks the format.
type fileReader struct {
	Header
	lines *bufio.Scanner
	sum   hash.Hash
	line  int
	n     uint64
	last  uint64 // sequence
}

func newFileReader(in io.Reader) (*fileReader, error) {
	r := &fileReader{lines: bufio.NewScanner(in), sum: sha256.New()}
	r.lines.Buffer(make([]byte, 64<<10), maxLine)
	text, err := r.text()
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &r.Header); err != nil || r.Log == "" || r.Version == 0 {
		return nil, r.fault(`is not the header of an exported log, {"log":…,"version":1,…}`)
	}
	if r.Version != formatVersion {
		return nil, r.fault("is of version %d, this program reads version %d", r.Version, formatVersion)
	}
	r.sum.Write(append(text, '\n'))
	return r, nil
}

func (r *fileReader) fault(format string, args ...any) error {
	return &FileError{r.line, fmt.Sprintf(format, args...)}
}

func (r *fileReader) text() ([]byte, error) {
	r.line++
	if r.lines.Scan() {
		return r.lines.Bytes(), nil
	}
	switch err := r.lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, r.fault("is longer than %d bytes, which no message is", maxLine)
	case err != nil:
		return nil, r.fault("%v", err)
	}
	return nil, r.fault("the file ends here without its last line: it was cut off")
}

// next returns the next message, io.EOF after the last.
func (r *fileReader) next() (eventlog.Message, error) {
	text, err := r.text()
	if err != nil {
		return eventlog.Message{}, err
	}
	var l struct {
		record
		trailer
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return eventlog.Message{}, r.fault("is not JSON of this format: %v", err)
	}
	if l.End {
		return eventlog.Message{}, r.ended(l.trailer)
	}
	r.sum.Write(append(text, '\n')) // Unmarshal copies text, and the scanner does not need this byte
	m := l.message()
	if l.Sequence <= r.last {
		return m, r.fault("sequence %d follows %d", l.Sequence, r.last)
	}
	if problem := problem(m); problem != "" {
		return m, r.fault("sequence %d %s", l.Sequence, problem)
	}
	r.n, r.last = r.n+1, l.Sequence
	return m, nil
}

func (r *fileReader) ended(t trailer) error {
	switch {
	case t.Messages != r.n:
		return r.fault("the file should have %d messages and has %d", t.Messages, r.n)
	case t.SHA256 != hex.EncodeToString(r.sum.Sum(nil)):
		return r.fault("the file was changed: its SHA-256 is not the one written here")
	case r.lines.Scan():
		return r.fault("something follows the last line")
	}
	return io.EOF
}

// problem is why a message cannot be in a log.
func problem(m eventlog.Message) string {
	tokens := strings.Split(m.Subject, ".")
	switch {
	case len(tokens) != 6 || tokens[0] != "log" || !allowed(tokens):
		return fmt.Sprintf("has subject %.80q, which is not log.<partition>.<source>.<tenant>.<extension>.<Event>", m.Subject)
	case tokens[1] != partitionToken(m):
		return fmt.Sprintf("is in partition %s and belongs into %s", tokens[1], partitionToken(m))
	case len(m.Data) > eventlog.MaxMessage:
		return fmt.Sprintf("has %d bytes, more than any message", len(m.Data))
	}
	return ""
}

func allowed(tokens []string) bool {
	for _, token := range tokens {
		if token == "" || strings.ContainsAny(token, " \t\r\n*>") {
			return false
		}
	}
	return true
}

// OpenFile opens a file for reading, and decompresses it if its name ends in .gz.
func OpenFile(name string) (io.ReadCloser, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(name, ".gz") {
		return file, nil
	}
	unzipped, err := gzip.NewReader(bufio.NewReaderSize(file, 64<<10))
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{unzipped, file}, nil
}
