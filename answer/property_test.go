package answer

import (
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/event/bench"
	"github.com/bandish/bandish/internal/history"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/targets"
	"github.com/bandish/bandish/verdict"
)

// counted is an archive of one country in memory.
type counted struct {
	cc          string
	days, hours map[string][]series.Cell // by target
	events      []event.Event
}

func (c *counted) Evidence(_ context.Context, _, target string, _ time.Time) (Evidence, error) {
	return Evidence{Days: c.days[target], Events: c.events}, nil
}

func (c *counted) Cells(_ context.Context, _, target string, from, to, _ time.Time) ([]series.Cell, error) {
	return between(c.hours[target], from, to), nil
}

func byTarget(cells []series.Cell) map[string][]series.Cell {
	out := map[string][]series.Cell{}
	for _, c := range cells {
		if c.Layer == series.Whole {
			out[c.Target] = append(out[c.Target], c)
		}
	}
	return out
}

// daily adds hourly cells up to daily ones, each report a voice.
func daily(hours []series.Cell) []series.Cell {
	var out []series.Cell
	by := map[uint32][]series.Cell{}
	for _, c := range hours {
		by[c.ASN] = append(by[c.ASN], c)
	}
	for asn, cells := range by {
		for i := range cells {
			cells[i].Start -= cells[i].Start % 86400
		}
		for _, d := range series.Days(cells) {
			d.ASN, d.Span, d.CC, d.Target = asn, 86400, cells[0].CC, cells[0].Target
			out = append(out, d)
		}
	}
	series.Sort(out)
	return out
}

// inBans are the laws of the one answer, on each day of each target:
// within a dated ban nothing says ok for its networks, nor ok for the country
// without a word on the ban; outside of all bans and of their uncertain edges
// nothing says blocked; and every surface has the same state and counts.
func (c *counted) check(t *testing.T, from, to time.Time) {
	t.Helper()
	for target, days := range c.days {
		ev := Evidence{Days: days, Events: c.events}
		all, byASN := Timeline(Question{CC: c.cc, Target: target, Now: to}, ev, time.Time{})
		for day := from; day.Before(to); day = day.AddDate(0, 0, 1) {
			end := day.AddDate(0, 0, 1)
			a := Of(Question{CC: c.cc, Target: target, At: end, Now: to}, ev)
			v := newView(Question{CC: c.cc, Target: target, At: end, Now: to}, ev)
			c.checkDay(t, v, &a, day, all, byASN)
		}
	}
}

func (c *counted) checkDay(t *testing.T, v *view, a *Answer, day time.Time, all []Day, byASN map[uint32][]Day) {
	t.Helper()
	end := day.AddDate(0, 0, 1)
	where := fmt.Sprintf("%s in %s on %s", a.Target, a.CC, day.Format(time.DateOnly))
	inside, near := map[uint32]bool{}, map[uint32]bool{}
	held, may := false, false
	for i := range v.spans {
		s := &v.spans[i]
		if s.covers(day, end) && v.holds(s) {
			inside[s.asn], held = true, true
		}
		if s.may(day.Add(-24*time.Hour), end) {
			near[s.asn], may = true, true
		}
	}
	if held && a.State == verdict.OK && !a.Partial {
		t.Errorf("%s: ok without a word on the ban that holds: %s", where, a.Sentence)
	}
	if !may && a.State.Accuses() {
		t.Errorf("%s: blocked outside of all bans: %s", where, a.Sentence)
	}
	for _, n := range a.Networks {
		if inside[n.ASN] && n.State == verdict.OK {
			t.Errorf("%s: AS%d is ok within its ban", where, n.ASN)
		}
		if !near[n.ASN] && n.State.Accuses() {
			t.Errorf("%s: AS%d is blocked outside of all bans", where, n.ASN)
		}
	}
	for asn, days := range byASN {
		checkTimeline(t, fmt.Sprint(where, ", AS", asn), days, day, inside[asn], near[asn])
	}
	checkTimeline(t, where+", all", all, day, held, may)
	if day.Day()%7 == 0 { // it asks about each network by itself
		c.checkSame(t, where, v, a)
	}
	c.checkClaim(t, where, a.Target, day, inside, near)
}

func checkTimeline(t *testing.T, where string, days []Day, day time.Time, inside, near bool) {
	t.Helper()
	i, ok := slices.BinarySearchFunc(days, day.Format(time.DateOnly), func(d Day, date string) int { return strings.Compare(d.Date, date) })
	if !ok {
		return
	}
	if inside && days[i].State == verdict.OK {
		t.Errorf("%s: a day within a ban is drawn as ok", where)
	}
	if !near && days[i].State.Accuses() {
		t.Errorf("%s: a day outside of all bans is drawn as blocked", where)
	}
}

