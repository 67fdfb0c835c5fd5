package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/pipeline"
	"golang.org/x/term"
)

// meter shows progress: on a terminal, one line that is drawn again and again; elsewhere,
// a line every few seconds.
type meter struct {
	w     io.Writer
	now   func() time.Time
	term  bool
	start time.Time
	last  time.Time
	drawn bool

	kind      string // of the steps being shown, and when the first was shown
	kindStart time.Time
}

func newMeter(w io.Writer, now func() time.Time) *meter {
	f, ok := exact(w).(*os.File) // the meter's own escapes are wanted
	if ok {
		w = f
	}
	return &meter{w: w, now: now, term: ok && term.IsTerminal(int(f.Fd())), start: now(), last: now()}
}

// progress lets an archive show a meter for its long tasks. End the meter before the
// result is printed.
func (env *environment) progress(a *archive.Archive) *meter {
	m := newMeter(env.stderr, time.Now)
	a.Step = m.step
	return m
}

// due reports whether it is time to show another line.
func (m *meter) due() bool {
	now, every := m.now(), 5*time.Second
	if m.term {
		every = 200 * time.Millisecond
	}
	if now.Sub(m.last) < every {
		return false
	}
	m.last = now
	return true
}

// step shows how many things of a kind are done. of is how many there are, 0 if that is
// not known.
func (m *meter) step(kind string, done, of int) {
	if kind != m.kind {
		m.kind, m.kindStart = kind, m.now()
	}
	if !m.due() {
		return
	}
	line := fmt.Sprintf("%s %d", kind, done)
	if of > 0 {
		line += fmt.Sprintf(" of %d", of)
		if done > 0 && done < of {
			spent := m.now().Sub(m.kindStart)
			line += fmt.Sprintf(", about %s left", (spent * time.Duration(of-done) / time.Duration(done)).Round(time.Second))
		}
	}
	m.show(line)
}

// tell shows how far an import is.
func (m *meter) tell(p pipeline.Progress) {
	if !m.due() {
		return
	}
	secs := m.last.Sub(m.start).Seconds()
	line := fmt.Sprintf("%d documents, %.0f/s, %d set aside", p.Read, float64(p.Read)/secs, p.Quarantined)
	if p.Bytes > 0 && p.BytesDone > 0 {
		share := min(1, float64(p.BytesDone)/float64(p.Bytes))
		eta := time.Duration(secs * (1/share - 1) * float64(time.Second)).Round(time.Second)
		line = fmt.Sprintf("%3.0f %% of %.1f MB, %s, about %s left", 100*share, float64(p.Bytes)/1e6, line, eta)
		if m.term {
			const width = 24
			n := int(share * width)
			line = "[" + strings.Repeat("#", n) + strings.Repeat(".", width-n) + "] " + line
		}
	}
	m.show(line)
}

func (m *meter) show(line string) {
	if m.term {
		fmt.Fprintf(m.w, "\r\033[K%s", line)
		m.drawn = true
		return
	}
	fmt.Fprintln(m.w, line)
}

func (m *meter) end() {
	if m.drawn {
		fmt.Fprint(m.w, "\r\033[K")
		m.drawn = false
	}
}
