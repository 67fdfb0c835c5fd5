package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/sourcegraph/conc/pool"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/browser"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/trial"
)

// The tests of this file and of journeys_test.go open the site in Debian's
// Chromium. Where BANDISH_NODE_MODULES names a folder with npm's axe-core and
// vnu-jar, pages are checked by those too; BANDISH_SHOTS names a folder for
// screenshots of every kind of page. .ci/run installs all of it.

// demonstration serves the history that "serve --demo" shows, as it stood at the
// time of the tests of the browser.
func demonstration(t *testing.T) *server {
	t.Helper()
	from, err := demo()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	s := serveIn(t, dir, shown)
	s.site.Demo, s.site.Ledger = true, s.p.Archive.Log()
	return s
}

var shown = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// demo makes the folder of the demonstration once; each test has a copy.
var demo = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(made, "demo")
	a, err := archive.Open(dir)
	if err != nil {
		return "", err
	}
	reg, err := registry()
	if err != nil {
		return "", err
	}
	docs, err := trial.Packed(shown)
	if err != nil {
		return "", err
	}
	p := &pipeline.Pipeline{Archive: a, Targets: reg, Now: func() time.Time { return shown }}
	all := pool.New().WithErrors().WithMaxGoroutines(64)
	for i, v := range trial.DemoVisits(shown, trial.PackedPerDay) {
		all.Go(func() error {
			_, err := p.SubmitAt(context.Background(), docs[i], v.Time.Add(time.Minute))
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return "", err
	}
	_, err = p.Count(context.Background())
	return dir, err
})

// everyKind is one address of every kind of page, in English and in Urdu.
func (s *server) everyKind() []string {
	s.Helper()
	var list []struct {
		UID string `json:"measurement_uid"`
	}
	var events []struct{ ID string }
	for path, into := range map[string]any{"/cc/ZZ/x/measurements?state=failed&format=json": &list, "/events?format=json": &events} {
		if _, text := s.get(path); json.Unmarshal([]byte(text), into) != nil {
			s.Fatalf("%s: %.200s", path, text)
		}
	}
	if len(list) == 0 || len(events) == 0 {
		s.Fatalf("%d measurements, %d events", len(list), len(events))
	}
	pages := []string{"/", "/blocked", "/bans", "/bans/pk-x-2024-02-17", "/cc", "/cc/ZZ", "/cc/PK", "/cc/ZZ/x", "/cc/PK/x", "/cc/PK/x?at=2024-03-01", "/cc/BR/x", "/cc/ZZ/x/days", "/cc/ZZ/x/measurements", "/m/" + list[0].UID,
		"/platforms", "/platforms/x", "/events", "/events/" + events[0].ID, "/networks/AS64512", "/rules", "/methods", "/data", "/about", "/safety", "/cases", "/cases/pk-2024-x", "/cases/pk-2024-x?as-of=2024-03-14",
		"/actors/pk-pta", "/laws/pk-peca-2016", "/sources/" + s.site.Records.Case("pk-2024-x").Sources[0].ID, "/check", "/check?target=x&cc=PK&at=2024-03-13&claim=accessible", "/check?target=x&cc=PK&at=never&claim=accessible",
		"/search", "/search?q=pakistan", "/contribute?about=/cc/PK/x", "/hours", "/alerts", "/ledger", "/api/v1", "/none-such", "/embed/PK/x"}
	c := s.site.Records.Case("pk-2024-x")
	each(c, func(it any) {
		kind, _, _ := speaker{s: s.site, whole: c, shown: c}.heading(it)
		href := itemHref(c, idOf(it))
		if word := strings.Split(href, "/")[3]; !slices.ContainsFunc(pages, func(p string) bool { return strings.Contains(p, "/"+word+"/") }) && kind != "" {
			pages = append(pages, href)
		}
	})
	for _, p := range slices.Clone(pages) {
		if resp, _ := s.answerOf("/ur" + strings.TrimSuffix(p, "/")); resp.StatusCode == 200 {
			pages = append(pages, "/ur"+strings.TrimSuffix(p, "/"))
		}
	}
	return pages
}

func idOf(it any) string {
	b, err := json.Marshal(it)
	var v struct{ ID string }
	if err != nil || json.Unmarshal(b, &v) != nil {
		return ""
	}
	return v.ID
}

// tab is a page of the browser that writes down what goes wrong in it.
type tab struct {
	*testing.T
	ctx  context.Context
	base string

	mu    sync.Mutex
	wrong []string
}

func openTab(t *testing.T, chromium context.Context, base string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chromium)
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(stop)
	b := &tab{T: t, ctx: ctx, base: base}
	note := func(format string, args ...any) {
		b.mu.Lock()
		b.wrong = append(b.wrong, fmt.Sprintf(format, args...))
		b.mu.Unlock()
	}
	b.do()
	err := chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			note("exception: %s", ev.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			note("console: %s", ev.Type)
		case *log.EventEntryAdded:
			if ev.Entry.Level == log.EntryLevelError && !strings.Contains(ev.Entry.Text, "404 (Not Found)") && !strings.Contains(ev.Entry.Text, "400 (Bad Request)") {
				note("log: %s %s", ev.Entry.Text, ev.Entry.URL)
			}
		case *network.EventRequestWillBeSent:
			if u := ev.Request.URL; !strings.HasPrefix(u, base+"/") && !strings.HasPrefix(u, "data:") && u != "about:blank" {
				note("a request to another host: %s", u)
			}
		}
	})
	if err == nil {
		_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	}
	if err == nil {
		_, err = chromedp.Call(ctx, log.Enable, cdp.Empty{})
	}
	if err != nil {
		t.Fatalf("watch the browser: %v", err)
	}
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatalf("in the browser: %v", err)
	}
}

