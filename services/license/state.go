package license

import (
	"fmt"
	"strconv"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/fold"
)

// State is what the license worker keeps of an extension: its last license. The
// zero State is an extension that never had one.
type State struct {
	Active      bool
	LicenseID   string
	Generation  int
	DeviceLimit int
	Email       string
	Username    string
	DisplayName string
	Locale      string
	GrantedAt   time.Time
}

// Fields of the state in Redis.
const (
	fieldActive      = "active" // "1", or absent
	fieldLicense     = "license"
	fieldGeneration  = "generation"
	fieldLimit       = "limit"
	fieldEmail       = "email"
	fieldUsername    = "username"
	fieldDisplayName = "name"
	fieldLocale      = "locale" // absent when unknown
	fieldGrantedAt   = "at"     // Unix milliseconds
)

func save(s State) fold.Fields {
	if s.Generation == 0 {
		return nil
	}
	if s.LicenseID == "" { // the last one was erased
		return fold.Fields{fieldGeneration, strconv.Itoa(s.Generation)}
	}
	fields := fold.Fields{
		fieldLicense, s.LicenseID,
		fieldGeneration, strconv.Itoa(s.Generation),
		fieldLimit, strconv.Itoa(s.DeviceLimit),
		fieldEmail, s.Email,
		fieldUsername, s.Username,
		fieldDisplayName, s.DisplayName,
		fieldGrantedAt, strconv.FormatInt(s.GrantedAt.UnixMilli(), 10),
	}
	if s.Active {
		fields = append(fields, fieldActive, "1")
	}
	if s.Locale != "" {
		fields = append(fields, fieldLocale, s.Locale)
	}
	return fields
}

func load(fields map[string]string) (State, error) {
	if fields[fieldGeneration] == "" {
		return State{}, nil
	}
	generation, err := strconv.Atoi(fields[fieldGeneration])
	if err != nil {
		return State{}, fmt.Errorf("field %s: %w", fieldGeneration, err)
	}
	if fields[fieldLicense] == "" {
		return State{Generation: generation}, nil
	}
	limit, err := strconv.Atoi(fields[fieldLimit])
	if err != nil {
		return State{}, fmt.Errorf("field %s: %w", fieldLimit, err)
	}
	at, err := strconv.ParseInt(fields[fieldGrantedAt], 10, 64)
	if err != nil {
		return State{}, fmt.Errorf("field %s: %w", fieldGrantedAt, err)
	}
	return State{
		Active:      fields[fieldActive] == "1",
		LicenseID:   fields[fieldLicense],
		Generation:  generation,
		DeviceLimit: limit,
		Email:       fields[fieldEmail],
		Username:    fields[fieldUsername],
		DisplayName: fields[fieldDisplayName],
		Locale:      fields[fieldLocale],
		GrantedAt:   time.UnixMilli(at).UTC(),
	}, nil
}
