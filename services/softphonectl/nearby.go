package softphonectl

import (
	"path/filepath"

	"github.com/mycloudpbx/softphone/services/internal/beacon"
)

// dataFolder is where `make run` keeps everything, when nobody says otherwise.
const dataFolder = "data"

// locate finds the servers that no flag and no variable names. Beside the data
// folder of a system that runs in one process, they are that system's; a NATS that
// was named brings its login and its Redis only if it is the same.
func (a *app) locate(env func(string) string) error {
	a.nats.fill(env)
	a.nats.hint = " (--server or NATS_URL says where it is)"
	if a.redisURL == "" {
		a.redisURL = env("REDIS_URL")
	}
	if a.nats.url != "" && a.nats.user != "" && a.redisURL != "" {
		return nil
	}
	folder := env("SOFTPHONE_DATA")
	if folder == "" {
		folder = dataFolder
	}
	near, found, err := beacon.Find(folder)
	if err != nil {
		return usageError{err}
	}
	switch {
	case a.nats.url != "":
	case found:
		a.nats.url, a.nats.hint = near.NATS, " ("+filepath.Join(folder, beacon.FileName)+" says that it is there)"
	default:
		a.nats.url = defaultURL
	}
	if found && a.nats.user == "" && near.User != "" && a.nats.url == near.NATS {
		a.nats.user, a.nats.passwordFile = near.User, filepath.Join(folder, beacon.PasswordFile)
	}
	if found && a.redisURL == "" && a.nats.url == near.NATS {
		a.redisURL = near.Redis
	}
	return nil
}
