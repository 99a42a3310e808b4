package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	devicecounter "github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/foldtest"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/license"
)

// system is the servers and some workers, each a process.
type system struct {
	t       *testing.T
	nats    *servertest.NATSProcess
	redis   *servertest.RedisServer
	js      jetstream.JetStream
	log     *eventlog.Log
	smtp    *servertest.SMTPServer
	workers []*servertest.Child
	names   []string
}

// newSystem starts servers and one process for each named worker.
func newSystem(t *testing.T, workers ...string) *system {
	t.Helper()
	s := &system{
		t: t, nats: servertest.NATSChild(t), redis: servertest.Redis(t), smtp: servertest.SMTP(t, servertest.SMTPScript{}), names: workers,
	}
	s.js = s.nats.JetStream(t)
	layout := eventlog.Layout{DuplicateWindow: time.Second}
	if err := setup.Everything(t.Context(), s.js, layout); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.log, err = eventlog.Open(t.Context(), s.nats.Connect(t)); err != nil {
		t.Fatal(err)
	}
	s.workers = make([]*servertest.Child, len(workers))
	for i := range workers {
		s.start(i)
	}
	return s
}

func (s *system) start(i int) {
	s.t.Helper()
	env := append(environment(s.nats.URL(), s.redis.URL(), fmt.Sprintf("replica-%d", i)), "SMTP_URL=smtp://"+s.smtp.Addr)
	s.workers[i] = servertest.StartChild(s.t, s.names[i], env...)
}

// settled waits until both workers' outcomes and states equal the fold.
func (s *system) settled(within time.Duration) {
	s.t.Helper()
	client := s.redis.Client(s.t)
	began := time.Now()
	of := foldtest.Await(s.t, s.js, client, license.Rules(), within)
	if !of.Clean() {
		s.t.Fatalf("license: %v", of)
	}
	counted := foldtest.Await(s.t, s.js, client, devicecounter.Rules(), within-time.Since(began))
	if !counted.Clean() {
		s.t.Fatalf("device-counter: %v", counted)
	}
	s.t.Logf("settled after %s: license %d outcomes, device-counter %d", time.Since(began).Round(time.Millisecond), of.Outcomes, counted.Outcomes)
}
