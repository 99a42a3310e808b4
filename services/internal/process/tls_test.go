package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mycloudpbx/softphone/services/internal/servertest"
)

// tlsServers starts a NATS and a Redis that want a client certificate of an authority, and returns what connects to each.
func tlsServers(t *testing.T, a *servertest.Authority, options ...servertest.IssueOption) map[string]func(TLS) error {
	t.Helper()
	cert, key := a.Issue("server", options...)
	nats := servertest.NATS(t, servertest.ConfigFile(write(t, natsTLS(a.CAFile, cert, key))))
	address := servertest.Address(t)
	_, port, _ := net.SplitHostPort(address)
	servertest.RedisWithConfig(t, write(t, fmt.Sprintf(
		"bind 127.0.0.1\ntls-port %s\ntls-ca-cert-file %s\ntls-cert-file %s\ntls-key-file %s\ntls-auth-clients yes\n", port, a.CAFile, cert, key)))
	return map[string]func(TLS) error{
		"NATS":  func(s TLS) error { return toNATS(t, strings.Replace(nats.URL(), "nats://", "tls://", 1), s) },
		"Redis": func(s TLS) error { return toRedis(t, "rediss://"+address, s) },
	}
}

func natsTLS(ca, cert, key string) string {
	return fmt.Sprintf("tls { ca_file: %q, cert_file: %q, key_file: %q, verify: true }\n", ca, cert, key)
}

func toNATS(t *testing.T, url string, s TLS) error {
	t.Helper()
	nc, err := NATS{URL: url, TLS: s}.Connect(t.Context(), "test", zerolog.Nop())
	if err == nil {
		nc.Close()
	}
	return err
}

func toRedis(t *testing.T, url string, s TLS) error {
	t.Helper()
	client, err := Redis{URL: url, TLS: s}.Connect(t.Context(), "test")
	if err == nil {
		_ = client.Close()
	}
	return err
}

func TestTLSToServers(t *testing.T) {
	t.Parallel()
	a, stranger := servertest.NewAuthority(t), servertest.NewAuthority(t)
	cert, key := a.Issue("client")
	oldCert, oldKey := a.Issue("old", servertest.Expired())
	otherCert, otherKey := stranger.Issue("other")
	good := TLS{a.CAFile, cert, key}
	servers := tlsServers(t, a)
	expired := tlsServers(t, a, servertest.Expired())
	elsewhere := tlsServers(t, a, servertest.ForHost("redis.example"))
	for name, tc := range map[string]struct {
		servers map[string]func(TLS) error
		tls     TLS
		want    []string // in the error; empty: connects
	}{
		"authority and certificate":        {servers, good, nil},
		"another authority":                {servers, TLS{stranger.CAFile, cert, key}, []string{"TLS_CA_FILE", stranger.CAFile, "add the certificate of that authority"}},
		"no authority":                     {servers, TLS{"", cert, key}, []string{"set TLS_CA_FILE"}},
		"no client certificate":            {servers, TLS{CAFile: a.CAFile}, []string{"set TLS_CERT_FILE and TLS_KEY_FILE"}},
		"an expired client certificate":    {servers, TLS{a.CAFile, oldCert, oldKey}, []string{"TLS_CERT_FILE", oldCert, "expired on", "replace it"}},
		"a stranger's client certificate":  {servers, TLS{a.CAFile, otherCert, otherKey}, []string{"TLS_CERT_FILE", otherCert, "an authority that the server trusts"}},
		"an expired server":                {expired, good, []string{"the server's certificate is valid from", "renew it on the server"}},
		"a server with another's name":     {elsewhere, good, []string{"redis.example", "127.0.0.1", "_URL"}},
		"the authority's file is gone":     {servers, TLS{a.CAFile + "x", cert, key}, []string{"TLS_CA_FILE", a.CAFile + "x", "no such file"}},
		"the certificate's file is gone":   {servers, TLS{a.CAFile, cert + "x", key}, []string{"TLS_CERT_FILE", cert + "x", "no such file"}},
		"the key is another certificate's": {servers, TLS{a.CAFile, cert, otherKey}, []string{"TLS_CERT_FILE", cert, otherKey, "does not match"}},
	} {
		for server, connect := range tc.servers {
			t.Run(name+"/"+server, func(t *testing.T) {
				t.Parallel()
				err := connect(tc.tls)
				if len(tc.want) == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				for _, want := range tc.want {
					checkRefusal(t, err, want, ErrTLS)
				}
			})
		}
	}
}

func TestTLSToServersWithoutIt(t *testing.T) {
	t.Parallel()
	a := servertest.NewAuthority(t)
	nats := servertest.NATS(t)
	err := toNATS(t, strings.Replace(nats.URL(), "nats://", "tls://", 1), TLS{CAFile: a.CAFile})
	checkRefusal(t, err, "turn it on there, or change the scheme in NATS_URL", ErrTLS)

	plain, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	go func() {
		for conn, err := plain.Accept(); err == nil; conn, err = plain.Accept() {
			_, _ = conn.Write([]byte("-ERR Protocol error: unauthenticated multibulk length\r\n"))
		}
	}()
	err = toRedis(t, "rediss://"+plain.Addr().String(), TLS{CAFile: a.CAFile})
	checkRefusal(t, err, "turn it on there, or change the scheme in REDIS_URL", ErrTLS)
}

