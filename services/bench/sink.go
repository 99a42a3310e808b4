package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/mycloudpbx/softphone/services/internal/selfsigned"
)

// sink is an SMTP server that takes every mail and does nothing: what is measured on
// it is whoever sends. It speaks TLS from the first byte, as mail servers
// are spoken to, and offers pipelining, as all real ones do.
type sink struct {
	listener net.Listener
	roots    *x509.CertPool
	caFile   string
	thinks   time.Duration // before it takes a mail
	serving  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
}

func startSink(folder string, thinks time.Duration) (*sink, error) {
	s := &sink{thinks: thinks, conns: map[net.Conn]bool{}, caFile: filepath.Join(folder, "sink.pem")}
	cert, err := selfsigned.New()
	if err != nil {
		return nil, err
	}
	s.roots = cert.Roots
	if err := os.WriteFile(s.caFile, cert.PEM, 0o600); err != nil {
		return nil, err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert.Certificate}, MinVersion: tls.VersionTLS13})
	if err != nil {
		return nil, err
	}
	s.listener = listener
	s.serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.keep(conn, true)
			s.serving.Go(func() { s.serve(conn) })
		}
	})
	return s, nil
}

func (s *sink) address() string { return s.listener.Addr().String() }

func (s *sink) keep(conn net.Conn, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on {
		s.conns[conn] = true
	} else {
		delete(s.conns, conn)
	}
}

// close ends it with all its connections.
func (s *sink) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

func (s *sink) serve(conn net.Conn) {
	defer s.keep(conn, false)
	defer conn.Close()
	in, out := bufio.NewReader(conn), bufio.NewWriter(conn)
	answer := func(text string) bool {
		_, _ = out.WriteString(text + "\r\n")
		return in.Buffered() > 0 || out.Flush() == nil // those of commands that came together go together
	}
	if !answer("220 sink.test ESMTP") {
		return
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		var goesOn bool
		switch verb, _, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " "); strings.ToUpper(verb) {
		case "EHLO":
			goesOn = answer("250-sink.test\r\n250-8BITMIME\r\n250 PIPELINING")
		case "DATA":
			goesOn = answer("354 go ahead") && take(in) && s.think() && answer("250 2.0.0 Ok: queued as 4bXyZ12345")
		case "QUIT":
			_ = answer("221 bye") && out.Flush() == nil
			return
		default:
			goesOn = answer("250 2.0.0 Ok")
		}
		if !goesOn {
			return
		}
	}
}

func (s *sink) think() bool {
	time.Sleep(s.thinks)
	return true
}

// take reads a mail.
func take(in *bufio.Reader) bool {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return false
		}
		if string(line) == ".\r\n" {
			return true
		}
	}
}
