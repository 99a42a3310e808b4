package acceptance

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/ownership"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/access"
	"github.com/mycloudpbx/softphone/services/portal/api"
	"github.com/mycloudpbx/softphone/services/portal/server"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

// The portal does its whole job as it is deployed, and asks for no more rights.
func TestPortalNeedsNoMoreThanItMay(t *testing.T) { deploy(t).portalDoesItsJob(t) }

func (s servers) portalDoesItsJob(t *testing.T) {
	t.Helper()
	s.relay = servertest.SMTP(t, servertest.SMTPScript{})
	var log servertest.Lines
	stopWorkers := s.startWorkers(t, &log, "http://127.0.0.1:1")

	var c server.Config
	s.configure(t, &log, server.Name, &c, &c.Config.Config)
	c.Listen = "127.0.0.1:0" // not the container's
	serving := make(chan server.Portal, 1)
	c.Ready = func(p server.Portal) { serving <- p }
	stop := start(t, &log, func(ctx context.Context) error { return server.Run(ctx, c) })
	p := <-serving
	token, made, err := p.Access.Make(t.Context(), access.Token{
		Name: "crm", Tenant: "acme", Scopes: portal.ScopeAdmin | portal.ScopeCore, Ends: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}

	call := func(method, path, body string, want int) map[string]any {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+p.Address+api.Prefix+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		said, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != want {
			t.Fatalf("%s %s: %d %s, %v\n%s", method, path, response.StatusCode, said, err, &log)
		}
		var answer map[string]any
		_ = json.Unmarshal(said, &answer)
		return answer
	}
	const ann = "/tenants/acme/extensions/1001"
	call("PUT", ann, `{"name":"Ann"}`, 201)
	on := call("POST", ann+"/softphone", `{"email":"ann@example.com"}`, 201)
	password, _ := on["password"].(string)
	in := call("POST", "/softphone/sign-in", `{"username":"1001@acme","password":"wrong wrong wrong","device":{"id":"d1","platform":"mac"}}`, 401)
	if in["token"] != nil {
		t.Error("a token for a wrong password")
	}
	call("POST", "/softphone/sign-in", `{"username":"1001@acme","password":"`+password+`","device":{"id":"d1","platform":"mac"}}`, 200)
	call("POST", ann+"/softphone/password", ``, 200)
	call("DELETE", ann+"/softphone/devices/d1", ``, 204)
	call("GET", "/tenants/acme/extensions", ``, 200)
	call("GET", ann, ``, 200)
	call("DELETE", ann+"/softphone", ``, 204)
	call("DELETE", ann, ``, 204)
	call("GET", ann+"/history", ``, 200)
	link, err := p.Sessions.Link(t.Context(), web.Administrator{Name: "Ada"})
	if err != nil {
		t.Fatalf("a link: %v", err)
	}
	if _, err := http.PostForm("http://"+p.Address+"/sign-in", url.Values{"link": {link}}); err != nil {
		t.Error(err)
	}
	log.Await(t, `"security":"link-made"`)
	if all, err := p.Sessions.List(t.Context()); err != nil || len(all) != 1 || p.Sessions.End(t.Context(), all[0].ID) != nil {
		t.Errorf("the sessions: %v, %v", all, err)
	}
	if all, err := p.Access.List(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("the API tokens: %v, %v", all, err)
	}
	if err := errors.Join(p.Access.SetMaxDevices(t.Context(), "acme", 10), p.Access.End(t.Context(), made.ID)); err != nil {
		t.Errorf("a limit, and the end of the token: %v", err)
	}
	call("GET", ann, ``, 401)
	stop()
	stopWorkers()
	if refusal := regexp.MustCompile(`(?i)[^\n]*(permissions|NOPERM|can't access|can't run)[^\n]*`).FindString(log.String()); refusal != "" {
		t.Errorf("the portal, or a worker, wanted what it may not: %s", refusal)
	}
}

func TestPermissionsOfThePortal(t *testing.T) {
	s := deploy(t)
	const user = server.Name
	credentials := "KV_" + setup.CredentialsBucket
	reads := []string{
		imported("STREAM.INFO." + credentials), imported("STREAM.MSG.GET." + credentials), imported("STREAM.PURGE." + credentials),
		imported("$KV." + setup.CredentialsBucket + ".acme.1001.x"),
	}
	for _, subject := range append(reads, "softphone.portal.acme.1001.SoftphoneEnabled", "ask.license.get", "fence.portal.3", "fence.portal.1001@acme") {
		if !s.mayPublish(t, user, subject) {
			t.Errorf("may not publish %s", subject)
		}
	}
	refused := []string{
		imported("CONSUMER.CREATE." + credentials + ".x"), imported("CONSUMER.MSG.NEXT.SOFTPHONE.mailer"), imported("$KV.softphone-mailer.acme.1001.x"),
		imported("STREAM.PURGE." + events.Stream), imported("STREAM.DELETE." + credentials), "$JS.API.STREAM.PURGE." + credentials, "log.3.portal.acme.1001.SoftphoneEnabled",
		"softphone.pbx.acme.1001.SoftphoneEnabled", // it speaks for no PBX core
	}
	for _, w := range workers() {
		refused = append(refused, "softphone."+w+".acme.1001.LicenseGranted", "fence."+w+".3", "dead."+w+".1.1", ownership.Subject(w))
		for _, subject := range append(reads, "softphone.portal.acme.1001.SoftphoneEnabled", "fence.portal.3", "fence.portal.1001@acme", imported("CONSUMER.CREATE."+credentials+".x"), imported("DIRECT.GET."+credentials)) {
			if s.mayPublish(t, w, subject) {
				t.Errorf("%s may publish %s", w, subject)
			}
		}
		if s.maySubscribe(t, user, "_INBOX."+w+".>") || s.maySubscribe(t, w, "_INBOX."+user+".>") || s.maySubscribe(t, user, "ask."+w+".get") {
			t.Errorf("%s and the portal may listen to each other", w)
		}
	}
	for _, subject := range refused {
		if s.mayPublish(t, user, subject) {
			t.Errorf("may publish %s", subject)
		}
	}
	for _, subject := range append(reads, "softphone.portal.acme.1001.SoftphoneEnabled") {
		if s.mayPublish(t, events.PBX, subject) {
			t.Errorf("the PBX core may publish %s", subject)
		}
	}

	ctx := t.Context()
	for key, want := range map[string]bool{
		"softphone:portal:token:x": true, "softphone:{p7}:portal:acme:1001": true,
		"softphone:{p7}:license:acme:1001": false, "softphone:{p7}:device-counter:checkpoint": false, "x": false,
	} {
		if err := s.redisAs(t, user).HSet(ctx, key, "a", "b").Err(); (err == nil) != want {
			t.Errorf("HSET %s: %v", key, err)
		}
	}
	for _, w := range folds() {
		if err := s.redisAs(t, w).HGetAll(ctx, "softphone:portal:token:x").Err(); err == nil {
			t.Errorf("%s reads the portal's tokens", w)
		}
	}
}
