package softphonectl

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/schollz/progressbar/v3"
)

// print puts one result on standard output: an object with --json, else the text
// for people.
func (a *app) print(object any, text func() string) error {
	if !a.json {
		_, err := fmt.Fprintln(a.terminal.Out, harmless(text()))
		return err
	}
	encoder := json.NewEncoder(a.terminal.Out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(object)
}

// say puts a line for people on standard error: what is going on, not data.
func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.terminal.Err, harmless(fmt.Sprintf(format, args...)))
}

// harmless is a text without what a terminal would obey. The log has what strangers
// said, under subjects that they chose.
func harmless(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// table aligns columns.
func table(out io.Writer, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// confirm asks before something changes. It is true when the answer is yes, or
// --yes gave it before; without a terminal to ask at it is a fault of the command
// line.
func (x *session) confirm(question string) (bool, error) {
	if x.yes {
		return true, nil
	}
	if !x.terminal.Asks {
		return false, usageError{fmt.Errorf("%s Not a terminal; pass --yes, or look first with --dry-run", question)}
	}
	fmt.Fprintf(x.terminal.Err, "%s [y/N] ", question)
	answer, err := typed(x.ctx, func() (string, error) { return bufio.NewReader(x.terminal.In).ReadString('\n') })
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("reading the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	}
	x.say("nothing was done")
	return false, nil
}

// typed is what somebody may be typing yet. To read it cannot be interrupted; to wait
// for it can.
func typed[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		text T
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case <-ctx.Done():
		return *new(T), ctx.Err()
	case r := <-done:
		return r.text, r.err
	}
}

// bar shows progress, rate and the time left on standard error, if that is a
// terminal.
type bar struct{ *progressbar.ProgressBar }

func (a *app) bar(what string, total uint64) bar {
	if !a.terminal.Draws {
		return bar{}
	}
	return bar{progressbar.NewOptions64(int64(total),
		progressbar.OptionSetWriter(a.terminal.Err), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("events"),
		progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(false), progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
	)}
}

func (b bar) add(n int) {
	if b.ProgressBar != nil {
		_ = b.Add(n)
	}
}

// hide makes room for a line of data; the next add shows the bar again.
func (b bar) hide() {
	if b.ProgressBar != nil {
		_ = b.Clear()
	}
}

func (b bar) end() {
	if b.ProgressBar != nil {
		_ = b.Finish()
	}
}

// plural is "1 event", "2 events".
func plural(n uint64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
