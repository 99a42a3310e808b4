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
	"os"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/security"
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

// sessionsKey has a hash of all sessions, by id, for whoever lists or ends them. One that is
// in there alone has ended.
const sessionsKey = "softphone:portal:sessions"

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
// LinkLife, or until it is used. That it was made, a portal records, with who acts.
func (s *Sessions) Link(ctx context.Context, who Administrator) (token string, err error) {
	token = rand.Text()
	value, err := json.Marshal(who)
	if err != nil {
		return "", fmt.Errorf("one-time link: %w", err)
	}
	by := portal.ActorOf(ctx)
	made := security.Event{
		What: security.LinkMade, Result: security.Success, Actor: events.Actor{Kind: by.Kind, ID: by.ID, Name: by.Name},
		For: who.Name, Tenant: who.Actor("").Tenant, From: hostname(),
	}
	if err := security.Post(ctx, s.redis, made); err != nil { // first: there is none that is not recorded
		return "", fmt.Errorf("one-time link: %w", err)
	}
	if err := s.redis.Set(ctx, linkKey(token), value, LinkLife).Err(); err != nil {
		return "", fmt.Errorf("one-time link: %w", err)
	}
	return token, nil
}

// hostname is the machine that makes a link; "" when it does not know.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// session is what Redis keeps.
type session struct {
	Administrator
	Began time.Time `json:"began"`
}

// open uses a link up and returns a session's token, and whose it is; errSignedOut for a link that
// is not (any more) good.
func (s *Sessions) open(ctx context.Context, link string) (token string, who Administrator, err error) {
	value, err := s.redis.GetDel(ctx, linkKey(link)).Bytes()
	if errors.Is(err, redis.Nil) {
		return "", who, errSignedOut
	}
	if err != nil {
		return "", who, err
	}
	opened := session{Began: time.Now().UTC()}
	if err := json.Unmarshal(value, &opened.Administrator); err != nil {
		return "", who, fmt.Errorf("one-time link: %w", err)
	}
	if value, err = json.Marshal(opened); err != nil {
		return "", who, fmt.Errorf("session: %w", err)
	}
	token = rand.Text()
	entry, err := json.Marshal(listed{session: opened, Key: sessionKey(token)})
	if err != nil {
		return "", who, fmt.Errorf("session: %w", err)
	}
	if err := s.redis.HSet(ctx, sessionsKey, sessionID(token), entry).Err(); err != nil { // first: none is open that is not listed
		return "", who, err
	}
	if err := s.redis.Expire(ctx, sessionsKey, lifetime).Err(); err != nil {
		return "", who, err
	}
	return token, opened.Administrator, s.redis.Set(ctx, sessionKey(token), value, idle).Err()
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
	if err := s.redis.Del(ctx, sessionKey(token)).Err(); err != nil {
		return err
	}
	return s.redis.HDel(ctx, sessionsKey, sessionID(token)).Err()
}

// listed is a session in the hash of all.
type listed struct {
	session

	Key string `json:"key"`
}

// Session is an open one, for whoever looks after them.
type Session struct {
	Administrator
	ID          string
	Began, Used time.Time
}

// ErrNoSession says that no open session has that id.
var ErrNoSession = errors.New("no open session has this id")

// List returns the open sessions, the oldest first.
func (s *Sessions) List(ctx context.Context) ([]Session, error) {
	entries, err := s.redis.HGetAll(ctx, sessionsKey).Result()
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	var all []Session
	for id, entry := range entries {
		var l listed
		if err := json.Unmarshal([]byte(entry), &l); err != nil {
			return nil, fmt.Errorf("session %s: %w", id, err)
		}
		left, err := s.redis.PTTL(ctx, l.Key).Result()
		if err != nil {
			return nil, fmt.Errorf("session %s: %w", id, err)
		}
		if left <= 0 || time.Since(l.Began) > lifetime { // below 0: there is none
			if err := s.redis.HDel(ctx, sessionsKey, id).Err(); err != nil {
				return nil, fmt.Errorf("session %s: %w", id, err)
			}
			continue
		}
		all = append(all, Session{Administrator: l.Administrator, ID: id, Began: l.Began, Used: time.Now().UTC().Add(left - idle)})
	}
	slices.SortFunc(all, func(a, b Session) int { return a.Began.Compare(b.Began) })
	return all, nil
}

// End ends an open session, or returns [ErrNoSession]. Its pages notice with the next
// request, its streams within seconds.
func (s *Sessions) End(ctx context.Context, id string) error {
	entry, err := s.redis.HGet(ctx, sessionsKey, id).Bytes()
	if errors.Is(err, redis.Nil) {
		return ErrNoSession
	}
	var l listed
	if err == nil {
		err = json.Unmarshal(entry, &l)
	}
	if err == nil {
		err = s.redis.Del(ctx, l.Key).Err()
	}
	if err == nil {
		err = s.redis.HDel(ctx, sessionsKey, id).Err()
	}
	if err != nil {
		return fmt.Errorf("ending session %s: %w", id, err)
	}
	return nil
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
