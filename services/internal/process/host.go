package process

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/tracing"
)

// Host is what a process lends to the services in it.
type Host struct {
	Log     zerolog.Logger
	Health  *Health
	Metrics *prometheus.Registry
	Tracer  tracing.Tracer

	fail context.CancelCauseFunc // ends the process; nil: nobody can
}

// NewHost returns a host for a test or a program that does without Main. It serves nothing by itself.
func NewHost(log zerolog.Logger) *Host { return newHost(log, "") }

func newHost(log zerolog.Logger, version string) *Host {
	h := &Host{Log: log, Health: NewHealth(), Metrics: prometheus.NewRegistry()}
	h.Metrics.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newBuildInfo(version), newHealthMetrics(h.Health),
	)
	return h
}

// With returns the host as one of several services in one process should see it: its log lines and the parts of its
// health carry its name. Metrics are shared; services label theirs.
func (h *Host) With(service string) *Host {
	return &Host{
		Log:     h.Log.With().Str("worker", service).Logger(),
		Health:  h.Health.With(service),
		Metrics: h.Metrics,
		Tracer:  h.Tracer,
		fail:    h.fail,
	}
}

// ConnectNATS is n.Connect with the host's log; while the connection is away or silent, the part "nats" is not ready; when it is closed for good,
// it is broken, and the process that Main runs ends.
func (h *Host) ConnectNATS(ctx context.Context, n NATS, name string, options ...nats.Option) (*nats.Conn, error) {
	nc, err := n.Connect(ctx, name, h.Log, append(options, h.watch(n))...)
	if err == nil {
		go listen(nc, h.Health)
	}
	return nc, err
}

// OpsHandler serves /metrics, /healthz and /readyz to whoever asks.
func (h *Host) OpsHandler() http.Handler {
	return h.opsHandler(func(*http.Request) bool { return true })
}

// opsHandler tells everything to those who may read it; see Ops.
func (h *Host) opsHandler(mayRead func(*http.Request) bool) http.Handler {
	mux := http.NewServeMux()
	metrics := promhttp.HandlerFor(h.Metrics, promhttp.HandlerOpts{Registry: h.Metrics})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if mayRead(r) {
			metrics.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "send SOFTPHONE_OPS_TOKEN as a bearer token, or a client certificate of an authority in TLS_CA_FILE", http.StatusUnauthorized)
	})
	mux.HandleFunc("GET /healthz", h.page(func(r Report) bool { return r.Status != statusBroken }))
	mux.HandleFunc("GET /readyz", h.page(func(r Report) bool { return r.Status == statusOK }))
	return mux
}

func (h *Host) page(well func(Report) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		r := h.Health.Report()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !well(r) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(r) // a caller that went away is no concern of ours
	}
}
