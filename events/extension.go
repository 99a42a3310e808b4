package events

import (
	"cmp"
	"strings"
)

// Extension is one number of one tenant: what an event is about, and the key of a worker's state.
type Extension struct {
	Tenant string // [a-z0-9][a-z0-9-]{0,62}
	Number string // [A-Za-z0-9_-]{1,32}
}

// String is the extension as the CloudEvents subject has it: "acme/1001".
func (x Extension) String() string { return x.Tenant + "/" + x.Number }

// Partition is where the log stores the extension's events: its tenant's partition.
func (x Extension) Partition() int { return PartitionOf(x.Tenant) }

// Compare orders extensions by tenant, then by number as text.
func (x Extension) Compare(y Extension) int {
	return cmp.Or(strings.Compare(x.Tenant, y.Tenant), strings.Compare(x.Number, y.Number))
}

// Validate returns a *FieldError on "tenant" or "extension", or nil.
func (x Extension) Validate() error {
	if problem := tenantProblem(x.Tenant); problem != "" {
		return &FieldError{Field: "tenant", Problem: problem}
	}
	if problem := numberProblem(x.Number); problem != "" {
		return &FieldError{Field: "extension", Problem: problem}
	}
	return nil
}

func tenantProblem(s string) string {
	if len(s) < 1 || len(s) > 63 || s[0] == '-' || !only(s, isTenantByte) {
		return show(s) + " is not a tenant: 1 to 63 of a-z, 0-9 and -, not starting with -"
	}
	return ""
}

func numberProblem(s string) string {
	if len(s) < 1 || len(s) > 32 || !only(s, isNumberByte) {
		return show(s) + " is not an extension: 1 to 32 of A-Z, a-z, 0-9, _ and -"
	}
	return ""
}

func isTenantByte(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'z' || c == '-' }
func isNumberByte(c byte) bool { return isAlphanumeric(c) || c == '_' || c == '-' }
