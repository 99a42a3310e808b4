package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/smtp"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/mailer/letter"
)

// smtpConnections is how many both senders have.
const smtpConnections = 8

// Mails is welcome mails: through the mailer, from LicenseGranted in the log to
// EmailSent in the log, and out of bare loops.
type Mails struct {
	Mails     int     `json:"mails"`
	Bytes     float64 `json:"bytesPerMail"`
	Mailer    Spread  `json:"mailerPerSecond"`
	Bare      Spread  `json:"bareLoopPerSecond"`         // each mail rendered, as the mailer does
	Rendered  Spread  `json:"bareLoopRenderedPerSecond"` // all mails rendered before
	Ratio     Spread  `json:"mailerVersusBareLoopByRound"`
	Versus    Judged  `json:"mailerVersusBareLoop"` // the median of the rounds, whose two sides ran one after the other
	FewRSS    float64 `json:"mailerPeakFew"`        // bytes, after a fifth of the mails
	AllRSS    float64 `json:"mailerPeakAll"`
	FlatRatio Judged  `json:"mailerPeakAllVersusFew"`
}

// mails measures them in turns.
func (b *bench) mails(ctx context.Context, m *Mails) error {
	m.Mails = b.sizes.Mails
	softphones := newSoftphones(b.sizes.Mails)
	var err error
	if _, m.FewRSS, err = b.mailer(ctx, softphones[:max(1, len(softphones)/5)]); err != nil {
		return err
	}
	letters, err := newLetters(softphones)
	if err != nil {
		return err
	}
	ready, err := letters.renderSome()
	if err != nil {
		return err
	}
	for range b.sizes.MailRounds {
		var bare float64
		for _, loop := range []struct {
			rates *Spread
			mail  func(n int) (letter.Mail, error)
		}{
			{&m.Rendered, func(n int) (letter.Mail, error) { return ready[n%len(ready)], nil }},
			{&m.Bare, letters.render},
		} {
			rate, err := b.bareLoop(ctx, loop.mail, m)
			if err != nil {
				return err
			}
			loop.rates.add(rate)
			bare = rate // of the last one
		}
		rate, peak, err := b.mailer(ctx, softphones)
		if err != nil {
			return err
		}
		m.Mailer.add(rate)
		m.Ratio.add(rate / bare)
		m.AllRSS = max(m.AllRSS, peak)
	}
	m.Versus = atLeast(m.Ratio.Median, 0.8)
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
	sink, err := startSink(b.world.folder)
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
	child, _, err := startChild(childMailer, "NATS_URL="+b.world.natsURL, "SMTP_URL=smtps://"+sink.address(), "SMTP_CA_FILE="+sink.caFile,
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
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// letters are the welcomes as the mailer writes them.
type letters struct {
	brands *letter.Brands
	all    []letter.Letter
}

func newLetters(softphones []softphone) (*letters, error) {
	var config letter.Config
	if err := process.Parse(&config, nil); err != nil {
		return nil, err
	}
	brands, err := letter.Open(config)
	if err != nil {
		return nil, err
	}
	l := &letters{brands: brands}
	for i := range softphones {
		s := softphones[i]
		granted := s.grant(s.enabled(), 1)
		data, _ := granted.Data.(events.LicenseGranted)
		l.all = append(l.all, letter.Letter{
			Kind: letter.Welcome, Tenant: s.Tenant, To: data.Email, Name: data.DisplayName, Username: data.Username,
			Locale: data.Locale, DeviceLimit: data.DeviceLimit, CauseID: granted.ID, Date: granted.Time,
		})
	}
	return l, nil
}

func (l *letters) render(n int) (letter.Mail, error) { return l.brands.Render(l.all[n]) }

// renderSome renders as many as fit into any memory.
func (l *letters) renderSome() ([]letter.Mail, error) {
	mails := make([]letter.Mail, min(len(l.all), 500))
	for n := range mails {
		var err error
		if mails[n], err = l.render(n); err != nil {
			return nil, err
		}
	}
	return mails, nil
}

// bareLoop is what one would write by hand for as many mails: net/smtp, a loop for
// each connection, and nothing said to anybody.
func (b *bench) bareLoop(ctx context.Context, mail func(n int) (letter.Mail, error), m *Mails) (rate float64, err error) {
	b.progress.say("mails: %d in a bare loop", b.sizes.Mails)
	sink, err := startSink(b.world.folder)
	if err != nil {
		return 0, err
	}
	defer sink.close()
	var (
		next    atomic.Int64
		started = time.Now()
		loops   errgroup.Group
	)
	for range smtpConnections {
		loops.Go(func() error {
			dialer := &tls.Dialer{Config: &tls.Config{RootCAs: sink.roots, MinVersion: tls.VersionTLS13}}
			conn, err := dialer.DialContext(ctx, "tcp", sink.address())
			if err != nil {
				return err
			}
			client, err := smtp.NewClient(conn, "127.0.0.1")
			if err != nil {
				return err
			}
			for n := int(next.Add(1)) - 1; n < b.sizes.Mails && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				rendered, err := mail(n)
				if err != nil {
					return err
				}
				if err := sendBare(client, rendered); err != nil {
					return err
				}
			}
			return client.Quit()
		})
	}
	if err := loops.Wait(); err != nil {
		return 0, fmt.Errorf("the bare loop: %w", err)
	}
	took := time.Since(started)
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
		{fmt.Sprintf("bare net/smtp loop, rendering the same mails, %d connections too", smtpConnections), m.Bare.perSecond("mails"), nil},
		{"the same, out of memory", m.Rendered.perSecond("mails"), nil},
		{"the mailer against the bare loop", times(m.Versus), &m.Versus},
		{"the mailer's peak memory, a fifth of the mails / all", mega(m.FewRSS) + " / " + mega(m.AllRSS), nil},
		{"all against a fifth", times(m.FlatRatio), &m.FlatRatio},
	}
}
