package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/mycloudpbx/softphone/services/internal/child"
	"github.com/mycloudpbx/softphone/services/internal/embedded"
)

// workerProcess is a worker in a process of its own.
type workerProcess struct {
	process *child.Process
	ops     string
}

// startWorker starts a worker, by the name of its child.
func startWorker(w *world, name string, env ...string) (*workerProcess, error) {
	ops, err := embedded.FreeAddress()
	if err != nil {
		return nil, err
	}
	process, _, err := startChild(name, append(env, "NATS_URL="+w.natsURL, "SOFTPHONE_OPS_LISTEN="+ops, "SOFTPHONE_LOG_LEVEL=error")...)
	if err != nil {
		return nil, err
	}
	return &workerProcess{process: process, ops: ops}, nil
}

// startCounter starts device-counter.
func startCounter(w *world) (*workerProcess, error) {
	return startWorker(w, childWorker, "REDIS_URL="+w.redisURL)
}

func (w *workerProcess) stop() { _ = stopChild(w.process) }

// metrics are the values of the worker's /metrics, those of one name added up;
// none while it does not answer yet.
func (w *workerProcess) metrics(ctx context.Context) map[string]float64 {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.ops+"/metrics", http.NoBody)
	if err != nil {
		return nil
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil
	}
	defer func() { _ = response.Body.Close() }()
	values := map[string]float64{}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		name, _, _ = strings.Cut(name, "{")
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			values[name] += value
		}
	}
	return values
}

// peak is the most memory the process ever had resident, in bytes.
func (w *workerProcess) peak() (float64, error) { return peakOf(w.process.PID()) }

// peakOf is the most memory a process ever had resident, in bytes.
func peakOf(pid int) (float64, error) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if text, found := strings.CutPrefix(line, "VmHWM:"); found {
			kB, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(text), " kB"))
			return float64(kB) * 1024, err
		}
	}
	return 0, fmt.Errorf("no VmHWM of process %d", pid)
}
