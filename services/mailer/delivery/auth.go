package delivery

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // CRAM-MD5 is what some servers offer; it runs inside TLS like the others
	"encoding/hex"
	"errors"
	"fmt"
	"net/smtp"
	"slices"
	"strings"
)

// Mechanism is a way to sign in, by its SASL name.
type Mechanism string

// The known mechanisms.
const (
	Plain   Mechanism = "PLAIN"    // RFC 4616
	Login   Mechanism = "LOGIN"    // nobody's standard, and all that some servers offer
	CRAMMD5 Mechanism = "CRAM-MD5" // RFC 2195
	XOAUTH2 Mechanism = "XOAUTH2"  // Google's and Microsoft's
)

// login signs in with the configured mechanism, or with the first one offered of those that
// send a password. It is a net/smtp.Auth.
type login struct {
	user, secret string
	mechanism    Mechanism
	trusted      bool // the connection may carry a secret
	answered     int  // challenges
}

var (
	errNoAUTH    = errors.New("the server offers no way to sign in that we know, but SMTP_URL names a user")
	errUntrusted = errors.New("the connection is not encrypted: the password is not sent")
	errChallenge = errors.New("the server asks for more than a user name and a secret")
)

func (l *login) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !l.trusted {
		return "", nil, errUntrusted
	}
	if err := l.choose(server.Auth); err != nil {
		return "", nil, err
	}
	switch l.mechanism {
	case Plain:
		return string(Plain), []byte("\x00" + l.user + "\x00" + l.secret), nil
	case XOAUTH2:
		return string(XOAUTH2), []byte("user=" + l.user + "\x01auth=Bearer " + l.secret + "\x01\x01"), nil
	default:
		return string(l.mechanism), nil, nil
	}
}

func (l *login) choose(offered []string) error {
	offers := func(m Mechanism) bool {
		return slices.ContainsFunc(offered, func(name string) bool { return strings.EqualFold(name, string(m)) })
	}
	if l.mechanism != "" {
		if !offers(l.mechanism) {
			return fmt.Errorf("the server does not offer AUTH %s, which SMTP_URL asks for", l.mechanism)
		}
		return nil
	}
	for _, m := range []Mechanism{Plain, Login, CRAMMD5} {
		if offers(m) {
			l.mechanism = m
			return nil
		}
	}
	return errNoAUTH
}

func (l *login) Next(challenge []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	l.answered++
	switch {
	case l.mechanism == Login && l.answered == 1:
		return []byte(l.user), nil
	case l.mechanism == Login && l.answered == 2:
		return []byte(l.secret), nil
	case l.mechanism == CRAMMD5 && l.answered == 1:
		digest := hmac.New(md5.New, []byte(l.secret))
		digest.Write(challenge)
		return []byte(l.user + " " + hex.EncodeToString(digest.Sum(nil))), nil
	case l.mechanism == XOAUTH2 && l.answered == 1: // what is wrong with the token; the answer to our answer says so
		return []byte{}, nil
	default:
		return nil, errChallenge
	}
}
