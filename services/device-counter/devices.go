package devicecounter

import (
	"cmp"
	"slices"

	"github.com/mycloudpbx/softphone/events"
)

// Devices that hold a seat, by the time they took it. A Devices is never changed in place: the state before a decision
// must survive it.
type Devices []events.Seat

// find returns the index of a device, or -1.
func (d Devices) find(id string) int {
	return slices.IndexFunc(d, func(s events.Seat) bool { return s.DeviceID == id })
}

// with adds a seat. The order depends only on stored values, so it is the same after the seats were saved and loaded.
func (d Devices) with(seat events.Seat) Devices {
	at, _ := slices.BinarySearchFunc(d, seat, byActivation)
	next := append(make(Devices, 0, len(d)+1), d[:at]...)
	return append(append(next, seat), d[at:]...)
}

// without removes the seat at an index.
func (d Devices) without(at int) Devices {
	return slices.Delete(slices.Clone(d), at, at+1)
}

func byActivation(a, b events.Seat) int {
	return cmp.Or(a.ActivatedAt.Compare(b.ActivatedAt), cmp.Compare(a.DeviceID, b.DeviceID))
}
