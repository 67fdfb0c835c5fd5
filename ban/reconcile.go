package ban

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Ban is one ban of one target in one country, with every report of it.
type Ban struct {
	ID        string    `json:"id"` // "pk-x-2024-02-17"
	CC        string    `json:"cc"`
	Target    string    `json:"target"`
	Other     []string  `json:"other,omitempty"` // the services, where Target is Unnamed
	Method    Method    `json:"method"`
	Methods   []Method  `json:"methods"` // all methods that its reports name, Method first
	Scope     Scope     `json:"scope"`
	Area      string    `json:"area,omitempty"`
	Start     time.Time `json:"start"`
	StartBy   time.Time `json:"start_by,omitzero"`    // the last possible day of the start, where the start is a span
	StartOpen bool      `json:"start_open,omitempty"` // it may have begun before Start
	End       time.Time `json:"end,omitzero"`
	EndFrom   time.Time `json:"end_from,omitzero"` // the first possible day of the end, where the end is a span
	Status    Status    `json:"status"`
	Known     time.Time `json:"known"` // the last day on which a report says that it held
	Basis     Origin    `json:"basis"` // the report that these dates are from
	Reports   []Report  `json:"reports"`
	Disputes  []string  `json:"disputes,omitempty"`
}

// How far apart reports of the same ban may start.
const (
	otherEdition  = 24 * time.Hour      // another file of the same data set
	otherDataset  = 3 * 24 * time.Hour  // another data set
	estimateSlack = 31 * 24 * time.Hour // one of the two is an estimate
	// openGap is how long yearly lists may not mention a ban that still holds.
	openGap = 3 * 365 * 24 * time.Hour
)

// Decision says why a report belongs to its ban.
type Decision struct {
	Ban    string `json:"ban"`
	Report Origin `json:"report"`
	Target string `json:"target"`
	Kind   Kind   `json:"kind"`
	With   Origin `json:"with,omitzero"` // the report of the ban that decided it
	Why    string `json:"why"`
}

// Kind is the rule by which a report was added to a ban.
type Kind string

// The rules, in the order in which they are tried.
const (
	ByHand    Kind = "by_hand"      // a person decided
	First     Kind = "first"        // the earliest report of the ban
	SameStart Kind = "same_start"   // it starts on the same day, within the tolerance
	Within    Kind = "within"       // it starts while the ban holds
	GoesOn    Kind = "goes_on"      // both say that the ban still holds, and nobody reported an end
	TwoWays   Kind = "two_methods"  // a block and a throttling on the same days
	Edition   Kind = "same_edition" // another edition of its list has the same row, with targets
)

// Reconcile groups reports of the same ban. Two reports are of the same ban when
// country, target and area agree, and one of these is true: they start on the same
// day (within a tolerance between data sets), or one starts while the other holds,
// or both say that the ban still holds and nobody reports an end in between. A
// block and a throttling are one ban when their days are the same. The order of
// reports does not matter.
func Reconcile(reports []Report) []Ban {
	bans, _ := ReconcileBy(reports, Hand{})
	return bans
}

