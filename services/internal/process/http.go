package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 30 * time.Second // for reading a request, and again for handling it and writing the answer
	idleTimeout    = 2 * time.Minute
	stopTimeout    = 5 * time.Second // for requests under way when the server is closed
)

// Listen opens a TCP listener. The error is one line that names the variable which sets the address.
func Listen(variable, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s: %w: stop what listens there, or set %s to another", address, ErrAddressTaken, variable)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s: %w", variable, address, err)
	}
	return l, nil
}

// HTTPServer answers requests until it is closed.
type HTTPServer struct {
	server   *http.Server
	listener net.Listener
	done     chan struct{}
}

// ServeHTTP starts a server that lets no slow client hold a connection for ever.
func ServeHTTP(l net.Listener, handler http.Handler) *HTTPServer {
	s := &HTTPServer{
		server: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       requestTimeout,
			WriteTimeout:      requestTimeout,
			IdleTimeout:       idleTimeout,
		},
		listener: l,
		done:     make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(l) // ends when closed; accept errors that pass are retried inside
	}()
	return s
}

// Address is host:port, with the real port where 0 was asked for.
func (s *HTTPServer) Address() string { return s.listener.Addr().String() }

// Close takes no more requests, lets those under way end for a few seconds, and then cuts them.
func (s *HTTPServer) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		_ = s.server.Close()
	}
	<-s.done
}
