package main

import (
	"context"
	"fmt"
	"net/smtp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/mailer/letter"
)

// smtpConnections is how many both senders have.
const smtpConnections = 8

// Mails is welcome mails: through the mailer, from LicenseGranted in the log to
// EmailSent in the log, and out of a bare loop.
type Mails struct {
	Mails     int     `json:"mails"`
	Bytes     float64 `json:"bytesPerMail"`
	Mailer    Spread  `json:"mailerPerSecond"`
	Bare      Spread  `json:"bareLoopPerSecond"`
	Versus    Judged  `json:"mailerVersusBareLoop"`
	FewRSS    float64 `json:"mailerPeakFew"` // bytes, after a fifth of the mails
	AllRSS    float64 `json:"mailerPeakAll"`
	FlatRatio Judged  `json:"mailerPeakAllVersusFew"`
}

// mails measures both in turns.
func (b *bench) mails(ctx context.Context, m *Mails) error {
	m.Mails = b.sizes.Mails
	softphones := newSoftphones(b.sizes.Mails)
	_, peak, err := b.mailer(ctx, softphones[:max(1, len(softphones)/5)])
	if err != nil {
		return err
	}
	m.FewRSS = peak
	letters, err := welcomes(softphones[:min(len(softphones), 500)])
	if err != nil {
		return err
	}
	for range b.sizes.MailRounds {
		rate, err := b.bareLoop(ctx, letters, m)
		if err != nil {
			return err
		}
		m.Bare.add(rate)
		if rate, peak, err = b.mailer(ctx, softphones); err != nil {
			return err
		}
		m.Mailer.add(rate)
		m.AllRSS = max(m.AllRSS, peak)
	}
	m.Versus = atLeast(m.Mailer.Median/m.Bare.Median, 0.8)
	m.FlatRatio = atMost(m.AllRSS/m.FewRSS, 1.2)
	return nil
}

// mailer lets a mailer send the welcome of each softphone, and says how many a
// second it did from its first connection to the last EmailSent in the log, and the
// most memory it needed.
func (b *bench) mailer(ctx context.Context, softphones []softphone) (rate, peak float64, err error) {
	b.progress.say("mails: %d through the mailer", len(softphones))
	if err := b.world.empty(ctx); err != nil {
		return 0, 0, err
	}
	writer, err := newWriter(ctx, b.world.js)
	if err != nil {
		return 0, 0, err
	}
	fresh := newSoftphones(len(softphones))
	if err := writer.license(ctx, fresh); err != nil {
		return 0, 0, err
	}
	sink, err := startSink()
	if err != nil {
		return 0, 0, err
	}
	defer sink.close()
	began := make(chan time.Time, 1)
	first := func() { began <- time.Now() }
	sink.first.Store(&first)

	ops, err := freeAddress()
	if err != nil {
		return 0, 0, err
	}
	child, _, err := startChild(childMailer, "NATS_URL="+b.world.natsURL, "SMTP_URL=smtp://"+sink.address()+"?starttls=never",
		"SMTP_CONNECTIONS="+strconv.Itoa(smtpConnections), "SOFTPHONE_OPS_LISTEN="+ops, "SOFTPHONE_LOG_LEVEL=error")
	if err != nil {
		return 0, 0, err
	}
	worker := &counterProcess{process: child, ops: ops}
	defer worker.stop()
	ended, err := b.allTold(ctx, writer.last+uint64(len(fresh)), child.Done())
	if err != nil {
		return 0, 0, err
	}
	if sent := sink.mails.Load(); sent != int64(len(fresh)) {
		return 0, 0, fmt.Errorf("the mailer sent %d mails for %d licenses", sent, len(fresh))
	}
	peak, err = worker.peak()
	return float64(len(fresh)) / ended.Sub(<-began).Seconds(), peak, err
}

// allTold waits until the log has that many messages.
func (b *bench) allTold(ctx context.Context, messages uint64, died <-chan struct{}) (time.Time, error) {
	for {
		stream, err := b.world.js.Stream(ctx, events.Stream)
		if err != nil {
			return time.Time{}, err
		}
		if stream.CachedInfo().State.LastSeq >= messages {
			return time.Now(), nil
		}
		select {
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		case <-died:
			return time.Time{}, errUnfinished
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// welcomes are the mails as the mailer sends them.
func welcomes(softphones []softphone) ([]letter.Mail, error) {
	var config letter.Config
	if err := process.Parse(&config, nil); err != nil {
		return nil, err
	}
	brands, err := letter.Open(config)
	if err != nil {
		return nil, err
	}
	var mails []letter.Mail
	for i := range softphones {
		s := &softphones[i]
		enabled := s.enabled()
		granted := s.grant(enabled, 1)
		data, _ := granted.Data.(events.LicenseGranted)
		mail, err := brands.Render(letter.Letter{
			Kind: letter.Welcome, Tenant: s.Tenant, To: data.Email, Name: data.DisplayName, Username: data.Username,
			Locale: data.Locale, DeviceLimit: data.DeviceLimit, CauseID: granted.ID, Date: granted.Time,
		})
		if err != nil {
			return nil, err
		}
		mails = append(mails, mail)
	}
	return mails, nil
}

// bareLoop is what one would write by hand for as many mails: net/smtp, a loop for
// each connection, rendered mails in memory, and nothing said to anybody.
func (b *bench) bareLoop(ctx context.Context, mails []letter.Mail, m *Mails) (rate float64, err error) {
	b.progress.say("mails: %d in a bare loop", b.sizes.Mails)
	sink, err := startSink()
	if err != nil {
		return 0, err
	}
	defer sink.close()
	var (
		next    atomic.Int64
		loops   sync.WaitGroup
		started = time.Now()
		failed  = make(chan error, smtpConnections)
	)
	for range smtpConnections {
		loops.Go(func() {
			client, err := smtp.Dial(sink.address())
			if err != nil {
				failed <- err
				return
			}
			for n := next.Add(1) - 1; n < int64(b.sizes.Mails) && ctx.Err() == nil; n = next.Add(1) - 1 {
				if err := sendBare(client, mails[int(n)%len(mails)]); err != nil {
					failed <- err
					return
				}
			}
			_ = client.Quit()
		})
	}
	loops.Wait()
	took := time.Since(started)
	select {
	case err := <-failed:
		return 0, fmt.Errorf("the bare loop: %w", err)
	default:
	}
	m.Bytes = float64(sink.bytes.Load()) / float64(sink.mails.Load())
	return float64(sink.mails.Load()) / took.Seconds(), ctx.Err()
}

func sendBare(client *smtp.Client, mail letter.Mail) error {
	if err := client.Mail(mail.From); err != nil {
		return err
	}
	if err := client.Rcpt(mail.To); err != nil {
		return err
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := body.Write(mail.Bytes); err != nil {
		return err
	}
	return body.Close()
}

func (m *Mails) rows() []row {
	return []row{
		{fmt.Sprintf("the mailer, %s welcome mails of %s bytes", whole(float64(m.Mails)), whole(m.Bytes)), m.Mailer.perSecond("mails"), nil},
		{fmt.Sprintf("bare net/smtp loop, the same mails, %d connections too", smtpConnections), m.Bare.perSecond("mails"), nil},
		{"the mailer against the bare loop", times(m.Versus), &m.Versus},
		{"the mailer's peak memory, a fifth of the mails / all", mega(m.FewRSS) + " / " + mega(m.AllRSS), nil},
		{"all against a fifth", times(m.FlatRatio), &m.FlatRatio},
	}
}
