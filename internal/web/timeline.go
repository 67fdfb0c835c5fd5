package web

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/verdict"
)

// The measures of the drawings: heights in pixels. Widths are in percent, so that a
// drawing fits every page.
const (
	stripHeight = 22
	markHeight  = 18
	axisHeight  = 24
	someRows    = 10  // how many networks are drawn if not all are asked for
	maxColumns  = 180 // if there are more days, one column shows several
)

// barHeights gives the height of a bar in pixels, for readers who cannot tell the colours
// apart: the more a day speaks for blocking, the taller its bar.
var barHeights = map[verdict.State]int{
	verdict.Blocked: stripHeight, verdict.LikelyBlocked: stripHeight, verdict.Impaired: 14, verdict.Down: 11, verdict.OK: 8, verdict.Insufficient: 8,
}

// chart is one time axis with its rows.
type chart struct {
	From, To time.Time // From is the first day; To is the end of the last
	Per      int       // days per column
	Rows     []chartRow
	Axis     template.HTML
	Hidden   int // how many networks are not drawn
	Outside  int // how many marks lie before or after the axis

	target string
	words  chartWords
}

// chartWords gives the words of a drawing as plain text: in English if c is nil.
type chartWords struct{ c *catalogue }

func (w chartWords) say(key, english string, a args) string {
	if w.c == nil {
		return english
	}
	return plainName(w.c.text(key, a))
}

func (w chartWords) measurements(n uint32) string {
	if w.c == nil {
		return count(n, "measurement")
	}
	return w.c.counted("measurements", int(n))
}

func (w chartWords) state(s verdict.State) string {
	if w.c == nil {
		return stateWord(s)
	}
	return w.c.state(s)
}

// days names the days of a column.
func (w chartWords) days(from, to time.Time) string {
	last := to.AddDate(0, 0, -1)
	switch {
	case w.c != nil && last.After(from):
		return w.c.text("date.span", args{"a": w.c.day(from), "b": w.c.day(last)})
	case w.c != nil:
		return w.c.day(from)
	case last.After(from):
		return from.Format(longDay) + " to " + last.Format(longDay)
	}
	return from.Format(longDay)
}

// tick names a day on the axis. form is the layout that fits the length of the axis.
func (w chartWords) tick(t time.Time, form string) string {
	if w.c == nil || form == "2006" {
		return t.Format(form)
	}
	month := w.c.text("month."+strconv.Itoa(int(t.Month())), nil)
	day := strings.NewReplacer("2006", strconv.Itoa(t.Year()), "2 ", strconv.Itoa(t.Day())+" ", "Jan", month).Replace(form)
	if w.c.Language.Dir == "rtl" {
		return "\u2067" + day + "\u2069" // a drawing is from left to right
	}
	return day
}

// LastDay is the last day of the axis.
func (c *chart) LastDay() time.Time { return c.To.AddDate(0, 0, -1) }

// chartRow is one row of a chart: its label and its drawing.
type chartRow struct {
	Label, Href, Note string
	Drawing           template.HTML
}

// chartOf draws the days of all networks together and of each network on one axis, with
// the dated bans behind them. Days without data are hatched: never blank, and never in the
// colour of ok.
func chartOf(a *inquiry.Answered, bans []event.Event, from, to time.Time, all bool, lang *catalogue) *chart {
	if !from.Before(to) {
		return nil
	}
	total := int(to.Sub(from).Hours() / 24)
	c := &chart{words: chartWords{lang}, target: a.Target, From: from, To: to, Per: max(1, (total+maxColumns-1)/maxColumns)}
	rows := rowsOf(a, c.words)
	for i := range rows {
		if i > someRows && !all {
			c.Hidden = len(rows) - i
			break
		}
		r := &rows[i]
		row := chartRow{Label: r.label, Drawing: c.strip(r, bans), Note: c.words.measurements(r.measurements)}
		if r.asn != 0 {
			row.Href = speaker{c: lang}.own("/networks/" + network.Name(r.asn))
		}
		c.Rows = append(c.Rows, row)
	}
	c.Axis = axis(from, to, c.words)
	return c
}

// at returns the place of a moment on the axis, in percent.
func (c *chart) at(t time.Time) float64 {
	return min(100, max(0, 100*float64(t.Sub(c.From))/float64(c.To.Sub(c.From))))
}

