package acceptance

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/accounts"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/mailer"
	namesync "github.com/mycloudpbx/softphone/services/name-sync"
)

// Whoever holds one part's password changes nothing but what is that part's, with any
// request of the server's API, reply, header and payload. What is compared is everything
// that the server stores, before and after. The users' permissions are taken away first:
// they allow everything, so that what protects is the accounts alone.
func TestOnePasswordChangesNothingOfOthers(t *testing.T) {
	t.Run("one server", func(t *testing.T) { attackAll(t, lone(t), 1) })
	t.Run("three servers", func(t *testing.T) { attackAll(t, threeServers(t), 3) })
}

// withoutPermissions is the deployed configuration with a password for all and no
// permissions.
func withoutPermissions(t *testing.T, more string) string {
	t.Helper()
	folder := t.TempDir()
	var text string
	for _, file := range []string{"nats.conf", "accounts.conf"} {
		content, err := os.ReadFile(filepath.Join(root, "deploy/nats", file))
		if err != nil {
			t.Fatal(err)
		}
		text = string(content)
		text = regexp.MustCompile(`(?s)\n *permissions: \{.*?\n      \}`).ReplaceAllString(text, "")
		text = regexp.MustCompile(`\$NATS_[A-Z_]+_PASSWORD`).ReplaceAllString(text, `pw`)
		text = strings.NewReplacer("http: 127.0.0.1:8222", "", "$NATS_DATA", t.TempDir(), "sync_interval: always", "",
			"server_name: softphone", more).Replace(text)
		if strings.Contains(text, "allow:") {
			t.Fatalf("%s still has permissions", file)
		}
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(folder, "nats.conf")
}

func lone(t *testing.T) []*servertest.NATSServer {
	t.Helper()
	return []*servertest.NATSServer{servertest.NATS(t, servertest.ConfigFile(withoutPermissions(t, "server_name: alone")))}
}

func threeServers(t *testing.T) (servers []*servertest.NATSServer) {
	t.Helper()
	var routes []string
	for range 3 {
		routes = append(routes, servertest.Address(t))
	}
	for n, route := range routes {
		servers = append(servers, servertest.NATS(t, servertest.ConfigFile(withoutPermissions(t, fmt.Sprintf(
			"server_name: node-%d\ncluster { name: test, listen: %q, routes: [\"nats://%s\"] }", n, route, strings.Join(routes, `", "nats://`))))))
	}
	return servers
}

func attackAll(t *testing.T, servers []*servertest.NATSServer, replicas int) {
	t.Helper()
	ops, err := jetstream.New(servers[0].Connect(t, nats.UserInfo(accounts.Ops, "pw")))
	if err != nil {
		t.Fatal(err)
	}
	within(t, 2*time.Minute, "the streams", func() error {
		return setup.Everything(t.Context(), ops, eventlog.Layout{Replicas: replicas}, append(mailer.Durables(), namesync.Durables()...)...)
	})
	furnish(t, ops)
	for n, part := range accounts.Parts() {
		if part.Name == accounts.Setup { // it is as mighty as ops, see nats.conf
			continue
		}
		t.Run(part.Name, func(t *testing.T) {
			a := &attacker{t: t, part: part, servers: len(servers), conn: servers[n%len(servers)].Connect(t, nats.UserInfo(part.Name, "pw"))}
			before := digest(t, ops)
			a.attack()
			a.settle()
			after := digest(t, ops)
			for _, change := range changes(before, after) {
				if !own(part.Name, change) {
					t.Errorf("%s has changed %s: %q, now %q", part.Name, change, before[change], after[change])
				}
			}
			if a.sent < 10_000 {
				t.Errorf("only %d attacks", a.sent)
			}
			t.Logf("%d messages sent", a.sent)
		})
	}
}

// furnish stores something that could be changed everywhere: also one delivery to each
// durable that is not acknowledged.
func furnish(t *testing.T, ops jetstream.JetStream) {
	t.Helper()
	var subjects []string
	for _, part := range accounts.Parts() {
		for _, subject := range slices.Concat(part.Publishes, part.Buckets) {
			subjects = append(subjects, strings.NewReplacer("softphone."+part.Name+".*.*.*", "softphone."+part.Name+".acme.1001.LicenseGranted",
				"softphone.pbx.*.*.*", "softphone.pbx.acme.1001.ExtensionRenamed", "*", "1", ">", "acme.1001.x").Replace(subject))
		}
	}
	for _, source := range []string{"license", "name-sync", "device-counter"} {
		subjects = append(subjects, "softphone."+source+".acme.1001.SoftphoneRenamed", "softphone."+source+".acme.1001.DeviceActivationLimitReached")
	}
	for _, subject := range slices.Compact(slices.Sorted(slices.Values(subjects))) {
		if _, err := ops.Publish(t.Context(), subject, []byte(`{"by":"ops"}`)); err != nil {
			t.Fatalf("%s: %v", subject, err)
		}
	}
	for _, durable := range append(mailer.Durables(), namesync.Durables()...) {
		c, err := ops.Consumer(t.Context(), events.Stream, durable.Durable)
		if err != nil {
			t.Fatal(err)
		}
		config := c.CachedInfo().Config
		config.AckWait = time.Hour // longer than the test: what comes again changes the consumer's place by itself
		if _, err := ops.UpdateConsumer(t.Context(), events.Stream, config); err != nil {
			t.Fatal(err)
		}
		if m, err := c.Next(); err != nil {
			t.Fatalf("%s: %v", durable.Durable, err)
		} else if _, err := m.Metadata(); err != nil {
			t.Fatal(err)
		}
	}
}

// digest is everything that is stored, a line each, and what it is.
func digest(t *testing.T, ops jetstream.JetStream) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	all := map[string]string{}
	streams := ops.ListStreams(ctx)
	for info := range streams.Info() {
		name := info.Config.Name
		config, _ := json.Marshal(info.Config)
		all["stream "+name] = string(config)
		stream, err := ops.Stream(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		for sequence := info.State.FirstSeq; sequence <= info.State.LastSeq && info.State.Msgs > 0; {
			m, err := stream.GetMsg(ctx, sequence, jetstream.WithGetMsgSubject(">"))
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			all[fmt.Sprintf("message %s %d %s", name, m.Sequence, m.Subject)] = fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, m.Header, string(m.Data))))
			sequence = m.Sequence + 1
		}
		consumers := stream.ListConsumers(ctx)
		for c := range consumers.Info() {
			config, _ := json.Marshal(c.Config)
			all["consumer "+name+" "+c.Name] = string(config)
			all["place "+name+" "+c.Name] = fmt.Sprint(c.Delivered.Stream, c.AckFloor.Stream, c.NumAckPending, c.Paused)
		}
		if err := consumers.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := streams.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func changes(before, after map[string]string) []string {
	var all []string
	for what, was := range before {
		if is, there := after[what]; !there || is != was {
			all = append(all, what)
		}
	}
	for what := range after {
		if _, there := before[what]; !there {
			all = append(all, what)
		}
	}
	slices.Sort(all)
	return all
}