// ReconcileBy does what Reconcile does, with decisions of a person, which win over
// the rules. It also returns the decision on every report of every ban, in the
// order of the bans.
func ReconcileBy(reports []Report, hand Hand) ([]Ban, []Decision) {
	type key struct{ cc, target string }
	groups := make(map[key][]entry)
	var keys []key
	editions := otherEditions(reports)
	for i := range reports {
		e := entry{Report: &reports[i], area: areaWords(reports[i].Area)}
		of := e.Report
		if j, ok := editions[i]; ok {
			of, e.edition = &reports[j], &reports[j]
		}
		for _, target := range of.targets() {
			k := key{e.CC, target}
			if groups[k] == nil {
				keys = append(keys, k)
			}
			groups[k] = append(groups[k], e)
		}
	}
	type decided struct {
		ban       Ban
		decisions []Decision
	}
	var all []decided
	for _, k := range keys {
		for _, g := range cluster(groups[k], hand) {
			all = append(all, decided{newBan(k.target, g.reports()), g.decisions})
		}
	}
	slices.SortFunc(all, func(x, y decided) int {
		a, b := x.ban, y.ban
		return cmp.Or(strings.Compare(a.CC, b.CC), strings.Compare(a.Target, b.Target), a.Start.Compare(b.Start), strings.Compare(string(a.Method), string(b.Method)), compareOrigins(a.Basis, b.Basis))
	})
	bans, decisions := make([]Ban, 0, len(all)), []Decision{}
	for i := range all { // two bans that start on one day in two areas need different ids
		b := &all[i].ban
		id := fmt.Sprintf("%s-%s-%s", strings.ToLower(b.CC), b.Target, b.Start.Format(time.DateOnly))
		n := 1
		for j := i - 1; j >= 0 && strings.HasPrefix(all[j].ban.ID, id); j-- {
			n++
		}
		if b.ID = id; n > 1 {
			b.ID += fmt.Sprintf("-%d", n)
		}
		for _, d := range all[i].decisions {
			d.Ban, d.Target = b.ID, b.Target
			decisions = append(decisions, d)
		}
		bans = append(bans, *b)
	}
	return bans, decisions
}

// otherEditions maps reports of an older edition of KeepItOn's list to the report
// of a newer edition that is the same row: same country, days and area. Editions
// may list other targets for one row; the newer targets count. Keys and values are
// indexes into reports.
func otherEditions(reports []Report) map[int]int {
	newest := make(map[string]time.Time) // by file
	for _, r := range reports {
		if r.Origin.Dataset == KeepItOn {
			newest[r.Origin.File] = later(newest[r.Origin.File], r.Start)
		}
	}
	if len(newest) < 2 {
		return nil
	}
	key := func(r *Report) string {
		return fmt.Sprint(r.CC, r.Start.Unix(), r.End.Unix(), areaWords(r.Area))
	}
	rows := make(map[string][]int)
	for i := range reports {
		if r := &reports[i]; r.Origin.Dataset == KeepItOn {
			rows[key(r)] = append(rows[key(r)], i)
		}
	}
	same := make(map[int]int)
	for _, at := range rows {
		for _, i := range at {
			r := &reports[i]
			best := -1
			for _, j := range at {
				q := &reports[j]
				if !newest[q.Origin.File].After(newest[r.Origin.File]) {
					continue
				}
				if slices.Equal(q.targets(), r.targets()) && slices.Equal(q.Other, r.Other) {
					best = -1
					break // the newer edition has this row unchanged
				}
				if best < 0 {
					best = j
				}
			}
			if best >= 0 {
				same[i] = best
			}
		}
	}
	return same
}

// targets returns the targets of a report. A report that names only services
// without an id, or none, has the one target Unnamed.
func (r *Report) targets() []string {
	if len(r.Targets) == 0 {
		return []string{Unnamed}
	}
	return r.Targets
}

func compareOrigins(a, b Origin) int {
	return cmp.Or(cmp.Compare(preference[a.Dataset], preference[b.Dataset]), strings.Compare(a.File, b.File), strings.Compare(a.Sheet, b.Sheet), cmp.Compare(a.Row, b.Row), strings.Compare(a.ID, b.ID))
}

// entry is a report with what is computed for it while bans are grouped.
type entry struct {
	*Report
	area    []string // areaWords of it
	edition *Report  // the row of a newer edition, whose targets are used
}

// group holds the reports of one ban while bans are grouped.
type group struct {
	entries   []entry
	decisions []Decision
	until     time.Time // heldUntil of all its reports
	open      bool      // a report says that the ban still holds, and none that it ended
}

func (g *group) reports() []Report {
	out := make([]Report, len(g.entries))
	for i, e := range g.entries {
		out[i] = *e.Report
	}
	return out
}

