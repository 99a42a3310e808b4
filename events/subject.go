package events

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"
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

// PartitionFilter matches everything the log stores in a partition. A reader of several inputs uses it and skips the
// rest. It delivers more, and is faster: with a filter for each of six inputs the server walks the subjects of 30,000
// extensions and delivered 28,000 inputs a second; with one for each of their two sources 65,000; with this one 75,000
// (nats-server 2.15.2), and twice as many as with two when it read a backlog.
func PartitionFilter(partition int) string { return "log." + strconv.Itoa(partition) + ".>" }

// OutcomesFilter matches every outcome of a worker about an extension.
func OutcomesFilter(worker string, x Extension) string {
	return LogSubject(x.Partition(), worker, x.Tenant, x.Number, "*")
}

// FenceSubject is where the owner of a worker's partition fences off earlier owners; see package fold. Partition may be
// AnyPartition in a filter or a permission.
func FenceSubject(worker string, partition int) string {
	token := "*"
	if partition >= 0 {
		token = strconv.Itoa(partition)
	}
	return "fence." + worker + "." + token
}

// ExtensionFence is where a program orders its publications about one extension. It is never a worker's fence: those end
// in a number.
func ExtensionFence(program string, x Extension) string {
	return "fence." + program + "." + x.Number + "@" + x.Tenant
}

// DeadSubject is where a worker records that it could not process the event at a sequence. Created is the creation time
// of the event's stream.
func DeadSubject(worker string, created time.Time, sequence uint64) string {
	return "dead." + worker + "." + strconv.FormatInt(created.UnixMilli(), 10) + "." + strconv.FormatUint(sequence, 10)
}

// DeadFilter matches every dead letter of a worker; "*" is any worker.
func DeadFilter(worker string) string { return "dead." + worker + ".*.*" }

// TransformedSubject is the destination of the stream's subject transform: LogSubject of what was published to
// PublishSubject.
func TransformedSubject() string {
	return "log.{{partition(" + strconv.Itoa(Partitions) + ",2)}}.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}.{{wildcard(4)}}"
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
	r, ok := SplitSubject(subject)
	if !ok {
		return Route{}, badSubject(subject)
	}
	return r, r.validate()
}

// SplitSubject is ParseSubject for a subject that the log has accepted: it does not check the names in it. It is false
// for what is not an event's subject, such as a fence.
func SplitSubject(subject string) (r Route, ok bool) {
	rest, published := strings.CutPrefix(subject, "softphone.")
	r.Partition = AnyPartition
	if !published {
		var stored bool
		if rest, stored = strings.CutPrefix(subject, "log."); !stored {
			return Route{}, false
		}
		var token string
		token, rest, _ = strings.Cut(rest, ".")
		if r.Partition, ok = parsePartition(token); !ok {
			return Route{}, false
		}
	}
	var found [3]bool
	r.Source, rest, found[0] = strings.Cut(rest, ".")
	r.Extension.Tenant, rest, found[1] = strings.Cut(rest, ".")
	r.Extension.Number, r.Event, found[2] = strings.Cut(rest, ".")
	if found != [3]bool{true, true, true} || strings.Contains(r.Event, ".") {
		return Route{}, false
	}
	return r, true
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