// strip draws the days of a row, c.Per days in a column.
func (c *chart) strip(r *timelineRow, bans []event.Event) template.HTML {
	var b strings.Builder
	columns := (int(c.To.Sub(c.From).Hours()/24) + c.Per - 1) / c.Per
	byDay := template.HTMLEscapeString(c.words.say("chart.strip", r.label+", day by day", args{"label": r.label}))
	none := template.HTMLEscapeString(c.words.say("chart.none", r.label+": no measurements", args{"label": r.label}))
	fmt.Fprintf(&b, `<svg height="%d" role="img" aria-label="%s">`, stripHeight, byDay)
	fmt.Fprintf(&b, `<rect width="100%%" y="%d" height="8" fill="url(#nodata)"><title>%s</title></rect>`, stripHeight-8, none)
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
			some = c.words.say("chart.some", " ("+stateWord(worst)+" on some networks)", args{"state": c.words.state(worst)})
		}
		days := c.words.days(start, start.AddDate(0, 0, c.Per))
		english := fmt.Sprintf("%s, %s: %s%s; %d blocked, %d ok, %d down, %d unclear of %d", r.label, days, stateWord(d.State), some, d.Blocked, d.OK, d.Down, d.Inconclusive, d.Measurements)
		fmt.Fprintf(&b, `<g><title>%s</title>`, template.HTMLEscapeString(c.words.say("chart.column", english, args{"label": r.label, "day": days, "state": c.words.state(d.State) + some, "blocked": d.Blocked, "ok": d.OK, "down": d.Down, "unclear": d.Inconclusive, "all": d.Measurements})))
		bar(0, 8, "above")
		if bar(0, height, "s-"+string(d.State)+gap); some != "" && height < stripHeight {
			bar(height, min(7, stripHeight-height), "s-"+string(worst)+gap)
		}
		b.WriteString(`</g>`)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // all text above is escaped
}

// ban shades the time of a dated ban. The shade fades where an edge is not certain.
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

// marks draws a row of marks. Each links to the thing that it stands for.
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
	laneRoom   = 1.4 // distance between two marks of a lane, in percent of the axis
	mostLanes  = 6
)

// lanes places each mark, in order of time, in the first lane where it does not cover an
// earlier mark. If all lanes are full, it goes into the one that is free soonest.
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
func (c *chart) bars(label string, reports []answer.ReportedBan) {
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
		fmt.Fprintf(&b, `<rect x="%.3f%%" width="%.3f%%" y="4" height="10" class="s-blocked"><title>%s</title></rect>`, x, max(.4, c.at(end)-x), template.HTMLEscapeString(c.words.say("chart.reported", "reported blocked: ", nil)+c.words.days(r.Start, end)))
	}
	b.WriteString(`</svg>`)
	if n > 0 {
		c.Rows = append(c.Rows, chartRow{Label: label, Note: fmt.Sprint(n), Drawing: template.HTML(b.String())})
	}
}

// smallStrip draws the last n days of an answer without labels, for a card.
func smallStrip(a *inquiry.Answered, n int, lang *catalogue) template.HTML {
	rows := rowsOf(a, chartWords{lang})
	if len(rows) == 0 {
		return ""
	}
	return stripOf(rows[0], a.At, n, lang)
}

// stripOf draws the last n days of a row before a moment, without labels.
func stripOf(row timelineRow, at time.Time, n int, lang *catalogue) template.HTML {
	c := &chart{words: chartWords{lang}, From: at.AddDate(0, 0, -n), To: at, Per: 1}
	return c.strip(&row, nil)
}

// worst returns the state of the row's parts that speaks most for blocking, on the days of
// a column.
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
	parts        []map[string]answer.Day // for the row of all networks: each network by itself
}

// rowsOf returns the row of all networks together, then one for each network, the most
// measured first.
func rowsOf(a *inquiry.Answered, words chartWords) []timelineRow {
	if len(a.Days) == 0 {
		return nil
	}
	rows := []timelineRow{{label: words.say("chart.all", "All networks", nil), days: index(a.Days)}}
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
		label := network.Name(asn)
		if asn == 0 {
			label = words.say("list.network", "not named", nil)
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

// merge adds up the days of one column. The column takes the state of its days that speaks
// most for blocking. found is false if no day has measurements.
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
	return sum, found
}

func rank(s verdict.State) int {
	return slices.Index([]verdict.State{verdict.Insufficient, verdict.OK, verdict.Down, verdict.Impaired, verdict.LikelyBlocked, verdict.Blocked}, s)
}

// axis draws marks for days, months or years. If there are more than four, a narrow page
// names every third.
func axis(from, to time.Time, words chartWords) template.HTML {
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
			class = "end-anchor" // its name stands before the mark
		}
		if len(marks) > 4 && i%3 != 0 {
			class += " minor"
		}
		text := words.tick(t, form)
		if i == 0 && form == "2 Jan" {
			text = words.tick(t, "2 Jan 2006")
		}
		fmt.Fprintf(&b, `<line x1="%.2f%%" y1="0" x2="%.2f%%" y2="5" class="tick"/><text x="%.2f%%" y="18" class="%s">%s</text>`, x, x, x, class, text)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

func parseDay(s string) time.Time {
	t, _ := time.Parse(time.DateOnly, s) // the store makes these, always valid
	return t
}
