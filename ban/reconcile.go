package ban

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Ban is one ban of one target in one country, with every report of it.
type Ban struct {
	ID       string    `json:"id"` // "pk-x-2024-02-17"
	CC       string    `json:"cc"`
	Target   string    `json:"target"`
	Other    []string  `json:"other,omitempty"` // the services, where Target is Unnamed
	Method   Method    `json:"method"`
	Scope    Scope     `json:"scope"`
	Area     string    `json:"area,omitempty"`
	Start    time.Time `json:"start"`
	StartBy  time.Time `json:"start_by,omitzero"` // where the start is a span, its last day
	End      time.Time `json:"end,omitzero"`
	EndFrom  time.Time `json:"end_from,omitzero"` // where the end is a span, its first day
	Status   Status    `json:"status"`
	Known    time.Time `json:"known"` // the last day for which a report says that it held
	Basis    Origin    `json:"basis"` // the report whose dates these are
	Reports  []Report  `json:"reports"`
	Disputes []string  `json:"disputes,omitempty"`
}

// Tolerances of the start between reports of the same ban.
const (
	otherEdition  = 24 * time.Hour      // another file of the same data set
	otherDataset  = 3 * 24 * time.Hour  // another data set
	estimateSlack = 31 * 24 * time.Hour // one of the two is an estimate
)

// Reconcile puts reports of the same ban together. Two reports are of the
// same ban when country, target, method and area agree and they start on the
// same day (within a tolerance between data sets), or one starts while the
// other holds. The order of reports does not matter.
func Reconcile(reports []Report) []Ban {
	type key struct {
		cc, target string
		method     Method
	}
	groups := make(map[key][]Report)
	var keys []key
	for _, r := range reports {
		for _, target := range r.targets() {
			k := key{r.CC, target, r.Method}
			if groups[k] == nil {
				keys = append(keys, k)
			}
			groups[k] = append(groups[k], r)
		}
	}
	var bans []Ban
	for _, k := range keys {
		for _, c := range cluster(groups[k]) {
			bans = append(bans, newBan(k.target, c))
		}
	}
	slices.SortFunc(bans, func(a, b Ban) int {
		return cmp.Or(strings.Compare(a.CC, b.CC), strings.Compare(a.Target, b.Target), a.Start.Compare(b.Start), strings.Compare(string(a.Method), string(b.Method)), compareOrigins(a.Basis, b.Basis))
	})
	for i := range bans { // ids tell apart what starts on one day in two areas
		bans[i].ID = fmt.Sprintf("%s-%s-%s", strings.ToLower(bans[i].CC), bans[i].Target, bans[i].Start.Format(time.DateOnly))
		n := 1
		for j := i - 1; j >= 0 && strings.HasPrefix(bans[j].ID, bans[i].ID); j-- {
			n++
		}
		if n > 1 {
			bans[i].ID += fmt.Sprintf("-%d", n)
		}
	}
	return bans
}

// targets are the targets of a report; one that names only services without
// an id, or none, has the one target Unnamed.
func (r *Report) targets() []string {
	if len(r.Targets) == 0 {
		return []string{Unnamed}
	}
	return r.Targets
}

func compareOrigins(a, b Origin) int {
	return cmp.Or(cmp.Compare(preference[a.Dataset], preference[b.Dataset]), strings.Compare(a.File, b.File), strings.Compare(a.Sheet, b.Sheet), cmp.Compare(a.Row, b.Row), strings.Compare(a.ID, b.ID))
}

// group is reports of one ban while they are put together.
type group struct {
	reports []Report
	areas   [][]string // areaWords of each
	until   time.Time  // heldUntil them all
}

