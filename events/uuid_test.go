package events

import (
	"slices"
	"testing"
	"time"
)

func TestUUIDv7(t *testing.T) {
	t.Parallel()
	// The example of RFC 9562, appendix A.6, as far as it is not random.
	at := time.UnixMilli(0x017F22E279B0)
	if got, want := uuidV7(at)[:18], "017f22e2-79b0-7000"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := uuidV7(at.Add(999999))[:18], "017f22e2-79b0-7fff"; got != want {
		t.Errorf("a nanosecond before the next millisecond: %s, want %s", got, want)
	}
	var ids []string
	for i := range 1000 {
		id := uuidV7(at.Add(time.Duration(i) * time.Microsecond))
		if problem := factID(id); problem != "" {
			t.Fatal(problem)
		}
		ids = append(ids, id)
	}
	if !slices.IsSorted(ids) {
		t.Error("ids a microsecond apart do not sort by time")
	}
	if one, two := uuidV7(at), uuidV7(at); one == two {
		t.Error("two ids of the same moment are equal")
	}
}

func TestUUIDv5(t *testing.T) {
	t.Parallel()
	const cause = "019ccf1e-5b7a-7c3d-9a41-5f0c2b7e6d18"
	// Computed with Python's uuid.uuid5. It is how an outcome told twice is recognized, also by a later version.
	if got, want := uuidV5(License, cause), "f0d633c3-cc07-5745-abf8-de0a0f4a5791"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if uuidV5(License, cause) == uuidV5(Mailer, cause) {
		t.Error("two workers have the same id for one cause")
	}
	id := uuidV5(Mailer, cause)
	if problem := uuid(id); problem != "" || id[14] != '5' || factID(id) == "" {
		t.Errorf("%s is not of version 5: %s", id, problem)
	}
}
