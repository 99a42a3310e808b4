package replay

import (
	"errors"
	"fmt"
	"testing"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// A server that comes back is asked again until it answers; one that never did is not.
func TestPersist(t *testing.T) {
	t.Parallel()
	lost, unopened, other := eventlog.ErrGap, unopenedError{errors.New("no responders")}, errors.New("other")
	for _, c := range []struct {
		answers []error
		want    error
	}{
		{[]error{nil}, nil},
		{[]error{fmt.Errorf("read: %w", lost), unopened, nil}, nil},
		{[]error{unopened, nil}, unopened},
		{[]error{lost, other, nil}, other},
	} {
		next, asked := uint64(1), 0
		err := persist(t.Context(), &next, func() error {
			asked++
			return c.answers[asked-1]
		})
		if !errors.Is(err, c.want) {
			t.Errorf("%v: ends with %v after %d, want %v", c.answers, err, asked, c.want)
		}
	}
}

func TestCover(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		filters []string
		want    string
	}{
		{nil, "log.>"},
		{[]string{"log.7.>"}, "log.7.>"},
		{[]string{"log.7.pbx.*.*.A", "log.7.license.*.*.B"}, "log.7.*.*.*.*"},
		{[]string{"log.*.mailer.acme.*.A", "log.*.mailer.acme.*.B"}, "log.*.mailer.acme.*.*"},
		{[]string{"log.7.>", "log.7.pbx.*.*.A"}, "log.>"},
	} {
		if got := cover(c.filters); got != c.want {
			t.Errorf("%q: %s, want %s", c.filters, got, c.want)
		}
	}
	for _, c := range []struct {
		filter, subject string
		want            bool
	}{
		{"log.*.pbx.*.*.A", "log.7.pbx.acme.1.A", true},
		{"log.*.pbx.*.*.A", "log.7.pbx.acme.1.AA", false},
		{"log.*.pbx.*.*.A", "log.7.pbx.acme.1.A.b", false},
		{"log.*.pbx.*.*.A", "log.7.pbx.acme.1", false},
		{"log.7.pbx.a.b.A", "log.7.pbx.a.b.A", true},
	} {
		if got := matches(c.filter, c.subject); got != c.want {
			t.Errorf("%s has %s: %t", c.filter, c.subject, got)
		}
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	var p mapping
	for from, to := uint64(49), uint64(1); from < 60; from++ {
		if from == 52 || from == 53 { // a hole
			continue
		}
		p.add(from, to)
		to++
	}
	for from, want := range map[uint64]uint64{1: 0, 48: 0, 49: 1, 51: 3, 52: 3, 53: 3, 54: 4, 59: 9, 60: 9} {
		if got := p.of(from); got != want {
			t.Errorf("%d is at %d, want %d", from, got, want)
		}
	}
	if len(p) != 2 {
		t.Errorf("remembers %d stretches, want 2", len(p))
	}
}
