package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/mycloudpbx/softphone/services/internal/embedded"
)

// smtpConnections is how many both senders have.
const smtpConnections = 8

// Mails is welcome mails: through the mailer, from LicenseGranted in the log to
// EmailSent in the log, and out of bare loops.
type Mails struct {
	Mails     int     `json:"mails"`
	Bytes     float64 `json:"bytesPerMail"`
	Postfix   Sending `json:"toPostfix"`            // of a fifth of the mails; nothing for who is not root
	Versus    Judged  `json:"mailerVersusBareLoop"` // the same
	Sink      Sending `json:"toSink"`
	FewRSS    float64 `json:"mailerPeakFew"` // bytes, after a fifth of the mails
	AllRSS    float64 `json:"mailerPeakAll"`
	FlatRatio Judged  `json:"mailerPeakAllVersusFew"`
}

// Sending is to one relay, in mails a second.
type Sending struct {
	Mailer Spread `json:"mailerPerSecond"`
	Bare   Spread `json:"bareLoopPerSecond"`
	Ratio  Spread `json:"mailerVersusBareLoopByRound"` // whose two sides ran one after the other
}

// mails measures both senders in turns, to each relay.
func (b *bench) mails(ctx context.Context, m *Mails) error {
	m.Mails = b.sizes.Mails
	all := newSoftphones(b.sizes.Mails)
	few := all[:max(1, len(all)/5)]
	for range b.sizes.MailRounds {
		_, err := b.round(ctx, few, startPostfix, &m.Postfix)
		if errors.Is(err, embedded.ErrNotRoot) {
			break
		}
		if err != nil {
			return err
		}
		m.Versus = atLeast(m.Postfix.Ratio.Median, 0.8)
	}
	for range b.sizes.MailRounds {
		peak, err := b.round(ctx, all, startSinkRelay, &m.Sink)
		if err != nil {
			return err
		}
		m.AllRSS = max(m.AllRSS, peak)
	}
	to, err := startSink(b.world.folder)
	if err != nil {
		return err
	}
	defer to.close()
	_, m.FewRSS, err = b.mailer(ctx, few, to.relay())
	m.Bytes = float64(to.bytes.Load()) / float64(to.mails.Load())
	m.FlatRatio = atMost(m.AllRSS/m.FewRSS, 1.2)
	return err
}

// round lets both send the same mails, each to a relay just started, and says how
// much memory the mailer needed.
func (b *bench) round(ctx context.Context, softphones []softphone, start func(folder string) (relay, error), s *Sending) (peak float64, err error) {
	var rates [2]float64
	for i, send := range []func(relay) (float64, error){
		func(to relay) (float64, error) { return b.bareLoop(ctx, softphones, to) },
		func(to relay) (rate float64, err error) {
			rate, peak, err = b.mailer(ctx, softphones, to)
			return rate, err
		},
	} {
		to, err := start(b.world.folder)
		if err != nil {
			return 0, err
		}
		rates[i], err = send(to)
		to.close()
		if err != nil {
			return 0, err
		}
	}
	s.Bare.add(rates[0])
	s.Mailer.add(rates[1])
	s.Ratio.add(rates[1] / rates[0])
	return peak, nil
}

func (s *Sending) rows(to string) []row {
	return []row{
		{"the mailer " + to, s.Mailer.perSecond("mails"), nil},
		{fmt.Sprintf("bare net/smtp loop %s, %d connections too", to, smtpConnections), s.Bare.perSecond("mails"), nil},
	}
}

func (m *Mails) rows() []row {
	return append(append(m.Postfix.rows("to Postfix"),
		row{"the mailer against the bare loop, to Postfix", times(m.Versus), &m.Versus}), append(m.Sink.rows("to a server that does nothing"),
		row{"the mailer against the bare loop, to a server that does nothing", fmt.Sprintf("%.2f×", m.Sink.Ratio.Median), nil},
		row{fmt.Sprintf("the mailer's peak memory, a fifth of %s mails of %s bytes / all", whole(float64(m.Mails)), whole(m.Bytes)), mega(m.FewRSS) + " / " + mega(m.AllRSS), nil},
		row{"all against a fifth", times(m.FlatRatio), &m.FlatRatio},
	)...)
}