// checkSame asks about each network by itself, and compares.
func (c *counted) checkSame(t *testing.T, where string, v *view, a *Answer) {
	t.Helper()
	for _, n := range a.Networks {
		if n.ASN == 0 {
			continue
		}
		one := Of(Question{CC: a.CC, Target: a.Target, ASNs: []uint32{n.ASN}, At: a.At, Now: v.q.Now}, v.ev)
		if len(one.Networks) != 1 || n.Note != "a ban that holds on other networks may hold here, too" &&
			(one.Networks[0].State != n.State || one.Networks[0].Counts.Measurements != n.Counts.Measurements || one.Networks[0].Event != n.Event) {
			t.Errorf("%s: AS%d is %+v among others and %+v alone", where, n.ASN, n, one.Networks)
		}
	}
	if hit := a.Interfered(); len(hit) > 0 && total(hit).Failed != a.Counts.Failed {
		t.Errorf("%s: %d failed in all, %d on the networks", where, a.Counts.Failed, total(hit).Failed)
	}
}

// checkClaim asks whether it was true that the target could be reached.
func (c *counted) checkClaim(t *testing.T, where, target string, day time.Time, inside, near map[uint32]bool) {
	t.Helper()
	claim := casefile.AccessClaim{Target: target, CC: c.cc, At: casefile.Day(day, time.UTC), Says: casefile.Accessible}
	got, err := measure(context.Background(), new(casefile.Records), &claim, day, day.AddDate(0, 0, 1), time.Time{}, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range got.Networks {
		asn := uint32(n.ASN)
		if inside[asn] && n.Reading == casefile.ReadOK {
			t.Errorf("%s: a claim reads AS%d as ok within its ban", where, asn)
		}
		if !near[asn] && n.Reading == casefile.ReadBlocked {
			t.Errorf("%s: a claim reads AS%d as blocked outside of all bans", where, asn)
		}
	}
}

// worlds is how many worlds are asked: BANDISH_SEEDS says another number.
func worlds() int {
	if n, err := strconv.Atoi(os.Getenv("BANDISH_SEEDS")); err == nil {
		return n
	}
	if os.Getenv("BANDISH_LONG") != "" {
		return 20
	}
	return 2
}

// The laws hold over the benchmark's worlds.
func TestLawsOverWorlds(t *testing.T) {
	bans := 0
	for seed := range worlds() {
		w := bench.Generate(uint64(seed)+7000, bench.Size{Countries: 3, Targets: 4, Days: 150, BanShare: 0.4})
		var cells []series.Cell
		for i := range w.Countries {
			cells = append(cells, series.Build(slices.Values(w.Countries[i].Rows), series.Hour)...)
		}
		found := event.Detect(slices.Clone(cells), time.Time{})
		for i := range w.Countries {
			rows := w.Countries[i].Rows
			c := &counted{cc: w.Countries[i].CC, days: byTarget(series.Build(slices.Values(rows), series.Day)), hours: byTarget(series.Build(slices.Values(rows), series.Hour))}
			for _, e := range found.Events {
				if e.CC == c.cc {
					c.events = append(c.events, e)
				}
			}
			bans += len(c.events)
			c.check(t, w.Start, w.End)
		}
	}
	if bans < worlds() {
		t.Errorf("only %d bans in %d worlds: the test says little", bans, worlds())
	}
}

// The laws hold over every real history that is at hand.
func TestLawsOverHistories(t *testing.T) {
	shared := os.Getenv("BANDISH_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	files, _ := filepath.Glob(filepath.Join(shared, "cases", "histories", "*.csv.gz"))
	files = append(files, filepath.Join(shared, "series", "kenya-2024-telegram.org-observations.csv.gz"))
	if _, err := os.Stat(files[len(files)-1]); err != nil {
		t.Skip("the real histories are not at hand: name their folder in BANDISH_SHARED")
	}
	registry, err := target.Load(targets.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			c := history.NewCollector(history.Options{Registry: registry, CC: "ZZ", Judge: judge(registry)})
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			z, err := gzip.NewReader(f)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read(z); err != nil {
				t.Fatal(err)
			}
			cells := c.Cells()
			first, last := cells[0].Start, cells[0].End()
			by := map[string]*counted{}
			for _, cell := range cells {
				if by[cell.CC] == nil {
					by[cell.CC] = &counted{cc: cell.CC, days: map[string][]series.Cell{}, hours: map[string][]series.Cell{}}
				}
				by[cell.CC].hours[cell.Target] = append(by[cell.CC].hours[cell.Target], cell)
				first, last = min(first, cell.Start), max(last, cell.End())
			}
			found := event.Detect(slices.Clone(cells), time.Time{})
			for cc, one := range by {
				for target, hours := range one.hours {
					one.days[target] = daily(slices.Clone(hours))
				}
				for _, e := range found.Events {
					if e.CC == cc {
						one.events = append(one.events, e)
					}
				}
				one.check(t, floorDay(time.Unix(first, 0)), time.Unix(last, 0))
			}
		})
	}
}

// judge judges the rows of OONI's obs_web table as the import does.
func judge(registry *target.Registry) history.Judge {
	options := observation.Options{Target: func(host, test string, at time.Time) string {
		if id := registry.OfHost(host, at); host != "" && id != "" {
			return id
		}
		return registry.OfTest(test)
	}}
	return history.JudgeWith(options)
}
