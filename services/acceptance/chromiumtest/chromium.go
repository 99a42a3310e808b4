// Package chromiumtest gives tests a Chromium, axe-core to judge what it shows, and a
// place for what it looked like. Its users' folders are as deep as this one.
package chromiumtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	program = "/usr/bin/chromium"
	cache   = "../../../.cache"
)

// Axe is axe-core's script. It fails a test of a browser that cannot be one.
func Axe(t testing.TB) string {
	t.Helper()
	if _, err := os.Stat(program); err != nil {
		t.Fatal("the browser tests need Chromium: apt-get install chromium, or run scripts/deps.sh")
	}
	axe, err := os.ReadFile(filepath.Join(cache, "axe-core-4.14.1/node_modules/axe-core/axe.min.js"))
	if err != nil {
		t.Fatal("the browser tests need axe-core: run scripts/deps.sh")
	}
	return string(axe)
}

// Open starts a Chromium with a window, for [chromedp.Run]. It ends with the test.
func Open(t testing.TB, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-GB"),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	t.Cleanup(stop)
	ctx, closeWindow := chromedp.NewContext(allocator)
	t.Cleanup(closeWindow)
	return ctx
}

// Do does things in a window. The browser's own life is not the action's: only what is
// done has an end.
func Do(ctx context.Context, limit time.Duration, actions ...chromedp.Action) error {
	done := make(chan error, 1)
	go func() { done <- chromedp.Run(ctx, actions...) }()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return errors.New("the browser does not come to an end")
	}
}

// Keep keeps how a window looked, in .cache/screenshots.
func Keep(t testing.TB, name string, picture []byte) {
	t.Helper()
	folder := filepath.Join(cache, "screenshots")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), picture, 0o600); err != nil {
		t.Fatal(err)
	}
}
