package process

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	silencePeriod = 2 * time.Second // between two questions to the server
	silenceLimit  = 5 * time.Second // without an answer the connection is called silent
)

// listen asks the server now and then whether it is there, until the connection is closed. A server that was cut off without
// a word, as by a firewall or a cable, leaves a connection that looks well until the library's own pings give up: by default
// that takes minutes. Meanwhile the part "nats" is not ready. It ends by itself when the server answers again, or when the
// library connects anew.
func listen(nc *nats.Conn, health *Health) {
	closed := nc.StatusChanged(nats.CLOSED)
	silent := false
	for !nc.IsClosed() {
		select {
		case <-closed:
			return
		case <-time.After(silencePeriod):
		}
		if !nc.IsConnected() { // the handlers of the connection have said so
			continue
		}
		switch err := answered(nc, silenceLimit); {
		case err == nil && silent:
			silent = false
			health.NotReady("nats", nil)
		case errors.Is(err, nats.ErrTimeout) && nc.IsConnected():
			silent = true
			health.NotReady("nats", fmt.Errorf("the server at %s has not answered for %s", nc.ConnectedUrlRedacted(), silenceLimit))
		}
	}
}

// answered waits for the server's answer to a ping. It does not rely on the library's own limit: while a write is blocked,
// the library holds the lock that it needs to notice the limit.
func answered(nc *nats.Conn, limit time.Duration) error {
	answer := make(chan error, 1)
	go func() { answer <- nc.FlushTimeout(limit) }()
	select {
	case err := <-answer:
		return err
	case <-time.After(limit + time.Second):
		return nats.ErrTimeout
	}
}
