package accounts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/ownership"
)

// logAccount is the account that has JetStream.
const logAccount = "LOG"

// account is the name of a part's.
func account(part string) string {
	if part == Ops {
		return logAccount
	}
	return strings.ToUpper(part)
}

// Config is deploy/nats/accounts.conf.
func Config() string {
	w := &writer{}
	w.line("# Written by `go generate ./services/internal/accounts`, from accounts.go there. nats.conf says why it is so.")
	w.line("")
	w.line("accounts {")
	parts := Parts()
	w.log(parts)
	for _, p := range parts {
		w.part(p)
	}
	w.line("}")
	return w.b.String()
}

type writer struct{ b strings.Builder }

func (w *writer) line(format string, values ...any) { fmt.Fprintf(&w.b, format+"\n", values...) }

// log writes the account of the log: each part may import what is its own, and nobody
// else what that is.
func (w *writer) log(parts []Part) {
	w.line("  # JetStream, and whoever is on call.")
	w.line("  %s {", logAccount)
	w.line("    jetstream: enabled")
	w.line("    users: [{ user: %s, password: %s }]", Ops, variable(Ops))
	w.line("    exports: [")
	for _, e := range exported(parts) {
		w.export(e.subject, e.kind, strings.Join(e.to, ", "))
	}
	w.line("    ]")
	w.line("    imports: [")
	for _, p := range parts {
		if p.Serves {
			w.service(account(p.Name), "ask."+p.Name+".get", "")
			for _, subject := range discovery(p.Name) {
				w.service(account(p.Name), subject, "")
			}
		}
		if p.Answers {
			w.answers(p.Name, Ops)
		}
	}
	w.line("    ]")
	w.line("  }")
}

// export is what the log's account lets some parts import.
type export struct {
	subject, kind string
	to            []string
}

// exported are all exports of the log's account, a subject once.
func exported(parts []Part) []*export {
	var all []*export
	of := map[string]*export{}
	add := func(p Part, kind string, subjects []string) {
		for _, s := range subjects {
			if of[s] == nil {
				of[s] = &export{subject: s, kind: kind}
				all = append(all, of[s])
			}
			of[s].to = append(of[s].to, account(p.Name))
		}
	}
	for _, p := range parts {
		add(p, "", slices.Concat(p.Publishes, p.Buckets, p.Acks, prefixed("$JS.API.", p.API)))
		add(p, many, prefixed("$JS.API.", p.Streams))
	}
	return all
}

// many is for a request with more than one reply. What is not used for so long is
// forgotten: longer than the heartbeats of a pull are apart.
const many = `, response_type: stream, response_threshold: "30s"`

func (w *writer) export(subject, kind, to string) {
	w.line("      { service: %s%s, accounts: [%s] }", quoted(subject), kind, to)
}

func (w *writer) service(from, subject, to string) {
	if to != "" {
		to = ", to: " + quoted(to)
	}
	w.line("      { service: { account: %s, subject: %s }%s }", from, quoted(subject), to)
}

// answers imports a worker's decisions to one who asked for them.
func (w *writer) answers(worker, asker string) {
	w.line("      { stream: { account: %s, subject: %s } }", account(worker), quoted(eventlog.Answers(asker)))
}

func (w *writer) part(p Part) {
	w.line("")
	w.line("  %s {", account(p.Name))
	w.line("    users: [{")
	w.line("      user: %s, password: %s", p.Name, variable(p.Name))
	w.line("      # Nothing rests on these permissions: they tell who tries more at once, by a line.")
	w.line("      permissions: {")
	w.line("        publish: { allow: [%s] }", list(p.publishes()))
	w.line("        subscribe: { allow: [%s] }", list(p.listens()))
	w.line("      }")
	w.line("    }]")
	w.exports(p)
	w.imports(p)
	w.line("  }")
}

// discovery is how `nats micro` and `softphonectl status` find a part's service.
func discovery(part string) []string {
	return []string{"$SRV.PING", "$SRV.INFO", "$SRV.STATS", "$SRV.*." + part, "$SRV.*." + part + ".*"}
}

func (p Part) publishes() []string {
	api := prefixed(events.APIPrefix+".", slices.Concat(p.API, p.Streams, p.Buckets))
	allowed := slices.Concat(p.Publishes, p.Acks, api)
	for _, o := range p.Asks {
		allowed = append(allowed, "ask."+o+".get")
	}
	if p.Owns {
		allowed = append(allowed, ownership.Subject(p.Name))
	}
	if p.Answers {
		for _, asker := range answered() {
			allowed = append(allowed, eventlog.Answers(asker))
		}
	}
	if p.Serves { // the reply of a question from another account
		allowed = append(allowed, "_R_.>")
	}
	return allowed
}

func (p Part) listens() []string {
	allowed := []string{"_INBOX." + p.Name + ".>"}
	if p.Serves {
		allowed = append(allowed, "ask."+p.Name+".get", "$SRV.>")
	}
	if p.Owns {
		allowed = append(allowed, ownership.Subject(p.Name))
	}
	return allowed
}

func (w *writer) exports(p Part) {
	w.line("    exports: [")
	if p.Serves {
		accounts := []string{logAccount}
		for _, o := range Parts() {
			if slices.Contains(o.Asks, p.Name) {
				accounts = append(accounts, account(o.Name))
			}
		}
		w.export("ask."+p.Name+".get", "", strings.Join(accounts, ", "))
		for _, subject := range discovery(p.Name) {
			w.export(subject, many, logAccount)
		}
	}
	if p.Answers {
		for _, asker := range answered() {
			w.line("      { stream: %s, accounts: [%s] }", quoted(eventlog.Answers(asker)), account(asker))
		}
	}
	w.line("    ]")
}

func (w *writer) imports(p Part) {
	w.line("    imports: [")
	for _, subject := range slices.Concat(p.Publishes, p.Acks) {
		w.service(logAccount, subject, "")
	}
	for _, subject := range slices.Concat(p.API, p.Streams) {
		w.service(logAccount, "$JS.API."+subject, events.APIPrefix+"."+subject)
	}
	for _, subject := range p.Buckets {
		w.service(logAccount, subject, events.APIPrefix+"."+subject)
	}
	for _, o := range p.Asks {
		w.service(account(o), "ask."+o+".get", "")
	}
	if slices.Contains(answered(), p.Name) {
		for _, o := range Parts() {
			if o.Answers {
				w.answers(o.Name, p.Name)
			}
		}
	}
	w.line("    ]")
}

func prefixed(prefix string, subjects []string) []string {
	all := make([]string, len(subjects))
	for i, s := range subjects {
		all[i] = prefix + s
	}
	return all
}

func list(subjects []string) string {
	all := make([]string, len(subjects))
	for i, s := range subjects {
		all[i] = quoted(s)
	}
	return strings.Join(all, ", ")
}
