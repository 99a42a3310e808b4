package portal

import (
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// A token that is used lives on, but not for ever.
func TestTokenEnds(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	tokens := tokens{client, time.Minute}
	who := session{Tenant: "acme", Number: "1001", License: "l", DeviceID: "d1", Issued: time.Now().Unix()}
	token, err := tokens.issue(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	is := func(when string, want session) {
		t.Helper()
		if got, err := tokens.session(t.Context(), token); err != nil || got != want {
			t.Errorf("%s: %+v, %v", when, got, err)
		}
		alive, err := tokens.alive(t.Context(), []*follower{{who: who, token: token}})
		if err != nil || alive[0] != (want != session{}) {
			t.Errorf("%s, of one that follows: %v, %v", when, alive, err)
		}
	}
	is("new", who)
	server.FastForward(tokenIdle - time.Hour)
	is("used in time", who)
	who.Issued = time.Now().Add(-tokenLife).Unix()
	server.HSet(tokenKey(token), "issued", strconv.FormatInt(who.Issued, 10))
	is("used, and a year old", session{})
	who.Issued = time.Now().Unix()
	server.HSet(tokenKey(token), "issued", strconv.FormatInt(who.Issued, 10))
	is("used", who)
	server.FastForward(tokenIdle)
	is("not used", session{})
}
