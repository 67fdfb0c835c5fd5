// Package browser starts Debian's Chromium for tests of pages.
package browser

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Chromium starts a browser. It ends with the test, and after a quarter of an hour at the
// latest. It resolves no names: a page reaches only this machine. The test is skipped if
// Chromium is not installed, and without BANDISH_LONG=1, since a browser takes long.
func Chromium(t *testing.T) context.Context {
	t.Helper()
	if os.Getenv("BANDISH_LONG") == "" {
		t.Skip("BANDISH_LONG is not set: no browser is started")
	}
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no browser: apt-get install chromium")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewContext(ctx)
	t.Cleanup(stop)
	ctx, end := context.WithTimeout(ctx, 15*time.Minute)
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx
}
