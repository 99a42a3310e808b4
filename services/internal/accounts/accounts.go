// Package accounts says which part of the system may do what in NATS, and writes it as
// deploy/nats/accounts.conf, the accounts of the server's configuration. The argument why
// that is enough is at the top of deploy/nats/nats.conf.
//
// A change here is followed by
//
//	go generate ./services/internal/accounts
//
// and a test holds the file to it. What nobody may do is tested by its effects, in
// services/acceptance.
package accounts

import (
	"strconv"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/setup"
)

//go:generate go run ./generate ../../../deploy/nats/accounts.conf

// Names that are no source of events.
const (
	Ops    = "ops"    // is in the log's own account
	Setup  = "setup"  // makes streams, buckets and consumers
	Portal = "portal" // the PBX core's side over HTTP
)

// Part is a user with an account of its own. The zero value may do nothing at all.
type Part struct {
	Name string

	Publishes []string // subjects of the log and the dead letters
	Asks      []string // parts whose ask.<part>.get it may ask
	Answers   bool     // decisions, to those who asked for them in a fact
	Serves    bool     // ask.<part>.get, and discovery
	Owns      bool     // partitions: its replicas hear each other, in its account
	API       []string // of JetStream, without its prefix
	Streams   []string // of API, those with many replies to one request
	Buckets   []string // keys it writes
	Acks      []string // durables it acknowledges on
}

// Parts are all of them but ops, who may do everything in the log's account.
func Parts() []Part {
	all := []Part{core(), fold(events.License), fold(events.DeviceCounter), mailer(), nameSync(), portal()}
	return append(all, Part{Name: Setup, API: []string{
		"INFO", "STREAM.INFO.*", "STREAM.CREATE.*", "STREAM.UPDATE.*", "CONSUMER.INFO.*.*", "CONSUMER.CREATE.*.>",
	}})
}

// core is the PBX core: it says what happened, and asks.
func core() Part {
	return Part{Name: events.PBX, Publishes: []string{publishes(events.PBX)}, Asks: askable()}
}

// publishes matches every subject a source publishes events to.
func publishes(source string) string { return events.PublishSubject(source, "*", "*", "*") }

// askable are the parts that answer questions.
func askable() []string {
	return []string{events.License, events.DeviceCounter, events.Mailer, events.NameSync, Portal}
}

// reader is a part that reads the log and publishes outcomes and dead letters.
func reader(name string) Part {
	return Part{
		Name: name, Serves: true,
		Publishes: []string{publishes(name), events.DeadFilter(name)},
		API:       []string{"STREAM.INFO." + events.Stream, "STREAM.MSG.GET." + events.Stream},
	}
}

// fold is a part that owns partitions: it has fences, and consumers to read with.
func fold(name string) Part {
	p := reader(name)
	p.Answers = true
	p.Publishes = append(p.Publishes, events.FenceSubject(name, events.AnyPartition))
	p.Owns = true
	p.reads(eventlog.FeedReader(name))
	for n := range events.Partitions {
		p.reads(eventlog.PartitionReader(name, n))
	}
	return p
}

// reads lets the part put a consumer that keeps no position to a sequence, and read with it.
func (p *Part) reads(consumer string) {
	p.API = append(p.API, "CONSUMER.RESET."+events.Stream+"."+consumer)
	p.works(consumer)
}

// works lets the part read with a consumer.
func (p *Part) works(consumer string) {
	p.API = append(p.API, "CONSUMER.INFO."+events.Stream+"."+consumer)
	p.Streams = append(p.Streams, "CONSUMER.MSG.NEXT."+events.Stream+"."+consumer)
}

// keeps gives the part a bucket.
func (p *Part) keeps(bucket string, requests ...string) {
	p.Buckets = append(p.Buckets, "$KV."+bucket+".>")
	p.API = append(append(p.API, "STREAM.INFO.KV_"+bucket), requests...)
}

// mailer acknowledges on durables of its own, and looks up what it has put aside.
func mailer() Part {
	p := reader(events.Mailer)
	p.reacts(events.Mailer, "mailer-notices")
	p.Publishes = append(p.Publishes, events.DeadFilter("mailer-notices"))
	p.API = append(p.API, "STREAM.INFO."+events.DeadStream, "STREAM.MSG.GET."+events.DeadStream)
	p.keeps(setup.MailerBucket, "DIRECT.GET.KV_"+setup.MailerBucket+".>")
	return p
}

// reacts gives the part durables with acknowledgements.
func (p *Part) reacts(durables ...string) {
	for _, d := range durables {
		p.works(d)
		p.Acks = append(p.Acks, "$JS.ACK."+events.Stream+"."+d+".>")
	}
}

// nameSync folds the profile and pushes renames.
func nameSync() Part {
	p := fold(events.NameSync)
	p.reacts("name-sync-push")
	p.Publishes = append(p.Publishes, events.DeadFilter("name-sync-push"))
	return p
}

// portal says facts, asks, folds the view of its lists, and alone has the credentials.
func portal() Part {
	p := fold(Portal)
	p.Answers = false
	p.Publishes = []string{publishes(Portal), events.DeadFilter(Portal), events.FenceSubject(Portal, events.AnyPartition)}
	p.Asks = []string{events.License, events.DeviceCounter, events.Mailer, events.NameSync}
	credentials := "KV_" + setup.CredentialsBucket
	p.keeps(setup.CredentialsBucket, "STREAM.MSG.GET."+credentials, "STREAM.PURGE."+credentials)
	return p
}

// answered are those who may ask for a decision in a fact.
func answered() []string { return []string{events.PBX, Portal, Ops} }

// variable is where the server finds a user's password.
func variable(user string) string {
	name := []byte("NATS_" + user + "_PASSWORD")
	for i, c := range name {
		switch {
		case c == '-':
			name[i] = '_'
		case c >= 'a' && c <= 'z':
			name[i] = c - 'a' + 'A'
		}
	}
	return "$" + string(name)
}

func quoted(s string) string { return strconv.Quote(s) }
