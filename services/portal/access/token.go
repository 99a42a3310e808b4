package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/portal"
)

// MaxLife is the longest a token may last.
const MaxLife = 3 * 366 * 24 * time.Hour

var (
	// ErrUnknown says that there is no such token, or not any more.
	ErrUnknown = errors.New("an API token is needed: Authorization: Bearer …")

	// ErrNone says that there is nothing to end.
	ErrNone = errors.New("not found")

	// ErrEnded says that a token was one until its end.
	ErrEnded = errors.New("the API token has reached its end: make another one with `portal tokens make`")
)

// Token is what is known of an API token.
type Token struct {
	ID         string // of no use to anybody who knows it
	Name       string // shown to others: "changed by API …"
	Tenant     string // the only one, or portal.EveryTenant
	Scopes     portal.Scopes
	Made, Ends time.Time
	Used       time.Time // to the minute; zero when it was not, or that is forgotten
}

// record is a token as it is kept.
type record struct {
	Name   string    `json:"name"`
	Tenant string    `json:"tenant"`
	Scopes string    `json:"scopes"`
	Made   time.Time `json:"made"`
	Ends   time.Time `json:"ends"`
}

const (
	tokenPrefix = "softphone_" // by which scanners of source code may know one
	tokenKeys   = "_api"
	usedKey     = "softphone:portal:api-tokens-used" // hash: id to Unix seconds
	usedOften   = time.Minute
	idLength    = 12
)

// Make makes a token: name, tenant, scopes and end are the caller's. It returns the token
// itself, which is kept nowhere, and what is known of it.
func (s *Store) Make(ctx context.Context, t Token) (token string, made Token, err error) {
	t.Made = time.Now().UTC().Truncate(time.Second)
	t.Ends = t.Ends.UTC().Truncate(time.Second)
	if err := t.validate(); err != nil {
		return "", Token{}, err
	}
	token = tokenPrefix + rand.Text()
	key, id := tokenKey(token)
	t.ID = id
	err = s.put(ctx, key, record{Name: t.Name, Tenant: t.Tenant, Scopes: t.Scopes.String(), Made: t.Made, Ends: t.Ends})
	return token, t, err
}

func (t Token) validate() error {
	invisible := func(r rune) bool { return !unicode.IsGraphic(r) }
	switch {
	case t.Name == "" || len(t.Name) > 64 || !utf8.ValidString(t.Name) || strings.ContainsFunc(t.Name, invisible):
		return &events.FieldError{Field: "name", Problem: "must be 1 to 64 bytes of visible characters: say what the token is for"}
	case t.Tenant != portal.EveryTenant && (events.Extension{Tenant: t.Tenant, Number: "0"}).Validate() != nil:
		return &events.FieldError{Field: "tenant", Problem: "must be 1 to 63 of a-z, 0-9 and -, or * for all tenants"}
	case t.Scopes == 0:
		return &events.FieldError{Field: "scopes", Problem: "is required: read, admin, core, or several with commas"}
	case !t.Ends.After(t.Made) || t.Ends.Sub(t.Made) > MaxLife:
		return &events.FieldError{Field: "end", Problem: fmt.Sprintf("must be in the future, and in at most %.0f days", MaxLife.Hours()/24)}
	}
	return nil
}

// tokenKey is where a token is kept, and its id.
func tokenKey(token string) (key, id string) {
	sum := sha256.Sum256([]byte(token))
	hash := hex.EncodeToString(sum[:])
	return tokenKeys + "." + hash[:idLength] + "." + hash, hash[:idLength]
}

// Find returns who shows a token, or [ErrUnknown], or [ErrEnded] with who it was, who may do nothing.
func (s *Store) Find(ctx context.Context, token string) (portal.Actor, error) {
	if !strings.HasPrefix(token, tokenPrefix) { // nothing that we made: not worth a look-up
		return portal.Actor{}, ErrUnknown
	}
	key, id := tokenKey(token)
	var r record
	found, err := s.get(ctx, key, &r)
	switch {
	case err != nil:
		return portal.Actor{}, err
	case !found:
		return portal.Actor{}, ErrUnknown
	case !time.Now().Before(r.Ends):
		return portal.Actor{Kind: portal.KindAPIToken, ID: id, Name: r.Name, Tenant: r.Tenant}, ErrEnded
	}
	scopes, err := portal.ParseScopes(r.Scopes)
	if err != nil {
		return portal.Actor{}, fmt.Errorf("API token %s: %w", id, err)
	}
	s.use(ctx, id)
	return portal.Actor{Kind: portal.KindAPIToken, ID: id, Name: r.Name, Tenant: r.Tenant, Scopes: scopes}, nil
}

// use writes down that a token is used, at most once a minute, and keeps nobody waiting.
func (s *Store) use(ctx context.Context, id string) {
	now := time.Now()
	s.mu.Lock()
	due := now.Sub(s.used[id]) >= usedOften
	if due {
		s.used[id] = now
	}
	s.mu.Unlock()
	if !due {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := s.redis.HSet(ctx, usedKey, id, now.Unix()).Err(); err != nil {
			s.log.Debug().Err(err).Str("token", id).Msg("that an API token is used was not written down")
		}
	}()
}

// List returns all tokens, by name and then by age.
func (s *Store) List(ctx context.Context) ([]Token, error) {
	keys, err := s.keys(ctx, tokenKeys)
	if err != nil {
		return nil, err
	}
	used, err := s.redis.HGetAll(ctx, usedKey).Result()
	if err != nil {
		return nil, fmt.Errorf("reading when tokens were used: %w", err)
	}
	all := make([]Token, 0, len(keys))
	for _, key := range keys {
		var r record
		found, err := s.get(ctx, key, &r)
		if err != nil {
			return nil, err
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(key, tokenKeys+"."), ".")
		scopes, err := portal.ParseScopes(r.Scopes)
		if !found {
			continue // ended while we looked
		}
		if err != nil {
			return nil, fmt.Errorf("API token %s: %w", id, err)
		}
		t := Token{ID: id, Name: r.Name, Tenant: r.Tenant, Scopes: scopes, Made: r.Made, Ends: r.Ends}
		if seconds, err := strconv.ParseInt(used[id], 10, 64); err == nil {
			t.Used = time.Unix(seconds, 0).UTC()
		}
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b Token) int { return cmp.Or(strings.Compare(a.Name, b.Name), a.Made.Compare(b.Made)) })
	return all, nil
}

// End removes a token: the next request with it is refused. It returns [ErrNone] when
// there is none with that id.
func (s *Store) End(ctx context.Context, id string) error {
	if len(id) != idLength || strings.ContainsFunc(id, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) }) {
		return &events.FieldError{Field: "id", Problem: "must be 12 of 0-9 and a-f, as `portal tokens list` shows it"}
	}
	keys, err := s.keys(ctx, tokenKeys+"."+id)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return fmt.Errorf("%w: no API token has the id %s; `portal tokens list` shows those there are", ErrNone, id)
	}
	if err := s.remove(ctx, tokenKeys+"."+id+".>"); err != nil {
		return err
	}
	if err := s.redis.HDel(ctx, usedKey, id).Err(); err != nil {
		s.log.Debug().Err(err).Str("token", id).Msg("when an API token was used is still written down")
	}
	return nil
}
