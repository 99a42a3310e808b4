// Package ask serves synchronous questions about one extension as a NATS micro
// service, so that `nats micro ls` lists who answers what. Question and answer
// are JSON; replicas share the work.
//
// A wrong question is answered with the micro error headers, code 400 and the
// field; a question that cannot be answered now with code 503, and asking again
// is safe.
package ask

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
)

// Codes of the micro error header.
const (
	CodeWrong = "400" // the question is not one
	CodeLater = "503" // no answer now
)

const (
	patience = 5 * time.Second // what one answer may take

	// atOnce bounds how many questions one service answers at a time; more wait.
	atOnce = 64
)

// Service is what a worker answers.
type Service struct {
	Worker  string // answers on ask.<worker>.get
	Version string // semantic version; "" means 0.0.0
	About   string // one line for `nats micro info`
	Answer  func(ctx context.Context, asked events.Question) (any, error)
	Log     zerolog.Logger
	Metrics prometheus.Registerer // nil: none

	// Statistics are shown by `nats micro stats` beside those of the library; may be nil.
	Statistics func() any

	metrics metrics
}

// Ownership is which partitions a replica owns, the statistics of a worker that folds.
type Ownership struct {
	Replica    string `json:"replica"`
	Partitions []int  `json:"partitions"`
}

// Behind marks an answer as one that may be of the past.
func Behind(answer any) any { return behind{answer} }

type behind struct{ answer any }

// Serve answers until stop is called.
func Serve(conn *nats.Conn, s Service) (stop func(), err error) {
	if s.Version == "" {
		s.Version = "0.0.0"
	}
	s.metrics = newMetrics(s.Metrics, s.Worker)
	slots := make(chan struct{}, atOnce)
	config := micro.Config{Name: s.Worker, Version: s.Version, Description: s.About}
	if s.Statistics != nil {
		config.StatsHandler = func(*micro.Endpoint) any { return s.Statistics() }
	}
	service, err := micro.AddService(conn, config)
	if err != nil {
		return nil, fmt.Errorf("serving questions: %w", err)
	}
	handler := micro.HandlerFunc(func(r micro.Request) {
		if err := eventlog.CheckReply(conn, r.Reply()); err != nil {
			s.metrics.count(resultWrong)
			s.Log.Warn().Err(err).Msg("a question was not answered: its reply subject is none of somebody who asks")
			return
		}
		asked, err := parse(r.Data())
		if err != nil {
			s.metrics.count(resultWrong)
			s.sent(r.Error(CodeWrong, err.Error(), nil))
			return
		}
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			s.sent(conn.PublishMsg(s.answer(r.Reply(), asked)))
		}()
	})
	if err := service.AddEndpoint("get", handler, micro.WithEndpointSubject("ask."+s.Worker+".get")); err != nil {
		return nil, errors.Join(fmt.Errorf("serving questions: %w", err), service.Stop())
	}
	return func() { _ = service.Stop() }, nil
}

// answer is the message that goes to whoever asked. It is not sent through the
// request: the micro package looks at that when the handler has returned, which is
// while the answer is being made.
func (s Service) answer(to string, asked events.Question) *nats.Msg {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	m := nats.NewMsg(to)
	defer s.metrics.took(time.Now())
	result := resultCurrent
	answer, err := s.Answer(ctx, asked)
	if late, is := answer.(behind); is {
		answer, result = late.answer, resultBehind
	}
	if err == nil {
		m.Data, err = json.Marshal(answer)
	}
	if err != nil {
		result = resultLater
		s.Log.Warn().Err(err).Str("tenant", asked.Tenant).Str("extension", asked.Extension).Msg("a question could not be answered")
		m.Header.Set(micro.ErrorCodeHeader, CodeLater)
		m.Header.Set(micro.ErrorHeader, "no answer now, try again")
	}
	s.metrics.count(result)
	return m
}

func (s Service) sent(err error) {
	if err != nil {
		s.Log.Warn().Err(err).Msg("an answer was not sent")
	}
}

func parse(body []byte) (asked events.Question, err error) {
	if err := events.ReadJSON("body", body, &asked); err != nil {
		return asked, fmt.Errorf(`the question is not JSON of the form {"tenant":"acme","extension":"1001"}: %w`, err)
	}
	return asked, asked.About().Validate()
}
