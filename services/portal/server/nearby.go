package server

import (
	"path/filepath"
	"strings"

	"github.com/mycloudpbx/softphone/services/internal/beacon"
)

// nearby is the environment with the servers of a system that runs in one process beside
// this command, where the environment names none itself; see package beacon.
func nearby(environment []string) ([]string, error) {
	folder := "data"
	for _, setting := range environment {
		switch name, value, _ := strings.Cut(setting, "="); name {
		case "NATS_URL", "REDIS_URL":
			return environment, nil
		case "SOFTPHONE_DATA":
			folder = value
		}
	}
	near, found, err := beacon.Find(folder)
	if err != nil || !found {
		return environment, err
	}
	more := []string{"NATS_URL=" + near.NATS}
	if near.User != "" {
		more = append(more, "NATS_USER="+near.User, "NATS_PASSWORD_FILE="+filepath.Join(folder, beacon.PasswordFile))
	}
	if near.Redis != "" {
		more = append(more, "REDIS_URL="+near.Redis)
	}
	return append(more, environment...), nil
}
