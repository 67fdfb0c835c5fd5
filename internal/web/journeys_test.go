package web

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/bandish/bandish/internal/browser"
)

// click follows the link, or presses the button, that holds a text.
func (b *tab) click(text string) {
	b.Helper()
	found := eval[bool](b, `(() => { const a = [...document.querySelectorAll("main a, main button, main summary, header a")].find(e => !e.closest("svg") && e.textContent.trim().replace(/\s+/g, " ").includes(`+quoteJS(text)+`)); if (!a) return false; document.querySelectorAll("[data-hit]").forEach(e => e.removeAttribute("data-hit")); a.setAttribute("data-hit", ""); return true })()`)
	if !found {
		b.Fatalf("%s: there is nothing to click that says %q", b.at(), text)
	}
	b.do(chromedp.Click(chromedp.CSS("[data-hit]")))
	b.settled()
}

func quoteJS(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }

// settled waits until the page that a click leads to is there.
func (b *tab) settled() {
	b.Helper()
	for range 200 {
		time.Sleep(25 * time.Millisecond)
		// While the page changes there is none to ask.
		there, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && !document.querySelector("[data-hit]:not(summary, a[href^='#'])")`))
		if err == nil && there {
			return
		}
	}
	b.Fatal("a click led to no page in five seconds")
}

// choose sets the fields of a form.
func (b *tab) choose(fields map[string]string) {
	b.Helper()
	for name, value := range fields {
		b.do(chromedp.SetValue(chromedp.CSS(`main [name="`+name+`"]`), value))
	}
}

// at is the path and query of the page.
func (b *tab) at() string {
	b.Helper()
	return eval[string](b, `location.pathname + location.search`)
}

// says fails the test where the page does not hold the texts.
func (b *tab) says(texts ...string) {
	b.Helper()
	page := eval[string](b, `document.body.innerText.replace(/\s+/g, " ")`)
	for _, t := range texts {
		if !strings.Contains(page, t) {
			b.Errorf("%s does not say %q", b.at(), t)
		}
	}
}

// first fails the test where a text is not in the first screen.
func (b *tab) first(text string) {
	b.Helper()
	if !eval[bool](b, `(() => { const w = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); while (w.nextNode()) if (w.currentNode.data.includes(`+quoteJS(text)+`)) { const r = document.createRange(); r.selectNode(w.currentNode); const box = r.getBoundingClientRect(); if (box.height > 0 && box.top >= 0 && box.top < innerHeight) return true } return false })()`) {
		b.Errorf("%s: %q is not in the first screen", b.at(), text)
	}
}

// What the readers come for, done by hand in a real browser.
func TestJourneys(t *testing.T) {
	chromium := browser.Chromium(t)
	s := demonstration(t)
	for name, journey := range map[string]func(b *tab){
		"the reporter": func(b *tab) {
			b.open("/")
			b.choose(map[string]string{"target": "x", "cc": "PK"})
			b.click("Look")
			b.first("It was blocked until 7 May 2025, as sources report")
			b.says("444 to 445 days", "X was restored on Monday afternoon, after 24 hours.", "contradicted")
			b.click("X was restored on Monday afternoon")
			b.says("Said by TechX", "contradicted")
			b.click("Text")
			b.says("as known on", "?as-of=")
		},
		"the lawyer": func(b *tab) {
			b.open("/cases")
			b.click("Pakistan: access to X, from February 2024")
			b.first("On 17 February 2024 X stopped working in Pakistan.")
			b.click("The Interior Ministry writes to the regulator to block X.")
			b.says("17 February 2024", "What the record says", "grade", "“")
			b.click("This as JSON")
			b.says(`"case": "pk-2024-x"`, `"as_of"`)
		},
		"the researcher": func(b *tab) {
			b.open("/platforms/x")
			b.first("Where is X blocked?")
			if eval[int](b, `document.querySelectorAll("svg.map a").length`) < 3 {
				b.Error("the map links to fewer than three countries")
			}
			b.click("ZZ (no country: lab data)")
			b.click("As a table")
			b.says("Day")
			csv := eval[string](b, `(a => a.pathname + a.search)([...document.querySelectorAll("main a")].find(a => a.href.includes("format=csv")))`)
			if _, text := s.get(csv); !strings.HasPrefix(text, "date,state,blocked,ok,down,inconclusive,measurements,reports,event\n2026-10-2") {
				b.Errorf("%s begins with %.80q", csv, text)
			}
			b.open("/cc/ZZ/x")
			b.click("This answer as JSON")
			b.says(`"state": "likely_blocked"`)
		},
		"the citizen": func(b *tab) {
			b.size(360, "light")
			if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
				b.Fatal(err)
			}
			b.open("/ur")
			b.choose(map[string]string{"target": "x", "cc": "PK"})
			b.do(chromedp.Click(chromedp.CSS("main form button")))
			b.do(chromedp.WaitReady(chromedp.CSS(".verdict-card")))
			if at := b.at(); at != "/ur/cc/PK/x" {
				b.Errorf("the form leads to %s", at)
			}
			b.first("کیا ایکس پاکستان میں بلاک ہے؟")
			b.first("7 مئی 2025 تک بلاک رہا")
			b.fits("/ur/cc/PK/x", 360)
			if face := eval[string](b, `document.documentElement.dir`); face != "rtl" {
				b.Errorf("the page is %s", face)
			}
		},
		"who corrects": func(b *tab) {
			b.open("/cc/PK/x")
			b.do(chromedp.Click(chromedp.CSS(`footer a[href^="/contribute"]`)))
			b.do(chromedp.WaitReady(chromedp.CSS("form.contribute")))
			b.choose(map[string]string{"text": "It works here."})
			b.do(chromedp.Click(chromedp.CSS(`input[value="wrong"]`)), chromedp.Click(chromedp.CSS("form.contribute button")))
			b.do(chromedp.WaitReady(chromedp.CSS("#wrong")))
			b.says("It was not sent yet.")
			if kept := eval[string](b, `document.querySelector("[name=about]").value + "|" + document.querySelector("[name=text]").value`); kept != "/cc/PK/x|It works here." {
				b.Errorf("the form holds %q", kept)
			}
			b.choose(map[string]string{"text": "The end of the ban was on 6 May 2025, late in the evening, as this report says.", "source": "https://example.org/report"})
			b.do(chromedp.Click(chromedp.CSS("form.contribute button")))
			b.do(chromedp.WaitReady(chromedp.CSS(`[role=status]`)))
			b.says("It was kept.", "A person will look at it.")
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := openTab(t, chromium, s.url)
			b.size(1280, "light")
			b.T = t
			journey(b)
			b.calm(name)
		})
	}
	if notes, err := s.site.Inbox.List("new"); err != nil || len(notes) != 1 {
		t.Errorf("%d notes are kept, want the one that was sent: %v", len(notes), err)
	}
}
