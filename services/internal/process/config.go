package process

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/rs/zerolog"
)

// Config is what every process reads.
type Config struct {
	Ops Ops
	// The least that is logged: trace, debug, info, warn or error.
	LogLevel string `env:"SOFTPHONE_LOG_LEVEL" envDefault:"info"`
	// Shown by softphone_build_info. Without it, what the binary says.
	Version string `env:"SOFTPHONE_VERSION"`
	TLS     TLS
	Traces  Traces
	Host    *Host `env:"-"` // set by Main
}

// Validate checks what the types cannot.
func (c Config) Validate() error {
	faults := []error{checkLevel("SOFTPHONE_LOG_LEVEL", c.LogLevel)}
	if c.Ops.TLS && c.TLS.CertFile == "" {
		faults = append(faults, errors.New("SOFTPHONE_OPS_TLS: is set, but TLS_CERT_FILE is not: set TLS_CERT_FILE and TLS_KEY_FILE"))
	}
	return errors.Join(faults...)
}

// CheckAddress is for Validate methods: address must be host:port.
func CheckAddress(variable, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("%s: %q is not an address to listen on: write host:port, for example 127.0.0.1:9090", variable, address)
	}
	return nil
}

func checkLevel(variable, level string) error {
	if _, err := zerolog.ParseLevel(level); err != nil || level == "" {
		return fmt.Errorf("%s: %q is not a level: write trace, debug, info, warn or error", variable, level)
	}
	return nil
}

// Parse fills target, a pointer to a struct, from environment ("NAME=value", as os.Environ gives it). The tags of its
// fields are those of github.com/caarlos0/env: env, envDefault, envPrefix and "required". Structs in it that have a
// method Validate() error are validated; a method that finds several faults joins them with errors.Join. The error is a
// *ConfigError with everything that was found.
func Parse(target any, environment []string) error {
	p := parser{environment: env.ToMap(environment)}
	p.fill(reflect.ValueOf(target).Elem(), "")
	p.validate(reflect.ValueOf(target).Elem())
	if len(p.faults) > 0 {
		return &ConfigError{p.faults}
	}
	return nil
}

type parser struct {
	environment map[string]string
	faults      []error
}

// fault keeps err, or the errors joined in it, and of one variable only the first: an embedded struct's Validate is also
// its container's, and what could not be parsed is empty and therefore often invalid too.
func (p *parser) fault(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			p.fault(e)
		}
		return
	}
	variable, _, _ := strings.Cut(err.Error(), ":")
	same := func(f error) bool { return strings.HasPrefix(f.Error(), variable+":") }
	if !slices.ContainsFunc(p.faults, same) {
		p.faults = append(p.faults, err)
	}
}

func (p *parser) fill(v reflect.Value, prefix string) {
	for f, field := range v.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
		switch {
		case name == "-":
		case name != "" && field.CanSet():
			p.variable(f, field, prefix, prefix+name)
		case field.Kind() == reflect.Struct && (f.IsExported() || f.Anonymous):
			p.fill(field, prefix+f.Tag.Get("envPrefix"))
		}
	}
}

// variable sets one field. The library parses a struct of that one field: its errors name a Go field and not the
// variable, so this is how one knows which it was.
func (p *parser) variable(f reflect.StructField, field reflect.Value, prefix, name string) {
	if field.Type() == reflect.TypeFor[Secret]() && !p.secretFile(name) {
		return
	}
	f.Anonymous, f.Index, f.Offset = false, nil, 0
	one := reflect.New(reflect.StructOf([]reflect.StructField{f}))
	one.Elem().Field(0).Set(field) // what the program has put there is the default
	err := env.ParseWithOptions(one.Interface(), env.Options{Environment: p.environment, Prefix: prefix})
	if err != nil {
		p.fault(explain(name, p.environment[name], field.Type(), err))
		return
	}
	field.Set(one.Elem().Field(0))
}

// secretFile makes the content of the file that name_FILE names the value of name.
func (p *parser) secretFile(name string) bool {
	path := p.environment[name+"_FILE"]
	if path == "" {
		return true
	}
	if p.environment[name] != "" {
		p.fault(fmt.Errorf("%s: %s_FILE is set too: keep one of them", name, name))
		return false
	}
	content, err := os.ReadFile(path)
	if err != nil {
		p.fault(fmt.Errorf("%s_FILE: %w", name, err))
		return false
	}
	secret := strings.TrimRight(string(content), "\r\n")
	if secret == "" {
		p.fault(fmt.Errorf("%s_FILE: %s is empty: write the secret into it", name, path))
		return false
	}
	p.environment[name] = secret
	return true
}

// explain says what is wrong with one variable in words for whoever sets it. The value is shown redacted, and the
// library's own message not at all where it would repeat it.
func explain(name, value string, t reflect.Type, err error) error {
	var unset env.VarIsNotSetError
	var empty env.EmptyVarError
	if errors.As(err, &unset) || errors.As(err, &empty) {
		return fmt.Errorf("%s: is not set, and there is no default: set it", name)
	}
	value = Redact(value)
	kind := t.Kind()
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return fmt.Errorf("%s: %q is not a duration: write for example 90s or 1h30m", name, value)
	case t == reflect.TypeFor[url.URL]() || t == reflect.TypeFor[*url.URL]():
		return fmt.Errorf("%s: is not a URL: write it as scheme://host:port, special characters percent-encoded", name)
	case kind == reflect.Bool:
		return fmt.Errorf("%s: %q is neither true nor false", name, value)
	case kind >= reflect.Int && kind <= reflect.Uintptr:
		return fmt.Errorf("%s: %q is not a whole number that fits", name, value)
	case kind == reflect.Float32 || kind == reflect.Float64:
		return fmt.Errorf("%s: %q is not a number", name, value)
	}
	if parse, ok := errors.AsType[env.ParseError](err); ok {
		err = parse.Err
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (p *parser) validate(v reflect.Value) {
	if v.CanInterface() {
		if c, ok := reflect.TypeAssert[interface{ Validate() error }](v.Addr()); ok {
			if err := c.Validate(); err != nil {
				p.fault(err)
			}
		}
	}
	for f, field := range v.Fields() {
		if (f.IsExported() || f.Anonymous) && field.Kind() == reflect.Struct && f.Tag.Get("env") == "" {
			p.validate(field)
		}
	}
}
