package web

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/verdict"
)

// The drawing's measures, in pixels from above. From the left all is in
// percent, so that it fits every page.
const (
	labelHeight = 18
	barHeight   = 18
	rowHeight   = labelHeight + barHeight + 4
	axisHeight  = 22
	maxRows     = 15
	maxColumns  = 180 // more days than this are drawn by several days a column
)

// barHeights say the state once more, for who cannot tell the colours: the
// more a bar speaks for blocking, the taller it is.
var barHeights = map[verdict.State]int{
	verdict.Blocked: barHeight, verdict.LikelyBlocked: barHeight, verdict.Impaired: 12, verdict.Down: 9, verdict.OK: 6, verdict.Insufficient: 6,
}

// timeline draws the days of all networks together and of each network as one
// SVG: a row a network, a column a day. Days without data are hatched, never
// blank and never the colour of ok.
func timeline(a *inquiry.Answered, since, until time.Time) template.HTML {
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
	rows := rowsOf(a)
	var b strings.Builder
	height := len(rows)*rowHeight + axisHeight
	fmt.Fprintf(&b, `<svg class="timeline" width="100%%" height="%d" role="img" aria-label="Timeline from %s to %s, a row a network. %s">`,
		height, from.Format(longDay), to.AddDate(0, 0, -1).Format(longDay), template.HTMLEscapeString(a.Sentence))
	b.WriteString(`<defs><pattern id="nodata" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="nodata-back" width="6" height="6"/><line class="nodata-line" x1="0" y1="0" x2="0" y2="6"/></pattern></defs>`)
	for i := range rows {
		drawRow(&b, &rows[i], i*rowHeight, from, (total+per-1)/per, per)
	}
	axis(&b, from, to, height-axisHeight)
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // all text above is escaped
}

// drawRow draws a network's name and below it its days, so many a column.
func drawRow(b *strings.Builder, r *timelineRow, y int, from time.Time, columns, per int) {
	label := template.HTMLEscapeString(r.label)
	fmt.Fprintf(b, `<text x="0" y="%d" class="label">%s</text>`, y+labelHeight-4, label)
	fmt.Fprintf(b, `<rect x="0" y="%d" width="100%%" height="%d" fill="url(#nodata)"><title>%s: no measurements</title></rect>`, y+labelHeight, barHeight, label)
	width := 100 / float64(columns)
	for c := range columns {
		start := from.AddDate(0, 0, c*per)
		d, ok := merge(r.days, start, start.AddDate(0, 0, per))
		if !ok {
			continue
		}
		place := fmt.Sprintf(`x="%.3f%%" width="%.3f%%"`, float64(c)*width, width)
		apart := ""
		if columns <= 62 {
			apart = " apart"
		}
		bar := func(from, height int, class string) {
			fmt.Fprintf(b, `<rect %s y="%d" height="%d" class="%s"/>`, place, y+labelHeight+barHeight-from-height, height, class)
		}
		worst, some := r.worst(start, per), ""
		height := barHeights[d.State]
		if rank(worst) > rank(d.State) && rank(worst) >= rank(verdict.LikelyBlocked) {
			some = " (" + stateWord(worst) + " on some networks)"
		}
		fmt.Fprintf(b, `<g><title>%s, %s: %s%s; %d blocked, %d ok, %d down, %d inconclusive of %d</title>`,
			label, d.Date, stateWord(d.State), some, d.Blocked, d.OK, d.Down, d.Inconclusive, d.Measurements)
		bar(0, barHeight, "above")
		if bar(0, height, "s-"+string(d.State)+apart); some != "" && height < barHeight {
			bar(height, min(6, barHeight-height), "s-"+string(worst)+apart)
		}
		b.WriteString(`</g>`)
	}
}

// worst is the state most against the network that any of the row's parts has
// on the days of a column.
func (r *timelineRow) worst(from time.Time, days int) verdict.State {
	worst := verdict.Insufficient
	for _, part := range r.parts {
		for i := range days {
			if d, ok := part[from.AddDate(0, 0, i).Format(time.DateOnly)]; ok && d.Measurements > 0 && rank(d.State) > rank(worst) {
				worst = d.State
			}
		}
	}
	return worst
}

type timelineRow struct {
	label string
	days  map[string]answer.Day
	parts []map[string]answer.Day // the networks, of all together
}

// rowsOf gives all networks together first, then those most measured.
func rowsOf(a *inquiry.Answered) []timelineRow {
	rows := []timelineRow{{label: "all networks together", days: index(a.Days)}}
	size := map[uint32]uint32{}
	for asn, days := range a.ByASN {
		rows[0].parts = append(rows[0].parts, index(days))
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
		rows = append(rows, timelineRow{label: label, days: index(a.ByASN[asn])})
	}
	return rows
}

func index(days []answer.Day) map[string]answer.Day {
	m := make(map[string]answer.Day, len(days))
	for _, d := range days {
		m[d.Date] = d
	}
	return m
}

// merge sums the days of one column; the column shows the strongest state
// that any of its days has against the network.
func merge(days map[string]answer.Day, from, to time.Time) (answer.Day, bool) {
	var sum answer.Day
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

// axis draws day, month or year marks below the rows. Of more than four, a
// narrow page names every third.
func axis(b *strings.Builder, from, to time.Time, y int) {
	days := to.Sub(from).Hours() / 24
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
	var marks []time.Time
	for t := start; t.Before(to); t = step(t) {
		marks = append(marks, t)
	}
	for i, t := range marks {
		x, class := 100*t.Sub(from).Hours()/24/days, "axis"
		if x > 93 {
			class += " last" // its name stands before it
		}
		if len(marks) > 4 && i%3 != 0 {
			class += " minor"
		}
		fmt.Fprintf(b, `<line x1="%.2f%%" y1="%d" x2="%.2f%%" y2="%d" class="tick"/><text x="%.2f%%" y="%d" class="%s">%s</text>`, x, y-3, x, y+3, x, y+16, class, t.Format(form))
	}
}

func parseDay(s string) time.Time {
	t, _ := time.Parse(time.DateOnly, s) // made by the store
	return t
}
