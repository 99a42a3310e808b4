package ownership

import (
	"slices"
	"testing"
	"time"
)

func TestLiving(t *testing.T) {
	t.Parallel()
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	b := func(name string, others ...string) beat {
		b := beat{Replica: name, Run: "r", Heard: map[string]heard{}}
		for _, o := range others {
			b.Heard[o] = heard{Ago: 100}
		}
		return b
	}
	leaves := beat{Replica: "b", Run: "r", Leaves: true}
	unable := func(name string) beat { return beat{Replica: name, Run: "r", Unable: true} }
	for _, c := range []struct {
		name   string
		unable bool // of a itself
		beats  map[int]beat
		now    int
		want   []string
	}{
		{name: "alone", now: 0, want: []string{"a"}},
		{name: "heard", beats: map[int]beat{0: b("b")}, now: 1999, want: []string{"a", "b"}},
		{name: "silent", beats: map[int]beat{0: b("b")}, now: 2000, want: []string{"a"}},
		{name: "heard by another", beats: map[int]beat{0: b("c", "b")}, now: 1800, want: []string{"a", "b", "c"}},
		{name: "and not any more", beats: map[int]beat{0: b("c", "b"), 1000: b("c")}, now: 1950, want: []string{"a", "c"}},
		{name: "goodbye", beats: map[int]beat{0: b("b"), 500: leaves}, now: 501, want: []string{"a"}},
		{name: "another had not heard the goodbye", beats: map[int]beat{0: b("b"), 500: leaves, 501: b("c", "b")}, now: 502, want: []string{"a", "c"}},
		{name: "back after the goodbye", beats: map[int]beat{0: leaves, 100: b("b")}, now: 101, want: []string{"a", "b"}},
		{name: "itself from another", beats: map[int]beat{0: b("b", "a")}, now: 1, want: []string{"a", "b"}},
		{name: "one cannot work", beats: map[int]beat{0: b("b"), 1: unable("c")}, now: 2, want: []string{"a", "b"}},
		{name: "this one cannot", unable: true, beats: map[int]beat{0: b("b")}, now: 2, want: []string{"b"}},
		{name: "nobody can", unable: true, beats: map[int]beat{0: unable("b"), 1: unable("c")}, now: 2, want: []string{"a", "b", "c"}},
	} {
		m := newMembers("a", silence)
		for ms := range 2100 {
			if b, is := c.beats[ms]; is && ms <= c.now {
				m.hear(b, at(ms))
			}
		}
		if got := m.living(at(c.now), c.unable); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestStrangeBeats(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{}", "[]", `{"replica":"a.>","run":"r"}`, `{"replica":"a"}`, "\xff"} {
		if b, ok := decodeBeat([]byte(text)); ok {
			t.Errorf("%q is a beat: %+v", text, b)
		}
	}
	want := beat{Replica: "a", Run: "r", Number: 7, Heard: map[string]heard{"b": {Ago: 3}}}
	if got, ok := decodeBeat(want.encode()); !ok || got.Number != 7 || got.Heard["b"].Ago != 3 {
		t.Errorf("%+v, %t", got, ok)
	}
}
