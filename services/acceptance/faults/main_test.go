package faults

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/mailer"
)

// Children of this test.
const (
	childLicense = "license"        // the worker, as its command runs it
	childCounter = "device-counter" // the same
	childMailer  = "mailer"         // the same
	childOwner   = "owner"          // an owner of one partition of device-counter, whoever else owns it
)

const envPartition = "TEST_PARTITION"

func TestMain(m *testing.M) {
	servertest.Main(m, map[string]func(){childLicense: runLicense, childCounter: runCounter, childMailer: runMailer, childOwner: runOwner})
}

func runLicense() {
	var c license.Config
	process.Main(childLicense, &c, &c.Config, func(ctx context.Context) error { return license.Run(ctx, c) })
}

func runCounter() {
	var c devicecounter.Config
	process.Main(childCounter, &c, &c.Config, func(ctx context.Context) error { return devicecounter.Run(ctx, c) })
}

func runMailer() {
	var c mailer.Config
	process.Main(childMailer, &c, &c.Config, func(ctx context.Context) error { return mailer.Run(ctx, c) })
}

// runOwner owns a partition whoever else does.
func runOwner() {
	var c devicecounter.Config
	process.Main(childOwner, &c, &c.Config, func(ctx context.Context) error {
		partition, err := strconv.Atoi(os.Getenv(envPartition))
		if err != nil {
			return err
		}
		conn, err := c.Host.ConnectNATS(ctx, c.NATS, childOwner)
		if err != nil {
			return err
		}
		defer conn.Close()
		client, err := c.Redis.Connect(ctx, childOwner)
		if err != nil {
			return err
		}
		log, err := eventlog.Open(ctx, conn)
		if err != nil {
			return err
		}
		config := fold.Config{Log: log, Redis: client, Owner: c.Replica, Logger: c.Host.Log.Level(zerolog.WarnLevel)}
		return fold.Run(ctx, config, devicecounter.Rules(), partition, func(context.Context) error { return nil })
	})
}

// environment of a child that works on the given servers.
func environment(natsURL, redisURL, replica string) []string {
	return []string{
		"NATS_URL=" + natsURL, "REDIS_URL=" + redisURL, "SOFTPHONE_REPLICA=" + replica,
		"SOFTPHONE_OPS_LISTEN=127.0.0.1:0", "SOFTPHONE_LOG_LEVEL=warn",
	}
}

func partitionEnv(partition int) string { return fmt.Sprintf("%s=%d", envPartition, partition) }