// size sets the width of the page, light or dark.
func (b *tab) size(width int64, scheme string) {
	b.Helper()
	b.do(chromedp.EmulateViewport(width, 800))
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
		b.Fatal(err)
	}
}

func (b *tab) open(path string) {
	b.Helper()
	b.do(chromedp.Navigate(b.base + path))
}

// eval is the value of an expression in the page.
func eval[T any](b *tab, js string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("in the browser: %.120s: %v", js, err)
	}
	return v
}

// calm fails the test for what went wrong since it was called last.
func (b *tab) calm(at string) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.wrong {
		b.Errorf("%s: %s", at, w)
	}
	b.wrong = nil
}

// fits reports what makes the page wider than its window.
func (b *tab) fits(at string, width int64) {
	b.Helper()
	wide := eval[struct {
		Page  int64
		Worst []string
	}](b, `(() => { const w = document.documentElement.clientWidth; return {Page: document.documentElement.scrollWidth, Worst: [...document.querySelectorAll("body *")].filter(e => { const r = e.getBoundingClientRect(); return r.right > w + 1 || r.left < -1 }).slice(-3).map(e => e.outerHTML.slice(0, 120))} })()`)
	if wide.Page > width {
		b.Errorf("%s is %d wide in a window of %d: %q", at, wide.Page, width, wide.Worst)
	}
}

// axe checks the page against WCAG 2.2 AA; only narrows it to some rules.
func (b *tab) axe(at, only string) {
	b.Helper()
	run := `{runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}, resultTypes: ["violations"]}`
	if only != "" {
		run = `{runOnly: {type: "rule", values: ["` + only + `"]}, resultTypes: ["violations"]}`
	}
	found := eval[[]string](b, `axe.run(document, `+run+`).then(r => r.violations.flatMap(v => v.nodes.slice(0, 3).map(n => v.id + ": " + n.html.slice(0, 160) + " – " + (n.any.concat(n.all, n.none)[0] || {message: ""}).message)))`)
	for _, f := range found {
		b.Errorf("%s: axe: %s", at, f)
	}
}

// nodeModules is the folder that holds npm's packages.
func nodeModules(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("BANDISH_NODE_MODULES")
	if dir == "" {
		t.Skip("npm's checkers are not here: npm install axe-core vnu-jar, and set BANDISH_NODE_MODULES")
	}
	return dir
}

// Every kind of page, in both languages, wide and narrow, light and dark: nothing
// goes wrong in it, nothing asks another host, nothing is wider than its window,
// and axe finds nothing.
func TestPagesInABrowser(t *testing.T) {
	modules := nodeModules(t)
	axe, err := os.ReadFile(filepath.Join(modules, "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	chromium := browser.Chromium(t)
	s := demonstration(t)
	pages := s.everyKind()
	const tabs = 3
	for i := range tabs {
		t.Run(fmt.Sprintf("tab %d", i), func(t *testing.T) {
			t.Parallel()
			b := openTab(t, chromium, s.url)
			for j, path := range pages {
				if j%tabs == i {
					b.examine(path, string(axe))
				}
			}
		})
	}
}

// examine looks at one page in every width and scheme.
func (b *tab) examine(path, axe string) {
	b.Helper()
	for _, width := range []int64{1280, 768, 320} {
		b.size(width, "light")
		b.open(path)
		at := fmt.Sprintf("%s at %d", path, width)
		b.fits(at, width)
		eval[int](b, axe+"; 0")
		b.axe(at, "")
		b.shot(path, width, "light")
		b.size(width, "dark")
		b.axe(at+", dark", "color-contrast")
		if width == 1280 {
			b.shot(path, width, "dark")
		}
		b.calm(at)
	}
}

// shot keeps a picture of the page where BANDISH_SHOTS says so.
func (b *tab) shot(path string, width int64, scheme string) {
	b.Helper()
	dir := os.Getenv("BANDISH_SHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.Fatal(err)
	}
	tall, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Fatal(err)
	}
	for kind, p := range map[string][]byte{"": picture, "-whole": tall} {
		keepShot(b.T, fmt.Sprintf("page_%s-%d-%s%s.png", strings.NewReplacer("/", "_", "?", "-", "&", "-").Replace(strings.TrimPrefix(path, "/")+"."), width, scheme, kind), p)
	}
}

// keepShot keeps a picture to look at where BANDISH_SHOTS says so.
func keepShot(t *testing.T, name string, content []byte) {
	t.Helper()
	dir := os.Getenv("BANDISH_SHOTS")
	if dir == "" {
		return
	}
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name), content, 0o644)); err != nil {
		t.Error(err)
	}
}

// The validator of the W3C finds nothing in any kind of page.
func TestHTMLIsValid(t *testing.T) {
	if os.Getenv("BANDISH_LONG") == "" {
		t.Skip("BANDISH_LONG is not set: the validator of the W3C, a program in Java, is not started")
	}
	modules := nodeModules(t)
	s := demonstration(t)
	dir := t.TempDir()
	for i, path := range s.everyKind() {
		_, body := s.answerOf(path)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.html", i)), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Logf("%02d.html is %s", i, path)
	}
	cmd := exec.CommandContext(t.Context(), "java", "-jar", filepath.Join(modules, "vnu-jar", "build", "dist", "vnu.jar"), "--stdout", "--skip-non-html", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(out)
	if err := errors.Join(err, cmd.Wait()); err != nil || len(said) > 0 {
		t.Errorf("%v\n%s", err, strings.ReplaceAll(string(said), "file:"+dir+"/", ""))
	}
}
