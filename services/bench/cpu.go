package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// CPU is the processor time that processes used for each message, in microseconds.
// Unlike a rate it hardly depends on what else the machine does.
type CPU struct {
	This  float64 `json:"thisProcess"` // the fold or the consumer, and its side of the connections
	NATS  float64 `json:"nats"`
	Redis float64 `json:"redis"`
}

func (c CPU) String() string {
	return fmt.Sprintf("%.1f here + %.1f NATS + %.1f Redis = %.1f µs", c.This, c.NATS, c.Redis, c.This+c.NATS+c.Redis)
}

// perMessage measures the processor time of something that handles so many messages.
func (w *world) perMessage(messages int, do func() error) (CPU, error) {
	pids := [3]int{os.Getpid(), w.nats.PID(), w.redis.PID()}
	var used [3]time.Duration
	for i, pid := range pids {
		used[i] = -cpuTime(pid)
	}
	if err := do(); err != nil {
		return CPU{}, err
	}
	for i, pid := range pids {
		used[i] += cpuTime(pid)
	}
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(max(1, messages)) }
	return CPU{This: each(used[0]), NATS: each(used[1]), Redis: each(used[2])}, nil
}

// tick is the kernel's unit in /proc, USER_HZ, which is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// cpuTime is what a process has used so far, user and system; 0 where there is no /proc.
func cpuTime(pid int) time.Duration {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// proc(5): the fields after the command's closing parenthesis begin with the third; utime and stime are the
	// 14th and 15th.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(string(field))
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * tick
}
