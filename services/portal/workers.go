package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/mycloudpbx/softphone/events"
)

// question asks a worker what it knows of an extension, and reads the answer into one. Whoever
// looked at the log for the last event that the worker reads says so, else it looks itself.
func (s *Service) question(ctx context.Context, to string, x events.Extension, asOf *events.Position, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience.answer)
	defer cancel()
	body, err := json.Marshal(events.Question{Tenant: x.Tenant, Extension: x.Number, AsOf: asOf})
	if err != nil {
		return err
	}
	reply, err := s.log.Conn().RequestWithContext(ctx, "ask."+to+".get", body)
	if err != nil {
		return fmt.Errorf("asking %s: %w", to, err)
	}
	if code := reply.Header.Get(micro.ErrorCodeHeader); code != "" {
		return fmt.Errorf("asking %s: %s %s", to, code, reply.Header.Get(micro.ErrorHeader))
	}
	if err := json.Unmarshal(reply.Data, answer); err != nil {
		return fmt.Errorf("asking %s: %w", to, err)
	}
	return nil
}

// holders asks the device counter who holds the seats, as of the look at the log that is behind
// what is known of the extension. Where the counter is not there yet, or further by now, it says
// what holds now, if it can.
func (s *Service) holders(ctx context.Context, is standing) (held events.DevicesAnswer, err error) {
	if is.counted != nil {
		if err = s.question(ctx, events.DeviceCounter, is.extension, is.counted, &held); err != nil || held.Current {
			return held, err
		}
	}
	held = events.DevicesAnswer{}
	err = s.question(ctx, events.DeviceCounter, is.extension, nil, &held)
	return held, err
}

// seats asks until the answer is of now, for a worker that is a moment behind, and
// gives up after the given time. An answer that is not current is returned as such.
func (s *Service) seats(ctx context.Context, x events.Extension, within time.Duration) (answer events.DevicesAnswer, err error) {
	for end, pause := time.Now().Add(within), 5*time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		answer = events.DevicesAnswer{}
		if err = s.question(ctx, events.DeviceCounter, x, nil, &answer); err == nil && answer.Current || time.Now().After(end) {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// welcome asks for the last welcome e-mail; nil when there is none.
func (s *Service) welcome(ctx context.Context, x events.Extension) (*Email, error) {
	var answer events.EmailsAnswer
	if err := s.question(ctx, events.Mailer, x, nil, &answer); err != nil {
		return nil, err
	}
	for _, e := range answer.Emails {
		if e.Kind == events.KindWelcome {
			return &Email{
				Kind: e.Kind, State: e.State, To: e.To, Since: e.Since, At: e.At, Reason: e.Reason, SMTPCode: e.SMTPCode,
				EnhancedCode: e.EnhancedCode, Advice: e.Advice, Attempts: e.Attempts, Next: e.NextAttempt, CorrectAddress: e.CorrectAddress,
			}, nil
		}
	}
	return nil, nil
}

// devices are seats as they are shown.
func devices(seats []events.Seat) []Device {
	all := make([]Device, 0, len(seats))
	for _, seat := range seats {
		all = append(all, Device{ID: seat.DeviceID, Platform: seat.Platform, Name: seat.DeviceName, Since: seat.ActivatedAt})
	}
	return all
}
