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
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/verdict"
)

// The drawings' measures in pixels from above. From the left all is in percent,
// so that it fits every page.
const (
	stripHeight = 22
	markHeight  = 18
	axisHeight  = 24
	someRows    = 10  // networks that are drawn unless all are asked for
	maxColumns  = 180 // more days than this are drawn by several days a column
)

// barHeights say the state once more, for who cannot tell the colours: the
// more a bar speaks for blocking, the taller it is.
var barHeights = map[verdict.State]int{
	verdict.Blocked: stripHeight, verdict.LikelyBlocked: stripHeight, verdict.Impaired: 14, verdict.Down: 11, verdict.OK: 8, verdict.Insufficient: 8,
}

// chart is one time axis with its rows.
type chart struct {
	From, To time.Time // the first day, and the end of the last
	Per      int       // days a column
	Rows     []chartRow
	Axis     template.HTML
	Hidden   int // networks that are not drawn
	Outside  int // marks that lie before or after the axis

	target string
}

// LastDay is the last day of the axis.
func (c *chart) LastDay() time.Time { return c.To.AddDate(0, 0, -1) }

// chartRow is a label and a drawing.
type chartRow struct {
	Label, Href, Note string
	Drawing           template.HTML
}

// chartOf draws the days of all networks together and of each network on one
// axis, and the dated bans behind them. Days without data are hatched, never
// blank and never the colour of ok.
func chartOf(a *inquiry.Answered, bans []event.Event, from, to time.Time, all bool) *chart {
	if !from.Before(to) {
		return nil
	}
	total := int(to.Sub(from).Hours() / 24)
	c := &chart{target: a.Target, From: from, To: to, Per: max(1, (total+maxColumns-1)/maxColumns)}
	rows := rowsOf(a)
	for i := range rows {
		if i > someRows && !all {
			c.Hidden = len(rows) - i
			break
		}
		r := &rows[i]
		row := chartRow{Label: r.label, Drawing: c.strip(r, bans), Note: count(r.measurements, "measurement")}
		if r.asn != 0 {
			row.Href = fmt.Sprintf("/networks/AS%d", r.asn)
		}
		c.Rows = append(c.Rows, row)
	}
	c.Axis = axis(from, to)
	return c
}

// at is a moment's place on the axis in percent.
func (c *chart) at(t time.Time) float64 {
	return min(100, max(0, 100*float64(t.Sub(c.From))/float64(c.To.Sub(c.From))))
}

