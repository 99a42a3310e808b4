package softphonectl

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

// flag is one whose values are held to what they mean as the command line is read,
// before anybody is asked anything. An empty one is a fault too: of a script's
// variable that is not set, not a wish for everything.
type flag[T comparable] struct {
	to    *T
	kind  string // for the help
	parse func(text string) (T, error)
}

// Set is called with what was typed.
func (f flag[T]) Set(text string) error {
	value, err := f.parse(text)
	if err == nil {
		*f.to = value
	}
	return err
}

// Type is shown by the help.
func (f flag[T]) Type() string { return f.kind }

// String is the default that the help shows; "" for none.
func (f flag[T]) String() string {
	if *f.to == *new(T) {
		return ""
	}
	return fmt.Sprint(*f.to)
}

// countFlag is for so many, or a place in the log. It is 0 while nobody says it.
func countFlag(to *uint64) flag[uint64] {
	return flag[uint64]{to, "uint", func(text string) (uint64, error) {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || n == 0 {
			return 0, errors.New("it is not a number from 1 on")
		}
		return n, nil
	}}
}

// durationFlag is for how long, at least so long.
func durationFlag(to *time.Duration, least time.Duration) flag[time.Duration] {
	return flag[time.Duration]{to, "duration", func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		switch {
		case err != nil:
			return 0, errors.New("it is not a duration such as 500ms, 2s or 5m")
		case d < least:
			return 0, fmt.Errorf("it is too short: at least %s", least)
		}
		return d, nil
	}}
}

// nameFlag is for one of some names.
func nameFlag(to *string, names []string) flag[string] {
	return flag[string]{to, "string", func(text string) (string, error) {
		if !slices.Contains(names, text) {
			return "", errors.New("it is one of " + strings.Join(names, ", "))
		}
		return text, nil
	}}
}

func tenantFlag(to *string) flag[string] {
	return flag[string]{to, "string", func(text string) (string, error) {
		return text, problem(events.Extension{Tenant: text, Number: "1"})
	}}
}

func extensionFlag(to *string) flag[string] {
	return flag[string]{to, "string", func(text string) (string, error) {
		return text, problem(events.Extension{Tenant: "any", Number: text})
	}}
}

// problem is what is wrong with an extension, without the field's name: the flag's is
// said before it.
func problem(x events.Extension) error {
	if field, is := errors.AsType[*events.FieldError](x.Validate()); is {
		return errors.New(field.Problem)
	}
	return nil
}
