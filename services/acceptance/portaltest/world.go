// Package portaltest gives tests a portal with everything around it: NATS, Redis
// and the workers it asks, in this process. The portal itself is built without the workers.
package portaltest

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mycloudpbx/softphone/events"
	devicecounter "github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/internal/worker"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/access"
	"github.com/mycloudpbx/softphone/services/portal/credential"
)

// World is a portal and what it works with.
type World struct {
	*workertest.World
	Service *portal.Service
	Metrics *prometheus.Registry // of Service
	Access  *access.Store        // of Service

	t           testing.TB
	stopLicense func()
	stopView    func()
}

// New starts servers, workers and a portal; they end with the test.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{World: workertest.New(t), t: t}
	w.StartLicense()
	w.run(events.DeviceCounter, devicecounter.Run)
	w.stopView = w.run(portal.ViewName, portal.RunView)
	w.Metrics = prometheus.NewRegistry()
	w.Service = w.portal(0, w.Metrics, nil)
	w.Shares(events.License, events.License)
	w.Shares(events.DeviceCounter, events.DeviceCounter)
	w.Shares(portal.ViewName, portal.ViewName)
	return w
}

func (w *World) run(name string, run func(context.Context, worker.Config) error) (stop func()) {
	return w.Start(func(ctx context.Context) error { return run(ctx, w.Config(name)) })
}

// StartLicense starts the license worker, StopLicense stops it.
func (w *World) StartLicense() { w.stopLicense = w.run(events.License, license.Run) }

// StopLicense stops the license worker, cleanly.
func (w *World) StopLicense() { w.stopLicense() }

// StopView stops folding the portal's view, cleanly.
func (w *World) StopView() { w.stopView() }

// Portal starts one more portal, on connections of its own, that waits that long for
// decisions; 0 is longer than any machine takes.
func (w *World) Portal(patience time.Duration) *portal.Service {
	w.t.Helper()
	return w.portal(patience, prometheus.NewRegistry(), nil)
}

// PortalThat starts one more portal that does something when it has found a password to be
// the right one, before it goes on.
func (w *World) PortalThat(does func()) *portal.Service {
	w.t.Helper()
	return w.portal(0, prometheus.NewRegistry(), does)
}

func (w *World) portal(patience time.Duration, metrics *prometheus.Registry, found func()) *portal.Service {
	w.t.Helper()
	if patience == 0 {
		patience = workertest.Patience
	}
	c := w.Config("portal-service")
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel)
	nc, err := c.Host.ConnectNATS(ctx, process.NATS{URL: w.NATS.URL()}, "portal")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(nc.Close)
	log, err := eventlog.Open(ctx, nc)
	if err != nil {
		w.t.Fatal(err)
	}
	client, err := c.Redis.Connect(ctx, "portal")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = client.Close() })
	store, err := credential.Open(ctx, log.JetStream(), setup.CredentialsBucket, Seal(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	accesses, err := access.Open(ctx, log.JetStream(), setup.CredentialsBucket, client, c.Host.Log)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Access = accesses
	hasher := credential.NewHasher(1, workertest.Patience)
	metrics.MustRegister(hasher)
	s := portal.New(portal.Config{
		Log: log, Redis: client, Credentials: store, Hasher: comparing{hasher, found}, Logger: c.Host.Log, Metrics: metrics, Limits: accesses, Patience: patience,
	})
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	w.t.Cleanup(func() { cancel(); <-done })
	return s
}

// SealKey is the one that portals of tests have.
const SealKey = "a-key-of-the-tests-and-of-nobody-else"

// Seal is made with it.
func Seal(t testing.TB) credential.Seal {
	t.Helper()
	seal, err := credential.NewSeal(SealKey)
	if err != nil {
		t.Fatal(err)
	}
	return seal
}

// comparing is a hasher that tells when a password is the right one.
type comparing struct {
	portal.Hasher

	found func() // may be nil
}

func (c comparing) Matches(ctx context.Context, from credential.Caller, hash, password string) (bool, error) {
	right, err := c.Hasher.Matches(ctx, from, hash, password)
	if right && c.found != nil {
		c.found()
	}
	return right, err
}

// As is a context in which an administrator of all tenants acts, who may publish facts besides.
func As(ctx context.Context, name string) context.Context {
	return portal.As(ctx, portal.Actor{
		Kind: portal.KindAdministrator, ID: name, Name: name, Tenant: portal.EveryTenant,
		Scopes: portal.ScopeRead | portal.ScopeAdmin | portal.ScopeCore,
	})
}

// Token makes an API token for a tenant.
func (w *World) Token(name, tenant, scopes string) string {
	w.t.Helper()
	allowed, err := portal.ParseScopes(scopes)
	if err != nil {
		w.t.Fatal(err)
	}
	token, _, err := w.Access.Make(w.t.Context(), access.Token{Name: name, Tenant: tenant, Scopes: allowed, Ends: time.Now().Add(time.Hour)})
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// Metric is the value of one of Service's metrics, labels as name and value in turn; of
// a histogram the count.
func (w *World) Metric(name string, labels ...string) float64 {
	w.t.Helper()
	families, err := w.Metrics.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			has := map[string]string{}
			for _, l := range m.GetLabel() {
				has[l.GetName()] = l.GetValue()
			}
			if !maps.Equal(has, pairs(labels)) {
				continue
			}
			return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	w.t.Fatalf("there is no metric %s %v", name, labels)
	return 0
}

func pairs(labels []string) map[string]string {
	all := map[string]string{}
	for pair := range slices.Chunk(labels, 2) {
		all[pair[0]] = pair[1]
	}
	return all
}
