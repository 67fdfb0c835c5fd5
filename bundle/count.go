package bundle

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// cells counts the enclosed verdicts of each pair again and compares with the
// enclosed cells.
func (r *Result) cells(c *Contents) {
	marks := map[spot]Mark{}
	for _, a := range c.Marks {
		marks[spot{a.Raw, a.Line}] = a
	}
	for i := range c.Pairs {
		p := &c.Pairs[i]
		what := fmt.Sprintf("%s in %s", p.Target, p.CC)
		if p.Measurements == 0 {
			r.open(byWord+": that a measurement was never received cannot be shown", "nothing was measured of %s", what)
			continue
		}
		if p.From == p.Until {
			r.open(fmt.Sprintf("not repeated here: only %d of %d measurements are enclosed", p.Enclosed, p.Measurements), "the counts of %s follow from the verdicts", what)
			continue
		}
		wrong, cells, marked := p.recount(c, marks)
		switch {
		case len(wrong) > 0:
			r.wrong(wrong, "the counts of %s follow from the verdicts", what)
		case p.Enclosed < p.Measurements:
			r.open(fmt.Sprintf("not repeated here for all of the time: %d of %d measurements are enclosed; of the days from %s until %s, of which all are, %d cells were counted again and are the same",
				p.Enclosed, p.Measurements, day(p.From), day(p.Until-1), cells), "the counts of %s follow from the verdicts", what)
		default:
			r.proved("the counts of %s follow from the verdicts on its %d measurements: counted again here, %d cells are the same", what, p.Measurements, cells)
		}
		if marked > 0 {
			r.open("not repeated here: it needs all measurements of a month, of all countries; the bundle names the measurements that were set apart so", "%d measurements of %s are rightly counted apart (a failure that follows a program, a network that lets only a list through, a network that is slow for one target)", marked, what)
		}
	}
	if len(c.Pairs) > 0 {
		r.open("what the archive has of it is bound by the log where a line above says so; what never came to the archive nobody can enclose", "nothing that was measured is missing in the counts")
	}
}

// hours returns the enclosed hourly cells of a country.
func (c *Contents) hours(cc string) []series.Cell {
	for i := range c.Places {
		if c.Places[i].CC == cc {
			return c.Places[i].Hours()
		}
	}
	return nil
}

func day(t int64) string { return time.Unix(t, 0).UTC().Format(time.DateOnly) }

// recount counts the verdicts of a pair by hour and day and compares. wrong says
// what differs; cells is the number of cells that are the same; marked is the
// number of verdicts that Marks change.
func (p *Pair) recount(c *Contents, marks map[spot]Mark) (wrong []string, cells, marked int) {
	hours, days := series.NewBuilder(series.Hour).WithParts(), series.NewBuilder(series.Day)
	odd := map[int64]bool{} // days of rows with a wrong clock: the archive counts such rows on the day they were received
	n := 0
	for i := range c.Verdicts {
		v := c.Verdicts[i]
		if v.CC != p.CC || v.Target != p.Target {
			continue
		}
		n++
		if a, ok := marks[spot{v.Raw, v.Line}]; ok && v.Raw != "" {
			marked++
			a.apply(&v)
		}
		if slices.ContainsFunc(v.Marks, func(m string) bool { return strings.HasPrefix(m, "clock_") }) {
			odd[floor(v.Time.Unix())] = true
		}
		hours.Add(&v)
		days.Add(&v)
	}
	if n != p.Enclosed {
		wrong = append(wrong, fmt.Sprintf("%s says that %d measurements are enclosed, and there are %d", indexName, p.Enclosed, n))
	}
	of := func(cells []series.Cell) []series.Cell {
		return slices.DeleteFunc(slices.Clone(cells), func(x series.Cell) bool {
			return x.CC != p.CC || x.Target != p.Target || x.Start < p.From || x.Start >= p.Until || odd[floor(x.Start)]
		})
	}
	for _, both := range [][2][]series.Cell{{of(c.hours(p.CC)), of(hours.Cells())}, {of(c.Days), of(days.Cells())}} {
		w, same := compareCells(both[0], both[1])
		wrong, cells = append(wrong, w...), cells+same
	}
	return wrong, cells, marked
}

func floor(t int64) int64 { return t - t%86400 }

// apply changes a verdict as the archive does before it counts it.
func (a *Mark) apply(v *verdict.Row) {
	if a.Invalid != "" {
		v.Invalid = a.Invalid
	}
	if a.Throttled {
		new(verdict.Throttle).Raise(v)
	}
}

// compareCells compares sorted cells. It says what differs and how many are the
// same.
func compareCells(enclosed, counted []series.Cell) (wrong []string, same int) {
	name := func(x *series.Cell) string {
		layer := x.Layer
		if layer != series.Whole {
			layer = ", " + layer
		}
		return fmt.Sprintf("%s %v%s, %s (%d s)", x.Target, network.ASN(x.ASN), layer, time.Unix(x.Start, 0).UTC().Format(time.DateTime), x.Span)
	}
	for len(enclosed) > 0 || len(counted) > 0 {
		switch d := order(enclosed, counted); {
		case d < 0:
			wrong = append(wrong, name(&enclosed[0])+": the bundle counts what is in none of its measurements")
			enclosed = enclosed[1:]
		case d > 0:
			wrong = append(wrong, name(&counted[0])+": measurements are enclosed that the bundle does not count")
			counted = counted[1:]
		default:
			if text(enclosed[0]) == text(counted[0]) {
				same++
			} else {
				wrong = append(wrong, name(&enclosed[0])+": "+firstDifference(enclosed[:1], counted[:1]))
			}
			enclosed, counted = enclosed[1:], counted[1:]
		}
	}
	return wrong, same
}

