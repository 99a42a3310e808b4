package acceptance

import (
	"bytes"
	"context"
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
	"github.com/redis/go-redis/v9"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/ownership"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/mailer"
	namesync "github.com/mycloudpbx/softphone/services/name-sync"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// workers are those who publish outcomes.
func workers() []string {
	return slices.DeleteFunc(events.Sources(), events.IsFactSource)
}

// others are the workers but one.
func others(worker string) []string {
	return slices.DeleteFunc(workers(), func(s string) bool { return s == worker })
}

// folds are the workers that keep state in Redis and own partitions.
func folds() []string { return []string{events.License, events.DeviceCounter, events.NameSync} }

// durables are the durable consumers of the workers that react.
func durables(worker string) []string {
	return map[string][]string{events.Mailer: {"mailer", mailer.NoticesDurable}, events.NameSync: {namesync.PushDurable}}[worker]
}

// imported is a request of JetStream as a part's account imports it.
func imported(request string) string { return events.APIPrefix + "." + request }

// administration is the JetStream API that changes what is stored.
func administration() []string {
	var subjects []string
	for _, stream := range []string{events.Stream, events.DeadStream, "KV_" + setup.MailerBucket, "KV_" + setup.CredentialsBucket} {
		for _, verb := range []string{"CREATE", "UPDATE", "DELETE", "PURGE", "MSG.DELETE", "RESTORE", "LEADER.STEPDOWN"} {
			subjects = append(subjects, "$JS.API.STREAM."+verb+"."+stream)
		}
		subjects = append(subjects, "$JS.API.CONSUMER.DELETE."+stream+".mailer", "$JS.API.CONSUMER.DURABLE.CREATE."+stream+".mailer")
	}
	for _, s := range subjects {
		subjects = append(subjects, strings.Replace(s, "$JS.API", events.APIPrefix, 1))
	}
	return subjects
}

func TestPermissionsOfTheLog(t *testing.T) {
	s := deploy(t)
	check := func(t *testing.T, what, user string, want bool, may func(*testing.T, string, string) bool, subjects ...string) {
		t.Helper()
		for _, subject := range subjects {
			if may(t, user, subject) != want {
				t.Errorf("%s %s %s: got %t, want %t", user, what, subject, !want, want)
			}
		}
	}

	t.Run("pbx", func(t *testing.T) {
		check(t, "publishes", "pbx", true, s.mayPublish,
			"softphone.pbx.acme.1001.SoftphoneEnabled", "ask.license.get", "ask.device-counter.get")
		check(t, "listens to", "pbx", true, s.maySubscribe, "_INBOX.pbx.x", "_INBOX.pbx.>")
		check(t, "publishes", "pbx", false, s.mayPublish,
			"_INBOX.license.x", "$JS.API.STREAM.INFO.SOFTPHONE", "$JS.API.CONSUMER.CREATE.SOFTPHONE.x", "log.3.pbx.acme.1001.SoftphoneEnabled")
		check(t, "publishes", "pbx", false, s.mayPublish, administration()...)
		check(t, "listens to", "pbx", false, s.maySubscribe, ">", "_INBOX.>", "_INBOX.license.>", "softphone.>", "log.>", "ask.license.get", "$KV.>")
		for _, w := range workers() {
			check(t, "publishes", "pbx", false, s.mayPublish, "softphone."+w+".acme.1001.LicenseGranted",
				"fence."+w+".3", "dead."+w+".1.1", ownership.Subject(w))
		}
	})
	for _, w := range workers() {
		t.Run(w, func(t *testing.T) {
			check(t, "publishes", w, true, s.mayPublish,
				"softphone."+w+".acme.1001.LicenseGranted", "dead."+w+".1.1", imported("STREAM.INFO.SOFTPHONE"))
			check(t, "publishes", w, slices.Contains(folds(), w), s.mayPublish, "fence."+w+".3", "_INBOX.pbx.answer.x",
				ownership.Subject(w), imported("CONSUMER.RESET.SOFTPHONE."+w+"-3"))
			check(t, "listens to", w, slices.Contains(folds(), w), s.maySubscribe, ownership.Subject(w))
			check(t, "publishes", w, w == events.Mailer, s.mayPublish, imported("$KV.softphone-mailer.acme.1001.x"))
			check(t, "listens to", w, true, s.maySubscribe, "_INBOX."+w+".>", "ask."+w+".get", "$SRV.PING", "$SRV.INFO."+w)
			check(t, "publishes", w, false, s.mayPublish, "softphone.pbx.acme.1001.SoftphoneEnabled", "log.3."+w+".acme.1001.LicenseGranted",
				"_INBOX.pbx.x", imported("CONSUMER.CREATE.SOFTPHONE."+w+"-3"), imported("CONSUMER.CREATE.SOFTPHONE.x"))
			check(t, "publishes", w, false, s.mayPublish, administration()...)
			check(t, "listens to", w, false, s.maySubscribe, ">", "_INBOX.>", "_INBOX.pbx.>", "softphone.>", "log.>", "$KV.>", "$JS.>")
			for _, o := range others(w) {
				check(t, "publishes", w, false, s.mayPublish, "softphone."+o+".acme.1001.LicenseGranted",
					"fence."+o+".3", "dead."+o+".1.1", ownership.Subject(o),
					imported("CONSUMER.RESET.SOFTPHONE."+o+"-3"), imported("CONSUMER.MSG.NEXT.SOFTPHONE."+o+"-3"))
				check(t, "listens to", w, false, s.maySubscribe, ownership.Subject(o), "ask."+o+".get", "_INBOX."+o+".>")
				for _, d := range durables(o) {
					check(t, "publishes", w, false, s.mayPublish, imported("CONSUMER.CREATE.SOFTPHONE."+d),
						imported("CONSUMER.CREATE.SOFTPHONE."+d+".log.>"), imported("CONSUMER.MSG.NEXT.SOFTPHONE."+d), "$JS.ACK.SOFTPHONE."+d+".1.1.1.1.1")
				}
			}
			for _, d := range durables(w) {
				check(t, "publishes", w, true, s.mayPublish, imported("CONSUMER.MSG.NEXT.SOFTPHONE."+d), "$JS.ACK.SOFTPHONE."+d+".1.1.1.1.1")
				check(t, "publishes", w, false, s.mayPublish, imported("CONSUMER.CREATE.SOFTPHONE."+d), imported("CONSUMER.RESET.SOFTPHONE."+d))
			}
		})
	}
}

// What a refusal is worth: nothing is stored, and the stream stays as it was.
func TestForgedMessagesAreNotStored(t *testing.T) {
	s := deploy(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	js, err := jetstream.New(s.natsAs(t, "ops"))
	if err != nil {
		t.Fatal(err)
	}
	if err := setup.Everything(ctx, js, eventlog.Layout{}); err != nil {
		t.Fatal(err)
	}

	for user, subject := range map[string]string{
		"mailer":         "softphone.pbx.acme.1001.SoftphoneEnabled",
		"license":        "softphone.device-counter.acme.1001.DeviceActivated",
		"device-counter": "softphone.license.acme.1001.LicenseGranted",
		"name-sync":      "fence.license.3",
		"pbx":            "softphone.license.acme.1001.LicenseGranted",
	} {
		if s.mayPublish(t, user, subject) {
			t.Errorf("%s may publish %s", user, subject)
		}
	}
	for _, user := range events.Sources() {
		nc := s.natsAs(t, user)
		_ = nc.PublishRequest("$JS.API.STREAM.PURGE.SOFTPHONE", nc.NewInbox(), nil)
		_ = nc.PublishRequest("$JS.API.STREAM.DELETE.SOFTPHONE", nc.NewInbox(), nil)
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}

	ack, err := js.PublishMsg(ctx, &nats.Msg{Subject: "softphone.pbx.acme.1001.ExtensionRenamed", Data: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	if ack.Sequence != 1 {
		t.Errorf("the first allowed message has sequence %d: something forged is before it", ack.Sequence)
	}
}

func TestAStrangerIsRefused(t *testing.T) {
	s := deploy(t)
	for name, login := range map[string]nats.Option{
		"without a name":        nats.Name(""),
		"with a wrong password": nats.UserInfo("mailer", "wrong"),
		"with another's":        nats.UserInfo("mailer", s.password(t, "nats-license")),
	} {
		if nc, err := nats.Connect(s.nats.URL(), login); err == nil {
			nc.Close()
			t.Errorf("connected to NATS %s", name)
		}
	}
}

func TestPermissionsOfTheState(t *testing.T) {
	s := deploy(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	const script = `redis.call('HSET', KEYS[1], 'a', 'b') redis.call('DEL', KEYS[1]) return 'OK'`
	refused := func(t *testing.T, user string, command ...any) {
		t.Helper()
		_, err := s.redisAs(t, user).Do(ctx, command...).Result()
		if err == nil || !strings.Contains(err.Error(), "NOPERM") && !strings.Contains(err.Error(), "user executing the script can't") {
			t.Errorf("%s %v: got %v, want a refusal", user, command, err)
		}
	}
	allowed := func(t *testing.T, user string, command ...any) {
		t.Helper()
		if err := s.redisAs(t, user).Do(ctx, command...).Err(); err != nil {
			t.Errorf("%s %v: %v", user, command, err)
		}
	}

	for _, w := range folds() {
		t.Run(w, func(t *testing.T) {
			own := "softphone:{p7}:" + w + ":acme:1001"
			allowed(t, w, "EVAL", script, 1, own)
			allowed(t, w, "HGETALL", own)
			allowed(t, w, "HMGET", "softphone:{p15}:"+w+":checkpoint", "stream", "seq", "digest")
			allowed(t, w, "SCRIPT", "LOAD", script)

			refused(t, w, "EVAL", `return redis.call('FLUSHALL')`, 1, own)
			refused(t, w, "EVAL", `return redis.call('GET', 'x')`, 1, own)
			for _, o := range others(w) {
				key := "softphone:{p7}:" + o + ":acme:1001"
				refused(t, w, "HGETALL", key)
				refused(t, w, "HSET", key, "a", "b")
				refused(t, w, "DEL", key)
				refused(t, w, "EVAL", script, 1, key)
				refused(t, w, "EVAL", `return redis.call('HGETALL', '`+key+`')`, 1, own)
			}
			for _, command := range [][]any{
				{"HSET", "x", "a", "b"}, {"KEYS", "*"}, {"SCAN", "0"}, {"FLUSHALL"}, {"CONFIG", "GET", "*"}, {"SHUTDOWN"},
				{"ACL", "LIST"}, {"CLIENT", "KILL", "ID", "1"}, {"PUBLISH", "x", "y"}, {"REPLICAOF", "NO", "ONE"},
			} {
				refused(t, w, command...)
			}
		})
	}
	t.Run("health", func(t *testing.T) {
		c := redis.NewClient(&redis.Options{Addr: s.redis, Username: "health", Password: "any"})
		defer c.Close()
		if err := c.Do(ctx, "HGETALL", "softphone:{p7}:license:acme:1001").Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("the health user reads: %v", err)
		}
	})
}

// Who lacks a right is told so at once, in one line, and which.
func TestSoftphonectlSaysWhatIsNotAllowed(t *testing.T) {
	s := deploy(t)
	for name, c := range map[string]struct {
		user string
		args []string
		says string
	}{
		"a worker publishes a fact": {"mailer", []string{"publish", "ExtensionDeleted", "--tenant", "acme", "--extension", "1001"},
			"softphone.pbx.acme.1001.ExtensionDeleted"},
		"the PBX core sets up": {"pbx", []string{"setup"}, imported("STREAM.")},
	} {
		var out, said bytes.Buffer
		code := softphonectl.Main(t.Context(), append(c.args, "--server", s.nats.URL(), "--user", c.user,
			"--password-file", filepath.Join(s.secrets, "nats-"+c.user)), softphonectl.Terminal{Out: &out, Err: &said})
		if code != softphonectl.Failed || !strings.Contains(said.String(), c.says) || strings.Count(said.String(), "\n") != 1 || out.Len() > 0 {
			t.Errorf("%s: exit %d, %q, want one line with %s", name, code, &said, c.says)
		}
	}
}

// deploy/nats/start.sh sets every variable that nats.conf asks for.
func TestNATSStartsWithEveryVariable(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	run(t, exec.Command("bash", filepath.Join(root, "scripts/secrets.sh"), filepath.Join(folder, "secrets")))
	stub := "#!/bin/sh\nenv\necho \"$@\"\n" // in place of the server: says what it was given
	if err := os.WriteFile(filepath.Join(folder, "nats-server"), []byte(stub), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", filepath.Join(root, "deploy/nats/start.sh"))
	cmd.Env = []string{"PATH=" + folder + ":" + os.Getenv("PATH"), "SECRETS=" + filepath.Join(folder, "secrets")}
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	var config []byte
	for _, file := range []string{"nats.conf", "accounts.conf"} {
		part, err := os.ReadFile(filepath.Join(root, "deploy/nats", file))
		if err != nil {
			t.Fatal(err)
		}
		config = append(config, part...)
	}
	asked := regexp.MustCompile(`[:\s]\$(NATS_[A-Z_]+)`).FindAllSubmatch(config, -1)
	if len(asked) != 9 {
		t.Errorf("nats.conf asks for %d variables, want the data folder and eight passwords", len(asked))
	}
	for _, name := range asked {
		if !regexp.MustCompile(`(?m)^` + string(name[1]) + `=.+$`).Match(said) {
			t.Errorf("start.sh does not set %s", name[1])
		}
	}
}
