// Package answer says how a platform stands in a country at a moment: whether it is
// blocked, since when, on which networks, how, and which evidence shows it.
//
// Here, and nowhere else, what was measured (cells and events) meets what is
// reported (the case record and imported lists). Pages, commands, JSON and feeds
// show the values of this package; no other package decides a state. It does no I/O
// and reads no clock.
//
// The rules in short: Inside a dated ban the answer is that ban. Outside of all
// bans the last days of measurements decide, and they never give "blocked": what
// looks blocked and has no dates is unclear. Where nothing was measured, reports
// decide, and the answer says so.
package answer

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// Version names the rules of this package. It changes when Of or Claims gives
// another result for the same evidence.
const Version = "answer-1"

// Window is how long before the moment a measurement outside of bans still counts.
const Window = 7 * series.Day

// usualWindow is the time before a ban whose measurements give the usual share of
// failures.
const usualWindow = 28 * series.Day

// Basis says whether an answer rests on measurements, on reports, or on both.
type Basis string

// The bases.
const (
	Measured Basis = "measured"
	Reported Basis = "reported" // by the case record or an imported list
	Both     Basis = "both"
	Nothing  Basis = "nothing"
)

// Question says which target, country, networks and moment are asked about.
type Question struct {
	CC      string
	Country string // its name, for the sentence
	Target  string // platform id or host name
	Name    string // its name, for the sentence
	ASNs    []uint32

	// At is the moment that is asked about, exclusive: the end of a day. Zero means
	// the end of the last day with measurements. Where nothing was measured, or
	// reports of the whole country are later, zero means the end of Now's day. It is
	// never after Known.
	At time.Time
	// Known is the end of the day whose knowledge is asked for; zero means all that
	// is known. The caller narrows the evidence to it.
	Known time.Time
	Now   time.Time
}

// Evidence is all that is known of one target in one country.
type Evidence struct {
	Days   []series.Cell // daily cells of whole measurements, sorted (series.Sort)
	Events []event.Event // of the country; events of other targets are ignored
	Bans   []ban.Ban     // reported bans of the country, reconciled; no measured ones
	Cases  []Case        // cases of the record about the target in the country

	// Ruleset is the ruleset of the verdicts.
	Ruleset string
}

// Case names a case of the record.
type Case struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// Answer says how a target stands in a country at a moment, and on what evidence.
type Answer struct {
	CC       string        `json:"probe_cc"`
	Country  string        `json:"country"`
	Target   string        `json:"target"`
	Name     string        `json:"name"`
	State    verdict.State `json:"state"`
	Partial  bool          `json:"partial,omitempty"` // on some of the networks only
	Basis    Basis         `json:"basis"`
	Sentence string        `json:"sentence"`

	At           time.Time  `json:"at"`                      // exclusive: the end of the day that the answer is about
	Known        *time.Time `json:"known,omitempty"`         // end of the day whose knowledge it uses
	Clock        string     `json:"clock,omitempty"`         // the clock by which the evidence was narrowed to Known
	LastMeasured *time.Time `json:"last_measured,omitempty"` // end of the last day with measurements

	// Since says when the state began and Until when the ban ended. Each is nil where
	// nothing dates it.
	Since *event.Interval `json:"since"`
	Until *event.Interval `json:"until"`

	How      []string  `json:"mechanisms"`
	Counts   Counts    `json:"counts"`           // on the networks that have the state
	Others   *Counts   `json:"others,omitempty"` // for a partial ban: on the other networks
	Informs  *Informs  `json:"informs,omitempty"`
	Networks []Network `json:"networks"` // networks with a conclusion first
	Missing  string    `json:"missing,omitempty"`
	Evidence []string  `json:"evidence"` // measurement_uids to look at, latest first

	Event    string        `json:"event,omitempty"` // id of the dated ban that holds
	Last     *Past         `json:"last,omitempty"`  // the last ban before; only where no ban holds
	Dark     *Past         `json:"dark,omitempty"`  // when in the week before the whole country was dark, by signals from outside
	Reported []ReportedBan `json:"reported"`        // those that hold first, then those of the whole country
	Cases    []Case        `json:"cases"`
	Disagree []string      `json:"disagree,omitempty"` // where measured and reported differ
	Ruleset  string        `json:"ruleset"`
	Example  bool          `json:"example,omitempty"` // country ZZ: made in a lab
	Stale    int           `json:"age_days"`          // days from LastMeasured to now
	held     *heldEvent    // the event of Event
	today    time.Time
}

