package servertest

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// OTLPSpan is a span as a receiver got it.
type OTLPSpan struct {
	Service    string // of the resource
	Name       string
	Trace      string // id, hex
	ID, Parent string // hex; no parent: ""
	Failed     bool
	Attributes map[string]string
}

// OTLPReceiver takes spans, as a collector does: OTLP over HTTP.
type OTLPReceiver struct {
	URL string // to be set as OTEL_EXPORTER_OTLP_ENDPOINT

	t       testing.TB
	mu      sync.Mutex
	spans   []OTLPSpan
	arrived chan struct{} // closed and replaced with every request
}

// OTLP starts a receiver of spans on the loopback interface; it ends with the test.
func OTLP(t testing.TB) *OTLPReceiver {
	t.Helper()
	r := &OTLPReceiver{t: t, arrived: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", r.take)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

func (r *OTLPReceiver) take(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	var export collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &export)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		r.t.Errorf("spans that cannot be read: %v", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range export.GetResourceSpans() {
		r.keep(of)
	}
	close(r.arrived)
	r.arrived = make(chan struct{})
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (r *OTLPReceiver) keep(of *tracepb.ResourceSpans) {
	service := ""
	for _, a := range of.GetResource().GetAttributes() {
		if a.GetKey() == "service.name" {
			service = a.GetValue().GetStringValue()
		}
	}
	for _, scope := range of.GetScopeSpans() {
		for _, s := range scope.GetSpans() {
			span := OTLPSpan{
				Service: service, Name: s.GetName(), Trace: hex.EncodeToString(s.GetTraceId()),
				ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
				Failed:     s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR,
				Attributes: map[string]string{},
			}
			for _, a := range s.GetAttributes() {
				span.Attributes[a.GetKey()] = a.GetValue().String()
			}
			r.spans = append(r.spans, span)
		}
	}
}

// Spans are those that have arrived so far.
func (r *OTLPReceiver) Spans() []OTLPSpan {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.spans)
}

// Await waits until what has arrived is enough.
func (r *OTLPReceiver) Await(what string, within time.Duration, enough func([]OTLPSpan) bool) []OTLPSpan {
	r.t.Helper()
	timeout := time.After(within)
	for {
		r.mu.Lock()
		arrived := r.arrived
		r.mu.Unlock()
		if spans := r.Spans(); enough(spans) {
			return spans
		}
		select {
		case <-arrived:
		case <-timeout:
			r.t.Fatalf("%s: not within %s; there are %+v", what, within, r.Spans())
		}
	}
}
