package web_test

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

var reception = events.Extension{Tenant: "acme", Number: "1003"}

const receptionURL = "/tenants/acme/extensions/1003"

// pages are the site in front of a stand-in core.
type pages struct {
	t      *testing.T
	core   *core
	redis  *miniredis.Miniredis
	client redis.UniversalClient
	server *httptest.Server
	log    servertest.Lines
}

func serve(t *testing.T, all ...portal.Details) *pages {
	t.Helper()
	p := &pages{t: t, core: newCore(all...), redis: miniredis.RunT(t)}
	p.client = redis.NewClient(&redis.Options{Addr: p.redis.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = p.client.Close() })
	handler, err := web.New(t.Context(), web.Config{Core: p.core, Redis: p.client, Log: zerolog.New(&p.log), Beat: time.Second, Inbox: "http://127.0.0.1:8025", URL: "https://Phones.example:443/"})
	if err != nil {
		t.Fatal(err)
	}
	p.server = httptest.NewTLSServer(handler)
	t.Cleanup(p.server.Close)
	return p
}

// text is what is to be read of a page.
func text(html string) string {
	return strings.Join(strings.Fields(regexp.MustCompile("<[^>]*>").ReplaceAllString(html, " ")), " ")
}
