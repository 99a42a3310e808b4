package workertest

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mycloudpbx/softphone/events"
)

// Word is a password that somebody put where none belongs.
const Word = "correct-horse-battery-staple"

// Tainted is an event with a member `password` in its envelope and in its data,
// as a careless publisher could send it.
func (w *World) Tainted(fact events.Event) *nats.Msg {
	w.t.Helper()
	m := Message(w.t, fact)
	member := fmt.Sprintf(`"password":%q`, Word)
	body := strings.Replace(string(m.Data), `{`, `{`+member+`,`, 1)
	if strings.Contains(body, `"data":{}`) {
		member = `"data":{` + member
	} else {
		member = `"data":{` + member + `,`
	}
	m.Data = []byte(strings.Replace(body, `"data":{`, member, 1))
	return m
}

// Untold holds a worker to have told nobody the word: not Redis, not the log, not
// the dead letters' headers, not its own log lines. The facts and the dead
// letters' bodies are as they were published.
func (w *World) Untold(name string) {
	w.t.Helper()
	if strings.Contains(w.Lines(), Word) {
		w.t.Errorf("a log line of %s has the password", name)
	}
	w.redisHasNot()
	w.streamHasNot(events.Stream, events.LogSubject(events.AnyPartition, name, "*", "*", "*"), true)
	w.streamHasNot(events.DeadStream, events.DeadFilter(name), false)
}

func (w *World) redisHasNot() {
	w.t.Helper()
	ctx := w.t.Context()
	keys, err := w.State.Keys(ctx, "*").Result()
	if err != nil {
		w.t.Fatal(err)
	}
	if len(keys) == 0 {
		w.t.Error("Redis is empty: nothing was looked at")
	}
	for _, key := range keys {
		fields, err := w.State.HGetAll(ctx, key).Result()
		if err != nil {
			w.t.Fatalf("%s: %v", key, err)
		}
		if strings.Contains(fmt.Sprint(key, fields), Word) {
			w.t.Errorf("Redis has the password: %s", key)
		}
	}
}

func (w *World) streamHasNot(stream, subject string, bodies bool) {
	w.t.Helper()
	for _, m := range w.Messages(stream, subject) {
		text := fmt.Sprint(m.Subject(), m.Headers())
		if bodies {
			text += string(m.Data())
		}
		if strings.Contains(text, Word) {
			w.t.Errorf("stream %s has the password: %s", stream, m.Subject())
		}
	}
}

// Messages are all of a stream that match a subject.
func (w *World) Messages(stream, subject string) []jetstream.Msg {
	w.t.Helper()
	ctx := w.t.Context()
	consumer, err := w.JS.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
		FilterSubject: subject, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	pending := int(consumer.CachedInfo().NumPending)
	var all []jetstream.Msg
	for len(all) < pending {
		batch, err := consumer.Fetch(min(1000, pending-len(all)), jetstream.FetchMaxWait(Patience))
		if err != nil {
			w.t.Fatal(err)
		}
		before := len(all)
		for m := range batch.Messages() {
			all = append(all, m)
		}
		if batch.Error() != nil || len(all) == before {
			w.t.Fatalf("reading %s of stream %s: %d of %d messages, %v", subject, stream, len(all), pending, batch.Error())
		}
	}
	return all
}
