package main

import (
	"context"
	"strconv"
	"time"

	"github.com/mycloudpbx/softphone/events"
)

// mailer lets a mailer send the welcome of each softphone, and says how many a
// second it did and the most memory it needed. The rate is that of the last nine
// tenths: a process that starts is no sender yet.
func (b *bench) mailer(ctx context.Context, softphones []softphone, to relay) (rate, peak float64, err error) {
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
	worker, err := startWorker(b.world, childMailer, "SMTP_URL=smtps://"+to.address, "SMTP_CA_FILE="+to.caFile,
		"SMTP_CONNECTIONS="+strconv.Itoa(smtpConnections), "MAIL_DOMAIN_LIMITS=*="+strconv.Itoa(smtpConnections)) // a loop has no others
	if err != nil {
		return 0, 0, err
	}
	defer worker.stop()
	first, last := writer.last+uint64(len(fresh)/10), writer.last+uint64(len(fresh))
	took, err := b.between(ctx, first, last, worker.process.Done())
	if err != nil {
		return 0, 0, err
	}
	peak, err = worker.peak()
	return float64(last-first) / took.Seconds(), peak, err
}

// between waits until the log has the later of two messages, and says how long after
// the earlier one the server stored it.
func (b *bench) between(ctx context.Context, first, last uint64, died <-chan struct{}) (time.Duration, error) {
	for {
		stream, err := b.world.js.Stream(ctx, events.Stream)
		if err != nil {
			return 0, err
		}
		if stream.CachedInfo().State.LastSeq >= last {
			began, err := stream.GetMsg(ctx, first)
			if err != nil {
				return 0, err
			}
			ended, err := stream.GetMsg(ctx, last)
			if err != nil {
				return 0, err
			}
			return ended.Time.Sub(began.Time), nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-died:
			return 0, errUnfinished
		case <-time.After(10 * time.Millisecond):
		}
	}
}
