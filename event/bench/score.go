package bench

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// Ours runs the detector of package event on a world.
func Ours(w *World) []Found {
	d := event.NewDetector(time.Time{})
	for i := range w.Countries {
		d.Country(series.Build(slices.Values(w.Countries[i].Rows), series.Hour))
	}
	var out []Found
	for _, e := range d.Finish().Events {
		f := Found{CC: e.CC, Targets: e.Targets, Networks: len(e.Networks), Confidence: e.Confidence, Hi: *e.Onset.Latest, From: *e.Onset.Latest}
		if e.Onset.Earliest != nil {
			f.Lo = *e.Onset.Earliest
			f.From = middle(f.Lo, f.Hi)
		}
		if e.End != nil {
			f.EndLo, f.EndHi = *e.End.Earliest, *e.End.Latest
			f.To = middle(f.EndLo, f.EndHi)
		}
		out = append(out, f)
	}
	return out
}

func middle(a, b time.Time) time.Time { return a.Add(b.Sub(a) / 2) }

// Score says how well a detector did.
type Score struct {
	Method                          string
	Truths, Hit                     int
	Rich, RichHit                   int // bans of a day or more whose networks gave eight measurements a day
	Dark, DarkHit                   int // whole countries that were dark
	Cut, CutHit                     int // single networks that were cut off
	Found, Right                    int // detections, and those of them that overlap a ban
	OnArtefact                      int
	Pieces                          int // detections that overlap a ban that was found
	QuietAlarms                     int
	QuietYears                      float64
	OnsetIn, OnsetOut               int // truths inside and outside the stated interval
	EndIn, EndOut                   int
	ErrHours, ErrMeasurements, Wide []float64
	Missed                          []Planted
	Wrong                           []Found
	Off                             []string
}

// Add adds the score of one world.
func (s *Score) Add(w *World, found []Found) {
	s.QuietYears += float64(w.Quiet) * w.End.Sub(w.Start).Hours() / 24 / 365
	banned := map[string]bool{}
	for _, b := range w.Truth {
		if !b.Artefact {
			banned[b.CC+" "+b.Target] = true
		}
	}
	right := make([]bool, len(found))
	for _, b := range w.Truth {
		s.truth(w, &b, found, right)
	}
	s.Found += len(found)
	for i, f := range found {
		if right[i] {
			s.Right++
			continue
		}
		s.Wrong = append(s.Wrong, f)
		for _, t := range f.Targets {
			if !banned[f.CC+" "+t] && t != "*" {
				s.QuietAlarms++
			}
		}
	}
}

func (s *Score) truth(w *World, b *Planted, found []Found, right []bool) {
	to := b.To
	if to.IsZero() {
		to = w.End
	}
	pieces := 0
	var best *Found
	for i := range found {
		f := &found[i]
		fTo := f.To
		if fTo.IsZero() {
			fTo = w.End
		}
		if f.CC != b.CC || !slices.Contains(f.Targets, b.Target) || f.From.After(to) || fTo.Before(b.From) {
			continue
		}
		if b.Target == "*" && (len(b.Networks) == 1) != (f.Networks == 1) {
			continue
		}
		if b.Artefact {
			s.OnArtefact++
			continue
		}
		right[i] = true
		pieces++
		if best == nil || f.From.Before(best.From) {
			best = f
		}
	}
	if b.Artefact {
		return
	}
	if b.Target == "*" {
		all, hit := &s.Dark, &s.DarkHit
		if len(b.Networks) == 1 {
			all, hit = &s.Cut, &s.CutHit
		}
		*all++
		if best != nil {
			*hit++
		} else {
			s.Missed = append(s.Missed, *b)
		}
	} else {
		days := to.Sub(b.From).Hours() / 24
		rich := days >= 1 && float64(between(w, b, to)) >= 8*days
		s.Truths++
		if rich {
			s.Rich++
		}
		if best == nil && rich {
			s.Missed = append(s.Missed, *b)
		}
		if best == nil {
			return
		}
		s.Hit++
		if rich {
			s.RichHit++
		}
		s.Pieces += pieces
	}
	if best != nil && pieces > 0 {
		s.dates(w, b, best)
	}
}

func (s *Score) dates(w *World, b *Planted, f *Found) {
	err := f.From.Sub(b.From).Abs()
	s.ErrHours = append(s.ErrHours, err.Hours())
	s.ErrMeasurements = append(s.ErrMeasurements, float64(between(w, b, f.From)))
	if !f.Hi.IsZero() {
		if !f.Lo.After(b.From) && !f.Hi.Before(b.From) {
			s.OnsetIn++
		} else {
			s.OnsetOut++
			s.Off = append(s.Off, fmt.Sprintf("%s %s true %s, said %s – %s; %d networks, partial %v, throttled %v, flaps %v", b.CC, b.Target,
				b.From.Format(time.DateTime), f.Lo.Format(time.DateTime), f.Hi.Format(time.DateTime), len(b.Networks), b.Partial, b.Throttled, b.Flaps))
		}
		if !f.Lo.IsZero() {
			s.Wide = append(s.Wide, f.Hi.Sub(f.Lo).Hours())
		}
	}
	if !f.EndHi.IsZero() && !b.To.IsZero() {
		if !f.EndLo.After(b.To) && !f.EndHi.Before(b.To) {
			s.EndIn++
		} else {
			s.EndOut++
		}
	}
}

// between counts the measurements of the ban's target and networks between its
// onset and a moment.
func between(w *World, b *Planted, at time.Time) int {
	lo, hi := b.From, at
	if hi.Before(lo) {
		lo, hi = hi, lo
	}
	n := 0
	for i := range w.Countries {
		if w.Countries[i].CC != b.CC {
			continue
		}
		for _, r := range w.Countries[i].Rows {
			if (r.Target == b.Target || b.Target == "*") && r.Time.After(lo) && r.Time.Before(hi) && slices.Contains(b.Networks, r.ASN) && r.State != verdict.Insufficient {
				n++
			}
		}
	}
	return n
}

