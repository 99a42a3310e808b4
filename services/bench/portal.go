package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/api"
	"github.com/mycloudpbx/softphone/services/portal/credential"
)

const (
	// clients sign in at a time.
	clients = 8

	// hashing is how many passwords are computed at a time, as the portal does on two
	// cores.
	hashing = 1

	password = "zebra-lamp-orbit-candle" // of every softphone here
)

// Portal is what signing in through HTTP costs.
type Portal struct {
	Argon2id Latency `json:"argon2id"` // one password, nothing else
	Known    HTTP    `json:"known"`    // a device that has its seat; argon2id apart
	New      HTTP    `json:"new"`      // a device that gets one; argon2id apart

	BareKnown   HTTP   `json:"bareKnown"` // the bare path
	BareNew     HTTP   `json:"bareNew"`
	KnownVersus Judged `json:"knownVersusBare"`
	NewVersus   Judged `json:"newVersusBare"`

	KnownAll HTTP `json:"knownWithArgon2id"`
	NewAll   HTTP `json:"newWithArgon2id"`
}

// HTTP is how one kind of request went.
type HTTP struct {
	PerSecond float64 `json:"perSecond"`
	Latency   Latency `json:"latency"`
	Failed    int     `json:"failed"`
}

// portal measures sign-ins through the portal's HTTP API, which runs in this
// process as its clients do; device-counter is a process of its own.
func (b *bench) portal(ctx context.Context, p *Portal) error {
	if err := b.world.empty(ctx); err != nil {
		return err
	}
	all := newSoftphones(2 * b.sizes.Portal)
	softphones, others := all[:b.sizes.Portal], all[b.sizes.Portal:] // the others for the bare path, whose events no worker reads
	writer, err := newWriter(ctx, b.world.js)
	if err != nil {
		return err
	}
	if err := writer.license(ctx, all); err != nil {
		return err
	}
	counter, err := startCounter(b.world)
	if err != nil {
		return err
	}
	defer counter.stop()

	hasher := credential.NewHasher(hashing, 0)
	hash, err := b.argon2id(ctx, hasher, p)
	if err != nil {
		return err
	}
	var known []softphone
	if err := b.door(ctx, all, free{}, password, func(d *door) error {
		return b.barePath(ctx, others, func(address string) (err error) {
			known, err = b.contest(ctx, p, d, &door{bench: b, address: address}, softphones, others)
			return err
		})
	}); err != nil {
		return err
	}
	return b.door(ctx, softphones, hasher, hash, func(d *door) error {
		p.NewAll = d.run(ctx, devices{of: softphones, number: 1}, b.sizes.Idle)
		p.KnownAll = d.run(ctx, devices{of: known, again: true}, b.sizes.Idle)
		return nil
	})
}

// contest lets new devices sign in and then those again, at the portal and by the bare path in turns. It
// returns the softphones whose first device is in.
func (b *bench) contest(ctx context.Context, p *Portal, d, bare *door, softphones, others []softphone) ([]softphone, error) {
	const rounds = 4
	length := b.sizes.Idle / rounds
	fresh, apart := len(softphones)/rounds, len(others)/rounds
	var news, bareNews, knowns, bareKnowns []HTTP
	var known []softphone
	for round := range rounds {
		mine := softphones[round*fresh : (round+1)*fresh]
		in := d.run(ctx, devices{of: mine}, length)
		known = append(known, mine[:in.Latency.N]...)
		news = append(news, in)
		bareNews = append(bareNews, bare.run(ctx, devices{of: others[round*apart : (round+1)*apart]}, length))
	}
	if len(known) == 0 {
		return nil, errors.New("no device signed in")
	}
	for range rounds {
		knowns = append(knowns, d.run(ctx, devices{of: known, again: true}, length))
		bareKnowns = append(bareKnowns, bare.run(ctx, devices{of: known, again: true}, length))
	}
	p.New, p.BareNew, p.Known, p.BareKnown = rates(news), rates(bareNews), rates(knowns), rates(bareKnowns)
	p.KnownVersus = atLeast(p.Known.PerSecond/p.BareKnown.PerSecond, 0.8)
	p.NewVersus = atLeast(p.New.PerSecond/p.BareNew.PerSecond, 0.8)
	return known, nil
}

// devices are those that want in: the one of a number of every softphone, once or again and again.
type devices struct {
	of     []softphone
	number int
	again  bool
}

// argon2id measures one password, alone, and returns its hash.
func (b *bench) argon2id(ctx context.Context, hasher *credential.Hasher, p *Portal) (string, error) {
	hash, err := hasher.Hash(ctx, password)
	if err != nil {
		return "", err
	}
	var took []time.Duration
	for end := time.Now().Add(b.sizes.Idle / 8); time.Now().Before(end); {
		start := time.Now()
		if ok, err := hasher.Matches(ctx, credential.Caller{}, hash, password); err != nil || !ok {
			return "", fmt.Errorf("a password does not match its hash: %w", err)
		}
		took = append(took, time.Since(start))
	}
	p.Argon2id = latency(took)
	return hash, nil
}

// free is a portal.Hasher that costs nothing: what is left is everything else.
type free struct{}

func (free) Hash(_ context.Context, password string) (string, error) { return password, nil }
func (free) Matches(_ context.Context, _ credential.Caller, hash, password string) (bool, error) {
	return hash == password, nil
}

