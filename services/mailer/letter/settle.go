package letter

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"slices"
	"strings"
)

// headerOrder is the order readers of raw mail are used to.
func headerOrder() []string {
	return []string{
		"Date", "From", "To", "Reply-To", "Subject", "Message-Id", "Auto-Submitted",
		"Mime-Version", "Content-Type", "Content-Transfer-Encoding",
	}
}

var errShape = errors.New("the MIME builder made something unexpected")

// settle takes chance out of a built mail: the header fields, which come in
// the random order of a map, are put into headerOrder, and the random MIME
// boundary is replaced by one derived from the cause. So a mail sent twice is
// the same twice. It also folds long fields between encoded words, as a line
// must not exceed 998 octets (RFC 5322 §2.1.1) and the builder never folds.
func settle(raw []byte, causeID string) ([]byte, error) {
	head, body, found := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !found {
		return nil, fmt.Errorf("%w: no header", errShape)
	}
	fields := strings.Split(strings.ReplaceAll(string(head), "\r\n ", " "), "\r\n")
	slices.SortFunc(fields, func(a, b string) int { return rank(a) - rank(b) })

	var boundary string
	for i, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		if rank(field) == unranked || i > 0 && rank(field) == rank(fields[i-1]) {
			return nil, fmt.Errorf("%w: field %q", errShape, name)
		}
		if name == "Content-Type" {
			_, params, err := mime.ParseMediaType(value)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", errShape, err)
			}
			boundary = params["boundary"]
		}
		fields[i] = strings.ReplaceAll(field, "?= =?", "?=\r\n =?")
	}
	if boundary == "" {
		return nil, fmt.Errorf("%w: no boundary", errShape)
	}
	settled := strings.Join(fields, "\r\n") + "\r\n\r\n" + string(body)
	sum := sha256.Sum256([]byte(causeID))
	return []byte(strings.ReplaceAll(settled, boundary, hex.EncodeToString(sum[:]))), nil
}

// unranked is the rank of a field that is not in headerOrder.
const unranked = -1

// rank is a field's place in headerOrder.
func rank(field string) int {
	name, _, _ := strings.Cut(field, ":")
	return slices.IndexFunc(headerOrder(), func(known string) bool { return strings.EqualFold(known, name) })
}