// own tells whether a change is within a part's row of the table in deploy/README.
func own(part, change string) bool {
	kind, rest, _ := strings.Cut(change, " ")
	stream, rest, _ := strings.Cut(rest, " ")
	switch kind {
	case "place":
		return slices.Contains(ownConsumers(part), rest)
	case "message":
		_, subject, _ := strings.Cut(rest, " ")
		return ownMessage(part, stream, subject)
	}
	return false // a stream's or a consumer's configuration, or its end
}

func ownConsumers(part string) []string {
	all := map[string][]string{events.Mailer: {"mailer", "mailer-notices"}, events.NameSync: {"name-sync-push"}}[part]
	if slices.Contains(setup.Folds(), part) {
		all = append(all, eventlog.FeedReader(part))
		for n := range events.Partitions {
			all = append(all, eventlog.PartitionReader(part, n))
		}
	}
	return all
}

func ownMessage(part, stream, subject string) bool {
	switch stream {
	case events.Stream:
		return regexp.MustCompile(`^log\.\d+\.`+part+`\.`).MatchString(subject) || strings.HasPrefix(subject, "fence."+part+".")
	case events.DeadStream:
		return strings.HasPrefix(subject, "dead."+part+".") || part == events.Mailer && strings.HasPrefix(subject, "dead.mailer-notices.") ||
			part == events.NameSync && strings.HasPrefix(subject, "dead.name-sync-push.")
	case "KV_" + setup.MailerBucket:
		return part == events.Mailer
	case "KV_" + setup.CredentialsBucket:
		return part == accounts.Portal
	}
	return false
}

