package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/access"
	"github.com/mycloudpbx/softphone/services/portal/server"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

// office is a whole portal, in this process, and an administrator of it: one with a
// browser and one with an API token.
type office struct {
	url     string
	token   string
	session *http.Cookie
	client  *http.Client
}

// office runs a portal on the bench's servers.
func (b *bench) office(ctx context.Context, use func(context.Context, *office) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var c server.Config
	err := process.Parse(&c, []string{
		"NATS_URL=" + b.world.natsURL, "REDIS_URL=" + b.world.redisURL, "SOFTPHONE_HTTP_LISTEN=127.0.0.1:0", "SOFTPHONE_CREDENTIAL_KEY=a-key-of-the-tests-and-of-nobody-else",
		"SOFTPHONE_HTTP_PROXIES=127.0.0.0/8",
	})
	if err != nil {
		return err
	}
	c.Host = process.NewHost(silent)
	serving := make(chan server.Portal, 1)
	c.Ready = func(p server.Portal) { serving <- p }
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, c) }()
	select {
	case err = <-ended:
	case p := <-serving:
		o := &office{url: "http://" + p.Address, client: &http.Client{
			Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}}
		o.token, _, err = p.Access.Make(ctx, access.Token{
			Name: "bench", Tenant: portal.EveryTenant, Scopes: portal.ScopeRead | portal.ScopeAdmin | portal.ScopeCore, Ends: time.Now().Add(24 * time.Hour),
		})
		if err == nil {
			err = o.signIn(ctx, p.Sessions)
		}
		if err == nil {
			err = use(ctx, o)
		}
		cancel()
		err = errors.Join(err, <-ended)
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// signIn gives the browser its session.
func (o *office) signIn(ctx context.Context, sessions *web.Sessions) error {
	link, err := sessions.Link(ctx, web.Administrator{Name: "Alex"})
	if err != nil {
		return err
	}
	form := strings.NewReader(url.Values{"link": {link}}.Encode())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url+"/sign-in", form)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := o.client.Do(r)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if len(answer.Cookies()) != 1 {
		return fmt.Errorf("signing an administrator in: %s", answer.Status)
	}
	o.session = answer.Cookies()[0]
	return nil
}

// get asks for a path and returns what was answered.
func (o *office) get(ctx context.Context, path string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url+path, http.NoBody)
	if err != nil {
		return "", err
	}
	r.AddCookie(o.session)
	r.Header.Set("Authorization", "Bearer "+o.token)
	answer, err := o.client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	var body bytes.Buffer
	if _, err := io.Copy(&body, answer.Body); err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s is answered %s", path, answer.Status)
	}
	return body.String(), nil
}

// again asks for a path n times, one after the other.
func (o *office) again(ctx context.Context, n int, path string) (Latency, error) {
	var took []time.Duration
	for range n {
		began := time.Now()
		if _, err := o.get(ctx, path); err != nil {
			return Latency{}, err
		}
		took = append(took, time.Since(began))
	}
	return latency(took), nil
}
