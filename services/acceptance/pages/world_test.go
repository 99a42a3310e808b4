package pages

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/chromiumtest"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	devicecounter "github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/worker"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/mailer"
	namesync "github.com/mycloudpbx/softphone/services/name-sync"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/server"
	"github.com/mycloudpbx/softphone/services/portal/web"
)

// world is the whole system, each part started as its program starts it.
type world struct {
	*workertest.World
	server.Portal

	t     *testing.T
	relay *servertest.SMTPServer
	url   string // of the portal
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldMailing(t, servertest.SMTPScript{})
}

// newWorldMailing has a mail server that follows a script, and more settings of the portal.
func newWorldMailing(t *testing.T, script servertest.SMTPScript, settings ...string) *world {
	t.Helper()
	chromiumtest.Axe(t) // before anything takes time
	w := &world{World: workertest.New(t), t: t, relay: servertest.SMTP(t, script)}
	for name, run := range map[string]func(context.Context, worker.Config) error{
		events.License: license.Run, events.DeviceCounter: devicecounter.Run,
		events.NameSync: func(ctx context.Context, c worker.Config) error { return namesync.Run(ctx, namesync.Config{Config: c}) },
	} {
		w.Start(func(ctx context.Context) error { return run(ctx, w.Config(name)) })
	}
	var mails mailer.Config
	w.parse(&mails, "NATS_URL="+w.NATS.URL(), "SMTP_URL=smtp://"+w.relay.Addr)
	mails.Host = w.Config(events.Mailer).Host
	w.Start(func(ctx context.Context) error { return mailer.Run(ctx, mails) })
	w.startPortal(settings...)
	for _, name := range []string{events.License, events.DeviceCounter, events.NameSync, portal.ViewName} {
		replica := name
		if name == portal.ViewName {
			replica = server.Name
		}
		w.Shares(name, replica)
	}
	return w
}

func (w *world) startPortal(settings ...string) {
	w.t.Helper()
	var c server.Config
	w.parse(&c, append(settings, "NATS_URL="+w.NATS.URL(), "REDIS_URL="+w.Redis.URL(), "SOFTPHONE_HTTP_LISTEN=127.0.0.1:0", "SOFTPHONE_CREDENTIAL_KEY="+portaltest.SealKey)...)
	c.Host, c.Replica, c.Patience = w.Config(server.Name).Host, server.Name, 15*time.Second
	serving := make(chan server.Portal, 1)
	c.Ready = func(p server.Portal) { serving <- p }
	w.Start(func(ctx context.Context) error { return server.Run(ctx, c) })
	w.Portal = <-serving
	w.url = "http://" + w.Address
}

func (w *world) parse(target any, environment ...string) {
	w.t.Helper()
	if err := process.Parse(target, environment); err != nil {
		w.t.Fatal(err)
	}
}

// extension adds one and returns the address of its page.
func (w *world) extension(number, name string) (events.Extension, string) {
	w.t.Helper()
	x := events.Extension{Tenant: "acme", Number: number}
	if _, err := w.Service.Add(acting(w.t.Context(), "Alex Kim"), x, name); err != nil {
		w.t.Fatal(err)
	}
	return x, w.url + "/tenants/acme/extensions/" + number
}

// administrator is a new window in which somebody has signed in.
func (w *world) administrator(name string) *tab {
	w.t.Helper()
	tab := w.window()
	tab.open(w.link(name))
	tab.sees("It works once")
	tab.click("main form button")
	tab.sees("Extensions")
	return tab
}

func (w *world) link(name string) string {
	w.t.Helper()
	token, err := w.Sessions.Link(w.t.Context(), web.Administrator{Name: name, Tenant: "acme"})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.url + "/sign-in#" + token
}

// facts counts an extension's facts of one kind.
func (w *world) facts(x events.Extension, data events.Data) int {
	w.t.Helper()
	stream, err := w.JS.Stream(w.t.Context(), events.Stream)
	if err != nil {
		w.t.Fatal(err)
	}
	subject := events.LogSubject(-1, events.Portal, x.Tenant, x.Number, data.EventName())
	info, err := stream.Info(w.t.Context(), jetstream.WithSubjectFilter(subject))
	if err != nil {
		w.t.Fatal(err)
	}
	count := 0
	for _, n := range info.State.Subjects {
		count += int(n)
	}
	return count
}

// signIn lets a device in, as an app would.
func (w *world) signIn(x events.Extension, password, device string) {
	w.t.Helper()
	_, err := w.Service.SignIn(w.t.Context(), portal.SignIn{
		Username: portal.Username(x), Password: process.NewSecret(password),
		Device: portal.Device{ID: device, Platform: events.PlatformMac, Name: device},
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// acting is a context in which an administrator of all tenants acts.
func acting(ctx context.Context, name string) context.Context {
	return portal.As(ctx, web.Administrator{Name: name}.Actor(""))
}
