package embedded

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// TestFullDisk: a server whose disk was full stores again when there is room, by itself, and still has what it acknowledged.
// It needs root, for a file system of its own.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, "24m")
	n, err := StartNATS(NATSConfig{Dir: filepath.Join(dir, "nats"), Listen: "127.0.0.1:0", SyncAlways: true, Log: zerolog.New(zerolog.NewTestWriter(t))})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ctx, cancel := context.WithCancel(t.Context())
	healing := make(chan error, 1)
	go func() { healing <- n.Heal(ctx) }()
	js := streams(t, n)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "LOG", Subjects: []string{"log.>"}}); err != nil {
		t.Fatal(err)
	}
	acknowledged := uint64(0)
	publish := func() error {
		try, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := js.Publish(try, "log.x", make([]byte, 3000))
		if err == nil {
			acknowledged++
		}
		return err
	}
	for range 100 {
		if err := publish(); err != nil {
			t.Fatal(err)
		}
	}
	filler := filepath.Join(dir, "filler")
	_ = exec.Command("dd", "if=/dev/zero", "of="+filler, "bs=4k").Run() // until the disk is full
	for publish() == nil {                                              // what fits in a last page
	}
	if err := n.writeFault(); err == nil {
		t.Fatal("the disk is full, and the server finds itself well: this test shows nothing")
	}
	time.Sleep(2 * healPeriod) // it must not be started again yet: long enough for that to happen
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); publish() != nil; {
		if time.Now().After(end) {
			t.Fatal("there is room, and nothing is stored")
		}
	}
	stream, err := js.Stream(t.Context(), "LOG")
	if err != nil {
		t.Fatal(err)
	}
	// What was not acknowledged may be stored too, as ever; what was, must be.
	if have := stream.CachedInfo().State.Msgs; have < acknowledged {
		t.Errorf("%d messages, of %d that were acknowledged", have, acknowledged)
	}
	cancel()
	if err := <-healing; err != nil {
		t.Error(err)
	}
}

// smallDisk is a file system with a size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if os.Geteuid() != 0 {
		t.Skip(ErrNotRoot)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("mounting is not allowed here: %s", out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	return dir
}

func streams(t *testing.T, n *NATS) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(n.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}
