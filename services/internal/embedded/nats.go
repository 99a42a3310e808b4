package embedded

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// startLimit is how long a server may take until it answers. Recovering a large log takes most of it.
const startLimit = 2 * time.Minute

// NATSConfig says how to run a NATS server with JetStream.
type NATSConfig struct {
	// Dir holds the JetStream store. It may be empty only when ConfigFile names a store_dir.
	Dir string
	// Listen is host:port; port 0 lets the kernel choose one. Empty: no listener at all, only InProcess connects
	// (with a ConfigFile: what that file says).
	Listen string
	// SyncAlways flushes every message to the disk before it is acknowledged. Without it a power failure may take the
	// last two minutes of acknowledged messages.
	SyncAlways bool
	// User and Password are what clients must say; empty: anybody who reaches the address may do everything.
	User, Password string
	// ConfigFile is a nats-server configuration; the fields above override it.
	ConfigFile string
	// Log gets the server's warnings and errors. The zero value drops them.
	Log zerolog.Logger
}

// NATS is a running server.
type NATS struct {
	opts   *server.Options
	log    zerolog.Logger
	folder *os.File // the lock; nil when ConfigFile chose the store

	mu     sync.Mutex
	server *server.Server // another one after Heal has started it again
	closed bool
}

// StartNATS returns when the server accepts connections and JetStream is ready.
func StartNATS(c NATSConfig) (*NATS, error) {
	opts, err := c.options()
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	n := &NATS{opts: opts, log: c.Log}
	if c.Dir != "" {
		if n.folder, err = takeFolder(c.Dir); err != nil {
			return nil, fmt.Errorf("nats: %w", err)
		}
	}
	if err := n.start(opts, c.Log); err != nil {
		n.Close()
		return nil, fmt.Errorf("nats: %w", err)
	}
	return n, nil
}

func (c NATSConfig) options() (*server.Options, error) {
	opts := &server.Options{}
	if c.ConfigFile != "" {
		if err := opts.ProcessConfigFile(c.ConfigFile); err != nil {
			return nil, fmt.Errorf("configuration %s: %w", c.ConfigFile, err)
		}
	} else if c.Dir == "" {
		return nil, errors.New("a data folder is needed: Dir is empty")
	}
	opts.JetStream = true
	opts.NoSigs = true // signals are this process's own affair
	opts.NoLog = true
	if c.Dir != "" {
		opts.StoreDir = filepath.Clean(c.Dir)
	}
	if c.SyncAlways {
		opts.SyncAlways = true
	}
	if c.User != "" {
		opts.Username, opts.Password = c.User, c.Password
	}
	if c.Listen == "" {
		opts.DontListen = c.ConfigFile == ""
		return opts, nil
	}
	return opts, listenOn(opts, c.Listen)
}

func listenOn(opts *server.Options, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("listen address %q: %w", address, err)
	}
	if opts.Port, err = strconv.Atoi(port); err != nil || opts.Port < 0 || opts.Port > 65535 {
		return fmt.Errorf("listen address %q: the port must be a number from 0 to 65535", address)
	}
	opts.Host = host
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	if opts.HTTPPort > 0 { // of the file: two servers that run it would meet on that port
		opts.HTTPPort = server.RANDOM_PORT
	}
	return nil
}

func (n *NATS) start(opts *server.Options, log zerolog.Logger) error {
	if !opts.DontListen && opts.Port != server.RANDOM_PORT {
		host, port := opts.Host, opts.Port // as the configuration file left them; empty is the server's default
		if host == "" {
			host = server.DEFAULT_HOST
		}
		if port == 0 {
			port = server.DEFAULT_PORT
		}
		if err := checkFree(net.JoinHostPort(host, strconv.Itoa(port))); err != nil {
			return err
		}
	}
	s, err := server.NewServer(opts.Clone())
	if err != nil {
		return err
	}
	n.server = s
	l := &serverLog{log: log.With().Str("server", "nats").Logger(), fatal: make(chan error, 1)}
	s.SetLoggerV2(l, false, false, false)
	go s.Start()
	return l.await(s)
}

// await waits until s serves or has said that it never will: nats-server reports that by a fatal log line alone.
func (l *serverLog) await(s *server.Server) error {
	for end := time.Now().Add(startLimit); time.Now().Before(end); {
		ready := s.ReadyForConnections(50 * time.Millisecond)
		select {
		case err := <-l.fatal:
			return err
		default:
		}
		if ready {
			return nil
		}
	}
	return fmt.Errorf("server is not ready after %s", startLimit)
}

// URL is where clients connect; empty when nothing listens.
func (n *NATS) URL() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.server.Addr() == nil {
		return ""
	}
	return n.server.ClientURL()
}

// InProcess makes nats.Connect use a pipe inside the process instead of the network.
func (n *NATS) InProcess() nats.Option { return nats.InProcessServer(n) }

// InProcessConn is such a connection, for nats.InProcessServer.
func (n *NATS) InProcessConn() (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.server.InProcessConn()
}

// Close stops the server and returns when its files are written and closed. It may be called more than once.
func (n *NATS) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.closed = true
	if n.server != nil {
		n.server.Shutdown()
		n.server.WaitForShutdown()
	}
	_ = n.folder.Close()
}

// serverLog hands on what an operator should see, and turns "fatal" into an error: this process decides when to exit.
type serverLog struct {
	log   zerolog.Logger
	fatal chan error
}

func (l *serverLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Errorf(format, v...):
	default:
		l.log.Error().Msgf(format, v...)
	}
}

func (l *serverLog) Errorf(format string, v ...any)  { l.log.Error().Msgf(format, v...) }
func (l *serverLog) Warnf(format string, v ...any)   { l.log.Warn().Msgf(format, v...) }
func (l *serverLog) Noticef(format string, v ...any) {}
func (l *serverLog) Debugf(format string, v ...any)  {}
func (l *serverLog) Tracef(format string, v ...any)  {}
