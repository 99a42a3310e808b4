package observe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/acceptance/portaltest"
	devicecounter "github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/eventlog"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/internal/react"
	"github.com/mycloudpbx/softphone/services/internal/servertest"
	"github.com/mycloudpbx/softphone/services/internal/setup"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
	"github.com/mycloudpbx/softphone/services/license"
	"github.com/mycloudpbx/softphone/services/mailer"
	namesync "github.com/mycloudpbx/softphone/services/name-sync"
	"github.com/mycloudpbx/softphone/services/portal"
	"github.com/mycloudpbx/softphone/services/portal/access"
	"github.com/mycloudpbx/softphone/services/portal/api"
	"github.com/mycloudpbx/softphone/services/portal/server"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silent{}) // it is stopped on purpose
	servertest.Main(m, nil)
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// ann is the extension that most of it is about.
var ann = events.Extension{Tenant: "acme", Number: "1001"}

// soon is how long a pause is in these tests.
var soon = react.Bounds{First: 50 * time.Millisecond, Max: 200 * time.Millisecond}

// services are all there are, as Prometheus calls their jobs.
func services() []string {
	return []string{events.License, events.DeviceCounter, events.Mailer, events.NameSync, server.Name}
}

// system is all services, each with a host of its own as if it were a process.
type system struct {
	*workertest.World
	t         *testing.T
	relay     *servertest.SMTPServer
	directory *directory
	hosts     map[string]*process.Host
	lines     *servertest.Lines // what the services log
	traces    process.Traces
	stops     []func()
	flushes   []func()

	portal server.Portal
	token  string
}

// newSystem has servers, and no services yet. Spans go to an endpoint, or nowhere.
func newSystem(t *testing.T, endpoint string) *system {
	t.Helper()
	return &system{
		World: workertest.New(t), t: t, relay: servertest.SMTP(t, servertest.SMTPScript{}), directory: newDirectory(t),
		hosts: map[string]*process.Host{}, lines: &servertest.Lines{}, traces: process.Traces{Endpoint: endpoint},
	}
}

// globexSender is the sender of the one tenant that has its own.
const globexSender = "phones@globex.example"

// brands is a folder with the brand of that tenant.
func (s *system) brands() string {
	s.t.Helper()
	folder := s.t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "globex.yaml"), []byte("sender: Globex <"+globexSender+">\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return folder
}