// cluster puts the reports of one country, target and method together.
func cluster(reports []Report) [][]Report {
	reports = slices.Clone(reports)
	slices.SortFunc(reports, func(a, b Report) int { return cmp.Or(a.Start.Compare(b.Start), compareOrigins(a.Origin, b.Origin)) })
	var groups []*group
next:
	for _, r := range reports {
		area := areaWords(r.Area)
		for i := len(groups) - 1; i >= 0; i-- {
			if g := groups[i]; g.takes(r, area) {
				g.add(r, area)
				continue next
			}
		}
		g := new(group)
		g.add(r, area)
		groups = append(groups, g)
	}
	clusters := make([][]Report, len(groups))
	for i, g := range groups {
		clusters[i] = g.reports
	}
	return clusters
}

func (g *group) add(r Report, area []string) {
	g.reports, g.areas = append(g.reports, r), append(g.areas, area)
	g.until = heldUntil(g.reports)
}

// takes reports whether r, which starts no earlier than those of the group,
// is of the same ban.
func (g *group) takes(r Report, area []string) bool {
	for i := range g.reports {
		m := &g.reports[i]
		gap := r.Start.Sub(m.Start)
		if gap > tolerance(m, &r) && !r.Start.Before(g.until) {
			continue
		}
		if len(m.Targets)+len(r.Targets) == 0 && !slices.EqualFunc(m.Other, r.Other, strings.EqualFold) {
			continue
		}
		if sameArea(m, &r, g.areas[i], area) {
			return true
		}
	}
	return false
}

// heldUntil is the day until which reports say that a ban held. Where some
// say that it ended, an "ongoing" of others does not hold it open longer.
func heldUntil(c []Report) time.Time {
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

// sameArea reports whether two reports may speak of the same place. Within a
// data set the areas must be the same; another data set may name more or
// less of it.
func sameArea(a, b *Report, x, y []string) bool {
	if a.Scope == National || b.Scope == National {
		return a.Scope == b.Scope
	}
	if a.Origin.Dataset == b.Origin.Dataset {
		return slices.Equal(x, y)
	}
	if len(x) > len(y) {
		x, y = y, x
	}
	return len(x) > 0 && !slices.ContainsFunc(x, func(w string) bool { return !slices.Contains(y, w) })
}

var areaStop = map[string]bool{"and": true, "the": true, "of": true, "district": true, "districts": true, "state": true, "region": true, "province": true, "city": true, "parts": true, "in": true}

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
		Start: p.Start, StartBy: p.StartBy, End: p.End, EndFrom: p.EndFrom, Status: p.Status, Known: p.Known, Basis: p.Origin, Reports: reports,
	}
	if target == Unnamed {
		b.Other = p.Other
	}
	for _, r := range reports[1:] {
		if r.Origin.Dataset == p.Origin.Dataset && r.Start.Before(b.Start) {
			b.Start, b.StartBy = r.Start, r.StartBy // a data set's own reports that overlap are one span
		}
		if b.Status != Ended {
			b.Known = later(b.Known, r.Known)
			if r.Status == Ended {
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

// disputes says where reports differ from the ban's dates. A report that the
// ban went on while it still did is no dispute.
func disputes(b *Ban) []string {
	type side struct {
		says    string
		dataset Dataset
	}
	count := make(map[side]int)
	first := make(map[side]Origin)
	var sides []side
	add := func(o Origin, what string, day time.Time) {
		s := side{what + " " + day.Format(time.DateOnly), o.Dataset}
		if count[s]++; count[s] == 1 {
			sides = append(sides, s)
			first[s] = o
		}
	}
	for _, r := range b.Reports {
		if !r.Start.Equal(b.Start) {
			add(r.Origin, "start", r.Start)
		}
		switch {
		case r.Status == Ended && b.Status == Ended && !r.End.Equal(b.End):
			add(r.Origin, "end", r.End)
		case r.Status == Ongoing && b.Status == Ended && r.Known.After(b.End):
			add(r.Origin, "still held on", r.Known)
		}
	}
	var list []string
	for _, s := range sides {
		by := first[s].String()
		if count[s] > 1 {
			by = fmt.Sprintf("%s (%d rows, %s first)", s.dataset, count[s], by)
		}
		list = append(list, s.says+" by "+by)
	}
	return list
}
