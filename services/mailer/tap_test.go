package mailer

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
)

// tap is a proxy in front of a NATS server that holds back what a client publishes
// from a certain message on, as if its process had come no further.
type tap struct {
	Addr    string
	Reached chan struct{} // closed when the message came

	holds   func(subject, payload string) bool
	release chan struct{} // closed: everything goes through
	forward bool          // that message too; what the server answers to it is held back
}

// newTap starts one; it ends with the test.
func newTap(t *testing.T, server string, forward bool, holds func(subject, payload string) bool) *tap {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{
		Addr: listener.Addr().String(), Reached: make(chan struct{}), holds: holds, release: make(chan struct{}), forward: forward,
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client, strings.TrimPrefix(server, "nats://"))
		}
	}()
	return p
}

func (p *tap) serve(client net.Conn, address string) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go func() {
		_, _ = io.Copy(gate{client, p}, server)
		_ = client.Close()
	}()
	in := bufio.NewReader(client)
	for {
		message, subject, payload, err := published(in)
		if err != nil {
			return
		}
		if p.holds != nil && p.holds(subject, payload) && !p.reached() {
			if p.forward {
				_, _ = io.WriteString(server, message)
			}
			close(p.Reached)
			<-p.release
			if p.forward {
				continue
			}
		}
		if _, err := io.WriteString(server, message); err != nil {
			return
		}
	}
}

func (p *tap) reached() bool {
	select {
	case <-p.Reached:
		return true
	default:
		return false
	}
}

// gate passes on what a server says, up to the moment.
type gate struct {
	net.Conn
	tap *tap
}

func (g gate) Write(b []byte) (int, error) {
	if g.tap.reached() {
		<-g.tap.release
	}
	return g.Conn.Write(b)
}

// published reads one message of the NATS client protocol. The subject is empty for
// what publishes nothing.
func published(in *bufio.Reader) (message, subject, payload string, err error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return "", "", "", err
	}
	fields := strings.Fields(line)
	if len(fields) < 3 || fields[0] != "PUB" && fields[0] != "HPUB" {
		return line, "", "", nil
	}
	size, err := strconv.Atoi(fields[len(fields)-1])
	if err != nil {
		return "", "", "", err
	}
	body := make([]byte, size+len("\r\n"))
	if _, err := io.ReadFull(in, body); err != nil {
		return "", "", "", err
	}
	return line + string(body), fields[1], string(body), nil
}
