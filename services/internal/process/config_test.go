package process

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	t.Parallel()
	var c struct {
		testConfig
		Preset string        `env:"TEST_PRESET"`
		Wait   time.Duration `env:"TEST_WAIT"`
		Nested struct {
			N int `env:"N" envDefault:"7"`
		} `envPrefix:"TEST_"`
	}
	c.Preset = "preset"
	err := Parse(&c, []string{
		"NATS_URL=nats://a:4222, tls://b:4222", "NATS_USER=u", "NATS_PASSWORD_FILE=" + write(t, "from a file\r\n"),
		"TEST_KEY=k=v", "TEST_WAIT=90s", "SOFTPHONE_LOG_LEVEL=",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{
		c.NATS.URL, c.NATS.User, c.NATS.Password.Reveal(), c.Redis.URL, c.Redis.Password.Empty(),
		c.Key.Reveal(), c.Wait, c.Nested.N, c.Preset, c.Ops.Listen, c.LogLevel,
	}
	want := []any{
		"nats://a:4222, tls://b:4222", "u", "from a file", "redis://127.0.0.1:6379/0", true,
		"k=v", 90 * time.Second, 7, "preset", "127.0.0.1:9090", "info",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestParseTellsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	var c struct {
		testConfig
		Needed string        `env:"TEST_NEEDED,required"`
		Filled string        `env:"TEST_FILLED,notEmpty"`
		Wait   time.Duration `env:"TEST_WAIT"`
		Count  int           `env:"TEST_COUNT"`
		Small  int8          `env:"TEST_SMALL"`
		Rate   float64       `env:"TEST_RATE"`
		Switch bool          `env:"TEST_SWITCH"`
		Other  Secret        `env:"TEST_OTHER"`
	}
	err := Parse(&c, []string{
		"SOFTPHONE_OPS_LISTEN=9090", "SOFTPHONE_LOG_LEVEL=loud", "TEST_FILLED=",
		"NATS_URL=nats://me:hunter2/x@host:4222", "NATS_USER=a.b", "TLS_CA_FILE=/does/not/exist",
		"REDIS_URL=http://me:hunter2@host", "REDIS_PASSWORD=hunter2", "REDIS_PASSWORD_FILE=/does/not/exist",
		"TEST_KEY_FILE=/does/not/exist", "TEST_OTHER_FILE=" + write(t, "\n"),
		"TEST_WAIT=1 hour", "TEST_COUNT=1.5", "TEST_SMALL=300", "TEST_RATE=fast", "TEST_SWITCH=perhaps",
	})
	var config *ConfigError
	if !errors.As(err, &config) {
		t.Fatalf("error %v", err)
	}
	var got []string
	for _, f := range config.Faults {
		variable, _, _ := strings.Cut(f.Error(), ":")
		got = append(got, variable)
	}
	want := []string{
		"REDIS_PASSWORD", "TEST_KEY_FILE", "TEST_NEEDED", "TEST_FILLED", "TEST_WAIT", "TEST_COUNT", "TEST_SMALL", "TEST_RATE",
		"TEST_SWITCH", "TEST_OTHER_FILE", "SOFTPHONE_LOG_LEVEL", "SOFTPHONE_OPS_LISTEN", "TLS_CA_FILE", "NATS_URL", "NATS_USER",
		"REDIS_URL",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("faults: %s\n%v", d, err)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a password is shown: %v", err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("a fault has several lines: %v", err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		config interface{ Validate() error }
		want   string // empty: fine
	}{
		"nats":                {NATS{URL: "nats://h:4222"}, ""},
		"nats token":          {NATS{URL: "nats://token@h:4222"}, ""},
		"nats without scheme": {NATS{URL: "h:4222"}, "NATS_URL"},
		"nats empty in list":  {NATS{URL: "nats://h:4222,"}, "NATS_URL"},
		"nats password alone": {NATS{URL: "nats://h", Password: NewSecret("x")}, "NATS_USER: is not set"},
		"redis":               {Redis{URL: "redis://h:6379/0"}, ""},
		"redis socket":        {Redis{URL: "unix:///tmp/redis.sock"}, ""},
		"redis TLS":           {Redis{URL: "rediss://h:6379"}, ""},
		"redis cluster":       {Redis{URL: "redis://h:6379?addr=i:6379"}, ""},
		"redis cluster, bad":  {Redis{URL: "redis://h:6379?addr=i:6379&dial_timeout=x"}, "REDIS_URL"},
		"redis other scheme":  {Redis{URL: "http://h:6379"}, "REDIS_URL"},
		"named port":          {Ops{Listen: "localhost:http"}, ""},
		"no port":             {Ops{Listen: "localhost"}, "SOFTPHONE_OPS_LISTEN"},
		"port out of range":   {Ops{Listen: "localhost:65536"}, "SOFTPHONE_OPS_LISTEN"},
	} {
		err := tc.config.Validate()
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.want)) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	got := variables(&testConfig{})
	for _, want := range []string{"SOFTPHONE_OPS_LISTEN", "127.0.0.1:9090", "NATS_URL", "REDIS_PASSWORD_FILE", "TEST_KEY"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in:\n%s", want, got)
		}
	}
}

func ExampleRedact() {
	fmt.Println(Redact("nats://me:pass@word,/x@host:4222"))
	fmt.Println(Redact("nats://token@host:4222"))
	fmt.Println(Redact("me:password@host"))
	fmt.Println(Redact("redis://host:6379/0"))
	// Output:
	// nats://[secret]@host:4222
	// nats://[secret]@host:4222
	// [secret]@host
	// redis://host:6379/0
}