func percentile(v []float64, p float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Clone(v)
	slices.Sort(s)
	return s[min(len(s)-1, int(p*float64(len(s))))]
}

func share(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// WriteTable writes scores side by side.
func WriteTable(out io.Writer, scores []*Score) {
	row := func(name string, f func(s *Score) string) {
		fmt.Fprintf(out, "%-46s", name)
		for _, s := range scores {
			fmt.Fprintf(out, "%18s", f(s))
		}
		fmt.Fprintln(out)
	}
	pct := func(a, b int) string { return fmt.Sprintf("%.3f (%d/%d)", share(a, b), a, b) }
	row("", func(s *Score) string { return s.Method })
	row("bans", func(s *Score) string { return fmt.Sprint(s.Truths) })
	row("quiet series-years", func(s *Score) string { return fmt.Sprintf("%.0f", s.QuietYears) })
	row("precision", func(s *Score) string { return pct(s.Right, s.Found) })
	row("recall, all bans", func(s *Score) string { return pct(s.Hit, s.Truths) })
	row("recall, >= 8 measurements a day and >= 1 day", func(s *Score) string { return pct(s.RichHit, s.Rich) })
	row("darkness found", func(s *Score) string { return pct(s.DarkHit, s.Dark) })
	row("darkness of one network found", func(s *Score) string { return pct(s.CutHit, s.Cut) })
	row("events on artefacts of the world", func(s *Score) string { return fmt.Sprint(s.OnArtefact) })
	row("events per ban", func(s *Score) string { return fmt.Sprintf("%.3f", share(s.Pieces, s.Hit)) })
	row("false alarms per 1,000 quiet series-years", func(s *Score) string {
		return fmt.Sprintf("%.2f", float64(s.QuietAlarms)/s.QuietYears*1000)
	})
	row("onset error, median h", func(s *Score) string { return fmt.Sprintf("%.1f", percentile(s.ErrHours, 0.5)) })
	row("onset error, p90 h", func(s *Score) string { return fmt.Sprintf("%.1f", percentile(s.ErrHours, 0.9)) })
	row("onset error, median measurements", func(s *Score) string { return fmt.Sprintf("%.0f", percentile(s.ErrMeasurements, 0.5)) })
	row("onset error, p90 measurements", func(s *Score) string { return fmt.Sprintf("%.0f", percentile(s.ErrMeasurements, 0.9)) })
	row("onset interval, median width h", func(s *Score) string { return fmt.Sprintf("%.1f", percentile(s.Wide, 0.5)) })
	row("onset interval holds the truth", func(s *Score) string {
		if s.OnsetIn+s.OnsetOut == 0 {
			return "-"
		}
		return pct(s.OnsetIn, s.OnsetIn+s.OnsetOut)
	})
	row("end interval holds the truth", func(s *Score) string {
		if s.EndIn+s.EndOut == 0 {
			return "-"
		}
		return pct(s.EndIn, s.EndIn+s.EndOut)
	})
}

// Standard is the size of the benchmark's worlds. Ten worlds have some 2,000 quiet
// series and 500 bans, over a year.
var Standard = Size{Countries: 32, Targets: 8, Days: 365, BanShare: 0.21}

// Run scores all methods on the worlds of the seeds.
func Run(seeds []uint64, size Size) []*Score {
	methods := []struct {
		name string
		run  func(*World) []Found
	}{{"ours", Ours}, {"daily threshold", DailyThreshold}, {"CUSUM", Cusum}}
	worlds := make([][]*Score, len(seeds))
	var wait sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for k, seed := range seeds {
		free <- struct{}{}
		wait.Go(func() {
			defer func() { <-free }()
			w := Generate(seed, size)
			for _, m := range methods {
				s := &Score{Method: m.name}
				s.Add(w, m.run(w))
				worlds[k] = append(worlds[k], s)
			}
		})
	}
	wait.Wait()
	scores := make([]*Score, len(methods))
	for i, m := range methods {
		scores[i] = &Score{Method: m.name}
		for k := range worlds {
			scores[i].join(worlds[k][i])
		}
	}
	return scores
}

// join adds the score of other worlds.
func (s *Score) join(o *Score) {
	for _, n := range []struct {
		into *int
		more int
	}{
		{&s.Truths, o.Truths}, {&s.Hit, o.Hit}, {&s.Rich, o.Rich}, {&s.RichHit, o.RichHit}, {&s.Dark, o.Dark}, {&s.DarkHit, o.DarkHit},
		{&s.Cut, o.Cut}, {&s.CutHit, o.CutHit}, {&s.Found, o.Found}, {&s.Right, o.Right}, {&s.OnArtefact, o.OnArtefact}, {&s.Pieces, o.Pieces},
		{&s.QuietAlarms, o.QuietAlarms}, {&s.OnsetIn, o.OnsetIn}, {&s.OnsetOut, o.OnsetOut}, {&s.EndIn, o.EndIn}, {&s.EndOut, o.EndOut},
	} {
		*n.into += n.more
	}
	s.QuietYears += o.QuietYears
	s.ErrHours = append(s.ErrHours, o.ErrHours...)
	s.ErrMeasurements = append(s.ErrMeasurements, o.ErrMeasurements...)
	s.Wide = append(s.Wide, o.Wide...)
	s.Missed = append(s.Missed, o.Missed...)
	s.Wrong = append(s.Wrong, o.Wrong...)
	s.Off = append(s.Off, o.Off...)
}
