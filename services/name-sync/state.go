package namesync

import (
	"fmt"
	"strconv"

	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// State is an extension's profile. The zero State is one without a name.
type State struct {
	Name     string
	Sequence uint64 // of the event that named it
}

// Fields of the state in Redis.
const (
	fieldName  = "name"
	fieldNamed = "named" // the sequence
)

func save(s State) fold.Fields {
	if s.Sequence == 0 {
		return nil
	}
	return fold.Fields{fieldName, s.Name, fieldNamed, strconv.FormatUint(s.Sequence, 10)}
}

func load(fields map[string]string) (State, error) {
	named, there := fields[fieldNamed]
	if !there {
		return State{}, nil
	}
	sequence, err := strconv.ParseUint(named, 10, 64)
	if err != nil {
		return State{}, fmt.Errorf("field %s: %w", fieldNamed, err)
	}
	return State{Name: fields[fieldName], Sequence: sequence}, nil
}
