package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/services/portal"
)

const (
	// LinkLife is how long a one-time link may wait for its click.
	LinkLife = 30 * time.Minute

	idle     = 8 * time.Hour  // a session nobody uses ends
	lifetime = 24 * time.Hour // and every session does

	cookieName = "__Host-session"
)

// Administrator is who signs in.
type Administrator struct {
	Name   string `json:"name"`             // shown to others: "changed by …"
	Tenant string `json:"tenant,omitempty"` // the only one they may look after; "" for all
}

// Actor is the administrator, in a session, as the portal knows who acts.
func (a Administrator) Actor(session string) portal.Actor {
	tenant := a.Tenant
	if tenant == "" {
		tenant = portal.EveryTenant
	}
	return portal.Actor{
		Kind: portal.KindAdministrator, ID: session, Name: a.Name, Tenant: tenant, Scopes: portal.ScopeRead | portal.ScopeAdmin,
	}
}

// errSignedOut: no session, or one that ended.
var errSignedOut = errors.New("not signed in")

// Sessions are the administrators' sessions and one-time links, in Redis. Tokens
// are kept as hashes; every key expires.
type Sessions struct{ redis redis.UniversalClient }

// NewSessions keeps sessions in Redis.
func NewSessions(client redis.UniversalClient) *Sessions { return &Sessions{client} }

// Keys: their names hold hashes of tokens.
func linkKey(token string) string    { return "softphone:portal:link:" + hash(token) }
func sessionKey(token string) string { return "softphone:portal:session:" + hash(token) }

// sessionID tells one session from another; it is of no use to anybody who knows it.
func sessionID(token string) string { return hash(token)[:12] }

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Link returns the token of a new one-time link, /sign-in#token. It is a secret for
// LinkLife, or until it is used.
func (s *Sessions) Link(ctx context.Context, who Administrator) (token string, err error) {
	token = rand.Text()
	value, err := json.Marshal(who)
	if err != nil {
		return "", fmt.Errorf("one-time link: %w", err)
	}
	if err := s.redis.Set(ctx, linkKey(token), value, LinkLife).Err(); err != nil {
		return "", fmt.Errorf("one-time link: %w", err)
	}
	return token, nil
}

// session is what Redis keeps.
type session struct {
	Administrator
	Began time.Time `json:"began"`
}

// open uses a link up and returns a session's token; errSignedOut for a link that
// is not (any more) good.
func (s *Sessions) open(ctx context.Context, link string) (token string, err error) {
	value, err := s.redis.GetDel(ctx, linkKey(link)).Bytes()
	if errors.Is(err, redis.Nil) {
		return "", errSignedOut
	}
	if err != nil {
		return "", err
	}
	opened := session{Began: time.Now().UTC()}
	if err := json.Unmarshal(value, &opened.Administrator); err != nil {
		return "", fmt.Errorf("one-time link: %w", err)
	}
	if value, err = json.Marshal(opened); err != nil {
		return "", fmt.Errorf("session: %w", err)
	}
	token = rand.Text()
	return token, s.redis.Set(ctx, sessionKey(token), value, idle).Err()
}

// get returns who a session belongs to. Used says that a person did something: it
// keeps the session from ending idle.
func (s *Sessions) get(ctx context.Context, token string, used bool) (Administrator, error) {
	ask := s.redis.Get
	if used {
		ask = func(ctx context.Context, key string) *redis.StringCmd { return s.redis.GetEx(ctx, key, idle) }
	}
	value, err := ask(ctx, sessionKey(token)).Bytes()
	if errors.Is(err, redis.Nil) {
		return Administrator{}, errSignedOut
	}
	if err != nil {
		return Administrator{}, err
	}
	var opened session
	if err := json.Unmarshal(value, &opened); err != nil {
		return Administrator{}, fmt.Errorf("session: %w", err)
	}
	if time.Since(opened.Began) > lifetime {
		return Administrator{}, errSignedOut
	}
	return opened.Administrator, nil
}

// end signs a session out.
func (s *Sessions) end(ctx context.Context, token string) error {
	return s.redis.Del(ctx, sessionKey(token)).Err()
}

// cookie that carries a session's token; an empty one removes it.
func cookie(token string) *http.Cookie {
	c := &http.Cookie{
		Name: cookieName, Value: token, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int(lifetime.Seconds()),
	}
	if token == "" {
		c.MaxAge = -1
	}
	return c
}

// token of a request's session.
func token(r *http.Request) string {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	return c.Value
}
