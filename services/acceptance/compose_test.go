package acceptance

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/mycloudpbx/softphone/services/portal/server"
)

// compose reads docker-compose.yml the way `docker compose config` does, with the
// services of some profiles.
func compose(t *testing.T, profiles ...string) *types.Project {
	t.Helper()
	return composeIn(t, nil, profiles...)
}

// composeIn reads it in an environment.
func composeIn(t *testing.T, environment []string, profiles ...string) *types.Project {
	t.Helper()
	return composeFiles(t, []string{"docker-compose.yml"}, environment, profiles...)
}

// composeTLS reads it with what TLS adds.
func composeTLS(t *testing.T, profiles ...string) *types.Project {
	t.Helper()
	return composeFiles(t, []string{"docker-compose.yml", "docker-compose.tls.yml"}, nil, profiles...)
}

func composeFiles(t *testing.T, files, environment []string, profiles ...string) *types.Project {
	t.Helper()
	for i, file := range files {
		files[i] = filepath.Join(root, file)
	}
	options, err := cli.NewProjectOptions(files,
		cli.WithEnv(environment), cli.WithConsistency(true), cli.WithResolvedPaths(true), cli.WithProfiles(profiles))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// Profiles: Prometheus and Grafana; what whoever is on call types in.
const observe, tools = "observe", "tools"

func TestComposeHasEveryPart(t *testing.T) {
	t.Parallel()
	project := compose(t)
	want := append([]string{"nats", "redis", "mailpit", "setup", "portal"}, workers()...)
	have := project.ServiceNames()
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(have, want) {
		t.Errorf("services are %v, want %v", have, want)
	}
	for _, w := range append(workers(), server.Name) {
		service := project.Services[w]
		want := map[string]string{"NATS_USER": w, "NATS_PASSWORD_FILE": "/run/secrets/nats-" + w}
		if slices.Contains(folds(), w) || w == server.Name {
			want["REDIS_USER"], want["REDIS_PASSWORD_FILE"] = w, "/run/secrets/redis-"+w
		}
		for name, value := range want {
			if got := service.Environment[name]; got == nil || *got != value {
				t.Errorf("%s: %s is not %s", w, name, value)
			}
		}
		if got := service.Build.Args["SERVICE"]; got == nil || *got != w {
			t.Errorf("%s: builds another service", w)
		}
	}
}

func TestComposeFilesExist(t *testing.T) {
	t.Parallel()
	made := filepath.Join(t.TempDir(), "secrets")
	run(t, exec.Command("bash", filepath.Join(root, "scripts/secrets.sh"), made))
	exists := func(path string) {
		t.Helper()
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	project := compose(t, observe, tools)
	for _, service := range project.Services {
		if b := service.Build; b != nil {
			exists(filepath.Join(b.Context, b.Dockerfile))
			exists(filepath.Join(b.Context, "services", *b.Args["SERVICE"], "cmd", *b.Args["SERVICE"], "main.go"))
		}
		for _, v := range service.Volumes {
			if v.Type == types.VolumeTypeBind {
				exists(v.Source)
			}
		}
		for _, s := range service.Secrets {
			exists(filepath.Join(made, filepath.Base(project.Secrets[s.Source].File)))
		}
	}
	files, err := os.ReadDir(made)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := project.Secrets[f.Name()]; !ok {
			t.Errorf("scripts/secrets.sh makes %s, which nothing uses", f.Name())
		}
	}
}

// A container that is broken into must hold as little as possible, and nothing
// is reachable from other machines.
func TestComposeIsRestrictive(t *testing.T) {
	t.Parallel()
	password := regexp.MustCompile(`(?i)(password|secret|token)$`)
	for name, service := range compose(t, observe, tools).Services {
		if !service.ReadOnly || !slices.Contains(service.CapDrop, "ALL") || !slices.Contains(service.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s: is not read-only without capabilities and new privileges", name)
		}
		if service.Restart == "" {
			t.Errorf("%s: has no restart policy", name)
		}
		if service.HealthCheck == nil && name != "setup" && name != "softphonectl" {
			t.Errorf("%s: has no health check", name)
		}
		if strings.HasSuffix(service.Image, ":latest") || !strings.Contains(service.Image, ":") {
			t.Errorf("%s: image %s is not pinned", name, service.Image)
		}
		for _, p := range service.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is open to other machines", name, p.Published)
			}
		}
		for variable, value := range service.Environment {
			if password.MatchString(variable) || value != nil && regexp.MustCompile(`://[^/]*:[^/]*@`).MatchString(*value) {
				t.Errorf("%s: %s holds a secret", name, variable)
			}
		}
		for _, s := range service.Secrets {
			if !slices.Contains(workers(), name) || strings.HasPrefix(s.Source, name+"-") || s.Source == "ops-token" {
				continue
			}
			if user, _ := strings.CutPrefix(s.Source, "nats-"); user != name && s.Source != "redis-"+name {
				t.Errorf("%s: sees %s", name, s.Source)
			}
		}
	}
}

