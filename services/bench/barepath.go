package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/portal"
)

//go:embed attempt.lua
var attemptSource string

// barePath signs devices in over HTTP by the steps that no right way can do without, each once and one
// after the other, see doc.go. It has no other limit, log line or count, compares no more than it must,
// and decides by a script of its own in this process.
type barePath struct {
	log     *eventlog.Log
	stream  jetstream.Stream
	bucket  jetstream.KeyValue
	redis   redis.UniversalClient
	attempt *redis.Script
	handler handler
}

// barePath runs one, for devices known to device-counter and for those whose licenses it prepares.
func (b *bench) barePath(ctx context.Context, softphones []softphone, use func(address string) error) error {
	log, err := b.world.log(ctx, "bare-path")
	if err != nil {
		return err
	}
	defer log.Conn().Close()
	p := &barePath{log: log, attempt: redis.NewScript(attemptSource)}
	if p.redis, err = (process.Redis{URL: b.world.redisURL}).Connect(ctx, "bare-path"); err != nil {
		return err
	}
	defer func() { _ = p.redis.Close() }()
	p.handler = newHandler(p.redis)
	if p.stream, err = log.JetStream().Stream(ctx, events.Stream); err != nil {
		return err
	}
	if p.bucket, err = log.JetStream().KeyValue(ctx, setup.CredentialsBucket); err != nil {
		return err
	}
	if err := p.handler.prepare(ctx, softphones); err != nil {
		return err
	}
	listener, err := process.Listen("the bare path", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := process.ServeHTTP(listener, http.HandlerFunc(p.serve))
	defer server.Close()
	return use("http://" + server.Address())
}

// knock is the body of a sign-in.
type knock struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Device   struct {
		ID       string `json:"id"`
		Platform string `json:"platform"`
		Name     string `json:"name"`
	} `json:"device"`
}

func (p *barePath) serve(w http.ResponseWriter, r *http.Request) {
	var in knock
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	token, err := p.signIn(r.Context(), in)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"token": token, "username": in.Username, "deviceId": in.Device.ID})
}

func (p *barePath) signIn(ctx context.Context, in knock) (token string, err error) {
	number, tenant, _ := strings.Cut(in.Username, "@")
	x := events.Extension{Tenant: tenant, Number: number}
	counters := attemptKeys(in.Username)
	wait, err := p.attempt.Run(ctx, p.redis, counters, "begin").Int()
	if err != nil || wait > 0 {
		return "", fmt.Errorf("wait %d ms: %w", wait, err)
	}
	license, asOf, err := p.holds(ctx, x)
	if err != nil {
		return "", err
	}
	set, err := p.bucket.Get(ctx, x.Tenant+"."+x.Number+"."+license)
	if err != nil {
		return "", err
	}
	if _, hash, _ := strings.Cut(string(set.Value()), " "); hash != in.Password {
		return "", errors.New("the wrong password")
	}
	if err := p.attempt.Run(ctx, p.redis, counters, "end").Err(); err != nil {
		return "", err
	}
	known, err := p.known(ctx, x, asOf, license, in.Device.ID)
	if err == nil && !known {
		err = p.seat(ctx, x, in)
	}
	if err != nil {
		return "", err
	}
	return p.issue(ctx, x, license, in.Device.ID)
}

func attemptKeys(username string) []string {
	const prefix, from = "bare:{sign-in}:", "127.0.0.1"
	sum := sha256.Sum256([]byte(username))
	account := hex.EncodeToString(sum[:16])
	return []string{prefix + account, prefix + from, prefix + "known:" + from, prefix + "acquainted:" + account + ":" + from}
}

// holds is one pipeline of state and checkpoint, and the last message of the extension.
func (p *barePath) holds(ctx context.Context, x events.Extension) (license string, asOf events.Position, err error) {
	prefix := "softphone:{p" + strconv.Itoa(events.PartitionOf(x.Tenant)) + "}:" + portal.ViewName + ":"
	pipe := p.redis.Pipeline()
	checkpoint, state := pipe.HMGet(ctx, prefix+"checkpoint", "stream", "seq"), pipe.HGetAll(ctx, prefix+x.Tenant+":"+x.Number)
	if _, err = pipe.Exec(ctx); err != nil {
		return "", asOf, err
	}
	last, err := p.stream.GetLastMsgForSubject(ctx, events.LogSubject(events.PartitionOf(x.Tenant), "*", x.Tenant, x.Number, "*"))
	if err != nil {
		return "", asOf, err
	}
	text, _ := checkpoint.Val()[1].(string)
	folded, err := strconv.ParseUint(text, 10, 64)
	if err != nil || folded < last.Sequence {
		return "", asOf, fmt.Errorf("the view is at %d, and the extension at %d: %w", folded, last.Sequence, err)
	}
	counted, err := strconv.ParseUint(state.Val()["counted"], 10, 64)
	return state.Val()["license"], events.Position{Log: p.stream.CachedInfo().Created, Sequence: counted}, err
}

// known is one question to the counter.
func (p *barePath) known(ctx context.Context, x events.Extension, asOf events.Position, license, device string) (bool, error) {
	question, err := json.Marshal(events.Question{Tenant: x.Tenant, Extension: x.Number, AsOf: &asOf})
	if err != nil {
		return false, err
	}
	reply, err := p.log.Conn().RequestWithContext(ctx, "ask."+events.DeviceCounter+".get", question)
	if err != nil {
		return false, err
	}
	var answer events.DevicesAnswer
	err = json.Unmarshal(reply.Data, &answer)
	return answer.Current && answer.LicenseID == license && answer.Holds(device), err
}

// seat is two publications, acknowledged, and a decision between them. They are under a source that no
// worker reads.
func (p *barePath) seat(ctx context.Context, x events.Extension, in knock) error {
	asked := events.DeviceSignedIn{DeviceID: in.Device.ID, Platform: in.Device.Platform, DeviceName: in.Device.Name}
	fact := events.NewFact(x, asked)
	body, err := fact.Encode()
	if err != nil {
		return err
	}
	publish := func(name string, body []byte) error {
		_, err := p.log.JetStream().PublishMsg(ctx, &nats.Msg{Subject: events.PublishSubject(bareSource, x.Tenant, x.Number, name), Data: body})
		return err
	}
	if err := publish("Asked", body); err != nil {
		return err
	}
	_, outcome, err := p.handler.handle(ctx, fact.Subject(), body)
	if err != nil {
		return err
	}
	return publish("Answered", outcome)
}

// issue stores a token.
func (p *barePath) issue(ctx context.Context, x events.Extension, license, device string) (string, error) {
	token := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(token))
	key := "bare:token:" + hex.EncodeToString(sum[:])
	pipe := p.redis.TxPipeline()
	pipe.HSet(ctx, key, "tenant", x.Tenant, "extension", x.Number, "license", license, "device", device, "issued", time.Now().Unix())
	pipe.Expire(ctx, key, 90*24*time.Hour)
	_, err := pipe.Exec(ctx)
	return token, err
}

// rates are those of a contender's rounds.
func rates(rounds []HTTP) HTTP {
	slices.SortFunc(rounds, func(a, b HTTP) int { return int(a.PerSecond - b.PerSecond) })
	middle := rounds[len(rounds)/2]
	middle.Failed = 0
	for _, r := range rounds {
		middle.Failed += r.Failed
	}
	return middle
}
