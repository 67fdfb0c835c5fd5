package web

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/verdict"
)

// The drawing's measures, in the units of its view box.
const (
	labelWidth  = 110
	plotWidth   = 850
	rowHeight   = 18
	rowGap      = 4
	maxRows     = 15
	maxColumns  = 180 // more days than this are drawn by several days a column
	axisHeight  = 22
	marginAbove = 4
)

// timeline draws the days of all networks together and of each network as one
// SVG: a row a network, a column a day. Days without data are hatched, never
// blank and never the colour of ok.
func timeline(a *store.Answer, since, until time.Time) template.HTML {
	if len(a.Days) == 0 {
		return ""
	}
	from, to := parseDay(a.Days[0].Date), parseDay(a.Days[len(a.Days)-1].Date).AddDate(0, 0, 1)
	if !since.IsZero() && since.Before(from) {
		from = since
	}
	if until.After(to) {
		to = until
	}
	total := int(to.Sub(from).Hours() / 24)
	per := (total + maxColumns - 1) / maxColumns
	columns := (total + per - 1) / per
	rows := rowsOf(a)
	var b strings.Builder
	height := marginAbove + len(rows)*(rowHeight+rowGap) + axisHeight
	fmt.Fprintf(&b, `<svg class="timeline" viewBox="0 0 %d %d" role="img" aria-label="%s">`, labelWidth+plotWidth, height, template.HTMLEscapeString(a.Sentence))
	b.WriteString(`<defs><pattern id="nodata" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="nodata-back" width="6" height="6"/><line class="nodata-line" x1="0" y1="0" x2="0" y2="6"/></pattern></defs>`)
	width := float64(plotWidth) / float64(columns)
	for i, r := range rows {
		y := marginAbove + i*(rowHeight+rowGap)
		fmt.Fprintf(&b, `<text x="%d" y="%d" class="label">%s</text>`, labelWidth-8, y+rowHeight-5, template.HTMLEscapeString(r.label))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="url(#nodata)"><title>%s: no measurements</title></rect>`, labelWidth, y, plotWidth, rowHeight, template.HTMLEscapeString(r.label))
		for c := range columns {
			start := from.AddDate(0, 0, c*per)
			d, ok := merge(r.days, start, start.AddDate(0, 0, per))
			if !ok {
				continue
			}
			fmt.Fprintf(&b, `<rect x="%.2f" y="%d" width="%.2f" height="%d" class="s-%s"><title>%s, %s: %s; %d blocked, %d ok, %d down, %d inconclusive of %d</title></rect>`,
				labelWidth+float64(c)*width, y, max(width-0.5, 0.8), rowHeight, d.State,
				template.HTMLEscapeString(r.label), d.Date, stateWord(d.State), d.Blocked, d.OK, d.Down, d.Inconclusive, d.Measurements)
		}
	}
	axis(&b, from, to, height-axisHeight)
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // all text above is escaped
}

type timelineRow struct {
	label string
	days  map[string]store.Day
}

// rowsOf gives all networks together first, then those most measured.
func rowsOf(a *store.Answer) []timelineRow {
	rows := []timelineRow{{"all networks", index(a.Days)}}
	size := map[uint32]uint32{}
	for asn, days := range a.ByASN {
		for _, d := range days {
			size[asn] += d.Measurements
		}
	}
	asns := slices.SortedFunc(maps.Keys(a.ByASN), func(x, y uint32) int { return cmp.Or(cmp.Compare(size[y], size[x]), cmp.Compare(x, y)) })
	for _, asn := range asns[:min(len(asns), maxRows)] {
		label := fmt.Sprint("AS", asn)
		if asn == 0 {
			label = "unknown"
		}
		rows = append(rows, timelineRow{label, index(a.ByASN[asn])})
	}
	return rows
}

func index(days []store.Day) map[string]store.Day {
	m := make(map[string]store.Day, len(days))
	for _, d := range days {
		m[d.Date] = d
	}
	return m
}

// merge sums the days of one column; the column shows the strongest state
// that any of its days has against the network.
func merge(days map[string]store.Day, from, to time.Time) (store.Day, bool) {
	var sum store.Day
	found := false
	for t := from; t.Before(to); t = t.AddDate(0, 0, 1) {
		d, ok := days[t.Format(time.DateOnly)]
		if !ok || d.Measurements == 0 {
			continue
		}
		if !found || rank(d.State) > rank(sum.State) {
			sum.State = d.State
		}
		found = true
		sum.Blocked += d.Blocked
		sum.OK += d.OK
		sum.Down += d.Down
		sum.Inconclusive += d.Inconclusive
		sum.Measurements += d.Measurements
	}
	sum.Date = from.Format(time.DateOnly)
	if last := to.AddDate(0, 0, -1); last.After(from) {
		sum.Date += " to " + last.Format(time.DateOnly)
	}
	return sum, found
}

func rank(s verdict.State) int {
	return slices.Index([]verdict.State{verdict.Insufficient, verdict.OK, verdict.Down, verdict.Impaired, verdict.LikelyBlocked, verdict.Blocked}, s)
}

// axis draws month or year marks below the rows.
func axis(b *strings.Builder, from, to time.Time, y int) {
	days := to.Sub(from).Hours() / 24
	x := func(t time.Time) float64 { return labelWidth + t.Sub(from).Hours()/24/days*plotWidth }
	step, form := func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }, "2 Jan"
	start := from
	switch {
	case days > 900:
		step, form = func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }, "2006"
		start = time.Date(from.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
	case days > 62:
		every := int(days/30/12) + 1
		step, form = func(t time.Time) time.Time { return t.AddDate(0, every, 0) }, "Jan 2006"
		start = time.Date(from.Year(), from.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	case days > 12:
		step = func(t time.Time) time.Time { return t.AddDate(0, 0, 7) }
	}
	for t := start; t.Before(to); t = step(t) {
		fmt.Fprintf(b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" class="tick"/><text x="%.1f" y="%d" class="axis">%s</text>`, x(t), y-2, x(t), y+3, x(t)+2, y+14, t.Format(form))
	}
}

func parseDay(s string) time.Time {
	t, _ := time.Parse(time.DateOnly, s) // made by the store
	return t
}