// start starts all services and waits until they are ready.
func (s *system) start() {
	s.t.Helper()
	var granting license.Config
	var counting devicecounter.Config
	var mailing mailer.Config
	var naming namesync.Config
	var serving server.Config

	s.configure(events.License, &granting, &granting.Config)
	s.configure(events.DeviceCounter, &counting, &counting.Config)
	s.configure(events.Mailer, &mailing, &mailing.Config, "SMTP_URL=smtp://"+s.relay.Addr, "MAIL_BRANDS="+s.brands())
	s.configure(events.NameSync, &naming, &naming.Config.Config,
		"DIRECTORY_URL="+s.directory.URL, "DIRECTORY_SECRET=whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
	s.configure(server.Name, &serving, &serving.Config.Config, "SOFTPHONE_HTTP_LISTEN=127.0.0.1:0",
		"SOFTPHONE_CREDENTIAL_KEY="+portaltest.SealKey)
	mailing.Retry, mailing.Recover = soon, soon
	naming.Directory.Retry, naming.Directory.Recover = soon, soon
	ready := make(chan server.Portal, 1)
	serving.Ready = func(p server.Portal) { ready <- p }

	for _, run := range []func(context.Context) error{
		func(ctx context.Context) error { return license.Run(ctx, granting) },
		func(ctx context.Context) error { return devicecounter.Run(ctx, counting) },
		func(ctx context.Context) error { return mailer.Run(ctx, mailing) },
		func(ctx context.Context) error { return namesync.Run(ctx, naming) },
		func(ctx context.Context) error { return server.Run(ctx, serving) },
	} {
		s.stops = append(s.stops, s.Start(run))
	}
	select {
	case s.portal = <-ready:
	case <-time.After(workertest.Patience):
		s.t.Fatalf("the portal does not serve:\n%s", s.lines)
	}
	var err error
	s.token, _, err = s.portal.Access.Make(s.t.Context(), access.Token{
		Name: "pbx", Tenant: portal.EveryTenant, Scopes: portal.ScopeAdmin | portal.ScopeCore, Ends: time.Now().Add(time.Hour),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range services() {
		s.Eventually(name+" is ready", func() bool {
			code, report := s.page(name, "/readyz")
			return code == http.StatusOK && len(report.Parts) > 0
		})
	}
}

// configure fills a service's configuration, and gives it a host.
func (s *system) configure(name string, target any, common *process.Config, more ...string) {
	s.t.Helper()
	environment := append([]string{"NATS_URL=" + s.NATS.URL(), "REDIS_URL=" + s.Redis.URL(), "SOFTPHONE_REPLICA=" + name}, more...)
	if err := process.Parse(target, environment); err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	host := process.NewHost(zerolog.New(s.lines).Level(zerolog.DebugLevel).With().Str("service", name).Logger())
	tracer, flush, err := s.traces.Tracer(s.t.Context(), name, "test")
	if err != nil {
		s.t.Fatal(err)
	}
	host.Tracer = tracer
	s.flushes = append(s.flushes, flush)
	s.hosts[name], common.Host = host, host
}

// stop ends all services; what spans they have are sent.
func (s *system) stop() {
	for _, stop := range s.stops {
		stop()
	}
	for _, flush := range s.flushes {
		flush()
	}
	s.stops, s.flushes = nil, nil
}

// recreate puts another log, an empty one, in the place of the log.
func (s *system) recreate() {
	s.t.Helper()
	js := s.NATS.JetStream(s.t)
	if err := js.DeleteStream(s.t.Context(), events.Stream); err != nil {
		s.t.Fatal(err)
	}
	if err := setup.Everything(s.t.Context(), js, eventlog.Layout{}); err != nil {
		s.t.Fatal(err)
	}
}

// page is what a service says of its health.
func (s *system) page(name, path string) (int, process.Report) {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.hosts[name].OpsHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	var report process.Report
	if err := json.Unmarshal(w.Body.Bytes(), &report); err != nil {
		s.t.Fatalf("%s of %s is not JSON: %v", path, name, err)
	}
	return w.Code, report
}

// bad is a fact of ann's that nobody can read.
func (s *system) bad(fact events.Data) *nats.Msg {
	s.t.Helper()
	m := workertest.Message(s.t, events.NewFact(ann, events.SoftphoneDisabled{}))
	m.Subject = events.NewFact(ann, fact).Subject()
	m.Data = []byte(`{"data":`)
	m.Header.Set(events.HeaderMsgID, "bad-"+fact.EventName())
	return m
}

// call asks the portal's API.
func (s *system) call(method, path, body string) (int, map[string]any) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.portal.Address+api.Prefix+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var answer map[string]any
	_ = json.Unmarshal(said, &answer) // not every answer has a body
	return response.StatusCode, answer
}

// enable adds ann's extension and enables her app; it returns her password.
func (s *system) enable() string {
	s.t.Helper()
	if code, said := s.call("PUT", "/tenants/acme/extensions/1001", `{"name":"Ann Lee"}`); code != http.StatusCreated {
		s.t.Fatalf("adding an extension: %d %v", code, said)
	}
	code, said := s.call("POST", "/tenants/acme/extensions/1001/softphone", `{"email":"ann@example.com"}`)
	password, _ := said["password"].(string)
	if code != http.StatusCreated || password == "" {
		s.t.Fatalf("enabling: %d %v", code, said)
	}
	return password
}

// signIn signs a device in, with what became of it.
func (s *system) signIn(device, password string) (int, map[string]any) {
	s.t.Helper()
	return s.call("POST", "/softphone/sign-in",
		`{"username":"1001@acme","password":"`+password+`","device":{"id":"`+device+`","platform":"mac"}}`)
}

// job does all that the system is for, once.
func (s *system) job() {
	s.t.Helper()
	password := s.enable()
	for _, device := range []string{"d1", "d2", "d3", "d4", "d5"} {
		s.signIn(device, password)
	}
	s.signIn("d1", "another password")
	s.call("DELETE", "/tenants/acme/extensions/1001/softphone/devices/d1", "")
	s.call("PUT", "/tenants/acme/extensions/1001", `{"name":"Ann Lee (Sales)"}`)
	s.call("GET", "/tenants/acme/extensions/1001", "")
	s.relay.Wait(1, workertest.Patience)
	s.Eventually("the e-mail is told", func() bool { return s.Last(ann, events.Mailer, events.EmailSent{}.EventName()) != nil })
	s.Eventually("the name is pushed", func() bool { return s.directory.count() > 0 })
}

// directory takes the names that name-sync pushes, or refuses them.
type directory struct {
	URL string

	mu     sync.Mutex
	status int
	posts  int
}

func newDirectory(t *testing.T) *directory {
	t.Helper()
	d := &directory{status: http.StatusNoContent}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.posts++
		w.WriteHeader(d.status)
	}))
	t.Cleanup(server.Close)
	d.URL = server.URL
	return d
}

func (d *directory) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.posts
}

func (d *directory) answer(status int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status = status
}

// folded waits until a service has folded an event of ann's.
func (s *system) folded(name string, sequence uint64) {
	s.t.Helper()
	key := fmt.Sprintf("softphone:{p%d}:%s:checkpoint", ann.Partition(), name)
	s.Eventually(name+" has folded it", func() bool {
		at, err := s.State.HGet(s.t.Context(), key, "seq").Uint64()
		return err == nil && at >= sequence
	})
}