// cluster groups the reports of one country and target.
func cluster(entries []entry, hand Hand) []*group {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(a.Start.Compare(b.Start), compareOrigins(a.Origin, b.Origin)) })
	var groups []*group
next:
	for _, e := range entries {
		for i := len(groups) - 1; i >= 0; i-- {
			if d, ok := hand.joins(groups[i], e); ok {
				groups[i].add(e, d)
				continue next
			}
		}
		for i := len(groups) - 1; i >= 0; i-- {
			d, ok := groups[i].takes(e)
			if !ok || hand.parts(groups[i], e) || d.Kind == GoesOn && begunAgain(groups[i], groups) {
				continue
			}
			groups[i].add(e, d)
			continue next
		}
		g := new(group)
		g.add(e, Decision{Report: e.Origin, Kind: First, Why: "no earlier report is of the same ban"})
		groups = append(groups, g)
	}
	return groups
}

// begunAgain reports whether another ban of the same place began and ended after
// the last day on which g is known to have held. Then g had ended.
func begunAgain(g *group, groups []*group) bool {
	return slices.ContainsFunc(groups, func(o *group) bool {
		return o != g && !o.open && o.entries[0].Start.After(g.until) && sameArea(g.entries[0], o.entries[0]) &&
			slices.ContainsFunc(o.entries, func(m entry) bool { return m.Status == Ended })
	})
}

func (g *group) add(e entry, d Decision) {
	g.entries, g.decisions = append(g.entries, e), append(g.decisions, d)
	g.until = heldUntil(g.entries)
	g.open = !slices.ContainsFunc(g.entries, func(m entry) bool { return m.Status == Ended }) &&
		slices.ContainsFunc(g.entries, func(m entry) bool { return m.Status == Ongoing })
}

// takes reports whether e is of the same ban as the group, and why. e must not
// start before the reports of the group.
func (g *group) takes(e entry) (Decision, bool) {
	for _, m := range g.entries {
		if len(m.Targets)+len(e.Targets) == 0 && m.edition == nil && e.edition == nil && !slices.EqualFunc(m.Other, e.Other, strings.EqualFold) {
			continue
		}
		if !sameArea(m, e) {
			continue
		}
		d := Decision{Report: e.Origin, With: m.Origin}
		gap := m.gap(e.Report)
		near := gap <= tolerance(m.Report, e.Report)
		switch {
		case m.edition == e.Report || e.edition == m.Report:
			d.Kind, d.Why = Edition, "the same row in two editions of a list, the newer of which names its targets"
		case m.Method != e.Method && (!near || !sameEnd(m.Report, e.Report)):
			continue
		case m.Method != e.Method:
			d.Kind, d.Why = TwoWays, fmt.Sprintf("a %s and a %s of the same days", m.Method, e.Method)
		case near && e.Start.Equal(m.Start):
			d.Kind, d.Why = SameStart, "both start on "+e.Start.Format(time.DateOnly)
		case near && gap == 0:
			d.Kind, d.Why = SameStart, fmt.Sprintf("it starts on %s, and the other between %s and %s", e.Start.Format(time.DateOnly), m.Start.Format(time.DateOnly), m.StartBy.Format(time.DateOnly))
		case near:
			d.Kind, d.Why = SameStart, "they start a day apart, which two lists may"
			if n := int(gap.Hours() / 24); n != 1 {
				d.Why = fmt.Sprintf("they start %d days apart, which two lists may", n)
			}
		case e.Start.Before(g.until):
			d.Kind, d.Why = Within, fmt.Sprintf("it starts on %s and the ban held until %s", e.Start.Format(time.DateOnly), g.until.Format(time.DateOnly))
		case g.open && e.Status == Ongoing && m.Status == Ongoing && e.Start.Sub(g.until) <= openGap && !e.begunMeasured():
			d.Kind, d.Why = GoesOn, fmt.Sprintf("both are said to go on, and nobody reported an end between %s and %s", g.until.Format(time.DateOnly), e.Start.Format(time.DateOnly))
		default:
			continue
		}
		return d, true
	}
	return Decision{}, false
}

