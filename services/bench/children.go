package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/child"
	"github.com/mycloudpbx/softphone/services/internal/embedded"
	"github.com/mycloudpbx/softphone/services/internal/process"
	"github.com/mycloudpbx/softphone/services/mailer"
)

// Environment of a child: which one it is, and for the NATS server how to run.
const (
	childName   = "BENCH_CHILD"
	childNATS   = "nats"
	childWorker = "device-counter"

	childMailer      = "mailer"
	childControl     = "softphonectl"
	controlArguments = "BENCH_CONTROL" // a line each
	natsDir          = "BENCH_NATS_DIR"
	natsSync         = "BENCH_NATS_SYNC" // "true": sync always
)

// asChild runs what this process was started for, if it was started by this
// program, and tells whether it did.
func asChild() bool {
	switch os.Getenv(childName) {
	case childNATS:
		if err := serveNATS(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case childWorker:
		process.CollectSeldom()
		var c devicecounter.Config
		process.Main(childWorker, &c, &c.Config, func(ctx context.Context) error { return devicecounter.Run(ctx, c) })
	case childMailer:
		mailer.Main()
	case childControl:
		os.Exit(runControl())
	default:
		return false
	}
	return true
}

// serveNATS is a nats-server until it is told to stop. Its first line is its URL.
func serveNATS() error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	server, err := embedded.StartNATS(embedded.NATSConfig{
		Dir: os.Getenv(natsDir), Listen: "127.0.0.1:0", SyncAlways: os.Getenv(natsSync) == "true",
	})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(os.Stdout, server.URL()); err != nil {
		return err
	}
	<-stop
	server.Close()
	return nil
}

// startChild starts this program again as one of its children. What it prints can
// be read from the reader, line by line.
func startChild(name string, env ...string) (*child.Process, *bufio.Reader, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(program)
	cmd.Env = append(append(os.Environ(), env...), childName+"="+name)
	cmd.Stderr = os.Stderr
	out, in := io.Pipe()
	cmd.Stdout = in
	process, err := child.Start(cmd)
	if err != nil {
		return nil, nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() { <-process.Done(); _ = in.Close() }()
	return process, bufio.NewReader(out), nil
}

// stopChild ends a child in order.
func stopChild(p *child.Process) error {
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.Wait()
}