func order(a, b []series.Cell) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return series.Compare(a[0], b[0])
}

// events runs the detector again on the enclosed cells and compares its dated bans
// with the enclosed ones.
func (r *Result) events(c *Contents, all map[string][]event.Event) {
	if len(c.Events) == 0 {
		r.missing(c, all)
		return
	}
	found := map[string]event.Event{}
	alone := map[string]bool{} // countries of which only the cells of the pairs are enclosed
	for _, p := range c.Places {
		list, whole := all[p.CC]
		if alone[p.CC] = !whole; !whole {
			list = detect(c, p.CC)
		}
		for _, e := range list {
			found[e.ID] = e
		}
	}
	for i := range c.Events {
		e := &c.Events[i]
		what := fmt.Sprintf("the dated ban %s follows from the counts", e.ID)
		mine, ok := found[e.ID]
		switch {
		case len(e.Signals) > 0:
			r.open("not repeated here: it rests on signals of the whole country from outside, which are not enclosed; it names the documents that hold them by their SHA-256", "%s", what)
		case e.Detector != event.Version:
			r.open(fmt.Sprintf("it was dated by %s, and this program has %s, which %s", e.Detector, event.Version, compared(e, &mine, ok)), "%s", what)
		case alone[e.CC]:
			r.open(fmt.Sprintf("not repeated here: the comparison with other targets of the country and with other countries, since the cells of all targets are too many to be enclosed; the counts of this target alone %s", compared(e, &mine, ok)), "%s", what)
		case !ok:
			r.wrong([]string{fmt.Sprintf("%s finds no such ban in them", event.Version)}, "%s", what)
		case text(e) != text(mine):
			r.wrong([]string{firstDifference([]event.Event{*e}, []event.Event{mine})}, "%s", what)
		default:
			r.proved("the dated ban %s follows from the counts of all targets and networks of %s: %s, run again here, finds the same ban, with the same dates and reasons", e.ID, e.CC, event.Version)
		}
	}
	r.missing(c, all)
	r.apart(c)
}

// detect runs the detector on the cells of each country that is enclosed whole. It
// returns the events by country; none where the enclosed bans are of another
// version of the detector.
func (c *Contents) detect() map[string][]event.Event {
	out := map[string][]event.Event{}
	for _, p := range c.Places {
		if p.Whole && c.State.Detector == event.Version {
			out[p.CC] = detect(c, p.CC)
		}
	}
	return out
}

// missing says which dated bans the detector finds for the pairs and the bundle
// leaves out.
func (r *Result) missing(c *Contents, all map[string][]event.Event) {
	var wrong []string
	for _, p := range c.Pairs {
		for i := range all[p.CC] {
			e := &all[p.CC][i]
			if slices.Contains(e.Targets, p.Target) && e.Kind != event.Shutdown && !slices.ContainsFunc(c.Events, func(o event.Event) bool { return o.ID == e.ID }) {
				wrong = append(wrong, fmt.Sprintf("%s, %s in %s, which began %s", e.ID, p.Target, p.CC, e.Onset))
			}
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		r.wrong(slices.Compact(wrong), "all dated bans that the enclosed counts show are enclosed")
	}
}

// apart says which input of the detector the check takes as it is enclosed.
func (r *Result) apart(c *Contents) {
	for _, p := range c.Places {
		if !p.Whole {
			continue
		}
		if p.Others > 0 {
			r.open("not repeated here: what the cells of other countries show by themselves is taken as enclosed, since those cells are not; the comparison with it was made again here", "the change was not seen in %d other countries at the same time", p.Others)
		}
		pairs := map[string]bool{}
		for _, x := range c.Pairs {
			if x.CC == p.CC {
				pairs[x.Target] = true
			}
		}
		others := 0
		for _, x := range p.Hours() {
			if !pairs[x.Target] {
				others++
			}
		}
		if others > 0 {
			r.open("not repeated here: their measurements are not enclosed; the detector looks at them to tell defects of probes from bans", "%d cells of other targets of %s are counted rightly", others, p.CC)
		}
	}
	if len(c.Counts) > 0 {
		r.open("others counted them, and published no measurements", "%d rows of published counts are right", len(c.Counts))
	}
}

// compared says in words how what is found here relates to an enclosed event.
func compared(e, mine *event.Event, ok bool) string {
	switch {
	case !ok:
		return "show no such ban"
	case text(e.Onset) == text(mine.Onset) && text(e.End) == text(mine.End):
		return "show it with the same beginning and end"
	}
	return fmt.Sprintf("show it beginning %s", mine.Onset)
}

// detect runs the detector on the cells of one country, with the enclosed findings
// of the others.
func detect(c *Contents, cc string) []event.Event {
	own := c.hours(cc)
	counts := slices.DeleteFunc(slices.Clone(c.Counts), func(x derivation.PublishedCount) bool { return x.CC != cc })
	var all []event.Findings
	for _, text := range c.Findings {
		var f event.Findings
		if json.Unmarshal(text, &f) == nil && f.CC != cc { // findings of another detector cannot be read and are not compared
			all = append(all, f)
		}
	}
	all = append(all, event.Find(derivation.Beside(own, derivation.PublishedCells(counts)), nil))
	slices.SortFunc(all, func(a, b event.Findings) int { return cmp.Compare(a.CC, b.CC) })
	d := event.NewDetector(time.Time{})
	for _, f := range all {
		d.Add(f)
	}
	return slices.DeleteFunc(d.Finish().Events, func(e event.Event) bool { return e.CC != cc })
}
