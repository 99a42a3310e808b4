package delivery

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Encryption says when the connection to a relay must be encrypted.
type Encryption string

// The ways a relay is spoken to. The last three are the values of SMTP_URL's
// parameter starttls.
const (
	Implicit      Encryption = "implicit"      // smtps: TLS from the first byte
	Required      Encryption = "required"      // STARTTLS, and no mail without it
	Opportunistic Encryption = "opportunistic" // STARTTLS if offered; the certificate is not checked, as whoever could forge it could as well hide the offer
	Never         Encryption = "never"         // plain text
)

// Relay is the SMTP server that mails are handed to.
type Relay struct {
	Host       string
	Port       string
	Encryption Encryption
	User       string // empty: no AUTH
	Password   string
}

// ParseRelay reads SMTP_URL:
//
//	smtp://[user@]host[:587][?starttls=required|opportunistic|never]
//	smtps://[user@]host[:465]
//
// STARTTLS is required by default, except on the loopback interface where it
// is opportunistic. The password is not part of the URL, which ends up in
// process lists and logs. No error repeats the URL for the same reason.
func ParseRelay(rawURL, password string) (Relay, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return Relay{}, errors.New("SMTP_URL: is not a URL: write smtp://user@host:587 or smtps://user@host:465")
	}
	if _, set := u.User.Password(); set {
		return Relay{}, errors.New("SMTP_URL: carries a password: put it into SMTP_PASSWORD or SMTP_PASSWORD_FILE")
	}
	r := Relay{Host: u.Hostname(), Port: u.Port(), User: u.User.Username(), Password: password}
	if err := errors.Join(r.setEncryption(u), r.setPort(u.Scheme), r.checkHost(u), r.checkLogin()); err != nil {
		return Relay{}, err
	}
	return r, nil
}

// Addr is host:port.
func (r Relay) Addr() string { return net.JoinHostPort(r.Host, r.Port) }

// Loopback says whether the relay is on this machine.
func (r Relay) Loopback() bool {
	ip := net.ParseIP(r.Host)
	return strings.EqualFold(r.Host, "localhost") || ip != nil && ip.IsLoopback()
}

func (r *Relay) setEncryption(u *url.URL) error {
	query := u.Query()
	mode := Encryption(query.Get("starttls"))
	query.Del("starttls")
	for name := range query {
		return fmt.Errorf("SMTP_URL: unknown parameter %q: only starttls is known", name)
	}
	switch {
	case u.Scheme == "smtps" && mode == "":
		r.Encryption = Implicit
	case u.Scheme == "smtps":
		return errors.New("SMTP_URL: starttls has no meaning with smtps, which is encrypted from the start: leave it out, or use smtp")
	case u.Scheme != "smtp":
		return fmt.Errorf("SMTP_URL: scheme %q: use smtp or smtps", u.Scheme)
	case mode == "" && r.Loopback():
		r.Encryption = Opportunistic
	case mode == "":
		r.Encryption = Required
	case mode == Required, mode == Opportunistic, mode == Never:
		r.Encryption = mode
	default:
		return fmt.Errorf("SMTP_URL: starttls=%q: use required, opportunistic or never", mode)
	}
	return nil
}

func (r *Relay) setPort(scheme string) error {
	if r.Port == "" {
		r.Port = map[string]string{"smtps": "465"}[scheme]
	}
	if r.Port == "" {
		r.Port = "587"
	}
	if n, err := strconv.Atoi(r.Port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("SMTP_URL: port %q: use a number from 1 to 65535", r.Port)
	}
	return nil
}

func (r *Relay) checkHost(u *url.URL) error {
	if r.Host == "" {
		return errors.New("SMTP_URL: has no host: write smtp://host:port")
	}
	if u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return errors.New("SMTP_URL: nothing but ?starttls= may follow the host and port")
	}
	return nil
}

// checkLogin refuses a password that would be sent where others can read it,
// or to a server nobody proved to be the right one.
func (r *Relay) checkLogin() error {
	switch {
	case r.User == "" && r.Password != "":
		return errors.New("SMTP_PASSWORD: is set, but SMTP_URL names no user: write smtp://user@host")
	case r.User != "" && r.Password == "":
		return errors.New("SMTP_PASSWORD: is missing for the user of SMTP_URL: set it or SMTP_PASSWORD_FILE")
	case r.User != "" && !r.Loopback() && (r.Encryption == Opportunistic || r.Encryption == Never):
		return fmt.Errorf("SMTP_URL: starttls=%s would show the password to whoever is in between: leave it out, or send without a user", r.Encryption)
	}
	return nil
}
