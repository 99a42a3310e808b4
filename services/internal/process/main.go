package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitConfig = 2
)

// Main is a program's main function. It fills target, a pointer to the service's configuration, from the environment;
// common is the Config inside target, whose Host it sets. Then it serves the ops listener and calls run with a context
// that SIGINT and SIGTERM cancel; a second signal ends the process at once.
//
// The exit code is 0 when run returned nil or, after a signal, context.Canceled; 1 when it returned another error, which
// is logged on one line; 2 when the configuration is wrong, with one line a fault.
func Main(name string, target any, common *Config, run func(ctx context.Context) error) {
	os.Exit(program{
		name: name, target: target, common: common, run: run,
		environment: os.Environ(), errors: os.Stderr, exit: os.Exit,
	}.main(os.Args[1:]...))
}

// program is Main with everything it touches.
type program struct {
	name        string
	target      any
	common      *Config
	run         func(context.Context) error
	environment []string
	errors      io.Writer
	exit        func(int)
}

func (p program) main(args ...string) int {
	if len(args) > 0 {
		return p.usage(args[0])
	}
	log := newLog(p.name, p.errors)
	if err := Parse(p.target, p.environment); err != nil {
		if config, ok := errors.AsType[*ConfigError](err); ok {
			for _, f := range config.Faults {
				log.Error().Msg(oneLine(f))
			}
		}
		return exitConfig
	}
	level, _ := zerolog.ParseLevel(p.common.LogLevel) // Parse has checked it
	log = log.Level(level)
	redis.SetLogger(redisLog{log})
	reportTraces(log)
	p.common.Host = newHost(log, p.common.Version)

	ctx, stop := p.signals(log)
	defer stop()
	stopped := func(err error) bool { return ctx.Err() != nil && errors.Is(err, context.Canceled) }
	if err := p.serve(ctx); err != nil && !stopped(err) {
		log.Error().Msg(oneLine(err))
		return exitFailed
	}
	log.Info().Msg("stopped")
	return exitOK
}

// serve runs the service beside the ops listener, which is there first: a start that takes long can be watched.
func (p program) serve(ctx context.Context) error {
	ops, err := p.common.Ops.serve(p.common.Host, p.common.TLS)
	if err != nil {
		return err
	}
	defer ops.Close()
	var flush func()
	if p.common.Host.Tracer, flush, err = p.common.Traces.Tracer(ctx, p.name, p.common.Version); err != nil {
		return err
	}
	defer flush()
	ctx, p.common.Host.fail = context.WithCancelCause(ctx)
	err = p.run(ctx)
	if failed := context.Cause(ctx); errors.Is(failed, errClosed) && (err == nil || errors.Is(err, context.Canceled)) {
		return failed
	}
	return err
}

// signals returns a context that the first signal cancels.
func (p program) signals(log zerolog.Logger) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	received := make(chan os.Signal, 2)
	signal.Notify(received, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for first := true; ; first = false {
			select {
			case <-done:
				return
			case s := <-received:
				if !first {
					p.exit(exitFailed)
				}
				log.Info().Stringer("signal", s).Msg("stopping; a second signal ends at once")
				cancel()
			}
		}
	}()
	return ctx, func() {
		signal.Stop(received)
		close(done)
		cancel()
	}
}

// usage answers any argument: the programs take none.
func (p program) usage(argument string) int {
	_, _ = fmt.Fprintf(p.errors, "%s takes no arguments. It reads these environment variables:\n\n%s", p.name, variables(p.target))
	if argument == "-h" || argument == "-help" || argument == "--help" {
		return exitOK
	}
	return exitConfig
}

// variables lists what Parse reads, one a line, with its default.
func variables(target any) string {
	var out strings.Builder
	listed := map[string]bool{} // NATS, Redis and the ports share the variables of TLS
	var list func(t reflect.Type, prefix string)
	list = func(t reflect.Type, prefix string) {
		for f := range t.Fields() {
			name, options, _ := strings.Cut(f.Tag.Get("env"), ",")
			note := f.Tag.Get("envDefault")
			switch {
			case name == "-":
				continue
			case name == "" && f.Type.Kind() == reflect.Struct && (f.IsExported() || f.Anonymous):
				list(f.Type, prefix+f.Tag.Get("envPrefix"))
				continue
			case name == "":
				continue
			case strings.Contains(options, "required"):
				note = "(required)"
			case f.Type == reflect.TypeFor[Secret]():
				note = "(or " + prefix + name + "_FILE, the name of a file with it)"
			}
			if !listed[prefix+name] {
				fmt.Fprintf(&out, "  %-30s %s\n", prefix+name, note)
			}
			listed[prefix+name] = true
		}
	}
	list(reflect.TypeOf(target).Elem(), "")
	return out.String()
}

// redisLog takes what go-redis would print: the same trouble comes back as errors of the calls, so it is for debugging.
type redisLog struct{ log zerolog.Logger }

func (l redisLog) Printf(_ context.Context, format string, v ...any) {
	l.log.Debug().Msgf("redis: "+format, v...)
}
