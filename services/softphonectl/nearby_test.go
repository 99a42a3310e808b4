package softphonectl

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/mycloudpbx/softphone/services/internal/beacon"
)

func TestLocate(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	near := beacon.Beacon{NATS: "nats://127.0.0.1:5222", User: "local", Redis: "unix:///here.sock"}
	if _, err := beacon.Light(folder, near); err != nil {
		t.Fatal(err)
	}
	dark := t.TempDir()
	for name, c := range map[string]struct {
		server, redis string // flags
		environment   map[string]string
		wantNATS      string
		wantRedis     string // "": the usual
	}{
		"nothing said, nothing near": {environment: map[string]string{"SOFTPHONE_DATA": dark}, wantNATS: defaultURL},
		"nothing said":               {wantNATS: near.NATS, wantRedis: near.Redis},
		"its NATS by flag":           {server: near.NATS, wantNATS: near.NATS, wantRedis: near.Redis},
		"its NATS by variable":       {environment: map[string]string{"NATS_URL": near.NATS}, wantNATS: near.NATS, wantRedis: near.Redis},
		"another NATS":               {server: "nats://there", wantNATS: "nats://there"},
		"another Redis":              {redis: "redis://there", wantNATS: near.NATS, wantRedis: "redis://there"},
		"another Redis by variable":  {environment: map[string]string{"REDIS_URL": "redis://there"}, wantNATS: near.NATS, wantRedis: "redis://there"},
	} {
		a := &app{nats: server{url: c.server}, redisURL: c.redis}
		environment := map[string]string{"SOFTPHONE_DATA": folder}
		maps.Copy(environment, c.environment)
		if err := a.locate(func(name string) string { return environment[name] }); err != nil || a.nats.url != c.wantNATS || a.redisURL != c.wantRedis {
			t.Errorf("%s: NATS %q, Redis %q, %v; want %q and %q", name, a.nats.url, a.redisURL, err, c.wantNATS, c.wantRedis)
		}
		wantUser, wantFile := "", "" // nobody else's server gets the login
		if c.wantNATS == near.NATS {
			wantUser, wantFile = near.User, filepath.Join(folder, beacon.PasswordFile)
		}
		if a.nats.user != wantUser || a.nats.passwordFile != wantFile {
			t.Errorf("%s: user %q with the password of %q; want %q and %q", name, a.nats.user, a.nats.passwordFile, wantUser, wantFile)
		}
	}
	if err := os.Chmod(filepath.Join(folder, beacon.FileName), 0o666); err != nil {
		t.Fatal(err)
	}
	err := (&app{}).locate(func(name string) string { return map[string]string{"SOFTPHONE_DATA": folder}[name] })
	if codeOf(t.Context(), err) != Usage {
		t.Errorf("a file that anybody can write: %v", err)
	}
}
