// Package setup creates what the system keeps in NATS: the log, its dead letters, the
// consumers that workers read with (they may make none: deploy/nats/nats.conf says why),
// the mailer's bucket and the portal's. `softphonectl setup` does it for a server of one's own,
// standalone and tests for an embedded one. Workers create nothing: they may not.
package setup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/react"
)

// MailerBucket holds which replica of the mailer sends an e-mail, and which handles a
// device limit, and what it shows of those that failed so far. Without it no mail is
// sent. Lost and set up again, it costs no mail, but two replicas that are at the same
// one just then could both send it.
const MailerBucket = "softphone-mailer"

// mailerTTL is longer than an e-mail is tried.
const mailerTTL = 7 * 24 * time.Hour

// CredentialsBucket holds the hashes of the softphones' passwords and of API tokens, which nobody but
// the portal may read. Losing it means a new password, or token, for everybody.
const CredentialsBucket = "softphone-credentials"

// Folds are the workers that own partitions: each has consumers to read with.
func Folds() []string {
	return []string{events.License, events.DeviceCounter, events.NameSync, portalView}
}

// portalView is the fold behind the portal's lists.
const portalView = "portal"

// Everything creates what is missing and checks the rest, as often as it is called. The
// reactors are those whose durable consumers are made here, because they may make none:
// the mailer's and name-sync's.
func Everything(ctx context.Context, js jetstream.JetStream, l eventlog.Layout, reactors ...react.Config) error {
	if err := eventlog.Ensure(ctx, js, l); err != nil {
		return err
	}
	if err := ensureConsumers(ctx, js, reactors); err != nil {
		return err
	}
	if _, err := js.CreateOrUpdateStream(ctx, mailerBucket(l.Replicas)); err != nil {
		return fmt.Errorf("setting up key-value bucket %s: %w", MailerBucket, err)
	}
	return ensureCredentials(ctx, js, l.Replicas)
}

// ensureConsumers makes what workers read with. Readers keep no position, so theirs are in
// memory and not replicated: one that is lost with its server is made again by the next
// setup, and meanwhile its worker reads without, see eventlog.
func ensureConsumers(ctx context.Context, js jetstream.JetStream, reactors []react.Config) error {
	for _, worker := range Folds() {
		readers := map[string][]string{eventlog.FeedReader(worker): nil}
		for n := range events.Partitions {
			readers[eventlog.PartitionReader(worker, n)] = []string{events.PartitionFilter(n)}
		}
		for name, filters := range readers {
			if _, err := js.CreateOrUpdateConsumer(ctx, events.Stream, jetstream.ConsumerConfig{
				Durable: name, FilterSubjects: filters, DeliverPolicy: jetstream.DeliverAllPolicy, AckPolicy: jetstream.AckNonePolicy,
				MemoryStorage: true, Replicas: 1,
			}); err != nil {
				return fmt.Errorf("setting up consumer %s: %w", name, err)
			}
		}
	}
	stream, err := js.Stream(ctx, events.Stream)
	if err != nil {
		return fmt.Errorf("looking for stream %s: %w", events.Stream, err)
	}
	for _, c := range reactors {
		if err := react.Ensure(ctx, js, c, stream.CachedInfo().Created); err != nil {
			return err
		}
	}
	return nil
}

// ensureCredentials creates the bucket as a stream and not by CreateKeyValue,
// because that always allows direct reads, which a replica answers from the past: a
// password that was just set would be wrong.
func ensureCredentials(ctx context.Context, js jetstream.JetStream, replicas int) error {
	config := jetstream.StreamConfig{
		Name: "KV_" + CredentialsBucket, Description: "Hashes of the softphones' passwords and of API tokens; limits of tenants.",
		Subjects:          []string{"$KV." + CredentialsBucket + ".>"},
		MaxMsgsPerSubject: 1,
		MaxMsgSize:        1 << 10,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardNew,
		Replicas:          max(1, replicas),
		AllowRollup:       true,
		AllowDirect:       false,
	}
	stream, err := js.CreateOrUpdateStream(ctx, config)
	if err == nil && stream.CachedInfo().Config.AllowDirect {
		err = errors.New("it answers direct reads, which may be of the past")
	}
	if err != nil {
		return fmt.Errorf("setting up key-value bucket %s: %w", CredentialsBucket, err)
	}
	return nil
}

// mailerBucket is a stream and not made by CreateKeyValue, because that forbids for good to delete a message, and only
// that overwrites what a bucket has of a person.
func mailerBucket(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: "KV_" + MailerBucket, Description: "Which replica of the mailer sends an e-mail; tries that failed, for display.",
		Subjects:          []string{"$KV." + MailerBucket + ".>"},
		MaxMsgsPerSubject: 1,
		MaxAge:            mailerTTL,
		MaxMsgSize:        4 << 10,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardNew,
		Replicas:          max(1, replicas),
		AllowRollup:       true,
		AllowDirect:       true,
	}
}
