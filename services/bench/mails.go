package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mycloudpbx/softphone/services/internal/embedded"
)

// smtpConnections is how many both senders have.
const smtpConnections = 8

// Mails is welcome mails: through the mailer, from LicenseGranted in the log to
// EmailSent in the log, and out of bare loops.
type Mails struct {
	Mails     int     `json:"mails"`
	Bytes     float64 `json:"bytesPerMail"`
	Elsewhere Sending `json:"toRelayElsewhere"`       // of a fifth of the mails, as the next
	Postfix   Sending `json:"toPostfixHere,omitzero"` // not for who is not root
	Idle      Sending `json:"toIdleServerHere"`

	VersusElsewhere Judged `json:"mailerVersusBareLoopElsewhere"`
	VersusPostfix   Judged `json:"mailerVersusBareLoopPostfix,omitzero"`

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
		peak, err := b.round(ctx, few, startElsewhere, &m.Elsewhere)
		if err != nil {
			return err
		}
		m.FewRSS = max(m.FewRSS, peak)
		if _, err = b.round(ctx, few, startPostfix, &m.Postfix); err != nil && !errors.Is(err, embedded.ErrNotRoot) {
			return err
		}
		if peak, err = b.round(ctx, all, startIdle, &m.Idle); err != nil {
			return err
		}
		m.AllRSS = max(m.AllRSS, peak)
	}
	m.VersusElsewhere, m.FlatRatio = atLeast(m.Elsewhere.Ratio.Median, 0.8), atMost(m.AllRSS/m.FewRSS, 1.2)
	if len(m.Postfix.Ratio.all) > 0 {
		m.VersusPostfix = atLeast(m.Postfix.Ratio.Median, 0.8)
	}
	letters, err := newLetters(few)
	if err != nil {
		return err
	}
	for n := range few {
		mail, err := letters.render(n)
		if err != nil {
			return err
		}
		m.Bytes += float64(len(mail.Bytes)) / float64(len(few))
	}
	return nil
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

// rows are none when it was not measured.
func (s *Sending) rows(to string, judged *Judged) []row {
	if len(s.Ratio.all) == 0 {
		return nil
	}
	return []row{
		{"the mailer, " + to, s.Mailer.perSecond("mails"), nil},
		{fmt.Sprintf("bare net/smtp loop, %s, %d connections too", to, smtpConnections), s.Bare.perSecond("mails"), nil},
		{"the mailer against the bare loop, " + to, fmt.Sprintf("%.2f×", s.Ratio.Median), judged},
	}
}

func (m *Mails) rows() []row {
	return slices.Concat(
		m.Elsewhere.rows(fmt.Sprintf("to a relay that takes %s for a mail", elsewhere), &m.VersusElsewhere),
		m.Postfix.rows("to Postfix on the same processors", &m.VersusPostfix),
		m.Idle.rows("to a server that does nothing", nil),
		[]row{
			{
				fmt.Sprintf("the mailer's peak memory, a fifth of %s mails of %s bytes / all", whole(float64(m.Mails)), whole(m.Bytes)),
				mega(m.FewRSS) + " / " + mega(m.AllRSS), nil,
			},
			{"all against a fifth", times(m.FlatRatio), &m.FlatRatio},
		})
}
