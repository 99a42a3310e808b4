package devicecounter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// State is what the worker keeps of an extension. The zero State is one never
// seen.
type State struct {
	LicenseID  string // the license devices sign in under; "" when nobody may
	Generation int    // of the last license seen
	Limit      int    // seats of the license
	ClosedAt   uint64 // sequence of the last SoftphoneDisabled or ExtensionDeleted
	Devices    Devices
}

// closed is the state when nobody is in.
func (s State) closed() State {
	return State{Generation: s.Generation, ClosedAt: s.ClosedAt}
}

// Fields of the state in Redis. A seat is one field, so that a person can read
// it: device:<id> → "<platform> <time> <name>", the platform as its first letter
// and the time in Unix milliseconds, written to the base 36. With the platforms and
// decimals spelled out, a license with four devices took 744 bytes of Redis; so it
// takes 616.
const (
	fieldLicense    = "license" // absent when nobody may sign in
	fieldGeneration = "generation"
	fieldLimit      = "limit"
	fieldUsed       = "used"   // the number of seats, for those who look; the seats are what counts
	fieldClosedAt   = "closed" // absent when 0
	fieldDevice     = "device:"

	timeBase = 36
)

// platforms are known by their first letter.
func platforms() [5]string {
	return [...]string{
		events.PlatformMac, events.PlatformIPhone, events.PlatformWindows, events.PlatformAndroid, events.PlatformOther,
	}
}

func save(s State) fold.Fields {
	fields := make(fold.Fields, 0, 10+2*len(s.Devices))
	if s.Generation > 0 {
		fields = append(fields, fieldGeneration, strconv.Itoa(s.Generation))
	}
	if s.ClosedAt > 0 {
		fields = append(fields, fieldClosedAt, strconv.FormatUint(s.ClosedAt, 10))
	}
	if s.LicenseID == "" {
		return fields
	}
	fields = append(fields,
		fieldLicense, s.LicenseID,
		fieldLimit, strconv.Itoa(s.Limit),
		fieldUsed, strconv.Itoa(len(s.Devices)))
	for _, seat := range s.Devices {
		fields = append(fields, fieldDevice+seat.DeviceID, formatSeat(seat))
	}
	return fields
}

func load(fields map[string]string) (s State, err error) {
	number := func(name string) uint64 {
		text, there := fields[name]
		if !there || err != nil {
			return 0
		}
		n, bad := strconv.ParseUint(text, 10, 63)
		if bad != nil {
			err = fmt.Errorf("field %s: %w", name, bad)
		}
		return n
	}
	s = State{
		LicenseID:  fields[fieldLicense],
		Generation: int(number(fieldGeneration)),
		Limit:      int(number(fieldLimit)),
		ClosedAt:   number(fieldClosedAt),
	}
	for name, value := range fields {
		id, is := strings.CutPrefix(name, fieldDevice)
		if !is {
			continue
		}
		seat, bad := parseSeat(id, value)
		if bad != nil {
			return State{}, fmt.Errorf("field %s: %w", name, bad)
		}
		s.Devices = append(s.Devices, seat)
	}
	slices.SortFunc(s.Devices, byActivation)
	return s, err
}

func formatSeat(s events.Seat) string {
	return s.Platform[:1] + " " + strconv.FormatInt(s.ActivatedAt.UnixMilli(), timeBase) + " " + s.DeviceName
}

func parseSeat(id, value string) (events.Seat, error) {
	letter, rest, _ := strings.Cut(value, " ")
	at, name, _ := strings.Cut(rest, " ")
	ms, err := strconv.ParseInt(at, timeBase, 64)
	if err != nil {
		return events.Seat{}, fmt.Errorf("the time a seat was taken: %w", err)
	}
	for _, platform := range platforms() {
		if letter == platform[:1] {
			return events.Seat{DeviceID: id, Platform: platform, DeviceName: name, ActivatedAt: time.UnixMilli(ms).UTC()}, nil
		}
	}
	return events.Seat{}, fmt.Errorf("no platform begins with %q", letter)
}
