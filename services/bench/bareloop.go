package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/smtp"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/mailer/letter"
)

// bareLoop is what one would write by hand for as many mails: net/smtp, a loop for
// each connection, and nothing said to anybody.
func (b *bench) bareLoop(ctx context.Context, softphones []softphone, to relay) (rate float64, err error) {
	b.progress.say("mails: %d in a bare loop", len(softphones))
	letters, err := newLetters(softphones)
	if err != nil {
		return 0, err
	}
	var (
		next    atomic.Int64
		started = time.Now()
		loops   errgroup.Group
	)
	for range smtpConnections {
		loops.Go(func() error {
			client, err := dialBare(ctx, to)
			if err != nil {
				return err
			}
			for n := int(next.Add(1)) - 1; n < len(softphones) && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				mail, err := letters.render(n)
				if err != nil {
					return err
				}
				if err := sendBare(client, mail); err != nil {
					return err
				}
			}
			return client.Quit()
		})
	}
	if err := loops.Wait(); err != nil {
		return 0, fmt.Errorf("the bare loop: %w", err)
	}
	return float64(len(softphones)) / time.Since(started).Seconds(), ctx.Err()
}

func dialBare(ctx context.Context, to relay) (*smtp.Client, error) {
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: to.roots, MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", to.address)
	if err != nil {
		return nil, err
	}
	return smtp.NewClient(conn, "127.0.0.1")
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
