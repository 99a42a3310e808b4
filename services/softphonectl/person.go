package softphonectl

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/fold"
	"github.com/mycloudpbx/softphone/services/internal/replay"
	"github.com/mycloudpbx/softphone/services/internal/setup"
)

func personCommand(a *app) *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use:   "person [tenant/extension]",
		Short: "Print all data about the person of an extension (GDPR, Article 15)",
		Long: "Print all data about the person of an extension: its events in the log, the workers' state in Redis, dead letters,\n" +
			"and the keys of it in the buckets. With --json each is an object, as it is stored; the hash of the password is not shown.",
		Example:           "  softphonectl person acme/1001 --json > acme-1001.ndjson",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: a.with(a.openBoth, func(x *session, args []string) error {
			about, err := s.one(args)
			if err != nil {
				return err
			}
			return x.person(about)
		}),
	}
	s.whom(cmd)
	return cmd
}

// kept is one thing that is kept.
type kept struct {
	Where string `json:"where"`
	What  any    `json:"what"`
}

func (x *session) person(about events.Extension) error {
	for _, part := range []func(events.Extension) error{x.keptInLog, x.keptInRedis, x.keptDead, x.keptInBuckets} {
		if err := part(about); err != nil {
			return err
		}
	}
	return nil
}

func (x *session) tell(where string, what any) error {
	return x.print(kept{where, what}, func() string {
		text, err := json.Marshal(what)
		if err != nil {
			return where
		}
		return where + "  " + string(text)
	})
}

func (x *session) keptInLog(about events.Extension) error {
	filter := events.LogSubject(events.PartitionOf(about.Tenant), "*", about.Tenant, about.Number, "*")
	return replay.Scan(x.ctx, x.log, replay.Range{Filters: []string{filter}}, func(m eventlog.Message) error {
		var what any = string(m.Data)
		if json.Valid(m.Data) {
			what = json.RawMessage(m.Data)
		}
		return x.tell(fmt.Sprintf("log %d of %s", m.Sequence, stamp(m.Time)), what)
	})
}

func (x *session) keptInRedis(about events.Extension) error {
	for _, f := range folders() {
		states := fold.StatesOf(x.redis, f.Worker, events.PartitionOf(about.Tenant))
		hashes, _, err := states.Read(x.ctx, []events.Extension{about})
		if err != nil {
			return err
		}
		if fields := hashes[0]; len(fields) > 0 {
			fields["recent"] = fmt.Sprintf("%x", fields["recent"]) // marks of the last facts, no text
			if err := x.tell("redis "+states.Hash(about), fields); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *session) keptDead(about events.Extension) error {
	return replay.DeadLetters(x.ctx, x.log.JetStream(), "", func(d replay.DeadLetter) error {
		if d.Key != about.String() {
			return nil
		}
		return x.tell("dead letter "+d.ID, map[string]string{"reason": d.Reason, "body": string(d.Body)})
	})
}

func (x *session) keptInBuckets(about events.Extension) error {
	for _, bucket := range []string{setup.MailerBucket, setup.CredentialsBucket} {
		stream, err := x.log.JetStream().Stream(x.ctx, "KV_"+bucket)
		if err != nil {
			return fmt.Errorf("bucket %s: %w", bucket, err)
		}
		prefix := "$KV." + bucket + "."
		info, err := stream.Info(x.ctx, jetstream.WithSubjectFilter(prefix+about.Tenant+"."+about.Number+".>"))
		if err != nil {
			return fmt.Errorf("bucket %s: %w", bucket, err)
		}
		for _, subject := range slices.Sorted(maps.Keys(info.State.Subjects)) {
			what := "the hash of a password"
			if bucket == setup.MailerBucket {
				m, err := stream.GetLastMsgForSubject(x.ctx, subject)
				if err != nil {
					continue // it is gone meanwhile
				}
				what = string(m.Data)
			}
			if err := x.tell("bucket "+bucket+" "+strings.TrimPrefix(subject, prefix), what); err != nil {
				return err
			}
		}
	}
	return nil
}
