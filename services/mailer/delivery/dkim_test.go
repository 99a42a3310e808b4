package delivery

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"
)

// keyPair is a DKIM key: its file, and what the DNS would say.
type keyPair struct{ file, record string }

func newRSA(t *testing.T, bits int) keyPair {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{write(t, key), "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)}
}

func newEd25519(t *testing.T) keyPair {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{write(t, key), "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)}
}

func write(t *testing.T, key crypto.PrivateKey) (file string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// zone is what the DNS says of some keys.
type zone map[string]string

// signers makes keys of acme.example, of both kinds.
func signers(t *testing.T) (keys, zone) {
	t.Helper()
	rsaKey, edKey := newRSA(t, 2048), newEd25519(t)
	parsed, err := ParseKeys("a._domainkey.acme.example=" + rsaKey.file + ", B._domainkey.acme.example=" + edKey.file)
	if err != nil {
		t.Fatal(err)
	}
	return parsed, zone{"a._domainkey.acme.example": rsaKey.record, "b._domainkey.acme.example": edKey.record}
}

// verify says how many signatures of a mail hold, and fails the test for one that does not.
func (z zone) verify(t *testing.T, mail []byte) int {
	t.Helper()
	found, err := dkim.VerifyWithOptions(bytes.NewReader(mail), &dkim.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) { return []string{z[strings.TrimSuffix(name, ".")]}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		if v.Err != nil {
			t.Errorf("the signature of %s does not hold: %v\n%s", v.Domain, v.Err, mail)
		}
	}
	return len(found)
}

// awkward is what signers and verifiers trip over.
const awkward = "Date: Sun, 01 Mar 2026 09:30:00 +0000\r\nFrom: =?utf-8?q?Acme_=C3=A4?=\r\n =?utf-8?q?_Telephony?= <noreply@acme.example>\r\n" +
	"To:  Anna\t <anna@example.com>\r\nSUBJECT:  a  b\r\nMessage-Id: <1@mail.acme.example>\r\nX-Other: no\r\n\r\n" +
	"\r\n  two  spaces \t\r\n.\r\n\ttab\r\n\r\nÄne\r\n \r\n\r\n\r\n"

func TestSignatures(t *testing.T) {
	t.Parallel()
	k, public := signers(t)
	for name, mail := range map[string]string{
		"a mail": welcome, "an awkward one": awkward, "one without a last line break": strings.TrimRight(welcome, "\r\n"),
		"an empty one": "From: noreply@acme.example\r\n\r\n", "one of empty lines": "From: noreply@acme.example\r\n\r\n\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signed, err := k.sign([]byte(mail))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasSuffix(signed, []byte(mail)) {
				t.Error("signing changed the mail")
			}
			if n := public.verify(t, signed); n != 2 {
				t.Errorf("%d signatures, want 2", n)
			}
			again, err := k.sign([]byte(mail))
			if err != nil || !bytes.Equal(signed, again) {
				t.Errorf("signed again, it is another mail (%v)", err)
			}
			public.verifyByPython(t, signed, 2)
		})
	}
}

// A signature that holds whatever the mail says proves nothing.
func TestChangedMailFails(t *testing.T) {
	t.Parallel()
	k, public := signers(t)
	signed, err := k.sign([]byte(welcome))
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{"Hello", "Goodbye"}, {"ready", "gone"}, {"To: anna@", "To: eve@"}, {"\r\n\r\nHello", "\r\nSubject: another\r\n\r\nHello"},
		{"\r\n\r\nHello", "\r\nReply-To: eve@example.com\r\n\r\nHello"},
	} {
		changed := strings.Replace(string(signed), change[0], change[1], 1)
		found, err := dkim.VerifyWithOptions(strings.NewReader(changed), &dkim.VerifyOptions{
			LookupTXT: func(name string) ([]string, error) { return []string{public[name]}, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range found {
			if v.Err == nil {
				t.Errorf("%q for %q, and the signature still holds", change[1], change[0])
			}
		}
	}
}

func TestKeyOfTheSender(t *testing.T) {
	t.Parallel()
	key := newEd25519(t)
	k, err := ParseKeys("x._domainkey.acme.example=" + key.file + " y._domainkey.eu.acme.example=" + key.file)
	if err != nil {
		t.Fatal(err)
	}
	for domain, want := range map[string]string{
		"acme.example": "x", "mail.acme.example": "x", "eu.acme.example": "y", "a.eu.acme.example": "y", "example": "", "notacme.example": "",
	} {
		var selector strings.Builder
		for _, own := range keys(k).of(domain) {
			selector.WriteString(own.Selector)
		}
		if selector.String() != want {
			t.Errorf("%s: signed by %q, want %q", domain, selector.String(), want)
		}
	}
}

func TestParseKeysRefuses(t *testing.T) {
	t.Parallel()
	weak := newRSA(t, 1024)
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"mail.example.com=" + weak.file, "s._domainkey.example.com", "s._domainkey.example.com=/does/not/exist",
		"s._domainkey.example.com=" + weak.file, "s._domainkey.example.com=" + empty, "._domainkey.example.com=" + weak.file,
	} {
		if _, err := ParseKeys(bad); err == nil || !strings.HasPrefix(err.Error(), "MAIL_DKIM_KEYS: ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// verifyByPython has Debian's python3-dkim look at a mail.
func (z zone) verifyByPython(t *testing.T, mail []byte, signatures int) {
	t.Helper()
	const program = `
import dkim, sys
mail = sys.stdin.buffer.read()
zone = dict(a.split("=", 1) for a in sys.argv[2:])
txt = lambda name, timeout=5: zone[name.decode().rstrip(".")].encode()
d = dkim.DKIM(mail)
for i in range(int(sys.argv[1])):
    assert d.verify(idx=i, dnsfunc=txt), "signature %d does not hold" % i
`
	arguments := []string{"-c", program, string(rune('0' + signatures))}
	for name, record := range z {
		arguments = append(arguments, name+"="+record)
	}
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", arguments...)
	cmd.Stdin = bytes.NewReader(mail)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("python3-dkim: %v\n%s", err, out)
	}
}