// door is a running portal and those who want in.
type door struct {
	bench   *bench
	address string
}

// door runs a portal in which every softphone has the same hash.
func (b *bench) door(ctx context.Context, softphones []softphone, hasher portal.Hasher, hash string, use func(*door) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	log, err := b.world.log(ctx, "portal")
	if err != nil {
		return err
	}
	defer log.Conn().Close()
	seal, err := credential.NewSeal(strings.Repeat("k", 26))
	if err != nil {
		return err
	}
	credentials, err := credential.Open(ctx, log.JetStream(), setup.CredentialsBucket, seal)
	if err != nil {
		return err
	}
	for _, s := range softphones { // a license has the id of the fact that asked for it
		if _, err := credentials.Put(ctx, s.Extension, s.license.LicenseID, credential.Credential{Hash: hash, Epoch: credential.NewEpoch()}); err != nil {
			return err
		}
	}
	service := portal.New(portal.Config{Log: log, Redis: b.world.client, Credentials: credentials, Hasher: hasher, Logger: silent})
	running := make(chan error, 2)
	go func() { running <- service.Run(ctx) }()
	go func() { running <- portal.RunView(ctx, b.world.config("bench")) }()
	listener, err := process.Listen("the portal", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := process.ServeHTTP(listener, api.New(ctx, api.Config{Service: service, Log: silent}))
	defer server.Close()
	d := &door{bench: b, address: "http://" + server.Address() + api.Prefix + "/softphone/sign-in"}
	d.warmUp(ctx, log.Conn(), softphones)
	err = use(d)
	cancel()
	for range 2 {
		if ended := <-running; !errors.Is(ended, context.Canceled) {
			err = errors.Join(err, ended)
		}
	}
	return err
}

// warmUp waits until the workers own their partitions and have come to the log's end: the last device of
// some softphones signs in, and of every tenant the view has the last softphone.
func (d *door) warmUp(ctx context.Context, view *nats.Conn, softphones []softphone) {
	d.bench.progress.say("portal: waiting for the workers")
	client := &http.Client{Timeout: patience}
	for i := range min(warmUp, len(softphones)) {
		for d.knock(ctx, client, softphones[i].signedIn(3)) != nil && ctx.Err() == nil {
			time.Sleep(pace)
		}
	}
	for i := perTenant - 1; i < len(softphones); i += perTenant {
		for !current(ctx, view, softphones[i].Extension) && ctx.Err() == nil {
			time.Sleep(pace)
		}
	}
}

// current tells whether the portal's view has come to what the log has of an extension.
func current(ctx context.Context, conn *nats.Conn, x events.Extension) bool {
	question, err := json.Marshal(events.Question{Tenant: x.Tenant, Extension: x.Number})
	if err != nil {
		return false
	}
	reply, err := conn.RequestWithContext(ctx, "ask."+portal.ViewName+".get", question)
	if err != nil {
		return false
	}
	var answer struct{ Current bool }
	return json.Unmarshal(reply.Data, &answer) == nil && answer.Current
}

// run lets devices sign in, as long as there is time.
func (d *door) run(ctx context.Context, who devices, length time.Duration) HTTP {
	d.bench.progress.say("portal: devices sign in")
	var next atomic.Int64
	var all sync.Mutex
	var took []time.Duration
	failed := 0
	start := time.Now()
	var waiting sync.WaitGroup
	for range clients {
		waiting.Go(func() {
			client := &http.Client{Timeout: patience, Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for time.Since(start) < length {
				n := int(next.Add(1)) - 1
				if n >= len(who.of) && !who.again {
					return
				}
				event := who.of[n%len(who.of)].signedIn(who.number)
				began := time.Now()
				err := d.knock(ctx, client, event)
				all.Lock()
				if took = append(took, time.Since(began)); err != nil {
					failed++
				}
				all.Unlock()
			}
		})
	}
	waiting.Wait()
	return HTTP{PerSecond: float64(len(took)) / time.Since(start).Seconds(), Latency: latency(took), Failed: failed}
}

// knock is one sign-in.
func (d *door) knock(ctx context.Context, client *http.Client, event events.Event) error {
	device, ok := event.Data.(events.DeviceSignedIn)
	if !ok {
		return fmt.Errorf("%s is no sign-in", event.EventName())
	}
	body, err := json.Marshal(map[string]any{
		"username": portal.Username(event.Extension), "password": password,
		"device": map[string]string{"id": device.DeviceID, "platform": device.Platform, "name": device.DeviceName},
	})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("a sign-in was answered %s", response.Status)
	}
	return nil
}

func (p *Portal) rows() []row {
	return []row{
		{"argon2id, one password alone", p.Argon2id.String(), nil},
		{"a known device signs in, argon2id apart", p.Known.String(), nil},
		{"the bare path of that", p.BareKnown.String(), nil},
		{"a known device against the bare path", times(p.KnownVersus), &p.KnownVersus},
		{"a new device signs in, argon2id apart", p.New.String(), nil},
		{"the bare path of that", p.BareNew.String(), nil},
		{"a new device against the bare path", times(p.NewVersus), &p.NewVersus},
		{"a known device signs in", p.KnownAll.String(), nil},
		{"a new device signs in", p.NewAll.String(), nil},
	}
}

func (h HTTP) String() string {
	return fmt.Sprintf("%s/s, %d failed, %s", whole(h.PerSecond), h.Failed, h.Latency)
}
