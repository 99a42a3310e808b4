package letter

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// headerOrder is the order readers of raw mail are used to.
func headerOrder() []string {
	return []string{
		"Date", "From", "To", "Reply-To", "Subject", "Message-Id", "Auto-Submitted", "X-Auto-Response-Suppress", "Content-Language",
		"Mime-Version", "Content-Type",
	}
}

var errShape = errors.New("the MIME builder made something unexpected")

// settle takes chance out of a built mail: the header fields, which come in
// the random order of a map, are put into headerOrder, and the random MIME
// boundaries are replaced by some derived from the cause. So a mail sent twice is
// the same twice. It also puts the headers in that the builder would get wrong, and
// says of the related parts which is the root (RFC 2387 §3.1 requires it).
func settle(raw []byte, causeID string, headers map[string]string) ([]byte, error) {
	head, body, found := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !found {
		return nil, fmt.Errorf("%w: no header", errShape)
	}
	// No text can look like this: in a body "=" is encoded.
	const related, parameter = "\r\nContent-Type: multipart/related;", "\r\n boundary="
	root := ""
	cut := bytes.Index(body, []byte(related+parameter))
	if cut >= 0 {
		root = ` type="text/html";`
		cut += len(related)
		if err := replaceBoundary(body, body[cut+len(parameter):], derived("related", causeID)); err != nil {
			return nil, err
		}
	}
	cut = max(cut, 0)
	if err := replaceBoundary(raw, body[len("--"):], derived("alternative", causeID)); err != nil {
		return nil, err
	}
	fields, err := ordered(string(head), headers)
	if err != nil {
		return nil, err
	}
	return slices.Concat([]byte(strings.Join(fields, "\r\n")+"\r\n\r\n"), body[:cut], []byte(root), body[cut:]), nil
}

// replaceBoundary puts another boundary for the one at a place, wherever in a mail
// it is.
func replaceBoundary(raw, at []byte, with string) error {
	if len(at) < len(with) {
		return fmt.Errorf("%w: no boundary", errShape)
	}
	old := bytes.Clone(at[:len(with)])
	for rest := raw; ; {
		i := bytes.Index(rest, old)
		if i < 0 {
			return nil
		}
		copy(rest[i:], with)
		rest = rest[i+len(with):]
	}
}

// ordered are the fields of a header in headerOrder, folded, some with other values.
func ordered(head string, headers map[string]string) ([]string, error) {
	fields := strings.Split(strings.ReplaceAll(head, "\r\n ", " "), "\r\n")
	slices.SortFunc(fields, func(a, b string) int { return rank(a) - rank(b) })
	for i, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		if rank(field) == unranked || i > 0 && rank(field) == rank(fields[i-1]) {
			return nil, fmt.Errorf("%w: field %q", errShape, name)
		}
		if better, is := headers[name]; is {
			value = better
		}
		fields[i] = name + ":" + folded(name, value)
	}
	return fields, nil
}

// derived is a boundary: the same for the same mail, and as long as a random one.
func derived(part, causeID string) string {
	sum := sha256.Sum256([]byte(part + " " + causeID))
	return hex.EncodeToString(sum[:30])
}

// unranked is the rank of a field that is not in headerOrder.
const unranked = -1

// rank is a field's place in headerOrder.
func rank(field string) int {
	name, _, _ := strings.Cut(field, ":")
	return slices.IndexFunc(headerOrder(), func(known string) bool { return strings.EqualFold(known, name) })
}
