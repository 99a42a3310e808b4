package delivery

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Encryption says when the connection to a server must be encrypted.
type Encryption string

// The modes of encryption. The last three are the values of the URL's parameter starttls.
const (
	Implicit      Encryption = "implicit"      // smtps: TLS from the first byte
	Required      Encryption = "required"      // STARTTLS, and no mail without it
	Opportunistic Encryption = "opportunistic" // STARTTLS if offered; the certificate is not checked, as whoever could forge it could as well hide the offer
	Never         Encryption = "never"         // plain text
)

// Server is an SMTP server that mails are handed to, as one URL has it.
type Server struct {
	Host       string
	Port       string
	Encryption Encryption

	User      string    // empty: no AUTH
	Secret    Secret    // password or token; nil: none
	Mechanism Mechanism // empty: the first of PLAIN, LOGIN and CRAM-MD5 that is offered

	Certificate Certificate // with which we show who we are; the zero value: none
}

// Addr is host:port.
func (s Server) Addr() string { return net.JoinHostPort(s.Host, s.Port) }

// Loopback reports whether the server is on this machine.
func (s Server) Loopback() bool {
	ip := net.ParseIP(s.Host)
	return strings.EqualFold(s.Host, "localhost") || ip != nil && ip.IsLoopback()
}

// ParseServers reads SMTP_URL: servers in the order of preference, separated by spaces or
// commas, each
//
//	smtp://[user@]host[:587][?starttls=required|opportunistic|never]
//	smtps://[user@]host[:465]
//
// STARTTLS is required by default, except on the loopback interface where it
// is opportunistic. More parameters, after ? and between &:
//
//	password-file=PATH  the user's password
//	token-file=PATH     an OAuth 2 access token in its place, for XOAUTH2
//	auth=MECHANISM      plain, login, cram-md5 or xoauth2, and nothing else
//	cert-file=PATH      our own certificate and, in key-file=PATH, its key
//
// All files are read again for every connection, so that what is in them can be
// renewed. No secret is part of the URL, which ends up in process lists and logs;
// no error repeats it for the same reason. The password given here belongs to the
// one server whose URL names a user and no file: it is never offered to another.
func ParseServers(list, password string) ([]Server, error) {
	words := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })
	if len(words) == 0 {
		return nil, errors.New("SMTP_URL: is empty: write smtp://host:port")
	}
	var (
		servers []Server
		faults  []error
		open    []int // those that want the password
	)
	for i, word := range words {
		s, err := parseServer(word)
		if err != nil {
			faults = append(faults, prefix(i, len(words), err))
			continue
		}
		if s.User != "" && s.Secret == nil {
			open = append(open, len(servers))
		}
		servers = append(servers, s)
	}
	if len(faults) == 0 {
		faults = append(faults, assign(servers, open, password))
	}
	return servers, errors.Join(faults...)
}

func prefix(i, of int, err error) error {
	if of == 1 {
		return fmt.Errorf("SMTP_URL: %w", err)
	}
	return fmt.Errorf("SMTP_URL: server %d: %w", i+1, err)
}

// assign gives the password to the one server it is for.
func assign(servers []Server, open []int, password string) error {
	switch {
	case len(open) == 0 && password != "":
		return errors.New("SMTP_PASSWORD: is set, but no URL in SMTP_URL has a user who wants it: write smtp://user@host")
	case len(open) > 1:
		return errors.New("SMTP_PASSWORD: is not given to several servers: write ?password-file= into each URL of SMTP_URL that names a user")
	case len(open) == 1 && password == "":
		return errors.New("SMTP_PASSWORD: is missing for the user in SMTP_URL: set it, or SMTP_PASSWORD_FILE, or write ?password-file= into the URL")
	case len(open) == 1:
		servers[open[0]].Secret = Known(password)
	}
	return nil
}

func parseServer(rawURL string) (Server, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return Server{}, errors.New("is not a URL: write smtp://user@host:587 or smtps://user@host:465")
	}
	if _, set := u.User.Password(); set {
		return Server{}, errors.New("carries a password: put it into SMTP_PASSWORD or SMTP_PASSWORD_FILE, or a file named by ?password-file=")
	}
	query, err := parameters(u)
	if err != nil {
		return Server{}, err
	}
	s := Server{Host: u.Hostname(), Port: u.Port(), User: u.User.Username()}
	if err := errors.Join(s.setEncryption(u.Scheme, query["starttls"]), s.setPort(u.Scheme), s.checkHost(u),
		s.setSecret(query), s.setCertificate(query), s.checkLogin()); err != nil {
		return Server{}, err
	}
	return s, nil
}

