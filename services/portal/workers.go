package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/mycloudpbx/softphone/events"
)

// question asks a worker what it knows of an extension, and reads the answer into one.
func (s *Service) question(ctx context.Context, to string, x events.Extension, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience.answer)
	defer cancel()
	body, err := json.Marshal(map[string]string{"tenant": x.Tenant, "extension": x.Number})
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

// seats is the answer of ask.device-counter.get.
type seats struct {
	Current   bool          `json:"current"`
	LicenseID string        `json:"licenseId"`
	Used      int           `json:"used"`
	Limit     int           `json:"limit"`
	Devices   []events.Seat `json:"devices"`
}

func (s seats) has(deviceID string) bool {
	for _, d := range s.Devices {
		if d.DeviceID == deviceID {
			return true
		}
	}
	return false
}

// seats asks until the answer is of now, for a worker that is a moment behind, and
// gives up after the given time. An answer that is not current is returned as such.
func (s *Service) seats(ctx context.Context, x events.Extension, within time.Duration) (answer seats, err error) {
	for end, pause := time.Now().Add(within), 5*time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		answer = seats{}
		if err = s.question(ctx, events.DeviceCounter, x, &answer); err == nil && answer.Current || time.Now().After(end) {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// emails is the answer of ask.mailer.get.
type emails struct {
	Emails []struct {
		Kind         string     `json:"kind"`
		State        string     `json:"state"`
		To           string     `json:"to"`
		Since        time.Time  `json:"since"`
		At           time.Time  `json:"at"`
		Reason       string     `json:"reason"`
		SMTPCode     int        `json:"smtpCode"`
		EnhancedCode string     `json:"enhancedCode"`
		Advice       string     `json:"advice"`
		Attempts     int        `json:"attempts"`
		NextAttempt  *time.Time `json:"nextAttempt"`
	} `json:"emails"`
}

// welcome asks for the last welcome e-mail; nil when there is none.
func (s *Service) welcome(ctx context.Context, x events.Extension) (*Email, error) {
	var answer emails
	if err := s.question(ctx, events.Mailer, x, &answer); err != nil {
		return nil, err
	}
	for _, e := range answer.Emails {
		if e.Kind == events.KindWelcome {
			return &Email{
				Kind: e.Kind, State: e.State, To: e.To, Since: e.Since, At: e.At, Reason: e.Reason, SMTPCode: e.SMTPCode,
				EnhancedCode: e.EnhancedCode, Advice: e.Advice, Attempts: e.Attempts, Next: e.NextAttempt,
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
