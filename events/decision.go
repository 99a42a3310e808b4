package events

import "encoding/json"

// What a Decision's outcome may be besides the name of an outcome.
const (
	DeviceRecognized = "DeviceRecognized" // the device has its seat already
	AlreadyEnabled   = "AlreadyEnabled"   // a license is in force already
	NothingToDo      = "NothingToDo"      // the fact changed nothing
	Invalid          = "Invalid"          // the fact could not be read; Reason says why
)

// Decision is what the worker that decides on a fact answers to its Softphone-Reply-To.
type Decision struct {
	Outcome  string          `json:"outcome"`
	Sequence uint64          `json:"sequence"` // of the fact in the log
	EventID  string          `json:"eventId"`  // of the fact
	Data     json.RawMessage `json:"data,omitempty"`
	Reason   string          `json:"reason,omitempty"`
}
