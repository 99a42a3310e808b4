package process

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
)

// tlsClient is TLS towards one kind of server. It remembers whether the server asked for a certificate: with TLS 1.3 a
// server refuses a client only after the client's handshake, and closes; what the client sees then may be no more than a
// connection that was reset.
type tlsClient struct {
	TLS

	variable string // of the server's URL, for messages
	asked    atomic.Bool
}

// config is for one connection to serverName; "" leaves the name to the caller. It reads the authorities now, and the
// certificate when the server asks for it.
func (c *tlsClient) config(serverName string) (*tls.Config, error) {
	roots, err := c.authorities()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:           tls.VersionTLS12,
		ServerName:           serverName,
		RootCAs:              roots,
		GetClientCertificate: c.present,
	}, nil
}

// present answers a server's request for a certificate.
func (c *tlsClient) present(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	c.asked.Store(true)
	if c.CertFile == "" {
		return &tls.Certificate{}, nil // the server decides whether it does without
	}
	return c.certificate()
}

// nats makes connections use it. Encryption is required where the URL begins with tls:// or wss://; elsewhere it is used
// when the server wants it.
func (c *tlsClient) nats(o *nats.Options) error {
	config, err := c.config("")
	if err != nil {
		return err
	}
	o.TLSConfig, o.RootCAsCB = config, c.authorities
	return nil
}

// redis is a dialer for rediss:// that reads the files for each connection; base is what go-redis made of the URL.
func (c *tlsClient) redis(base *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		config, err := c.config(base.ServerName)
		if err != nil {
			return nil, err
		}
		config.InsecureSkipVerify = base.InsecureSkipVerify // of ?skip_verify=true, which the operator wrote
		return redis.NewDialer(&redis.Options{DialTimeout: redisDialTimeout, TLSConfig: config})(ctx, network, address)
	}
}

// fault says what to do about an error of a connection that TLS is the reason of; nil when it is not.
func (c *tlsClient) fault(err error) error {
	if err == nil {
		return nil
	}
	fault := c.serverFault(err)
	if fault == nil {
		fault = c.clientFault(err)
	}
	if fault == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrTLS, fault)
}

// serverFault is about the server's certificate, or its lack of TLS; nil when err is about neither.
func (c *tlsClient) serverFault(err error) error {
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		if c.CAFile == "" {
			return fmt.Errorf("this system does not trust the authority of the server's certificate (%s): set TLS_CA_FILE to a file with the certificate of that authority", issuer(unknown.Cert))
		}
		return fmt.Errorf("TLS_CA_FILE: %s does not have the authority of the server's certificate (%s): add the certificate of that authority", c.CAFile, issuer(unknown.Cert))
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return fmt.Errorf("the server's certificate is valid from %s to %s: renew it on the server, or set the clock",
				day(invalid.Cert.NotBefore), day(invalid.Cert.NotAfter))
		}
		return fmt.Errorf("the server's certificate: %w: replace it on the server", invalid)
	}
	if host, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Errorf("the server's certificate is for %s, not for %s: write one of its names in %s, or give the server a certificate with this one",
			names(host.Certificate), host.Host, c.variable)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, nats.ErrSecureConnWanted) {
		return fmt.Errorf("the server does not use TLS: turn it on there, or change the scheme in %s", c.variable)
	}
	return nil
}

// names are those a certificate is for.
func names(c *x509.Certificate) string {
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "no name"
	}
	return strings.Join(all, ", ")
}

func issuer(c *x509.Certificate) string {
	if c == nil {
		return "not named"
	}
	return "issued by " + c.Issuer.String()
}

// clientFault is about our certificate; nil when err is not.
func (c *tlsClient) clientFault(err error) error {
	if file, ok := errors.AsType[fileFault](err); ok {
		return file
	}
	op, ok := errors.AsType[*net.OpError](err)
	refused := ok && op.Op == "remote error" // an alert of TLS
	if !refused && (!c.asked.Load() || !cut(err)) {
		return nil
	}
	if c.CertFile == "" {
		return fmt.Errorf("the server wants a client certificate: set TLS_CERT_FILE and TLS_KEY_FILE (%w)", err)
	}
	if _, invalid := c.certificate(); invalid != nil {
		return invalid
	}
	return fmt.Errorf("TLS_CERT_FILE: the server does not accept %s: it must be for clients and from an authority that the server trusts (%w)", c.CertFile, err)
}

// cut tells whether the other side ended the connection without a word.
func cut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// checkEncrypted is for Validate methods: whoever names certificates does not mean to send passwords in clear text. A
// server on this machine needs none.
func checkEncrypted(variable, list string, t TLS, scheme string) error {
	if !t.used() {
		return nil
	}
	for one := range strings.SplitSeq(list, ",") {
		if !strings.Contains(one, "://") {
			one = "nats://" + one // as the library takes it
		}
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || slices.Contains([]string{"tls", "wss", "rediss", "unix"}, u.Scheme) || loopback(u.Hostname()) {
			continue
		}
		return fmt.Errorf("%s: %s is not encrypted, but TLS_CA_FILE or TLS_CERT_FILE is set: write %s instead of %s://", variable, Redact(one), scheme, u.Scheme)
	}
	return nil
}

// loopback tells whether a host is this machine, and no other can read what is sent to it.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
