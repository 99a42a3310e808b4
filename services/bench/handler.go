package main

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
)

//go:embed seat.lua
var seatSource string

// handler is what one would write by hand to count seats: it reads the event,
// lets a script in Redis decide, and makes the outcome. Unlike the fold it knows
// no event again, keeps nothing to recover from, and cannot tell who else works.
type handler struct {
	redis  redis.UniversalClient
	script *redis.Script
}

func newHandler(client redis.UniversalClient) handler {
	return handler{redis: client, script: redis.NewScript(seatSource)}
}

// prepare tells the handler of licenses.
func (h handler) prepare(ctx context.Context, softphones []softphone) error {
	pipe := h.redis.Pipeline()
	for i := range softphones {
		s := &softphones[i]
		pipe.HSet(ctx, h.key(s.Extension), "license", s.license.LicenseID, "limit", s.license.DeviceLimit, "used", 0)
	}
	_, err := pipe.Exec(ctx)
	return err
}

func (handler) key(x events.Extension) string { return "byhand:" + x.Tenant + ":" + x.Number }

// handle returns the encoded outcome of a sign-in and where to publish it.
func (h handler) handle(ctx context.Context, subject string, body []byte) (to string, outcome []byte, err error) {
	event, err := events.Decode(subject, body)
	if err != nil {
		return "", nil, err
	}
	asked, ok := event.Data.(events.DeviceSignedIn)
	if !ok {
		return "", nil, fmt.Errorf("%s is not a sign-in", subject)
	}
	data, err := h.seat(ctx, event, asked)
	if err != nil {
		return "", nil, err
	}
	said := events.NewOutcome(events.DeviceCounter, event, data)
	outcome, err = said.Encode()
	return said.Subject(), outcome, err
}

// seat runs the script and puts what it says into words.
func (h handler) seat(ctx context.Context, event events.Event, asked events.DeviceSignedIn) (events.Data, error) {
	kept := asked.Platform + " " + strconv.FormatInt(event.Time.UnixMilli(), 10) + " " + asked.DeviceName
	said, err := h.script.Run(ctx, h.redis, []string{h.key(event.Extension)}, asked.DeviceID, kept).StringSlice()
	if err != nil {
		return nil, err
	}
	if len(said) < 4 {
		return events.DeviceSignInRefused{DeviceID: asked.DeviceID, Reason: events.ReasonNotLicensed}, nil
	}
	used, err := strconv.Atoi(said[2])
	if err != nil {
		return nil, err
	}
	limit, err := strconv.Atoi(said[3])
	if err != nil {
		return nil, err
	}
	if said[0] == "activated" {
		return events.DeviceActivated{
			LicenseID: said[1], DeviceID: asked.DeviceID, Platform: asked.Platform, DeviceName: asked.DeviceName, Used: used, Limit: limit,
		}, nil
	}
	seats, err := parseSeats(said[4:])
	return events.DeviceActivationLimitReached{
		LicenseID: said[1], DeviceID: asked.DeviceID, Platform: asked.Platform, DeviceName: asked.DeviceName, Used: used, Limit: limit,
		Devices: seats,
	}, err
}

func parseSeats(pairs []string) ([]events.Seat, error) {
	seats := make([]events.Seat, 0, len(pairs)/2)
	for ; len(pairs) >= 2; pairs = pairs[2:] {
		platform, rest, _ := strings.Cut(pairs[1], " ")
		at, name, _ := strings.Cut(rest, " ")
		ms, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return nil, err
		}
		seats = append(seats, events.Seat{DeviceID: pairs[0], Platform: platform, DeviceName: name, ActivatedAt: time.UnixMilli(ms).UTC()})
	}
	return seats, nil
}
