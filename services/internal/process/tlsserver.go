package process

import (
	"crypto/tls"
	"net"
	"sync"

	"github.com/rs/zerolog"
)

// Serve makes what listens answer with TLS. The files are read for every connection; while they do not fit, in the middle
// of a renewal or after one that went wrong, the last certificate that did is shown and the log says why. With clients, a
// client may show a certificate of an authority in TLS_CA_FILE; without, none is asked for, since browsers would ask back.
func (t TLS) Serve(l net.Listener, clients bool, log zerolog.Logger) (net.Listener, error) {
	pair, err := t.certificate()
	if err != nil {
		return nil, err
	}
	s := &tlsServer{TLS: t, clients: clients, log: log, last: pair}
	return tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: s.config}), nil
}

type tlsServer struct {
	TLS

	clients bool
	log     zerolog.Logger

	mu   sync.Mutex
	last *tls.Certificate // that was good
	told string           // the fault that was logged, once
}

// config is for one connection.
func (s *tlsServer) config(*tls.ClientHelloInfo) (*tls.Config, error) {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{*s.current()},
	}
	if !s.clients || s.CAFile == "" {
		return c, nil
	}
	var err error
	c.ClientAuth = tls.VerifyClientCertIfGiven
	c.ClientCAs, err = s.authorities()
	return c, err
}

// current is the certificate in the files, or the last good one.
func (s *tlsServer) current() *tls.Certificate {
	pair, err := s.certificate()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.last, s.told = pair, ""
	case s.told != err.Error():
		s.told = err.Error()
		s.log.Error().Err(err).Msg("the earlier certificate is shown, until this is put right")
	}
	return s.last
}
