package ownership

import (
	"maps"
	"slices"
	"time"
)

// members are the replicas that a replica knows of, besides itself.
type members struct {
	self     string
	silence  time.Duration
	direct   map[string]member    // by their own beats
	indirect map[string]member    // by the beats of others
	left     map[string]time.Time // who said goodbye: others may not have heard that when they beat
}

type member struct {
	at     time.Time // when it beat last
	unable bool
}

func newMembers(self string, silence time.Duration) *members {
	return &members{self: self, silence: silence, direct: map[string]member{}, indirect: map[string]member{}, left: map[string]time.Time{}}
}

// hear takes another replica's beat.
func (m *members) hear(b beat, now time.Time) {
	if b.Leaves {
		m.forget(b.Replica)
		m.left[b.Replica] = now
		return
	}
	delete(m.left, b.Replica)
	m.direct[b.Replica] = member{now, b.Unable}
	for name, h := range b.Heard {
		at := now.Add(-time.Duration(h.Ago) * time.Millisecond)
		if name != m.self && at.After(m.indirect[name].at) && at.After(m.left[name].Add(beatInterval)) {
			m.indirect[name] = member{at, h.Unable}
		}
	}
}

func (m *members) forget(name string) {
	delete(m.direct, name)
	delete(m.indirect, name)
}

// heard is what to tell others: those heard directly that live.
func (m *members) heard(now time.Time) map[string]heard {
	all := map[string]heard{}
	for name, of := range m.direct {
		if now.Sub(of.at) < m.silence {
			all[name] = heard{now.Sub(of.at).Milliseconds(), of.unable}
		}
	}
	return all
}

// living are the replicas to share the partitions, with this one: those that can work, or all when none can.
func (m *members) living(now time.Time, unable bool) []string {
	able, all := []string{}, []string{m.self}
	if !unable {
		able = append(able, m.self)
	}
	for name, of := range m.latest() {
		if now.Sub(of.at) >= m.silence {
			m.forget(name)
			continue
		}
		all = append(all, name)
		if !of.unable {
			able = append(able, name)
		}
	}
	for name, at := range m.left {
		if now.Sub(at) >= m.silence {
			delete(m.left, name)
		}
	}
	if len(able) == 0 {
		able = all
	}
	slices.Sort(able)
	return able
}

// latest is the last that is known of each.
func (m *members) latest() map[string]member {
	all := maps.Clone(m.indirect)
	for name, of := range m.direct {
		if !of.at.Before(all[name].at) {
			all[name] = of
		}
	}
	return all
}