// begunMeasured reports whether measurements show that the target worked before
// this ban. Then it does not continue an earlier ban.
func (e entry) begunMeasured() bool { return e.Origin.Dataset == Measured && !e.StartOpen }

// gap returns how long after the start of m the report e starts; 0 where e starts
// within the days on which m may have started. For an estimated start it counts
// from its first day.
func (m entry) gap(e *Report) time.Duration {
	switch {
	case m.Estimated:
		return e.Start.Sub(m.Start)
	case e.Start.After(m.StartBy):
		return e.Start.Sub(later(m.Start, m.StartBy))
	}
	return 0
}

// sameEnd reports whether two reports may end on the same day.
func sameEnd(a, b *Report) bool {
	return a.Status != Ended || b.Status != Ended || a.End.Sub(b.End).Abs() <= otherDataset
}

// heldUntil returns the last day on which reports say that a ban held. Where some
// say that it ended, "ongoing" of others does not make it longer.
func heldUntil(c []entry) time.Time {
	var ended, known time.Time
	for _, m := range c {
		known = later(known, m.Known)
		if m.Status == Ended {
			ended = later(ended, m.End)
		}
	}
	if !ended.IsZero() {
		return ended
	}
	return known
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func tolerance(a, b *Report) time.Duration {
	t := time.Duration(0)
	switch {
	case a.Origin.Dataset != b.Origin.Dataset:
		t = otherDataset
	case a.Origin.File != b.Origin.File:
		t = otherEdition
	}
	if a.Origin.Dataset != b.Origin.Dataset && (a.Estimated || b.Estimated) {
		t = estimateSlack
	}
	return t
}

// sameArea reports whether two reports are of the same place: both of the whole
// nation, or of places with the same name apart from words like "district". Where
// one list names districts within a state, half of all districts named must be in
// both.
func sameArea(a, b entry) bool {
	if a.Scope == National || b.Scope == National {
		return a.Scope == b.Scope
	}
	if len(a.area) == 0 || len(b.area) == 0 {
		return len(a.area) == len(b.area) && a.Scope == b.Scope
	}
	if slices.Equal(a.area, b.area) {
		return true
	}
	if a.Within == "" {
		a, b = b, a
	}
	if a.Origin.Dataset == b.Origin.Dataset || a.Within == "" {
		return false
	}
	state := areaWords(a.Within)
	districts := areaWords(strings.TrimSuffix(a.Area, ", "+a.Within))
	if a.Area == a.Within {
		districts = nil
	}
	named := slices.DeleteFunc(slices.Clone(b.area), func(w string) bool { return slices.Contains(state, w) && !slices.Contains(districts, w) })
	if len(districts) == 0 || len(named) == 0 { // the whole state: both must name it
		return len(districts) == len(named) && !slices.ContainsFunc(state, func(w string) bool { return !slices.Contains(b.area, w) })
	}
	both := 0
	for _, w := range named {
		if slices.Contains(districts, w) {
			both++
		}
	}
	return 2*both >= len(named)+len(districts)-both
}

// areaStop holds words of an area that say what kind of place it is, not which.
var areaStop = map[string]bool{"and": true, "the": true, "of": true, "in": true, "within": true, "parts": true, "entire": true, "all": true, "whole": true,
	"district": true, "districts": true, "state": true, "region": true, "province": true, "city": true, "valley": true, "division": true}

var nonWord = regexp.MustCompile(`[^a-z0-9]+`)

func areaWords(area string) []string {
	var words []string
	for _, w := range strings.Split(nonWord.ReplaceAllString(strings.ToLower(area), " "), " ") {
		if w != "" && !areaStop[w] && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	slices.Sort(words)
	return words
}

// newBan takes the dates of the preferred report and names what the others
// say otherwise.
func newBan(target string, reports []Report) Ban {
	slices.SortFunc(reports, func(a, b Report) int {
		return cmp.Or(cmp.Compare(preference[a.Origin.Dataset], preference[b.Origin.Dataset]), endedFirst(a, b), b.Known.Compare(a.Known), compareOrigins(a.Origin, b.Origin))
	})
	p := reports[0]
	b := Ban{
		CC: p.CC, Target: target, Method: p.Method, Scope: p.Scope, Area: p.Area,
		Start: p.Start, StartBy: p.StartBy, StartOpen: p.StartOpen, End: p.End, EndFrom: p.EndFrom, Status: p.Status, Known: p.Known, Basis: p.Origin, Reports: reports,
	}
	if target == Unnamed {
		b.Other = p.Other
	}
	b.Methods = []Method{p.Method}
	for _, r := range reports[1:] {
		if !slices.Contains(b.Methods, r.Method) {
			b.Methods = append(b.Methods, r.Method)
		}
		if r.Origin.Dataset == p.Origin.Dataset && r.Start.Before(b.Start) {
			b.Start, b.StartBy, b.StartOpen = r.Start, r.StartBy, r.StartOpen // reports of one data set that overlap are one span
		}
		if b.Status != Ended {
			b.Known = later(b.Known, r.Known)
			if measuredLonger := p.Origin.Dataset == Measured && r.End.Before(p.Known); r.Status == Ended && !measuredLonger {
				b.Status, b.End, b.EndFrom, b.Known = Ended, r.End, r.EndFrom, r.End
			} else if r.Status == Ongoing {
				b.Status = Ongoing
			}
		}
	}
	b.Disputes = disputes(&b)
	return b
}

func endedFirst(a, b Report) int {
	rank := map[Status]int{Ended: 0, Ongoing: 1, Unknown: 2}
	return cmp.Compare(rank[a.Status], rank[b.Status])
}

// beginsIn reports whether a report's start is within the days on which, by
// measurements, the ban began.
func beginsIn(r *Report, b *Ban) bool {
	if r.Start.After(later(b.Start, b.StartBy)) {
		return false
	}
	return b.StartOpen || !r.Start.Before(b.Start)
}

// disputes says where reports differ from the ban's dates. It is no dispute to
// report that the ban still held on a day when it did, or to report a day inside a
// measured interval.
func disputes(b *Ban) []string {
	type side struct {
		says    string
		dataset Dataset
	}
	count := make(map[side]int)
	var sides []side
	add := func(o Origin, what string, day time.Time) {
		s := side{what + " " + day.Format("2 January 2006"), o.Dataset}
		if count[s]++; count[s] == 1 {
			sides = append(sides, s)
		}
	}
	measured := b.Basis.Dataset == Measured
	for _, r := range b.Reports {
		if !r.Start.Equal(b.Start) && !(measured && beginsIn(&r, b)) {
			add(r.Origin, "it began on", r.Start)
		}
		switch {
		case r.Status == Ended && b.Status == Ended && !r.End.Equal(b.End) && !(measured && !r.End.Before(cmp.Or(b.EndFrom, b.End)) && !r.End.After(b.End)):
			add(r.Origin, "it ended on", r.End)
		case r.Status == Ended && b.Status == Ongoing && measured:
			add(r.Origin, "it ended on", r.End)
		case r.Status == Ongoing && b.Status == Ended && r.Known.After(b.End):
			add(r.Origin, "it still held on", r.Known)
		}
	}
	var list []string
	for _, s := range sides {
		text := s.says + ", by " + s.dataset.Words()
		if count[s] > 1 {
			text = fmt.Sprintf("%s in %d reports", text, count[s])
		}
		list = append(list, text)
	}
	return list
}