// attacker is somebody with one part's password.
type attacker struct {
	t       *testing.T
	part    accounts.Part
	servers int
	conn    *nats.Conn
	sent    int
}

func (a *attacker) send(subject, reply string, header nats.Header, data string) {
	if err := a.conn.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Header: header, Data: []byte(data)}); err != nil {
		a.t.Fatal(err)
	}
	if a.sent++; a.sent%500 == 0 {
		if err := a.conn.FlushTimeout(time.Minute); err != nil {
			a.t.Fatal(err)
		}
	}
}

// settle returns when what was sent has had its effect: a request of one's own, answered
// by the leader after all others.
func (a *attacker) settle() {
	if err := a.conn.FlushTimeout(time.Minute); err != nil {
		a.t.Fatal(err)
	}
	subject := strings.NewReplacer("*", "1").Replace(a.part.Publishes[0])
	for range 20 {
		if _, err := a.conn.Request(subject, []byte("{}"), 10*time.Second); err != nil {
			a.t.Fatalf("%s: %v", subject, err)
		}
	}
}

// attack sends every request of the API, in both spellings, and everything that the
// account imports, with every reply; and some with every header.
func (a *attacker) attack() {
	requests := a.requests()
	for _, reply := range replies() {
		for _, r := range requests {
			a.send(r.subject, reply, nil, r.data)
			a.send(r.subject, reply, nil, "")
		}
	}
	for _, header := range headers() {
		for _, r := range requests {
			a.send(r.subject, "", header, r.data)
			a.send(r.subject, "$KV."+setup.CredentialsBucket+".acme.1001.x", header, r.data)
		}
	}
	for _, name := range headerNames(a.t) {
		if name == lastMsgID && a.servers > 1 {
			continue // TestOneMessageStopsTheLogOfThreeServers
		}
		for _, value := range []string{"", "x", "0", "1", "99999999"} {
			for _, subject := range a.part.Publishes {
				a.send(strings.NewReplacer("*", "1", ">", "1.1.1.1.1").Replace(subject), "", nats.Header{name: {value}}, "{}")
			}
		}
	}
	for _, subject := range targets() { // without going round
		for _, header := range append(headers(), nil) {
			a.send(subject, "", header, "")
			a.send(subject, "", header, "{}")
			a.send(events.APIPrefix+"."+subject, "", header, "{}")
		}
	}
}

type request struct{ subject, data string }

func (a *attacker) requests() (all []request) {
	for _, verb := range verbs(a.t) {
		for _, stream := range []string{events.Stream, "KV_" + setup.CredentialsBucket, events.DeadStream} {
			for _, consumer := range []string{"mailer", "license-3", "x"} {
				r := request{fill(verb, stream, consumer), payloads()[verb]}
				all = append(all, r, request{strings.Replace(r.subject, "$JS.API", events.APIPrefix, 1), r.data})
			}
		}
	}
	for _, subject := range slices.Concat(a.part.Publishes, a.part.Acks) {
		all = append(all, request{strings.NewReplacer("*", "1", ">", "1.1.1.1.1").Replace(subject), `{"reply":"chosen by the attacker"}`})
	}
	for _, subject := range slices.Concat(a.part.API, a.part.Streams) {
		for _, data := range []string{`{"last_by_subj":">"}`, `{"seq":1}`, `{"batch":1,"no_wait":true}`} {
			all = append(all, request{events.APIPrefix + "." + strings.TrimSuffix(subject, ">") + strings.Repeat("$KV.softphone-mailer.acme.1001.x", strings.Count(subject, ">")), data})
		}
	}
	for _, subject := range a.part.Buckets {
		all = append(all, request{events.APIPrefix + "." + strings.Replace(subject, ">", "acme.1001.mine", 1), `+TERM`})
	}
	for _, o := range accounts.Parts() {
		all = append(all, request{"ask." + o.Name + ".get", `{"tenant":"acme","extension":"1001"}`})
	}
	slices.SortFunc(all, func(a, b request) int { return strings.Compare(a.subject+a.data, b.subject+b.data) })
	return slices.Compact(all)
}