// parameters of a URL; each may be there once.
func parameters(u *url.URL) (map[string]string, error) {
	known := []string{"starttls", "auth", "password-file", "token-file", "cert-file", "key-file"}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("what follows the ? cannot be read: write name=value, with & in between")
	}
	query := map[string]string{}
	for name, value := range values {
		switch {
		case !slices.Contains(known, name):
			return nil, fmt.Errorf("unknown parameter %q: known are %s", name, strings.Join(known, ", "))
		case len(value) != 1 || value[0] == "":
			return nil, fmt.Errorf("parameter %s: give it one value", name)
		}
		query[name] = value[0]
	}
	return query, nil
}

func (s *Server) setEncryption(scheme, starttls string) error {
	mode := Encryption(starttls)
	switch {
	case scheme == "smtps" && mode == "":
		s.Encryption = Implicit
	case scheme == "smtps":
		return errors.New("starttls has no meaning with smtps, which is encrypted from the start: leave it out, or use smtp")
	case scheme != "smtp":
		return fmt.Errorf("scheme %q: use smtp or smtps", scheme)
	case mode == "" && s.Loopback():
		s.Encryption = Opportunistic
	case mode == "":
		s.Encryption = Required
	case mode == Required, mode == Opportunistic, mode == Never:
		s.Encryption = mode
	default:
		return fmt.Errorf("starttls=%q: use required, opportunistic or never", mode)
	}
	return nil
}

func (s *Server) setPort(scheme string) error {
	if s.Port == "" {
		s.Port = map[string]string{"smtps": "465"}[scheme]
	}
	if s.Port == "" {
		s.Port = "587"
	}
	if n, err := strconv.Atoi(s.Port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("port %q: use a number from 1 to 65535", s.Port)
	}
	return nil
}

func (s *Server) checkHost(u *url.URL) error {
	if s.Host == "" {
		return errors.New("has no host: write smtp://host:port")
	}
	if u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return errors.New("nothing but ?parameters may follow the host and port")
	}
	return nil
}

func (s *Server) setSecret(query map[string]string) error {
	password, token := query["password-file"], query["token-file"]
	s.Mechanism = Mechanism(strings.ToUpper(query["auth"]))
	switch {
	case password != "" && token != "":
		return errors.New("password-file and token-file: use one of them")
	case token != "":
		s.Secret = FromFile(token)
		if s.Mechanism == "" {
			s.Mechanism = XOAUTH2
		}
	case password != "":
		s.Secret = FromFile(password)
	}
	if s.Mechanism != "" && !slices.Contains([]Mechanism{Plain, Login, CRAMMD5, XOAUTH2}, s.Mechanism) {
		return fmt.Errorf("auth=%q: use plain, login, cram-md5 or xoauth2", query["auth"])
	}
	if (s.Mechanism == XOAUTH2) != (token != "") {
		return errors.New("auth=xoauth2 and token-file= belong together")
	}
	if s.User == "" && (s.Secret != nil || s.Mechanism != "") {
		return errors.New("has no user for auth, password-file or token-file: write smtp://user@host")
	}
	if s.Secret == nil {
		return nil
	}
	_, err := s.Secret()
	return err
}

func (s *Server) setCertificate(query map[string]string) error {
	s.Certificate = Certificate{CertFile: query["cert-file"], KeyFile: query["key-file"]}
	switch {
	case s.Certificate == Certificate{}:
		return nil
	case s.Certificate.CertFile == "" || s.Certificate.KeyFile == "":
		return errors.New("cert-file and key-file belong together")
	case s.Encryption == Never:
		return errors.New("starttls=never shows nobody a certificate: leave out cert-file, or starttls")
	}
	_, err := s.Certificate.load()
	return err
}

// checkLogin refuses a password that would be sent where others can read it, or to a server
// that did not prove to be the right one.
func (s *Server) checkLogin() error {
	if s.User != "" && !s.Loopback() && (s.Encryption == Opportunistic || s.Encryption == Never) {
		return fmt.Errorf("starttls=%s would show the password to whoever is in between: leave it out, or send without a user", s.Encryption)
	}
	return nil
}
