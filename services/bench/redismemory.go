package main

import (
	"context"
	"fmt"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/name-sync"
)

const (
	// licenses is how many licenses Redis is asked about.
	licenses = 100

	// remembered is how many facts of an extension a fold knows again.
	remembered = 16
)

// redisMemory measures what Redis keeps of a license with four devices, as the
// workers themselves keep it: after the four sign-ins, and after so many more that
// what is remembered of the last facts is as long as it gets.
func (b *bench) redisMemory(ctx context.Context, m *Memory) error {
	b.progress.say("memory: Redis")
	if err := b.world.empty(ctx); err != nil {
		return err
	}
	softphones := newSoftphones(licenses)
	if err := b.enable(ctx, softphones); err != nil {
		return err
	}
	if err := b.count(ctx, softphones, 0, devicesEach); err != nil {
		return err
	}
	var err error
	if m.FourFacts, _, err = b.usage(ctx, events.DeviceCounter, softphones); err != nil {
		return err
	}
	if err = b.count(ctx, softphones, devicesEach, remembered); err != nil {
		return err
	}
	var counter float64
	if counter, m.Encoding, err = b.usage(ctx, events.DeviceCounter, softphones); err != nil {
		return err
	}
	m.License, m.AllWorkers = atMost(counter, 700), counter
	for _, name := range []string{events.License, events.NameSync} {
		bytes, _, err := b.usage(ctx, name, softphones)
		if err != nil {
			return err
		}
		m.AllWorkers += bytes
	}
	return nil
}

// enable enables softphones and lets license and name-sync fold that.
func (b *bench) enable(ctx context.Context, softphones []softphone) error {
	writer, err := newWriter(ctx, b.world.js)
	if err != nil {
		return err
	}
	for i := range softphones {
		if _, err := writer.fact(ctx, softphones[i].enabled()); err != nil {
			return err
		}
	}
	if err := writer.flush(ctx); err != nil {
		return err
	}
	if _, err := newFolding(license.Rules()).until(ctx, b.world, len(softphones)); err != nil {
		return err
	}
	_, err = newFolding(namesync.Rules()).until(ctx, b.world, len(softphones))
	return err
}

// count signs in, for the from-th to the to-th time on each softphone, and lets
// device-counter fold that.
func (b *bench) count(ctx context.Context, softphones []softphone, from, to int) error {
	writer, err := newWriter(ctx, b.world.js)
	if err != nil {
		return err
	}
	for n := from; n < to; n++ {
		for i := range softphones {
			if _, err := writer.fact(ctx, softphones[i].signedIn(n%devicesEach)); err != nil {
				return err
			}
		}
	}
	if err := writer.flush(ctx); err != nil {
		return err
	}
	inputs := len(softphones) * (to - from)
	if from == 0 {
		inputs += len(softphones) // their licenses
	}
	_, err = newFolding(devicecounter.Rules()).until(ctx, b.world, inputs)
	return err
}

// usage is what Redis says that a worker's state of an extension takes: the mean
// of all, and their encoding.
func (b *bench) usage(ctx context.Context, name string, softphones []softphone) (mean float64, encoding string, err error) {
	var total int64
	for i := range softphones {
		x := softphones[i].Extension
		key := fmt.Sprintf("softphone:{p%d}:%s:%s:%s", x.Partition(), name, x.Tenant, x.Number)
		bytes, err := b.world.client.MemoryUsage(ctx, key, 0).Result()
		if err != nil {
			return 0, "", fmt.Errorf("%s: %w", key, err)
		}
		total += bytes
		if encoding, err = b.world.client.ObjectEncoding(ctx, key).Result(); err != nil {
			return 0, "", fmt.Errorf("%s: %w", key, err)
		}
	}
	return float64(total) / float64(len(softphones)), encoding, nil
}
