package process

import (
	"errors"
	"strings"
)

var (
	// ErrAddressTaken says that something else listens on the address a listener was given.
	ErrAddressTaken = errors.New("address is already in use")
	// ErrUnreachable says that a server did not answer within the time a start may take.
	ErrUnreachable = errors.New("not reachable")
	// ErrRefused says that a server does not accept the user or the password.
	ErrRefused = errors.New("refuses the user or the password")
	// ErrTLS says that a connection failed for its certificates, or because one side does not use TLS.
	ErrTLS = errors.New("TLS")
)

// ConfigError is everything that is wrong with the environment, each fault beginning with the variable's name. It never
// contains a secret's value.
type ConfigError struct{ Faults []error }

func (e *ConfigError) Error() string {
	texts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		texts[i] = f.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap gives the faults to errors.Is and errors.As.
func (e *ConfigError) Unwrap() []error { return e.Faults }
