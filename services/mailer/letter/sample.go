package letter

import (
	"fmt"
	"time"
)

// Samples are letters as they occur, one or more of each kind. Brands are tried with
// them, and previews show them.
func Samples() []Letter {
	var all []Letter
	for _, kind := range Kinds() {
		for _, limit := range []int{4, 1} {
			l := Letter{
				Kind: kind, Tenant: "acme", To: "anna@example.com", Name: "Anna Müller", Username: "anna.1001", DeviceLimit: limit,
				CauseID: fmt.Sprintf("%s-%d", kind, limit),
				Date:    time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC),
			}
			if kind == DeviceLimitReached {
				l.Devices = sampleDevices()[:limit]
			}
			if limit == 1 {
				l.Name = ""
			}
			all = append(all, l)
		}
	}
	return all
}

func sampleDevices() []Device {
	return []Device{
		{Name: "Anna’s MacBook", Platform: "mac"}, {Name: "Pixel 9", Platform: "android"},
		{Platform: "windows"}, {Name: "Tablet in the hall", Platform: "other"},
	}
}
