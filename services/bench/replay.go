package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/device-counter"
	"github.com/mycloudpbx/softphone/services/internal/replay"
	"github.com/mycloudpbx/softphone/services/softphonectl"
)

// often is how many times each device signs in, in the log that shows whether memory
// grows with events. In the shorter one of as many extensions it is twice: a tenth of
// the events.
const twice, often = 2, 22

// replays measures what whoever is on call types, each a process of its own, and the
// worker that heals.
//
// How fast, on the log as the system writes it. How much memory, on two logs of as many
// extensions, one with ten times the events of the other: it should be the same. A log
// in which devices sign in for nothing is not one the system writes, but there is no
// other way to have more events and the same state.
func (b *bench) replays(ctx context.Context, r *Replays) error {
	extensions := max(1, b.sizes.Replay/inputsEach(often))
	if err := b.weighReplays(ctx, extensions, twice, &r.Few); err != nil {
		return err
	}
	if err := b.weighReplays(ctx, extensions, often, &r.Many); err != nil {
		return err
	}
	r.StateGrowth = atMost(r.Many.State/r.Few.State, 1.2)
	r.DecisionsGrowth = atMost(r.Many.Decisions/r.Few.Decisions, 1.2)
	return b.timeReplays(ctx, max(1, b.sizes.Replay/messagesEach), r)
}

// weighReplays measures the memory that comparing needs.
func (b *bench) weighReplays(ctx context.Context, extensions, times int, r *Weighed) error {
	h, err := b.write(ctx, extensions, times)
	if err != nil {
		return err
	}
	b.progress.say("%s: folding %d events", b.mode(), h.inputs)
	if _, err := newFolding(devicecounter.Rules()).until(ctx, b.world, h.inputs); err != nil {
		return err
	}
	r.Extensions, r.Events = h.extensions, h.inputs
	for command, peak := range map[string]*float64{"state": &r.State, "decisions": &r.Decisions} {
		b.progress.say("%s: memory of replay %s, %d events", b.mode(), command, h.inputs)
		if _, _, *peak, err = b.control(ctx, "replay", command, events.DeviceCounter); err != nil {
			return err
		}
	}
	return nil
}

// timeReplays measures how fast a log is replayed. A worker that heals comes first: the
// others compare with what it has folded.
func (b *bench) timeReplays(ctx context.Context, extensions int, r *Replays) error {
	h, err := b.write(ctx, extensions, once)
	if err != nil {
		return err
	}
	r.Extensions, r.Events = h.extensions, h.inputs
	if r.Messages, err = b.messages(ctx); err != nil {
		return err
	}
	if err := b.rebuild(ctx, h, r); err != nil {
		return err
	}
	if err := b.compare(ctx, "state", r, &r.State); err != nil {
		return err
	}
	return b.compare(ctx, "decisions", r, &r.Decisions)
}

func (b *bench) compare(ctx context.Context, command string, r *Replays, into *Replaying) error {
	if err := b.readRaw(ctx, r, into); err != nil {
		return err
	}
	b.progress.say("%s: replay %s, %d messages", b.mode(), command, r.Messages)
	_, took, peak, err := b.control(ctx, "replay", command, events.DeviceCounter)
	into.judge(r, took, peak)
	return err
}

// readRaw reads the log with an ordered consumer that does nothing with it: just before
// each replay, for what the machine does besides changes.
func (b *bench) readRaw(ctx context.Context, r *Replays, into *Replaying) error {
	b.progress.say("%s: reading raw", b.mode())
	took, err := b.raw(ctx, r.Messages)
	if err != nil {
		return fmt.Errorf("reading raw: %w", err)
	}
	into.Raw = float64(r.Messages) / took.Seconds()
	return nil
}

// rebuild measures how long a worker takes to heal that has lost all its state: it
// runs beside softphonectl, which says when it is done. The memory is the worker's.
func (b *bench) rebuild(ctx context.Context, h history, r *Replays) error {
	counter, err := startCounter(b.world)
	if err != nil {
		return err
	}
	defer counter.stop()
	b.progress.say("%s: a worker folds %d events", b.mode(), h.inputs)
	if err := b.counted(ctx); err != nil {
		return err
	}
	if err := b.readRaw(ctx, r, &r.Rebuild); err != nil {
		return err
	}
	b.progress.say("%s: rebuild, %d events", b.mode(), h.inputs)
	out, _, _, err := b.control(ctx, "rebuild", events.DeviceCounter, "--yes")
	if err != nil {
		return err
	}
	var said struct {
		Seconds float64
		Done    bool
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil || !said.Done {
		return fmt.Errorf("rebuild says %s", out)
	}
	peak, err := counter.peak()
	r.Rebuild.judge(r, time.Duration(said.Seconds*float64(time.Second)), peak)
	return err
}

// counted waits until device-counter has folded the log.
func (b *bench) counted(ctx context.Context) error {
	log, err := b.world.log(ctx, "bench")
	if err != nil {
		return err
	}
	defer log.Conn().Close()
	observer := replay.Observer{Log: log, Redis: b.world.client, Partitions: events.Partitions}
	ends, err := observer.Progress(ctx, replay.Folder{Worker: events.DeviceCounter, Inputs: devicecounter.Rules().Inputs})
	if err != nil {
		return err
	}
	for {
		if share, err := ends.Folded(ctx); err != nil || share == 1 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// judge holds a replay of all messages against reading them.
func (p *Replaying) judge(r *Replays, took time.Duration, peak float64) {
	p.PerSecond, p.Peak = float64(r.Messages)/took.Seconds(), peak
	p.Seconds, p.VersusRaw = atMost(took.Seconds(), 30), atLeast(p.PerSecond/p.Raw, 0.5)
}

// control runs softphonectl, which must find nothing wrong, and returns what it
// said, how long it took and the most memory it had resident.
func (b *bench) control(ctx context.Context, args ...string) (out string, took time.Duration, peak float64, err error) {
	args = append(args, "--json", "--state-dir", b.world.folder, "--server", b.world.natsURL, "--redis", b.world.redisURL)
	start := time.Now()
	process, lines, err := startChild(childControl, controlArguments+"="+strings.Join(args, "\n"))
	if err != nil {
		return "", 0, 0, err
	}
	stop := context.AfterFunc(ctx, func() { _ = stopChild(process) })
	defer stop()
	var said []string
	for err == nil {
		var line string
		if line, err = lines.ReadString('\n'); err == nil {
			said = append(said, strings.TrimSpace(line))
		}
	}
	took = time.Since(start)
	if err := process.Wait(); err != nil || len(said) < 2 {
		return "", took, 0, fmt.Errorf("softphonectl %s: %w\n%s", args[0], err, strings.Join(said, "\n"))
	}
	last := len(said) - 1
	peak, err = strconv.ParseFloat(said[last], 64)
	return said[last-1], took, peak, err
}

// runControl is softphonectl, which in the end says how much memory it had at most.
func runControl() int {
	code := softphonectl.Main(context.Background(), strings.Split(os.Getenv(controlArguments), "\n"), softphonectl.Terminal{Out: os.Stdout, Err: os.Stderr})
	peak, err := peakOf(os.Getpid())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if _, err := fmt.Fprintln(os.Stdout, strconv.FormatFloat(peak, 'f', 0, 64)); err != nil {
		return 1
	}
	return code
}