// Counts are numbers of measurements on some networks in the time from From until
// just before To.
type Counts struct {
	Blocked      uint32    `json:"blocked"` // blocked and likely_blocked
	OK           uint32    `json:"ok"`
	Down         uint32    `json:"down"`
	Inconclusive uint32    `json:"inconclusive"` // impaired and insufficient
	Failed       uint32    `json:"failed"`       // blocked, likely_blocked and impaired
	Measurements uint32    `json:"measurements"` // the sum of the first four
	Aside        uint32    `json:"aside"`        // without a vote: a wrong clock, a defect of the instrument, or a claim that nothing confirms
	Reports      uint32    `json:"reports"`
	Networks     int       `json:"networks"`
	From         time.Time `json:"from,omitzero"`
	To           time.Time `json:"to,omitzero"`

	// UsuallyFailed is the share that failed in the four weeks before the ban, from 0
	// to 1; nil where too little was measured then.
	UsuallyFailed *float64 `json:"usually_failed,omitempty"`
}

// Informs counts recent measurements that were handed in and whose network or time
// nothing confirms. The answer mentions them; they decide nothing.
type Informs struct {
	Measurements uint32 `json:"measurements"`
	Failed       uint32 `json:"failed"` // look blocked or impaired
}

// LastDay returns the last second of the last day that was counted.
func (c Counts) LastDay() time.Time { return c.To.Add(-time.Second) }

// LastDay returns the last second of the day that the answer is about.
func (a *Answer) LastDay() time.Time { return a.At.Add(-time.Second) }

// Network is the answer for one network.
type Network struct {
	ASN      uint32          `json:"probe_asn"` // 0: not known
	State    verdict.State   `json:"state"`
	Since    *event.Interval `json:"since"`
	Until    *event.Interval `json:"until"`
	How      []string        `json:"mechanisms"`
	Counts   Counts          `json:"counts"`
	Event    string          `json:"event,omitempty"`
	Note     string          `json:"note,omitempty"` // why it is unclear
	Missing  string          `json:"missing,omitempty"`
	Evidence []string        `json:"evidence"`
}

// Past is a dated ban that is over at the moment, or a time when the whole country was
// dark.
type Past struct {
	Event string          `json:"event"`
	Since event.Interval  `json:"since"`
	Until *event.Interval `json:"until"`
}

// heldEvent is an event that holds at the moment, and the networks on which it
// holds.
type heldEvent struct {
	span     span
	networks []uint32
}

// Of answers a question from the evidence.
func Of(q Question, ev Evidence) Answer {
	v := newView(q, ev)
	a := Answer{CC: q.CC, Country: cmp.Or(q.Country, q.CC), Target: q.Target, Name: cmp.Or(q.Name, q.Target), At: v.at,
		How: []string{}, Networks: []Network{}, Evidence: []string{}, Cases: ev.Cases, Ruleset: ev.Ruleset, Example: q.CC == "ZZ", today: q.Now}
	if a.Cases == nil {
		a.Cases = []Case{}
	}
	if !q.Known.IsZero() {
		known := q.Known
		a.Known, a.Clock = &known, "the time at which a measurement was received where its id says it, and else that at which it was made; for reports, the day on which they were published; for a list of bans, the day on which it was imported"
	}
	if v.last > 0 {
		last := time.Unix(v.last, 0).UTC()
		a.LastMeasured = &last
		a.Stale = max(0, int(q.Now.Sub(last).Hours()/24))
	}
	for _, asn := range v.asns() {
		a.Networks = append(a.Networks, v.network(asn))
	}
	holdBack(a.Networks)
	a.Networks = slices.DeleteFunc(a.Networks, func(n Network) bool { return !v.asked(n.ASN) }) // removed last: the networks that are not asked about decide holdBack too
	slices.SortStableFunc(a.Networks, byWeight)
	v.conclude(&a)
	v.reported(&a)
	a.Informs = v.informs()
	a.Dark = v.dark()
	a.Sentence = a.sentence()
	return a
}

