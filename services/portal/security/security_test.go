package security_test

import (
	"context"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/portal/security"
)

// What commands post is recorded once, in order, and nothing else that stands in Redis is.
func TestCollect(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	post := func(names ...string) {
		t.Helper()
		for _, name := range names {
			if err := security.Post(t.Context(), client, security.Event{What: security.LinkMade, Result: security.Success, For: name}); err != nil {
				t.Fatal(err)
			}
		}
	}
	post("Ann", "Bo")
	const key = "softphone:portal:security"
	for _, strange := range []string{"garbage", `{"what":"sign-in","result":"activated"}`, `{"what":"link-made","result":"made up"}`} {
		if _, err := server.RPush(key, strange); err != nil {
			t.Fatal(err)
		}
	}
	post("Cleo")
	var lines servertest.Lines
	shown := prometheus.NewRegistry()
	log := security.New(zerolog.New(&lines), shown)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 2)
	for range 2 { // replicas
		go func() { done <- log.Collect(ctx, client) }()
	}
	lines.Await(t, `"for":"Cleo"`)
	post("Dee")
	lines.Await(t, `"for":"Dee"`)
	stop()
	for range 2 {
		<-done
	}
	for _, name := range []string{"Ann", "Bo", "Cleo", "Dee"} {
		if n := lines.Count(`"for":"` + name + `"`); n != 1 {
			t.Errorf("%s is recorded %d times", name, n)
		}
	}
	if n := lines.Count("not one of this program's"); n != 3 || strings.Contains(lines.String(), "made up") {
		t.Errorf("%d strange ones are warned of:\n%s", n, &lines)
	}
	want := `
# HELP softphone_security_events_total Sign-ins and sign-outs, links made, and API tokens refused, by what was done and its result.
# TYPE softphone_security_events_total counter
softphone_security_events_total{event="administrator-sign-in",result="success"} 0
softphone_security_events_total{event="administrator-sign-in",result="unknown"} 0
softphone_security_events_total{event="administrator-sign-out",result="replaced"} 0
softphone_security_events_total{event="administrator-sign-out",result="success"} 0
softphone_security_events_total{event="api-token",result="ended"} 0
softphone_security_events_total{event="api-token",result="forbidden"} 0
softphone_security_events_total{event="api-token",result="unknown"} 0
softphone_security_events_total{event="link-made",result="success"} 4
`
	if err := testutil.GatherAndCompare(shown, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// When no portal runs, what commands post does not grow for ever.
func TestPostIsBounded(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	for range 1100 {
		if err := security.Post(t.Context(), client, security.Event{What: security.LinkMade, Result: security.Success}); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := server.List("softphone:portal:security")
	if err != nil || len(kept) != 1000 || server.TTL("softphone:portal:security") == 0 {
		t.Errorf("%d are kept, for %s, %v", len(kept), server.TTL("softphone:portal:security"), err)
	}
}
