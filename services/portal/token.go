package portal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
)

const (
	tokenIdle = 90 * 24 * time.Hour  // a token that nobody uses ends
	tokenLife = 365 * 24 * time.Hour // and every token does: the person signs in again
)

// tokens are what signed-in devices show, in Redis under their SHA-256: 256 random
// bits need no slower hash. Redis may lose them: the person signs in again, on a
// device that has its seat already.
type tokens struct {
	redis    redis.UniversalClient
	patience time.Duration // for Redis
}

// session is what a token stands for: one device under one license.
type session struct {
	Tenant   string `redis:"tenant"`
	Number   string `redis:"extension"`
	License  string `redis:"license"`
	DeviceID string `redis:"device"`
	Epoch    string `redis:"epoch"`  // of the password, see credential.Credential
	Issued   int64  `redis:"issued"` // Unix seconds
}

// over says whether it has reached its end.
func (s session) over() bool { return time.Since(time.Unix(s.Issued, 0)) >= tokenLife }

func (s session) extension() events.Extension {
	return events.Extension{Tenant: s.Tenant, Number: s.Number}
}

func tokenKey(token string) string {
	sum := sha256.Sum256([]byte(token))
	return "softphone:portal:token:" + hex.EncodeToString(sum[:])
}

// issue makes a token for a session.
func (t tokens) issue(ctx context.Context, s session) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails: it ends the process instead
	token := base64.RawURLEncoding.EncodeToString(secret[:])
	pipe := t.redis.TxPipeline()
	pipe.HSet(ctx, tokenKey(token), s)
	pipe.Expire(ctx, tokenKey(token), tokenIdle)
	if _, err := pipe.Exec(ctx); err != nil {
		return "", fmt.Errorf("storing a token: %w", err)
	}
	return token, nil
}

// session finds what a token stands for; the zero session for one that is unknown.
// A token that is used lives on.
func (t tokens) session(ctx context.Context, token string) (s session, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	pipe := t.redis.Pipeline()
	found := pipe.HGetAll(ctx, tokenKey(token))
	pipe.Expire(ctx, tokenKey(token), tokenIdle)
	if _, err := pipe.Exec(ctx); err != nil {
		return session{}, fmt.Errorf("reading a token: %w", err)
	}
	if err := found.Scan(&s); err != nil {
		return session{}, fmt.Errorf("reading a token: %w", err)
	}
	if s.over() {
		return session{}, nil
	}
	return s, nil
}

// alive says of each follower whether their token is one still. A token that is used lives on.
func (t tokens) alive(ctx context.Context, followers []*follower) ([]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	pipe := t.redis.Pipeline()
	found := make([]*redis.BoolCmd, len(followers))
	for i, f := range followers {
		found[i] = pipe.Expire(ctx, tokenKey(f.token), tokenIdle)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("reading tokens: %w", err)
	}
	in := make([]bool, len(followers))
	for i := range found {
		in[i] = found[i].Val() && !followers[i].who.over()
	}
	return in, nil
}

func (t tokens) end(ctx context.Context, token string) error {
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	if err := t.redis.Del(ctx, tokenKey(token)).Err(); err != nil {
		return fmt.Errorf("ending a token: %w", err)
	}
	return nil
}
