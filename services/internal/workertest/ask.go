package workertest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/foldtest"
)

// Reply is the answer to a question: the JSON, or the micro error headers.
type Reply struct {
	Body           []byte
	Code, Complain string
}

// Ask asks a worker, as often as it takes until one is there to answer.
func (w *World) Ask(name, question string) Reply {
	w.t.Helper()
	var reply *nats.Msg
	w.Eventually("somebody answers ask."+name+".get", func() bool {
		ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
		defer cancel()
		var err error
		reply, err = w.Log.Conn().RequestWithContext(ctx, "ask."+name+".get", []byte(question))
		if err != nil && !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, context.DeadlineExceeded) {
			w.t.Fatal(err)
		}
		return err == nil
	})
	return Reply{
		Body: reply.Data, Code: reply.Header.Get(micro.ErrorCodeHeader), Complain: reply.Header.Get(micro.ErrorHeader),
	}
}

// Get is the answer to a right question, of whatever time.
func Get[A any](w *World, name string, x events.Extension) A {
	w.t.Helper()
	question, err := json.Marshal(events.Question{Tenant: x.Tenant, Extension: x.Number})
	if err != nil {
		w.t.Fatal(err)
	}
	reply := w.Ask(name, string(question))
	if reply.Code != "" {
		w.t.Fatalf("ask.%s.get %s: %s %s", name, question, reply.Code, reply.Complain)
	}
	var answer A
	if err := json.Unmarshal(reply.Body, &answer); err != nil {
		w.t.Fatalf("ask.%s.get %s: %s: %v", name, question, reply.Body, err)
	}
	return answer
}

// Settled waits until what a worker told and what it keeps equal an independent
// fold of the log.
func Settled[S any](t testing.TB, w *World, rules fold.Rules[S]) foldtest.Report {
	t.Helper()
	report := foldtest.Await(t, w.JS, w.State, rules, Patience)
	if !report.Clean() {
		t.Fatalf("after %s: %v", Patience, report)
	}
	return report
}

// WrongQuestions holds a worker to answer 400 and the field.
func (w *World) WrongQuestions(name string) {
	w.t.Helper()
	for question, field := range map[string]string{
		`{"tenant":"acme"}`:                     "extension",
		`{"extension":"1001"}`:                  "tenant",
		`{"tenant":"ACME","extension":"1001"}`:  "tenant",
		`{"tenant":"acme","extension":"10.01"}`: "extension",
		`{"tenant":"acme","extension":"*"}`:     "extension",
		`{"tenant":1,"extension":"1001"}`:       "tenant",
		`tenant=acme`:                           "JSON",
		``:                                      "JSON",
	} {
		reply := w.Ask(name, question)
		if reply.Code != "400" || !strings.Contains(reply.Complain, field) || len(reply.Body) != 0 {
			w.t.Errorf("%s is answered %s %q %s, want 400 and %s", question, reply.Code, reply.Complain, reply.Body, field)
		}
	}
}
