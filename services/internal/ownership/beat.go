package ownership

import (
	"encoding/json"
	"time"
)

const (
	beatInterval = 400 * time.Millisecond

	// silence is how long a replica may be unheard and still counts as living: five beats.
	silence = 2 * time.Second

	// listening is how long a replica that starts waits for answers to its hello.
	listening = 250 * time.Millisecond
)

// Subject is where the replicas of a worker publish their beats.
func Subject(worker string) string { return "owners." + worker }

// beat is what a replica tells the others. It is JSON.
type beat struct {
	Replica string `json:"replica"`
	Run     string `json:"run"`              // tells this process from an earlier one of the same name
	Number  uint64 `json:"number"`           // counts the beats of a run
	Hello   bool   `json:"hello,omitempty"`  // the first: answer at once
	Leaves  bool   `json:"leaves,omitempty"` // the last
	Unable  bool   `json:"unable,omitempty"` // does not reach what it needs

	// Heard are the other replicas that live, by what was heard of them directly: how long ago, in milliseconds.
	Heard map[string]heard `json:"heard,omitempty"`
}

type heard struct {
	Ago    int64 `json:"ago"`
	Unable bool  `json:"unable,omitempty"`
}

func (b beat) encode() []byte {
	data, err := json.Marshal(b)
	if err != nil {
		panic(err) // strings and numbers can be encoded
	}
	return data
}

// decodeBeat returns false for what is no beat.
func decodeBeat(data []byte) (b beat, ok bool) {
	err := json.Unmarshal(data, &b)
	return b, err == nil && isName(b.Replica, true) && b.Run != ""
}
