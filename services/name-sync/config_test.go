package namesync

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/process"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func TestConfig(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		environment []string
		faults      []string // the variables complained of
	}{
		"no directory":          {},
		"a directory":           {environment: []string{"DIRECTORY_URL=https://d.example/hook?x=1", "DIRECTORY_SECRET=" + secret}},
		"its secret in a file":  {environment: []string{"DIRECTORY_URL=http://127.0.0.1:8000", "DIRECTORY_SECRET_FILE=" + file}},
		"a URL alone":           {environment: []string{"DIRECTORY_URL=https://d.example/"}, faults: []string{"DIRECTORY_SECRET"}},
		"a secret alone":        {environment: []string{"DIRECTORY_SECRET=" + secret}, faults: []string{"DIRECTORY_SECRET"}},
		"without a host":        {environment: []string{"DIRECTORY_URL=/hook", "DIRECTORY_SECRET=" + secret}, faults: []string{"DIRECTORY_URL"}},
		"no web address":        {environment: []string{"DIRECTORY_URL=ftp://d.example/", "DIRECTORY_SECRET=" + secret}, faults: []string{"DIRECTORY_URL"}},
		"a password in the URL": {environment: []string{"DIRECTORY_URL=https://u:MfKQ9r8@d.example/", "DIRECTORY_SECRET=" + secret}, faults: []string{"DIRECTORY_URL"}},
		"a secret without whsec_": {
			environment: []string{"DIRECTORY_URL=https://d.example/", "DIRECTORY_SECRET=" + strings.TrimPrefix(secret, "whsec_")}, faults: []string{"DIRECTORY_SECRET"},
		},
		"a short secret": {environment: []string{"DIRECTORY_URL=https://d.example/", "DIRECTORY_SECRET=whsec_MfKQ9r8="}, faults: []string{"DIRECTORY_SECRET"}},
		"everything wrong": {
			environment: []string{"DIRECTORY_URL=directory", "DIRECTORY_SECRET=MfKQ9r8", "DIRECTORY_TIMEOUT=5h"},
			faults:      []string{"DIRECTORY_URL", "DIRECTORY_SECRET", "DIRECTORY_TIMEOUT"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c Config
			err := process.Parse(&c, test.environment)
			var wrong *process.ConfigError
			if errors.As(err, &wrong); err != nil && wrong == nil {
				t.Fatal(err)
			}
			var variables []string
			if wrong != nil {
				for _, fault := range wrong.Faults {
					variable, _, _ := strings.Cut(fault.Error(), ":")
					variables = append(variables, variable)
				}
				if strings.Contains(err.Error(), "MfKQ9r8") {
					t.Errorf("it shows a secret: %v", err)
				}
			}
			if strings.Join(variables, " ") != strings.Join(test.faults, " ") {
				t.Errorf("complains of %v, want %v", err, test.faults)
			}
		})
	}
}

func TestTimeoutHasADefault(t *testing.T) {
	t.Parallel()
	var c Config
	if err := process.Parse(&c, nil); err != nil || c.Directory.Timeout != 10*time.Second || c.Directory.URL != "" {
		t.Errorf("%+v, %v", c.Directory, err)
	}
}