// A Maildir of the machine is the mailer's when it is named, and else there is none.
func TestComposeMountsBounces(t *testing.T) {
	t.Parallel()
	const inside = "/var/mail/bounces"
	for name, c := range map[string]struct {
		environment        []string
		dir, volume, owner string
	}{
		"none": {nil, "", "bounces", "65532:65532"},
		"one":  {[]string{"MAIL_BOUNCES=/srv/bounces", "MAIL_BOUNCES_OWNER=5000:5000"}, inside, "/srv/bounces", "5000:5000"},
	} {
		service := composeIn(t, c.environment).Services["mailer"]
		if got := service.Environment["MAIL_BOUNCES"]; got == nil || *got != c.dir || service.User != c.owner {
			t.Errorf("%s: MAIL_BOUNCES is not %q, or user %q is not %q", name, c.dir, service.User, c.owner)
		}
		if !slices.ContainsFunc(service.Volumes, func(v types.ServiceVolumeConfig) bool {
			return v.Target == inside && v.Source == c.volume && !v.ReadOnly
		}) {
			t.Errorf("%s: %s is not mounted: %+v", name, c.volume, service.Volumes)
		}
	}
}

// What the image recipe copies is enough to build each service alone. That the
// modules compile is checked elsewhere (scripts/verify.sh); here each is only
// loaded, down to its last dependency and embedded file.
func TestImagesHaveWhatTheyNeed(t *testing.T) {
	t.Parallel()
	recipe, err := os.ReadFile(filepath.Join(root, "deploy/Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	copies := regexp.MustCompile(`(?m)^COPY (\S+)/ \S+/$`).FindAllStringSubmatch(string(recipe), -1)
	builds := regexp.MustCompile(`go build -C (\S+) .* (\./\S+)`).FindAllStringSubmatch(string(recipe), -1)
	if len(copies) != 2 || len(builds) != 2 {
		t.Fatalf("the Dockerfile copies %d folders and builds %d programs: teach this test", len(copies), len(builds))
	}
	for name, service := range compose(t).Services {
		if service.Build == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			argument := strings.NewReplacer("${SERVICE}", *service.Build.Args["SERVICE"])
			source := t.TempDir()
			for _, c := range copies {
				folder := argument.Replace(c[1])
				copyContext(t, filepath.Join(root, folder), filepath.Join(source, folder))
			}
			for _, b := range builds {
				cmd := exec.Command("go", "list", "-C", argument.Replace(b[1]), "-deps", argument.Replace(b[2]))
				cmd.Dir = source
				cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0", "GOTOOLCHAIN=local")
				run(t, cmd)
			}
		})
	}
}

// copyContext copies a folder without what deploy/Dockerfile.dockerignore leaves out.
func copyContext(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(to, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && (entry.Name() == "testdata" || strings.HasSuffix(path, "_test.go")) {
			if err := os.RemoveAll(path); err != nil || !entry.IsDir() {
				return err
			}
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
