package server

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/portal/access"
)

// usage says what [Command] takes.
const usage = `portal takes:

  portal                                 serve
  portal link [<name> [<tenant>]]        make a one-time link with which an administrator signs in
  portal tokens make <name> --tenant <tenant, or "*" for all> --scopes read,admin,core [--days 365]
  portal tokens list
  portal tokens end <id>
  portal limits list                     the tenants whose highest device limit is not the usual one
  portal limits set <tenant> <devices>   set it; 0 for the usual one
  portal sessions list                   the administrators who are signed in
  portal sessions end <id>|--all         sign one of them out, or everybody
`

// errUsage says that there is no such command.
var errUsage = errors.New("no such command\n\n" + strings.TrimSpace(usage))

// commandTime is how long a command may take.
const commandTime = 15 * time.Second

// Command does what the arguments say. It reads the environment that the portal reads, or
// finds a system that runs in one process by its data folder (SOFTPHONE_DATA, ./data), and
// works with NATS and Redis itself, whether or not a portal is running.
func Command(arguments, environment []string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	environment, err := nearby(environment)
	if err != nil {
		return err
	}
	if arguments[0] == "link" {
		return link(ctx, arguments[1:], environment, out)
	}
	if len(arguments) < 2 {
		return errUsage
	}
	do, known := map[string]func(context.Context, backend, []string, io.Writer) error{
		"tokens make": makeToken, "tokens list": listTokens, "tokens end": endToken,
		"limits list": listLimits, "limits set": setLimit,
		"sessions list": listSessions, "sessions end": endSessions,
	}[arguments[0]+" "+arguments[1]]
	if !known {
		return errUsage
	}
	b, err := openBackend(ctx, environment)
	if err != nil {
		return err
	}
	defer b.close()
	return do(ctx, b, arguments[2:], out)
}

// backend is what commands work with.
type backend struct {
	nats   *nats.Conn
	redis  redis.UniversalClient
	access *access.Store
}

func openBackend(ctx context.Context, environment []string) (b backend, err error) {
	var c Config
	if err := process.Parse(&c, environment); err != nil {
		return b, err
	}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.redis, err = c.Redis.Connect(ctx, Name); err != nil {
		return b, err
	}
	if b.nats, err = c.NATS.Connect(ctx, Name, zerolog.Nop()); err != nil {
		return b, err
	}
	log, err := eventlog.Open(ctx, b.nats)
	if err != nil {
		return b, err
	}
	b.access, err = access.Open(ctx, log.JetStream(), setup.CredentialsBucket, b.redis, zerolog.Nop())
	return b, err
}

func (b backend) close() {
	if b.redis != nil {
		_ = b.redis.Close()
	}
	if b.nats != nil {
		b.nats.Close()
	}
}