// targets are subjects with an effect.
func targets() []string {
	all := []string{
		"softphone.pbx.acme.1001.SoftphoneEnabled", "fence.license.1", "fence.device-counter.3", "fence.portal.3", "fence.name-sync.3",
		"dead.license.1.99", "dead.mailer.1.99", "$KV." + setup.CredentialsBucket + ".acme.1001.x", "$KV." + setup.MailerBucket + ".acme.1001.x",
		"$JS.API.STREAM.DELETE." + events.Stream, "$JS.API.STREAM.PURGE." + events.Stream, "$JS.API.STREAM.PURGE.KV_" + setup.CredentialsBucket,
		"$JS.API.STREAM.DELETE.KV_" + setup.CredentialsBucket, "$JS.API.STREAM.DELETE." + events.DeadStream,
		"$JS.API.CONSUMER.DELETE." + events.Stream + ".mailer", "$JS.API.CONSUMER.RESET." + events.Stream + ".license-3",
		"log.3.pbx.acme.1001.SoftphoneEnabled",
	}
	for _, w := range workers() {
		all = append(all, "softphone."+w+".acme.1001.LicenseRevoked")
	}
	return all
}

// replies are where an answer could do harm, each in the spelling of the log's account
// and in that of an import.
func replies() []string {
	all := []string{"", "_INBOX.mine", "_R_.x", "$JS.ACK." + events.Stream + ".name-sync-push.1.1.1.1.1"}
	for _, subject := range targets() {
		all = append(all, subject, events.APIPrefix+strings.TrimPrefix(subject, "$JS.API"))
	}
	return slices.DeleteFunc(all, func(s string) bool { // the server ends the connection, as it should; see nats.conf, 4
		return strings.HasPrefix(s, "_R_.") || strings.HasPrefix(s, "$JS.ACK")
	})
}

func headers() []nats.Header {
	var all []nats.Header
	for _, h := range [][2]string{
		{"Nats-Rollup", "all"}, {"Nats-Rollup", "sub"}, {"Nats-Msg-Id", "taken"}, {"Nats-TTL", "1s"}, {"Nats-Purge", ""}, {"Nats-Marker-Reason", "Purge"},
		{"Nats-Expected-Last-Subject-Sequence", "0"}, {"Nats-Trace-Dest", "softphone.license.acme.1001.LicenseRevoked"},
		{"Nats-Trace-Dest", "$JS.API.STREAM.DELETE." + events.Stream}, {"KV-Operation", "PURGE"}, {"Nats-Schedule", "@at 2020-01-01T00:00:00Z"},
		{"Nats-Request-Info", `{"acc":"LOG","user":"ops","svc":"LOG"}`}, {"Nats-Stream-Source", "SOFTPHONE 1 > >"}, {"Nats-Incr", "+1"},
		{"Status", "100"}, {"Nats-Pending-Messages", "1"}, {events.HeaderReplyTo, "softphone.license.acme.1001.LicenseRevoked"},
	} {
		all = append(all, nats.Header{h[0]: {h[1]}})
	}
	return all
}

// lastMsgID stops the log of a cluster.
const lastMsgID = "Nats-Expected-Last-Msg-Id"

// headerNames are all that mean something to the server, from its own source.
func headerNames(t *testing.T) (names []string) {
	t.Helper()
	for _, file := range []string{"stream.go", "consumer.go", "jetstream_api.go", "msgtrace.go", "accounts.go"} {
		for _, m := range regexp.MustCompile(`= "(Nats-[^"]+)"`).FindAllStringSubmatch(serverSource(t, file), -1) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) < 35 || !slices.Contains(names, lastMsgID) {
		t.Fatalf("the server's headers are elsewhere now: found %q", names)
	}
	return names
}

