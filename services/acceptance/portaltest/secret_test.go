package portaltest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/portal"
)

// A password is nowhere: not in any stream, not in Redis, not in a line that anybody
// wrote, not on NATS's disk. Its hash is in the bucket of credentials alone, a token
// nowhere but with the device.
func TestPasswordIsNowhere(t *testing.T) {
	t.Parallel()
	w := portaltest.New(t)
	ctx := portaltest.As(t.Context(), "Grace")
	words := []string{"canary-one sings at dawn", "canary-two sings at noon", "canary-three is mistyped"}
	added(t, w, ada)
	e, err := w.Service.Enable(ctx, ada, portal.Any, "ada@example.com", words[0])
	if err != nil {
		t.Fatal(err)
	}
	in, err := signIn(t, w, e.Username, process.NewSecret(words[0]), "d1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.ResetPassword(ctx, ada, portal.Any, words[1], false); err != nil {
		t.Fatal(err)
	}
	for _, username := range []string{e.Username, words[2]} { // also where the name belongs
		_, err := signIn(t, w, username, process.NewSecret(words[2]), "d1")
		if !errors.Is(err, portal.ErrUnauthorized) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v", err)
		}
	}
	made, err := w.Service.ResetPassword(ctx, ada, portal.Any, "", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []any{e, made, in, portal.SignIn{Password: process.NewSecret(words[0])}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(verb, shown); strings.Contains(text, "canary") || strings.Contains(text, made.Password.Reveal()) || strings.Contains(text, in.Token.Reveal()) {
				t.Errorf("printed: %s", text)
			}
		}
	}

	words = append(words, made.Password.Reveal(), in.Token.Reveal())
	absent := func(where, text string) {
		t.Helper()
		for _, word := range words {
			if strings.Contains(text, word) {
				t.Errorf("%s has %q", where, word)
			}
		}
		if strings.Contains(text, "argon2") && !strings.HasPrefix(where, "bucket") {
			t.Errorf("%s has a hash", where)
		}
	}
	absent("a log line", w.Lines())
	for _, m := range w.Messages(events.Stream, ">") {
		absent("the log", fmt.Sprint(m.Subject(), m.Headers(), string(m.Data())))
	}
	hashes := 0
	for _, m := range w.Messages("KV_softphone-credentials", ">") {
		absent("bucket", string(m.Data()))
		hashes++
	}
	if hashes != 1 {
		t.Errorf("%d hashes are kept", hashes)
	}
	redisHas(t, w, absent)
	w.NATS.Stop()
	onDisk(t, w.NATS.Dir(), words)
}

func redisHas(t *testing.T, w *portaltest.World, absent func(where, text string)) {
	t.Helper()
	keys, err := w.State.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) < 3 {
		t.Fatalf("%d keys in Redis, %v", len(keys), err)
	}
	for _, key := range keys {
		kind, err := w.State.Type(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		var kept any
		switch kind {
		case "hash":
			kept, err = w.State.HGetAll(t.Context(), key).Result()
		case "string":
			kept, err = w.State.Get(t.Context(), key).Result()
		default:
			t.Errorf("%s is a %s, which this test does not read", key, kind)
		}
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		absent("Redis "+key, fmt.Sprint(key, kept))
	}
}

func onDisk(t *testing.T, dir string, words []string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, word := range words {
			if bytes.Contains(content, []byte(word)) {
				t.Errorf("%s has %q", path, word)
			}
		}
		return nil
	})
	if err != nil || files < 3 {
		t.Errorf("%d files looked at, %v", files, err)
	}
}
