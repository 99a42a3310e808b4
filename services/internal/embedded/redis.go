package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/child"
)

const (
	// stopLimit is how long redis-server may take to write its files after SIGTERM before it is killed.
	stopLimit = 10 * time.Second
	// maxSocketPath is what every system's sockaddr_un holds (104 on BSD and macOS, 108 on Linux), less the final zero.
	maxSocketPath = 103
)

// RedisConfig says how to run a redis-server.
type RedisConfig struct {
	// Dir holds the append-only file.
	Dir string
	// Listen is host:port. Empty, the better choice where nobody else must connect: a Unix socket, which no other program
	// can take between our choosing it and Redis binding it, and which only this user can open.
	Listen string
	// ConfigFile is a redis.conf; what StartRedis needs to know (folder, address) overrides it, nothing else does.
	ConfigFile string
	// Log gets what the server reports while it runs. The zero value drops it.
	Log zerolog.Logger
}

// Redis is a running redis-server.
type Redis struct {
	process *child.Process
	log     *redisLog
	options redis.Options // how to reach it
	folder  *os.File      // the lock on the data folder
	sockets string        // a temporary folder to remove at the end, or empty
	close   sync.Once
}

// StartRedis returns when the server has loaded its data and answers. Without an installed redis-server the error is
// ErrNoRedis.
//
// Every write is in the append-only file before it is acknowledged and on the disk a second later, and nothing is ever
// evicted. A hash stays in the compact encoding while its values have at most 512 bytes: with the default of 64, the
// state of an extension with four devices took 1,142 bytes, with this 856.
func StartRedis(c RedisConfig) (*Redis, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("redis: %w: install it (Debian: apt-get install redis-server)", ErrNoRedis)
	}
	r := &Redis{log: &redisLog{log: c.Log.With().Str("server", "redis").Logger()}}
	if err := r.start(program, c); err != nil {
		r.Close()
		return nil, fmt.Errorf("redis: %w", err)
	}
	return r, nil
}

func (r *Redis) start(program string, c RedisConfig) (err error) {
	if r.folder, err = takeFolder(c.Dir); err != nil {
		return err
	}
	address, err := r.address(c)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	var args []string
	if c.ConfigFile != "" {
		args = append(args, c.ConfigFile)
	} else {
		args = append(args, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
			"--maxmemory-policy", "noeviction", "--hash-max-listpack-value", "512")
	}
	args = append(args, "--dir", dir, "--daemonize", "no", "--logfile", "")
	cmd := exec.Command(program, append(args, address...)...)
	cmd.Stdout, cmd.Stderr = r.log, r.log
	if r.process, err = child.Start(cmd); err != nil {
		return err
	}
	return r.await()
}

// address decides where the server listens and returns its arguments for it.
func (r *Redis) address(c RedisConfig) ([]string, error) {
	if c.Listen == "" {
		socket, err := r.socket(c.Dir)
		r.options.Network, r.options.Addr = "unix", socket
		return []string{"--port", "0", "--unixsocket", socket, "--unixsocketperm", "700"}, err
	}
	address := c.Listen
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w", address, err)
	}
	if port == "0" { // Redis has no "any port": port 0 turns TCP off
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
		}
		address = l.Addr().String()
		_, port, _ = net.SplitHostPort(address)
		_ = l.Close()
	} else if err := checkFree(address); err != nil {
		return nil, err
	}
	r.options.Network, r.options.Addr = "tcp", address
	return []string{"--bind", host, "--port", port}, nil
}

// socket is a path in dir where that is short enough for a socket, else in a temporary folder.
func (r *Redis) socket(dir string) (string, error) {
	path, err := filepath.Abs(filepath.Join(dir, "redis.sock"))
	if err != nil || len(path) <= maxSocketPath {
		return path, err
	}
	if r.sockets, err = os.MkdirTemp("", "redis-"); err != nil {
		return "", err
	}
	if path = filepath.Join(r.sockets, "redis.sock"); len(path) > maxSocketPath {
		return "", fmt.Errorf("socket path %s is longer than %d bytes: set TMPDIR to a shorter folder", path, maxSocketPath)
	}
	return path, nil
}

// await returns when the server answers: any answer counts, also that a password is needed, except that it still loads.
func (r *Redis) await() error {
	o := r.options
	o.MaxRetries = -1
	client := redis.NewClient(&o)
	defer func() { _ = client.Close() }()
	var err error
	for end := time.Now().Add(startLimit); time.Now().Before(end); {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err = client.Ping(ctx).Err()
		cancel()
		var answer redis.Error
		if err == nil || errors.As(err, &answer) && !strings.HasPrefix(answer.Error(), "LOADING") {
			r.log.running(true)
			return nil
		}
		select {
		case <-r.process.Done():
			return fmt.Errorf("redis-server ended at its start: %s", r.log.lastLine())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return fmt.Errorf("redis-server does not answer after %s: %w", startLimit, err)
}

// URL is what redis.ParseURL takes, without user and password.
func (r *Redis) URL() string {
	if r.options.Network == "unix" {
		return (&url.URL{Scheme: "unix", Path: r.options.Addr}).String()
	}
	return (&url.URL{Scheme: "redis", Host: r.options.Addr, Path: "/0"}).String()
}

// Done is closed when the server has ended, also by itself.
func (r *Redis) Done() <-chan struct{} { return r.process.Done() }

// PID of the server's process.
func (r *Redis) PID() int { return r.process.PID() }

// Signal sends the server a signal: tests stop, continue and kill it.
func (r *Redis) Signal(s os.Signal) error { return r.process.Signal(s) }

// Close lets the server write its files, stops it and waits until it is gone. It may be called more than once.
func (r *Redis) Close() {
	r.close.Do(func() {
		if r.process != nil {
			r.stop()
		}
		_ = r.folder.Close()
		if r.sockets != "" {
			_ = os.RemoveAll(r.sockets)
		}
	})
}

func (r *Redis) stop() {
	r.log.running(false)
	_ = r.process.Signal(syscall.SIGCONT) // a stopped process does not act on SIGTERM
	_ = r.process.Signal(syscall.SIGTERM)
	select {
	case <-r.process.Done():
	case <-time.After(stopLimit):
		_ = r.process.Signal(syscall.SIGKILL)
		<-r.process.Done()
	}
}
