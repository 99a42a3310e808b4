package events

import (
	"hash/fnv"
	"strconv"
	"strings"
)

// AnyPartition is the partition of a Route in its published form, and the wildcard of LogSubject.
const AnyPartition = -1

// AboutTenant stands in a subject where an extension does, for an event that is about the tenant itself. No extension
// is called that.
const AboutTenant = "@"

// PartitionOf is the partition of a tenant: FNV-1a over its name, as the log's subject transform {{partition(16,2)}}
// computes it. See the package comment for why an extension has no part in it.
func PartitionOf(tenant string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(tenant))
	return int(h.Sum32() % Partitions)
}

// PublishSubject is where an event is published: softphone.<source>.<tenant>.<extension>.<event>. Any argument may
// be "*" in a filter or a permission.
func PublishSubject(source, tenant, extension, event string) string {
	return "softphone." + source + "." + tenant + "." + extension + "." + event
}

// LogSubject is where the log stores it: log.<partition>.<source>.<tenant>.<extension>.<event>. Any argument may be
// a wildcard in a filter: "*", and AnyPartition.
func LogSubject(partition int, source, tenant, extension, event string) string {
	token := "*"
	if partition >= 0 {
		token = strconv.Itoa(partition)
	}
	return "log." + token + "." + source + "." + tenant + "." + extension + "." + event
}

// Route is what a subject says.
type Route struct {
	Partition int // AnyPartition in the published form
	Source    string
	Extension Extension
	Event     string
}

// ParseSubject reads a subject in either form. Its errors are *FieldErrors on "subject" or a part of it. It does not
// ask whether the contract has such an event. AboutTenant is refused in place of an extension: the contract has no
// event about a tenant yet.
func ParseSubject(subject string) (Route, error) {
	rest, published := strings.CutPrefix(subject, "softphone.")
	r := Route{Partition: AnyPartition}
	if !published {
		var token string
		token, rest, _ = strings.Cut(strings.TrimPrefix(subject, "log."), ".")
		var ok bool
		if r.Partition, ok = parsePartition(token); !ok || !strings.HasPrefix(subject, "log.") {
			return Route{}, badSubject(subject)
		}
	}
	var ok [3]bool
	r.Source, rest, ok[0] = strings.Cut(rest, ".")
	r.Extension.Tenant, rest, ok[1] = strings.Cut(rest, ".")
	r.Extension.Number, r.Event, ok[2] = strings.Cut(rest, ".")
	if ok != [3]bool{true, true, true} || strings.Contains(r.Event, ".") {
		return Route{}, badSubject(subject)
	}
	return r, r.validate()
}

// String is the subject again.
func (r Route) String() string {
	if r.Partition == AnyPartition {
		return PublishSubject(r.Source, r.Extension.Tenant, r.Extension.Number, r.Event)
	}
	return LogSubject(r.Partition, r.Source, r.Extension.Tenant, r.Extension.Number, r.Event)
}

func (r Route) validate() error {
	switch {
	case len(r.Source) < 1 || len(r.Source) > 63 || !only(r.Source, isTenantByte):
		return &FieldError{"subject.source", show(r.Source) + " is not a source: 1 to 63 of a-z, 0-9 and -"}
	case tenantProblem(r.Extension.Tenant) != "":
		return &FieldError{"subject.tenant", tenantProblem(r.Extension.Tenant)}
	case r.Extension.Number == AboutTenant:
		return &FieldError{"subject.extension", `"@" stands for the tenant itself, and ` + show(r.Event) + " is about an extension: name it"}
	case numberProblem(r.Extension.Number) != "":
		return &FieldError{"subject.extension", numberProblem(r.Extension.Number)}
	case len(r.Event) < 1 || len(r.Event) > 64 || !only(r.Event, isAlphanumeric):
		return &FieldError{"subject.event", show(r.Event) + " is not an event name: 1 to 64 letters and digits"}
	}
	return nil
}

// parsePartition accepts what the stream's transform writes: a decimal without leading zeros, below Partitions.
func parsePartition(token string) (int, bool) {
	n, err := strconv.Atoi(token)
	return n, err == nil && 0 <= n && n < Partitions && strconv.Itoa(n) == token
}

func badSubject(subject string) error {
	return &FieldError{"subject", show(subject) + " is neither softphone.<source>.<tenant>.<extension>.<event> " +
		"nor log.<partition>.<source>.<tenant>.<extension>.<event>"}
}
