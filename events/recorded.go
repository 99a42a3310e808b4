package events

// Recorded is an event as the log holds it.
type Recorded struct {
	Event
	Sequence uint64 // its place in the log
	Cause    uint64 // of an outcome: the place of the event that caused it; 0 for a fact
}