// strip draws a row's days, so many a column.
func (c *chart) strip(r *timelineRow, bans []event.Event) template.HTML {
	var b strings.Builder
	label := template.HTMLEscapeString(r.label)
	columns := (int(c.To.Sub(c.From).Hours()/24) + c.Per - 1) / c.Per
	fmt.Fprintf(&b, `<svg height="%d" role="img" aria-label="%s, day by day">`, stripHeight, label)
	fmt.Fprintf(&b, `<rect width="100%%" y="%d" height="8" fill="url(#nodata)"><title>%s: no measurements</title></rect>`, stripHeight-8, label)
	for i := range bans {
		e := &bans[i]
		if r.asn == 0 {
			c.ban(&b, e.Kind, e.Onset, e.End)
			continue
		}
		for _, h := range answer.Holds(e, c.target) {
			if h.ASN == r.asn {
				c.ban(&b, e.Kind, h.Onset, h.End)
			}
		}
	}
	width := 100 / float64(columns)
	gap := ""
	if columns <= 62 {
		gap = " gap"
	}
	for i := range columns {
		start := c.From.AddDate(0, 0, i*c.Per)
		d, ok := merge(r.days, start, start.AddDate(0, 0, c.Per))
		if !ok {
			continue
		}
		bar := func(from, height int, class string) {
			fmt.Fprintf(&b, `<rect x="%.3f%%" width="%.3f%%" y="%d" height="%d" class="%s"/>`, float64(i)*width, width, stripHeight-from-height, height, class)
		}
		worst, some := r.worst(start, c.Per), ""
		height := barHeights[d.State]
		if rank(worst) > rank(d.State) && rank(worst) >= rank(verdict.LikelyBlocked) {
			some = " (" + stateWord(worst) + " on some networks)"
		}
		fmt.Fprintf(&b, `<g><title>%s, %s: %s%s; %d blocked, %d ok, %d down, %d unclear of %d</title>`,
			label, d.Date, stateWord(d.State), some, d.Blocked, d.OK, d.Down, d.Inconclusive, d.Measurements)
		bar(0, 8, "above")
		if bar(0, height, "s-"+string(d.State)+gap); some != "" && height < stripHeight {
			bar(height, min(7, stripHeight-height), "s-"+string(worst)+gap)
		}
		b.WriteString(`</g>`)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // all text above is escaped
}

// ban shades the time of a dated ban; it fades where an edge is not certain.
func (c *chart) ban(b *strings.Builder, kind event.Kind, onset event.Interval, end *event.Interval) {
	if onset.Latest == nil || kind == event.Shutdown {
		return
	}
	in, full := *onset.Latest, c.To
	if onset.Earliest != nil {
		c.shade(b, *onset.Earliest, in, "url(#ban-in)")
	}
	if end != nil {
		if end.Latest != nil {
			full = *end.Latest
		}
		if end.Earliest != nil {
			c.shade(b, *end.Earliest, full, "url(#ban-out)")
			full = *end.Earliest
		}
	}
	c.shade(b, in, full, "")
}

func (c *chart) shade(b *strings.Builder, from, to time.Time, fill string) {
	x := c.at(from)
	w := c.at(to) - x
	if w <= 0 {
		return
	}
	if fill != "" {
		fmt.Fprintf(b, `<rect x="%.3f%%" width="%.3f%%" height="%d" fill="%s"/>`, x, w, stripHeight, fill)
		return
	}
	fmt.Fprintf(b, `<rect x="%.3f%%" width="%.3f%%" height="%d" class="ban"/>`, x, w, stripHeight)
}

// mark is one act, statement or restoration on the axis.
type mark struct {
	at     time.Time
	text   string // for the tool tip
	href   string
	hollow bool
}

// marks draws a row of marks that link to what they stand for.
func (c *chart) marks(label string, marks []mark) {
	var within []mark
	for _, m := range marks {
		if m.at.Before(c.From) || !m.at.Before(c.To) {
			c.Outside++
			continue
		}
		within = append(within, m)
	}
	if len(within) == 0 {
		return
	}
	slices.SortStableFunc(within, func(a, b mark) int { return a.at.Compare(b.at) })
	lanes := c.lanes(within)
	height := markHeight + (slices.Max(lanes))*laneHeight
	var b strings.Builder
	fmt.Fprintf(&b, `<svg height="%d" role="group" aria-label="%s"><line x1="0" x2="100%%" y1="%d" y2="%d" class="line"/>`, height, template.HTMLEscapeString(label), markHeight/2, markHeight/2)
	for i, m := range within {
		class := "mark"
		if m.hollow {
			class += " hollow"
		}
		text := template.HTMLEscapeString(m.text)
		fmt.Fprintf(&b, `<a href="%s" aria-label="%s"><title>%s</title><circle cx="%.3f%%" cy="%d" r="4.5" class="%s"/></a>`, template.HTMLEscapeString(m.href), text, text, c.at(m.at), markHeight/2+lanes[i]*laneHeight, class)
	}
	b.WriteString(`</svg>`)
	c.Rows = append(c.Rows, chartRow{Label: label, Note: fmt.Sprint(len(within)), Drawing: template.HTML(b.String())})
}

const (
	laneHeight = 11
	laneRoom   = 1.4 // per cent of the axis between two marks of a lane
	mostLanes  = 6
)

// lanes give each mark, in the order of time, the first lane on which it covers
// none before it. Where all are taken it shares the one that ends first.
func (c *chart) lanes(marks []mark) []int {
	var ends []float64
	out := make([]int, len(marks))
	for i, m := range marks {
		x := c.at(m.at)
		lane := slices.IndexFunc(ends, func(end float64) bool { return x >= end })
		switch {
		case lane < 0 && len(ends) < mostLanes:
			lane, ends = len(ends), append(ends, 0)
		case lane < 0:
			lane = slices.Index(ends, slices.Min(ends))
		}
		ends[lane], out[i] = x+laneRoom, lane
	}
	return out
}

// bars draws reported bans as one row of bars.
func (c *chart) bars(label string, reports []answer.Report) {
	var b strings.Builder
	n := 0
	fmt.Fprintf(&b, `<svg height="%d" role="img" aria-label="%s">`, markHeight, template.HTMLEscapeString(label))
	for i := range reports {
		r := &reports[i]
		end := r.Known
		if r.End != nil {
			end = *r.End
		}
		end = end.AddDate(0, 0, 1)
		if !r.Start.Before(c.To) || !end.After(c.From) {
			c.Outside++
			continue
		}
		n++
		x := c.at(r.Start)
		fmt.Fprintf(&b, `<rect x="%.3f%%" width="%.3f%%" y="4" height="10" class="s-blocked"><title>reported blocked from %s to %s</title></rect>`, x, max(.4, c.at(end)-x), r.Start.Format(longDay), end.AddDate(0, 0, -1).Format(longDay))
	}
	b.WriteString(`</svg>`)
	if n > 0 {
		c.Rows = append(c.Rows, chartRow{Label: label, Note: fmt.Sprint(n), Drawing: template.HTML(b.String())})
	}
}

// smallStrip draws the last days of an answer without labels, for a card.
func smallStrip(a *inquiry.Answered, n int) template.HTML {
	rows := rowsOf(a)
	if len(rows) == 0 {
		return ""
	}
	return stripOf(rows[0], a.At, n)
}

// stripOf draws the last days of a row before a moment, without labels.
func stripOf(row timelineRow, at time.Time, n int) template.HTML {
	c := &chart{From: at.AddDate(0, 0, -n), To: at, Per: 1}
	return c.strip(&row, nil)
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
	label        string
	asn          uint32
	measurements uint32
	days         map[string]answer.Day
	parts        []map[string]answer.Day // the networks, of all together
}

// rowsOf gives all networks together first, then those most measured.
func rowsOf(a *inquiry.Answered) []timelineRow {
	if len(a.Days) == 0 {
		return nil
	}
	rows := []timelineRow{{label: "All networks", days: index(a.Days)}}
	size := map[uint32]uint32{}
	for asn, days := range a.ByASN {
		rows[0].parts = append(rows[0].parts, index(days))
		for _, d := range days {
			size[asn] += d.Measurements
			rows[0].measurements += d.Measurements
		}
	}
	asns := slices.SortedFunc(maps.Keys(a.ByASN), func(x, y uint32) int { return cmp.Or(cmp.Compare(size[y], size[x]), cmp.Compare(x, y)) })
	for _, asn := range asns {
		label := fmt.Sprint("AS", asn)
		if asn == 0 {
			label = "not named"
		}
		rows = append(rows, timelineRow{label: label, asn: asn, measurements: size[asn], days: index(a.ByASN[asn])})
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
	sum.Date = from.Format(longDay)
	if last := to.AddDate(0, 0, -1); last.After(from) {
		sum.Date += " to " + last.Format(longDay)
	}
	return sum, found
}

func rank(s verdict.State) int {
	return slices.Index([]verdict.State{verdict.Insufficient, verdict.OK, verdict.Down, verdict.Impaired, verdict.LikelyBlocked, verdict.Blocked}, s)
}

// axis draws day, month or year marks. Of more than four, a narrow page names
// every third.
func axis(from, to time.Time) template.HTML {
	var b strings.Builder
	days := to.Sub(from).Hours() / 24
	step, form := func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }, "2 Jan"
	start := from
	switch {
	case days > 900:
		every := int(days/365/12) + 1
		step, form = func(t time.Time) time.Time { return t.AddDate(every, 0, 0) }, "2006"
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
	fmt.Fprintf(&b, `<svg height="%d" aria-hidden="true">`, axisHeight)
	for i, t := range marks {
		x, class := 100*t.Sub(from).Hours()/24/days, ""
		if x > 92 {
			class = "end-anchor" // its name stands before it
		}
		if len(marks) > 4 && i%3 != 0 {
			class += " minor"
		}
		text := t.Format(form)
		if i == 0 && form == "2 Jan" {
			text = t.Format("2 Jan 2006")
		}
		fmt.Fprintf(&b, `<line x1="%.2f%%" y1="0" x2="%.2f%%" y2="5" class="tick"/><text x="%.2f%%" y="18" class="%s">%s</text>`, x, x, x, class, text)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

func parseDay(s string) time.Time {
	t, _ := time.Parse(time.DateOnly, s) // made by the store
	return t
}