// dark returns the last time that the whole country was dark, by signals from
// outside, if that was in the week before the moment; else nil.
func (v *view) dark() *Past {
	var out *Past
	for i := range v.ev.Events {
		e := &v.ev.Events[i]
		if !e.SeenDark() || e.CC != v.q.CC || !e.Onset.Latest.Before(v.at) || e.End != nil && !e.End.Latest.After(v.at.Add(-Window)) {
			continue
		}
		if out == nil || e.Onset.Latest.After(*out.Since.Latest) {
			out = &Past{Event: e.ID, Since: e.Onset, Until: e.End}
		}
	}
	return out
}

// holdBack makes networks of a ban insufficient on which too little was measured so
// far, where other networks of the same ban have enough.
func holdBack(networks []Network) {
	enough := map[string]bool{}
	for _, n := range networks {
		enough[n.Event] = enough[n.Event] || n.Missing == ""
	}
	for i := range networks {
		if n := &networks[i]; n.Event != "" && n.Missing != "" {
			if !enough[n.Event] {
				n.Missing = ""
				continue
			}
			n.State, n.Since, n.Event, n.How = verdict.Insufficient, nil, "", []string{}
			n.Note = "a ban that holds on other networks may hold here, too"
		}
	}
}

// byWeight orders networks: the blocked ones, the others with a conclusion, those
// without; within each the most measured first.
func byWeight(x, y Network) int {
	rank := func(n *Network) int {
		switch {
		case n.State == verdict.Insufficient:
			return 2
		case n.State.Accuses():
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(rank(&x), rank(&y)), cmp.Compare(y.Counts.Measurements, x.Counts.Measurements), cmp.Compare(x.ASN, y.ASN))
}

// Concluded returns the networks with enough evidence for a state.
func (a *Answer) Concluded() []Network {
	n := 0
	for n < len(a.Networks) && a.Networks[n].State != verdict.Insufficient {
		n++
	}
	return a.Networks[:n]
}

// Thin returns the networks with too little evidence for a state.
func (a *Answer) Thin() []Network { return a.Networks[len(a.Concluded()):] }

// Interfered returns the networks on which a dated ban holds.
func (a *Answer) Interfered() []Network {
	n := 0
	for n < len(a.Networks) && a.Networks[n].State.Accuses() {
		n++
	}
	return a.Networks[:n]
}

// view is a question together with its evidence.
type view struct {
	q     Question
	ev    Evidence
	at    time.Time // the question's moment, never zero
	last  int64     // end of the last day with measurements before at, in Unix seconds; 0 for none
	cells map[uint32][]series.Cell
	seen  map[uint32]int64 // end of each network's last day with measurements, in Unix seconds; also after at
	spans []span
}

// staleAfter is how long a ban without an end counts as holding on a network that
// nobody measures any more.
const staleAfter = 14 * series.Day

func newView(q Question, ev Evidence) *view {
	v := &view{q: q, ev: ev, at: q.At, cells: map[uint32][]series.Cell{}, seen: map[uint32]int64{}}
	for _, c := range ev.Days {
		if c.Measurements > 0 {
			v.seen[c.ASN] = max(v.seen[c.ASN], c.End())
		}
		if c.Layer != series.Whole || !q.At.IsZero() && c.Start >= q.At.Unix() {
			continue
		}
		v.cells[c.ASN] = append(v.cells[c.ASN], c)
		if c.Measurements > 0 && v.asked(c.ASN) {
			v.last = max(v.last, c.End())
		}
	}
	for i := range ev.Events {
		v.spans = append(v.spans, spansOf(&ev.Events[i], q.Target)...)
	}
	v.dropThin()
	if v.at.IsZero() {
		v.at = v.moment()
	}
	return v
}

// dropThin removes the spans of networks on which too little was measured during a
// ban to say anything, where other networks of the ban have enough.
func (v *view) dropThin() {
	enough := map[string]bool{}
	thin := make([]bool, len(v.spans))
	for i := range v.spans {
		s := &v.spans[i]
		var cells []series.Cell
		for _, c := range v.ev.Days {
			if c.ASN == s.asn && s.may(time.Unix(c.Start, 0), time.Unix(c.End(), 0)) {
				cells = append(cells, c)
			}
		}
		sum := series.Sum(cells)
		if thin[i] = sum.Conclude() == verdict.Insufficient; !thin[i] {
			enough[s.event.ID] = true
		}
	}
	kept := v.spans[:0]
	for i, s := range v.spans {
		if !thin[i] || !enough[s.event.ID] {
			kept = append(kept, s)
		}
	}
	v.spans = kept
}

// moment returns the moment of a question that names none.
func (v *view) moment() time.Time {
	now := floorDay(v.q.Now).Add(series.Day)
	if k := v.q.Known; !k.IsZero() && k.Before(now) {
		now = k
	}
	last := time.Unix(v.last, 0).UTC()
	if v.last == 0 || last.After(now) && !v.q.Now.IsZero() {
		return now
	}
	for i := range v.ev.Bans {
		if b := &v.ev.Bans[i]; b.Scope == ban.National && b.Known.After(last) {
			return now
		}
	}
	return last
}

func (v *view) asked(asn uint32) bool { return len(v.q.ASNs) == 0 || slices.Contains(v.q.ASNs, asn) }

// asns returns the networks that were measured or that a ban holds on, sorted.
func (v *view) asns() []uint32 {
	all := map[uint32]bool{}
	for asn := range v.cells {
		all[asn] = true
	}
	for _, s := range v.spans {
		if v.holds(&s) {
			all[s.asn] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// network returns the answer for one network.
func (v *view) network(asn uint32) Network {
	n := Network{ASN: asn, State: verdict.Insufficient, How: []string{}, Evidence: []string{}}
	lower := v.at.Add(-Window)
	for i := range v.spans {
		s := &v.spans[i]
		if s.asn != asn || !s.latest.Before(v.at) {
			continue
		}
		if v.holds(s) {
			v.inside(&n, s)
			return n
		}
		if s.endLatest != nil && s.endLatest.After(lower) { // the days until its end belong to the ban
			lower = floorDay(*s.endLatest).Add(series.Day)
		}
	}
	v.outside(&n, lower)
	return n
}

// holds reports whether a ban surely holds at the moment and the network was
// measured not too long before.
func (v *view) holds(s *span) bool {
	if !s.holds(v.at) {
		return false
	}
	return s.endFirst != nil || v.at.Unix() <= v.seen[s.asn]+int64(staleAfter/time.Second)
}

// inside fills in the answer for a network on which a dated ban holds.
func (v *view) inside(n *Network, s *span) {
	from := floorDay(s.latest)
	cells := between(v.cells[n.ASN], from, v.at)
	sum := series.Sum(cells)
	n.State = verdict.LikelyBlocked
	if sum.Conclude() == verdict.Blocked {
		n.State = verdict.Blocked
	}
	if sum.Conclude() == verdict.Insufficient {
		n.Missing = sum.Missing()
	}
	onset := s.onset
	n.Since, n.Event, n.Counts = &onset, s.event.ID, countsOf(sum, 1, from, v.at)
	n.Counts.UsuallyFailed = v.usually(s)
	if n.How = series.Mechanisms(cells); len(n.How) == 0 {
		n.How = append([]string{}, s.event.Mechanisms...)
	}
	n.Evidence = append(n.Evidence, series.Evidence(cells, n.State)...)
	if sum.OK > sum.Bad() {
		n.State, n.Note = verdict.Impaired, "a ban was dated here, and most measurements since it began worked"
	} else if sum.Conclude() != verdict.Blocked && sum.Blocked+sum.Likely <= sum.Impaired {
		n.Note = "each measurement by itself is unclear; together they show a ban"
	}
	if h := s.event.Schedule; h != nil {
		n.Note = "it holds at certain hours only: " + h.String()
	}
	if s.lull(v.at) {
		n.Note = "it was reachable for a while then, in the middle of the ban"
	}
}

// outside fills in the answer for a network outside of all dated bans, from its
// days since lower.
func (v *view) outside(n *Network, lower time.Time) {
	all := between(v.cells[n.ASN], lower, v.at)
	from, sum := series.Regime(series.Days(all), lower.Unix())
	n.State = sum.Conclude()
	start := time.Unix(from, 0).UTC()
	if n.State == verdict.Insufficient {
		n.Missing, start = sum.Missing(), lower
	}
	n.Counts = countsOf(sum, 1, start, v.at)
	cells := between(all, start, v.at)
	if n.State.Accuses() {
		n.State, n.Note = verdict.Impaired, "its measurements look blocked, and they are too few or too short for a dated ban"
	}
	if n.State == verdict.Impaired {
		n.How = append(n.How, series.Mechanisms(cells)...)
	}
	n.Evidence = append(n.Evidence, series.Evidence(cells, n.State)...)
}

// informs counts the informing measurements from Window before the moment on; they
// may be later than the moment where the question names none, because what decides
// nothing does not set the moment. It returns nil where there are none.
func (v *view) informs() *Informs {
	var out Informs
	for asn, cells := range v.cells {
		for i := range cells {
			if c := &cells[i]; v.asked(asn) && c.Start >= v.at.Add(-Window).Unix() {
				out.Measurements += c.Informing
				out.Failed += c.InformingBad
			}
		}
	}
	if out.Measurements == 0 {
		return nil
	}
	return &out
}

// usually returns the share of measurements that failed on a ban's network in the
// four weeks before the ban; nil where there were fewer than ten measurements.
func (v *view) usually(s *span) *float64 {
	until := s.latest
	if s.onset.Earliest != nil {
		until = *s.onset.Earliest
	}
	until = floorDay(until)
	sum := series.Sum(between(v.cells[s.asn], until.Add(-usualWindow), until))
	if sum.OK+sum.Bad() < 10 {
		return nil
	}
	share := float64(sum.Bad()) / float64(sum.OK+sum.Bad())
	return &share
}

// conclude makes the country's answer from the answers of its networks.
func (v *view) conclude(a *Answer) {
	a.State = verdict.Insufficient
	enough := a.Concluded()
	hit := a.Interfered()
	if len(hit) > 0 {
		v.concludeBan(a, hit, enough)
		return
	}
	a.Last = v.past()
	if len(enough) == 0 {
		v.concludeAll(a)
		return
	}
	votes := map[verdict.State]int{}
	for _, n := range enough {
		votes[n.State]++
	}
	a.State, a.Basis = verdict.Impaired, Measured
	for _, s := range []verdict.State{verdict.OK, verdict.Down, verdict.Impaired} {
		if votes[s] > votes[a.State] {
			a.State = s
		}
	}
	a.Counts = total(a.Networks)
	for _, n := range enough {
		if n.State == a.State {
			a.merge(&n)
		}
	}
	if i := slices.IndexFunc(enough, func(n Network) bool { return n.Event != "" }); i >= 0 {
		a.Event, a.Partial = enough[i].Event, true
		if a.State == verdict.OK {
			a.State = verdict.Impaired
		}
	}
	if a.State == verdict.OK && a.Last != nil {
		a.Since = a.Last.Until
	}
}

// concludeBan makes the country's answer from the bans that hold on some of its
// networks.
func (v *view) concludeBan(a *Answer, hit, enough []Network) {
	a.State, a.Basis, a.Partial = verdict.LikelyBlocked, Measured, len(hit) < len(enough)
	if slices.ContainsFunc(hit, func(n Network) bool { return n.State == verdict.Blocked }) {
		a.State = verdict.Blocked
	}
	byEvent := map[string]*heldEvent{}
	for _, n := range hit {
		h := byEvent[n.Event]
		if h == nil {
			i := slices.IndexFunc(v.spans, func(s span) bool { return s.event.ID == n.Event && s.asn == n.ASN })
			h = &heldEvent{span: v.spans[i]}
			byEvent[n.Event] = h
		}
		h.networks = append(h.networks, n.ASN)
		a.merge(&n)
	}
	for _, id := range slices.Sorted(maps.Keys(byEvent)) {
		h := byEvent[id]
		if a.held == nil || h.span.whole.latest().Before(a.held.span.whole.latest()) {
			a.held = h
		}
	}
	onset := a.held.span.whole.onset
	a.Event, a.Since = a.held.span.event.ID, &onset
	if end := a.held.span.whole.end; end != nil {
		until := *end
		a.Until = &until
	}
	a.Counts = total(hit)
	a.Counts.UsuallyFailed = usualOf(hit)
	if rest := enough[len(hit):]; a.Partial {
		others := total(rest)
		a.Others = &others
	}
}

// concludeAll sums the cells of all networks into one series, for countries where
// no network has enough evidence.
func (v *view) concludeAll(a *Answer) {
	lower := v.at.Add(-Window)
	for i := range v.spans {
		if e := v.spans[i].endLatest; v.asked(v.spans[i].asn) && e != nil && e.After(lower) && e.Before(v.at) {
			lower = floorDay(*e).Add(series.Day)
		}
	}
	var cells []series.Cell
	for _, asn := range slices.Sorted(maps.Keys(v.cells)) {
		if v.asked(asn) {
			cells = append(cells, between(v.cells[asn], lower, v.at)...)
		}
	}
	n := Network{}
	v.cells[0], cells = cells, v.cells[0]
	v.outside(&n, lower)
	v.cells[0] = cells
	a.State, a.Missing, a.How, a.Evidence = n.State, n.Missing, append([]string{}, n.How...), append([]string{}, n.Evidence...)
	a.Counts = n.Counts
	a.Counts.Networks = len(a.Networks)
	a.Basis = Nothing
	if a.State != verdict.Insufficient {
		a.Basis = Measured
	}
}

// merge adds to a a network's mechanisms and its measurements to look at.
func (a *Answer) merge(n *Network) {
	for _, m := range n.How {
		if !slices.Contains(a.How, m) {
			a.How = append(a.How, m)
		}
	}
	const most = 5
	for _, u := range n.Evidence {
		if len(a.Evidence) < most && !slices.Contains(a.Evidence, u) {
			a.Evidence = append(a.Evidence, u)
		}
	}
}

// past returns the dated ban that ended last before the moment; nil for none.
func (v *view) past() *Past {
	var out *Past
	for i := range v.spans {
		s := &v.spans[i]
		if !v.asked(s.asn) || !s.whole.latest().Before(v.at) {
			continue
		}
		if out == nil || s.whole.latest().After(*out.Since.Latest) {
			out = &Past{Event: s.event.ID, Since: s.whole.onset, Until: s.whole.end}
		}
	}
	return out
}

// between returns the cells that start in [from, to); from must be the start of a
// day.
func between(cells []series.Cell, from, to time.Time) []series.Cell {
	var out []series.Cell
	for _, c := range cells {
		if c.Start >= from.Unix() && c.Start < to.Unix() {
			out = append(out, c)
		}
	}
	return out
}

func countsOf(c series.Cell, networks int, from, to time.Time) Counts {
	return Counts{Blocked: c.Blocked + c.Likely, OK: c.OK, Down: c.Down, Inconclusive: c.Impaired + c.Insufficient,
		Failed: c.Bad(), Measurements: c.Measurements, Aside: c.Aside, Reports: c.Reports, Networks: networks, From: from, To: to}
}

// total adds up the counts of networks.
func total(networks []Network) Counts {
	var t Counts
	for _, n := range networks {
		c := n.Counts
		t.Blocked += c.Blocked
		t.OK += c.OK
		t.Down += c.Down
		t.Inconclusive += c.Inconclusive
		t.Failed += c.Failed
		t.Measurements += c.Measurements
		t.Aside += c.Aside
		t.Reports += c.Reports
		t.Networks++
		if t.From.IsZero() || c.From.Before(t.From) {
			t.From = c.From
		}
		if c.To.After(t.To) {
			t.To = c.To
		}
	}
	return t
}

// usualOf averages the usual shares of failures of networks, weighted by their
// measurements.
func usualOf(networks []Network) *float64 {
	sum, n := 0.0, 0.0
	for _, x := range networks {
		if u := x.Counts.UsuallyFailed; u != nil {
			w := float64(max(x.Counts.Measurements, 1))
			sum, n = sum+w**u, n+w
		}
	}
	if n == 0 {
		return nil
	}
	sum /= n
	return &sum
}

func floorDay(t time.Time) time.Time { return t.UTC().Truncate(series.Day) }
