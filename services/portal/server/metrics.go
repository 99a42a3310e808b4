package server

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// measured counts what a handler answers, by the pattern of the route that answered and
// never by what is in it: a path has names in it, and anybody may make one up.
func measured(registry prometheus.Registerer, next http.Handler) http.Handler {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "softphone_http_requests_total", Help: "HTTP requests to the portal, by route and status code.",
	}, []string{"method", "route", "code"})
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "softphone_http_request_duration_seconds", Help: "How long HTTP requests to the portal took, by route; a stream lasts as long as somebody listens.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"method", "route"})
	registry.MustRegister(requests, took)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, answer := time.Now(), &answer{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(answer, r)
		method, route := method(r.Method), route(r.Pattern)
		requests.WithLabelValues(method, route, strconv.Itoa(answer.code)).Inc()
		took.WithLabelValues(method, route).Observe(time.Since(began).Seconds())
	})
}

// route is a pattern of the muxes without its method; "other" for what none of them
// knows.
func route(pattern string) string {
	_, path, ok := strings.Cut(pattern, " ")
	if !ok {
		path = pattern
	}
	if path == "" || strings.HasSuffix(path, "/") {
		return "other"
	}
	return strings.TrimSuffix(path, "{$}")
}

func method(of string) string {
	if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete}, of) {
		return of
	}
	return "other"
}

// answer remembers its status code. What else a connection can do is found through
// Unwrap.
type answer struct {
	http.ResponseWriter

	code    int
	written bool
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader is http.ResponseWriter's.
func (a *answer) WriteHeader(code int) {
	if !a.written {
		a.code, a.written = code, code >= http.StatusOK
	}
	a.ResponseWriter.WriteHeader(code)
}

// Write is http.ResponseWriter's.
func (a *answer) Write(b []byte) (int, error) {
	a.written = true
	return a.ResponseWriter.Write(b)
}