// serverSource is a file of the NATS server that the tests run.
func serverSource(t *testing.T, file string) string {
	t.Helper()
	list := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/nats-io/nats-server/v2")
	folder, err := list.Output()
	if err != nil {
		t.Fatalf("%s: %v", list, err)
	}
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), "server", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// verbs are the requests of the API, from the server's own source.
func verbs(t *testing.T) []string {
	t.Helper()
	source := serverSource(t, "jetstream_api.go")
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(`= "\$JS\.API\.([^"]+)"`).FindAllStringSubmatch(source, -1) {
		found["$JS.API."+strings.NewReplacer("%s", "*", ">", "*").Replace(m[1])] = true
	}
	for verb := range found {
		if verb == "$JS.API.*" || strings.HasSuffix(verb, ".") { // how others begin
			delete(found, verb)
		}
	}
	known := payloads()
	for verb := range found {
		if _, is := known[verb]; !is {
			t.Errorf("%s is new: say with what payload it does harm", verb)
		}
	}
	for verb := range known {
		if !found[verb] {
			t.Errorf("the server has no %s any more", verb)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// payloads make each request do what it can.
func payloads() map[string]string {
	push := func(durable string) string {
		return `{"stream_name":"SOFTPHONE","action":"","config":{` + durable + `"deliver_subject":"$KV.softphone-credentials.acme.1001.x","deliver_policy":"all","ack_policy":"none","replay_policy":"instant"}}`
	}
	config := `{"name":"SOFTPHONE","subjects":["softphone.*.*.*.*","fence.*.*"],"max_age":1000000000,"retention":"limits","storage":"file","num_replicas":1}`
	return map[string]string{
		"$JS.API.INFO": "", "$JS.API.STREAM.CREATE.*": config, "$JS.API.STREAM.UPDATE.*": config,
		"$JS.API.STREAM.NAMES": "", "$JS.API.STREAM.LIST": "", "$JS.API.STREAM.INFO.*": "", "$JS.API.STREAM.DELETE.*": "",
		"$JS.API.STREAM.PURGE.*": "", "$JS.API.STREAM.SNAPSHOT.*": `{"deliver_subject":"$KV.softphone-credentials.acme.1001.x"}`,
		"$JS.API.STREAM.RESTORE.*": `{"config":` + config + `,"state":{}}`, "$JS.API.STREAM.MSG.DELETE.*": `{"seq":1}`,
		"$JS.API.STREAM.MSG.GET.*": `{"seq":1}`, "$JS.API.DIRECT.GET.*": `{"seq":1}`, "$JS.API.DIRECT.GET.*.*": "", "$JS.API.DIRECT.GET": "",
		"$JS.API.CONSUMER.CREATE.*": push(""), "$JS.API.CONSUMER.CREATE.*.*": push(`"name":"x",`), "$JS.API.CONSUMER.CREATE.*.*.*": push(`"name":"x",`),
		"$JS.API.CONSUMER.DURABLE.CREATE.*.*": push(`"durable_name":"x",`), "$JS.API.CONSUMER.NAMES.*": "", "$JS.API.CONSUMER.LIST.*": "",
		"$JS.API.CONSUMER.INFO.*.*": "", "$JS.API.CONSUMER.DELETE.*.*": "", "$JS.API.CONSUMER.PAUSE.*.*": `{"pause_until":"2099-01-01T00:00:00Z"}`,
		"$JS.API.CONSUMER.MSG.NEXT.*.*": `{"batch":10,"no_wait":true}`, "$JS.API.CONSUMER.RESET.*.*": `{"seq":1}`, "$JS.API.CONSUMER.UNPIN.*.*": `{"group":"x"}`,
		"$JS.API.STREAM.PEER.REMOVE.*": `{"peer":"node-1"}`, "$JS.API.STREAM.PEER.EVACUATE.*": `{"peer":"node-1"}`, "$JS.API.STREAM.CANCEL_MOVE.*": "",
		"$JS.API.STREAM.LEADER.STEPDOWN.*": "", "$JS.API.CONSUMER.LEADER.STEPDOWN.*.*": "", "$JS.API.CONSUMER.PEER.REMOVE.*.*": `{"peer":"node-1"}`,
		"$JS.API.CONSUMER.PEER.EVACUATE.*.*": `{"peer":"node-1"}`, "$JS.API.META.LEADER.STEPDOWN": "", "$JS.API.SERVER.REMOVE": `{"peer":"node-1"}`,
		"$JS.API.SERVER.EVACUATE": `{"peer":"node-1"}`, "$JS.API.META.RESCUE": "", "$JS.API.ACCOUNT.PURGE.*": "",
		"$JS.API.ACCOUNT.STREAM.MOVE.*.*": `{"server":"node-1"}`, "$JS.API.ACCOUNT.STREAM.CANCEL_MOVE.*.*": "",
	}
}

// fill puts names in the places of a request.
func fill(verb, stream, consumer string) string {
	if strings.HasPrefix(verb, "$JS.API.ACCOUNT") {
		return strings.Replace(strings.Replace(verb, "*", "LOG", 1), "*", stream, 1)
	}
	return strings.ReplaceAll(strings.Replace(strings.Replace(verb, "*", stream, 1), "*", consumer, 1), "*", "log.>")
}
