package delivery

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// offering is a server with ways to sign in.
func offering(mechanisms string) func(*fake) {
	return func(f *fake) { f.greeting = "250-fake.test\r\n250 AUTH " + mechanisms }
}

// signIn has a client sign in to a server that offers some mechanisms, and returns
// what it said.
func signIn(t *testing.T, offers string, answer func(int, string) string, change func(*Server)) []string {
	t.Helper()
	f := newFake(t, "", answer, offering(offers))
	client := open(t, func(c *Config) { change(&c.Servers[0]) }, f)
	sent(t, client)
	var said []string
	for _, line := range f.lines(0) {
		if strings.HasPrefix(line, "EHLO") {
			continue
		}
		if strings.HasPrefix(line, "MAIL") {
			break
		}
		said = append(said, line)
	}
	return said
}

func TestMechanisms(t *testing.T) {
	t.Parallel()
	code := base64.StdEncoding.EncodeToString
	user := func(s *Server) { s.User, s.Secret = "tim", Known("tanstaaftanstaaf") }
	for _, c := range []struct {
		name, offers string
		answers      map[string]string
		change       func(*Server)
		want         string
	}{
		{
			"PLAIN is the first choice", "CRAM-MD5 LOGIN PLAIN", map[string]string{"AUTH": "235 2.7.0 welcome"}, user,
			"AUTH PLAIN " + code([]byte("\x00tim\x00tanstaaftanstaaf")),
		},
		{ // the example of RFC 2195 §2
			"CRAM-MD5", "CRAM-MD5",
			map[string]string{"AUTH": "334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+", "dGlt": "235 2.7.0 welcome"}, user,
			"AUTH CRAM-MD5|" + code([]byte("tim b913a602c7eda7a495b4e6e7334d3890")),
		},
		{
			"LOGIN", "LOGIN CRAM-MD5",
			map[string]string{"AUTH": "334 " + code([]byte("Username:")), "dGlt": "334 " + code([]byte("Password:")), "dGFu": "235 2.7.0 welcome"}, user,
			"AUTH LOGIN|" + code([]byte("tim")) + "|" + code([]byte("tanstaaftanstaaf")),
		},
		{
			"what was asked for", "PLAIN LOGIN XOAUTH2", map[string]string{"AUTH": "235 2.7.0 welcome"},
			func(s *Server) { user(s); s.Mechanism = XOAUTH2 },
			"AUTH XOAUTH2 " + code([]byte("user=tim\x01auth=Bearer tanstaaftanstaaf\x01\x01")),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said := signIn(t, c.offers, func(_ int, line string) string {
				for begin, reply := range c.answers {
					if strings.HasPrefix(line, begin) {
						return reply
					}
				}
				return ""
			}, c.change)
			if got := strings.Join(said, "|"); got != c.want {
				t.Errorf("said %q, want %q", got, c.want)
			}
		})
	}
}

// A token that is no longer good is answered with a challenge that says why.
func TestTokenIsRefused(t *testing.T) {
	t.Parallel()
	f := newFake(t, "", func(_ int, line string) string {
		switch {
		case strings.HasPrefix(line, "AUTH"):
			return "334 " + base64.StdEncoding.EncodeToString([]byte(`{"status":"401"}`))
		case line == "":
			return "535 5.7.8 expired"
		}
		return ""
	}, offering("XOAUTH2"))
	client := open(t, func(c *Config) {
		c.Servers[0].User, c.Servers[0].Secret, c.Servers[0].Mechanism = "me", Known("old"), XOAUTH2
	}, f)
	if got := refused(t, client); got.Verdict != Unavailable || got.Code != 535 || got.Enhanced != "5.7.8" {
		t.Errorf("%+v", got)
	}
}

// A token is renewed in its file: the next connection has the new one.
func TestTokenIsReadAgain(t *testing.T) {
	t.Parallel()
	tokens := file(t, "first\n")
	f := newFake(t, "", func(_ int, line string) string {
		if strings.HasPrefix(line, "AUTH") {
			return "235 2.7.0 welcome"
		}
		return ""
	}, offering("XOAUTH2"))
	client := open(t, func(c *Config) {
		c.Servers[0].User, c.Servers[0].Secret, c.Servers[0].Mechanism = "me", FromFile(tokens), XOAUTH2
		c.Reuse.Mails = 1
	}, f)
	for i, token := range []string{"first", "second"} {
		if err := os.WriteFile(tokens, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		sent(t, client)
		want := "AUTH XOAUTH2 " + base64.StdEncoding.EncodeToString([]byte("user=me\x01auth=Bearer "+token+"\x01\x01"))
		if got := f.lines(i)[1]; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if err := os.Remove(tokens); err != nil {
		t.Fatal(err)
	}
	if got := refused(t, client); got.Verdict != Unavailable || got.Stage != stageAUTH {
		t.Errorf("%+v", got)
	}
}

// certified makes a certificate that is its own authority, and its files.
func certified(t *testing.T, name string) (Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := Certificate{CertFile: filepath.Join(t.TempDir(), "cert.pem"), KeyFile: filepath.Join(t.TempDir(), "key.pem")}
	for name, block := range map[string]*pem.Block{c.CertFile: {Type: "CERTIFICATE", Bytes: der}, c.KeyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return c, pool
}

// The server asks who we are, and the certificate says it.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	own, trusted := certified(t, "mailer.acme.example")
	server, roots := certified(t, "fake.test")
	pair, err := server.load()
	if err != nil {
		t.Fatal(err)
	}
	f := newFake(t, "", nil, func(f *fake) {
		f.tls = &tls.Config{Certificates: []tls.Certificate{*pair}, ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert}
	})
	configured := func(c *Config) { c.Roots, c.Servers[0].Encryption = roots, Implicit }
	if got := refused(t, open(t, configured, f)); got.Verdict != Unavailable {
		t.Errorf("without a certificate: %+v", got)
	}
	sent(t, open(t, func(c *Config) { configured(c); c.Servers[0].Certificate = own }, f))
}