// A connection outlives the authority it was made with: the server's certificate and the client's are replaced, and the
// next connection uses what is in the files then. While they do not fit, health says which file it is.
func TestTLSFilesAreReadAgain(t *testing.T) {
	t.Parallel()
	old, next := servertest.NewAuthority(t), servertest.NewAuthority(t)
	cert, key := old.Issue("server")
	server := servertest.NATS(t, servertest.ConfigFile(write(t, natsTLS(old.CAFile, cert, key))))
	clientCert, clientKey := old.Issue("client")
	h := NewHost(zerolog.Nop())
	nc, err := h.ConnectNATS(t.Context(), NATS{URL: server.URL(), TLS: TLS{old.CAFile, clientCert, clientKey}}, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()

	server.Stop()
	nextCert, nextKey := next.Issue("server")
	replace(t, nextCert, cert)
	replace(t, nextKey, key)
	renewed, renewedKey := next.Issue("client")
	replace(t, renewed, clientCert)
	replace(t, renewedKey, clientKey)
	before := read(t, old.CAFile)
	both := write(t, before+read(t, next.CAFile))
	replace(t, both, old.CAFile) // the server trusts both
	server.Start()
	eventually(t, "connected with the renewed files", nc.IsConnected)

	server.Stop()
	old.Issue("client", servertest.Expired())
	server.Start()
	eventually(t, "told which file is old", func() bool {
		reason := h.Health.Report().Parts["nats"].Reason
		return strings.Contains(reason, "TLS_CERT_FILE") && strings.Contains(reason, "expired on")
	})
	old.Issue("client")
	eventually(t, "connected again", nc.IsConnected)
}

func TestTLSRedisFilesAreReadAgain(t *testing.T) {
	t.Parallel()
	a := servertest.NewAuthority(t)
	cert, key := a.Issue("server")
	address := servertest.Address(t)
	_, port, _ := net.SplitHostPort(address)
	server := servertest.RedisWithConfig(t, write(t, fmt.Sprintf(
		"bind 127.0.0.1\ntls-port %s\ntls-ca-cert-file %s\ntls-cert-file %s\ntls-key-file %s\ntls-auth-clients yes\n", port, a.CAFile, cert, key)))
	clientCert, clientKey := a.Issue("client")
	client, err := Redis{URL: "rediss://" + address + "/0?max_retries=-1", TLS: TLS{a.CAFile, clientCert, clientKey}}.Connect(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server.Stop()
	a.Issue("client", servertest.Expired())
	server.Start()
	eventually(t, "refused with the expired certificate", func() bool {
		err := client.Ping(context.Background()).Err()
		return err != nil && strings.Contains(err.Error(), "expired on")
	})
	a.Issue("client")
	eventually(t, "connected with the renewed certificate", func() bool { return client.Ping(context.Background()).Err() == nil })
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// replace puts a file in another's place, as whoever renews certificates does.
func replace(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestTLSValidate(t *testing.T) {
	t.Parallel()
	a := servertest.NewAuthority(t)
	cert, key := a.Issue("client")
	oldCert, oldKey := a.Issue("old", servertest.Expired())
	for name, tc := range map[string]struct {
		tls  TLS
		want string // empty: fine
	}{
		"nothing":         {TLS{}, ""},
		"all":             {TLS{a.CAFile, cert, key}, ""},
		"no such file":    {TLS{CAFile: "/does/not/exist"}, "TLS_CA_FILE: open /does/not/exist"},
		"no PEM":          {TLS{CAFile: write(t, "x")}, "holds no certificate in PEM form"},
		"no key":          {TLS{CertFile: cert}, "TLS_KEY_FILE: is not set"},
		"key alone":       {TLS{KeyFile: key}, "TLS_CERT_FILE: is not set"},
		"another's key":   {TLS{CertFile: cert, KeyFile: oldKey}, "does not match"},
		"an expired one":  {TLS{CertFile: oldCert, KeyFile: oldKey}, "replace it"},
		"the wrong files": {TLS{CertFile: key, KeyFile: cert}, "TLS_CERT_FILE"},
	} {
		err := tc.tls.Validate()
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
	}
}

// Passwords are not sent in clear text by whoever has named certificates; a server on this machine may do without.
func TestTLSNeedsEncryptedURLs(t *testing.T) {
	t.Parallel()
	s := TLS{CAFile: servertest.NewAuthority(t).CAFile}
	for name, tc := range map[string]struct {
		config interface{ Validate() error }
		want   string
	}{
		"nats":             {NATS{URL: "nats://n:4222", TLS: s}, "NATS_URL: nats://n:4222 is not encrypted"},
		"one of several":   {NATS{URL: "tls://n:4222,nats://m:4222", TLS: s}, "write tls:// instead of nats://"},
		"tls":              {NATS{URL: "tls://n:4222", TLS: s}, ""},
		"this machine":     {NATS{URL: "nats://127.0.0.1:4222", TLS: s}, ""},
		"redis":            {Redis{URL: "redis://r:6379", TLS: s}, "write rediss:// instead of redis://"},
		"rediss":           {Redis{URL: "rediss://r:6379", TLS: s}, ""},
		"redis's socket":   {Redis{URL: "unix:///redis.sock", TLS: s}, ""},
		"no certificates":  {Redis{URL: "redis://r:6379"}, ""},
		"a login is shown": {NATS{URL: "nats://me:hunter2@n:4222", TLS: s}, "[secret]"},
	} {
		err := tc.config.Validate()
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: shows a password: %v", name, errors.Unwrap(err))
		}
	}
}
