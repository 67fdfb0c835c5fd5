package casefile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Verdict is the answer to a claim.
type Verdict string

// The answers.
const (
	Supported    Verdict = "supported"
	Contradicted Verdict = "contradicted"
	Mixed        Verdict = "mixed"
	Untested     Verdict = "untested"
)

var verdicts = []term{
	{string(Supported), "the evidence agrees with the claim"},
	{string(Contradicted), "the evidence disagrees with the claim"},
	{string(Mixed), "part of the evidence agrees and part disagrees"},
	{string(Untested), "nobody looked, or too little to say"},
}

func (Verdict) terms() []term { return verdicts }

// The evidence floor. Below it an answer is untested, and says why: one
// report's measurements, or one publisher's word, must not decide. The floor
// for measurements is that of package series.
const (
	// floorMeasurements is how many measurements let a network be read.
	floorMeasurements = 3
	// floorVotes is how many votes they must have, that is, in how many reports they must have come.
	floorVotes = 2 * Vote
	// floorPublishers is how many publishers must agree where no document or
	// measurement stands behind the reports.
	floorPublishers = 2
	// clearShare is the share of a network's votes that must agree.
	clearShare = 0.8
)

// Answer is a claim held against the evidence. It is never stored.
type Answer struct {
	// Claim is the id, empty for a claim asked on the spot.
	Claim string `json:"claim,omitempty"`
	// Says is the claim in words.
	Says string `json:"says" rule:"required"`
	// By are the ids of those who said it.
	By []string `json:"by,omitempty"`
	// Date on which it was said.
	Date Date `json:"date,omitzero"`
	// Access is the claim in terms that can be measured, for a claim about access.
	Access *AccessClaim `json:"access,omitempty"`
	// Verdict is the answer.
	Verdict Verdict `json:"verdict" rule:"required"`
	// AnsweredFrom is what the answer rests on.
	AnsweredFrom Origin `json:"answered_from" rule:"required"`
	// Reason says in a sentence why the answer is what it is.
	Reason string `json:"reason" rule:"required"`
	// Measured is what the archive holds on it; null for a claim that is not about access or names no time.
	Measured *Tally `json:"measured" rule:"required,null"`
	// Sources are what the sources say for and against.
	Sources []Heard `json:"sources" rule:"required"`
}

// Tally is what was measured in the time of a claim.
type Tally struct {
	// From is the start of the time, UTC; null without limit.
	From *time.Time `json:"from" rule:"required,null"`
	// To is its end.
	To *time.Time `json:"to" rule:"required,null"`
	// OK is how many measurements found it reachable.
	OK int64 `json:"ok" rule:"required"`
	// Blocked is how many found it blocked or likely blocked.
	Blocked int64 `json:"blocked" rule:"required"`
	// Down is how many found it broken everywhere.
	Down int64 `json:"down" rule:"required"`
	// Unclear is how many were impaired or insufficient.
	Unclear int64 `json:"unclear" rule:"required"`
	// Reports is in how many reports they came.
	Reports int64 `json:"reports" rule:"required"`
	// Networks are the counts of each network, the most measured first.
	Networks []NetworkTally `json:"networks" rule:"required"`
	// Cells are the evidence.
	Cells []Cell `json:"cells" rule:"required"`
}

// Reading is what the measurements of one network come to.
type Reading string

// The readings of a network.
const (
	ReadOK      Reading = "ok"
	ReadBlocked Reading = "blocked"
	ReadDown    Reading = "down"
	ReadMixed   Reading = "mixed"
	ReadLittle  Reading = "insufficient"
)

var readings = []term{
	{string(ReadOK), "reachable"},
	{string(ReadBlocked), "blocked"},
	{string(ReadDown), "broken, and nobody blocks it"},
	{string(ReadMixed), "the measurements disagree"},
	{string(ReadLittle), "too few measurements to say"},
}

func (Reading) terms() []term { return readings }

// NetworkTally is the counts of one network and what they come to.
type NetworkTally struct {
	// ASN is the network.
	ASN ASN `json:"asn" rule:"required"`
	// OK is how many measurements found it reachable.
	OK int64 `json:"ok" rule:"required"`
	// Blocked is how many found it blocked or likely blocked.
	Blocked int64 `json:"blocked" rule:"required"`
	// Down is how many found it broken everywhere.
	Down int64 `json:"down" rule:"required"`
	// Unclear is how many were impaired or insufficient.
	Unclear int64 `json:"unclear" rule:"required"`
	// Votes are the counts with each report worth one vote a day.
	Votes Votes `json:"votes" rule:"required"`
	// Reading is what they come to.
	Reading Reading `json:"reading" rule:"required"`
}

// Heard is what a source says for or against a claim.
type Heard struct {
	// Ref is the entry of the case.
	Ref string `json:"ref,omitempty"`
	// Case is where it stands, when the claim was asked of the whole record.
	Case string `json:"case,omitempty"`
	// Bearing is which way it speaks.
	Bearing Bearing `json:"bearing" rule:"required"`
	// Why it does.
	Why string `json:"why" rule:"required"`
	// Date of the entry.
	Date Date `json:"date,omitzero"`
	// Publishers are those of its sources.
	Publishers []string `json:"publishers" rule:"required"`
	// Cites are its sources.
	Cites []Cite `json:"cites" rule:"required"`

	strong bool // a document or a measurement stands behind it
}

// Answers holds every claim of a case against the evidence.
func (r *Records) Answers(ctx context.Context, c *Case, m Measured) ([]Answer, error) {
	out := []Answer{}
	for i := range c.Claims {
		k := &c.Claims[i]
		if k.Withdrawn != nil {
			continue
		}
		a, err := r.AnswerClaim(ctx, c, k, m)
		if err != nil {
			return nil, fmt.Errorf("answer claim %s of case %s: %w", k.ID, c.ID, err)
		}
		out = append(out, a)
	}
	return out, nil
}

// AnswersAsOf is Answers with what was known, and measured, at the end of a
// day; a zero day is now.
func (r *Records) AnswersAsOf(ctx context.Context, c *Case, asOf Date, m Measured) ([]Answer, error) {
	if !asOf.IsZero() && m != nil {
		m = until{m, asOf, c.Zone()}
	}
	return r.Answers(ctx, r.AsOf(c, asOf), m)
}

// AnswerClaim holds one claim against the measurements, where it is about
// access and there are enough, and else against the sources.
func (r *Records) AnswerClaim(ctx context.Context, c *Case, k *Claim, m Measured) (Answer, error) {
	a := Answer{Claim: k.ID, Says: k.Says, By: k.By, Date: k.Date, Access: k.Access, Sources: r.heard(c, k)}
	return a, a.settle(ctx, c.Zone(), m)
}

// Check answers a claim about access that stands in no case: from the
// measurements, else from what the cases of that country report.
func (r *Records) Check(ctx context.Context, claim AccessClaim, m Measured) (Answer, error) {
	a := Answer{Says: fmt.Sprintf("%s is %s in %s, %s", claim.Target, claim.Says, claim.CC, claim.At), Access: &claim, Sources: []Heard{}}
	zone := time.UTC
	for _, c := range r.Cases {
		if c.Jurisdiction != claim.CC || c.Withdrawn != nil {
			continue
		}
		zone = c.Zone()
		for _, h := range r.heard(c, &Claim{Access: &claim}) {
			h.Case = c.ID
			a.Sources = append(a.Sources, h)
		}
	}
	return a, a.settle(ctx, zone, m)
}

// settle fills in the verdict: from measurements when they reach the floor,
// else from the sources.
func (a *Answer) settle(ctx context.Context, zone *time.Location, m Measured) error {
	why := ""
	switch {
	case a.Access == nil:
	case a.Access.At.IsZero():
		why = "The claim names no time, so no measurement can be held against it. "
	default:
		tally, err := count(ctx, a.Access, zone, m)
		if err != nil {
			return err
		}
		a.Measured = tally
		var enough bool
		if a.Verdict, why, enough = tally.answer(a.Access.Says); enough {
			a.AnsweredFrom, a.Reason = FromMeasurements, why
			return nil
		}
		why += " "
	}
	a.Verdict, a.AnsweredFrom, a.Reason = fromSources(a.Sources)
	a.Reason = why + a.Reason
	return nil
}

// count adds up the cells in the time of the claim. A cell counts when its
// middle lies in that time.
func count(ctx context.Context, claim *AccessClaim, zone *time.Location, m Measured) (*Tally, error) {
	from, to := claim.At.Bounds(zone)
	t := &Tally{From: stampOrNil(from), To: stampOrNil(to), Networks: []NetworkTally{}, Cells: []Cell{}}
	if m == nil {
		return t, nil
	}
	asns := make([]uint32, len(claim.Networks))
	for i, n := range claim.Networks {
		asns[i] = uint32(n)
	}
	cells, err := m.Cells(ctx, claim.Target, claim.CC, asns, from, to)
	if err != nil {
		return nil, fmt.Errorf("read the measurements of %s in %s: %w", claim.Target, claim.CC, err)
	}
	for _, c := range cells {
		middle := c.From.Add(c.To.Sub(c.From) / 2)
		if !from.IsZero() && middle.Before(from) || !to.IsZero() && !middle.Before(to) {
			continue
		}
		t.add(c)
	}
	slices.SortFunc(t.Networks, func(a, b NetworkTally) int {
		return cmp.Or(cmp.Compare(b.total(), a.total()), cmp.Compare(a.ASN, b.ASN))
	})
	for i := range t.Networks {
		t.Networks[i].Reading = t.Networks[i].read()
	}
	return t, nil
}

func stampOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (t *Tally) add(c Cell) {
	t.Cells = append(t.Cells, c)
	t.OK, t.Blocked, t.Down, t.Unclear, t.Reports = t.OK+c.OK, t.Blocked+c.Blocked, t.Down+c.Down, t.Unclear+c.Unclear, t.Reports+c.Reports
	i := slices.IndexFunc(t.Networks, func(n NetworkTally) bool { return n.ASN == c.ASN })
	if i < 0 {
		i = len(t.Networks)
		t.Networks = append(t.Networks, NetworkTally{ASN: c.ASN})
	}
	n := &t.Networks[i]
	n.OK, n.Blocked, n.Down, n.Unclear = n.OK+c.OK, n.Blocked+c.Blocked, n.Down+c.Down, n.Unclear+c.Unclear
	n.Votes = n.Votes.plus(c.Votes)
}

func (n NetworkTally) total() int64 { return n.OK + n.Blocked + n.Down + n.Unclear }

// read gives what a network's measurements come to: what four fifths of the
// votes say, or all but one report. Unclear votes are in the denominator: they
// never make a network look decided.
func (n NetworkTally) read() Reading {
	total := n.Votes.total()
	if n.total() < floorMeasurements || total < floorVotes {
		return ReadLittle
	}
	for _, r := range []struct {
		votes   int64
		reading Reading
	}{{n.Votes.OK, ReadOK}, {n.Votes.Blocked, ReadBlocked}, {n.Votes.Down, ReadDown}} {
		most := float64(r.votes) >= clearShare*float64(total)
		if allButOne := total-r.votes <= Vote && r.votes >= floorVotes; most || allButOne {
			return r.reading
		}
	}
	return ReadMixed
}

// together reads all networks as one, for when none has enough of its own.
func (t *Tally) together() NetworkTally {
	var all NetworkTally
	for _, n := range t.Networks {
		all.OK, all.Blocked, all.Down, all.Unclear = all.OK+n.OK, all.Blocked+n.Blocked, all.Down+n.Down, all.Unclear+n.Unclear
		all.Votes = all.Votes.plus(n.Votes)
	}
	all.Reading = all.read()
	return all
}

// answer holds a claim against the counts. Below the floor it is no answer,
// and says what is missing.
func (t *Tally) answer(says Access) (v Verdict, why string, enough bool) {
	total := t.OK + t.Blocked + t.Down + t.Unclear
	if total == 0 {
		return Untested, "Nobody measured it in that time.", false
	}
	counts := fmt.Sprintf("%d measurements on %d networks in %d reports: %d ok, %d blocked, %d down, %d unclear",
		total, len(t.Networks), t.Reports, t.OK, t.Blocked, t.Down, t.Unclear)
	read := keep(t.Networks, func(n NetworkTally) bool { return n.Reading != ReadLittle })
	note := fmt.Sprintf("of %d networks with enough measurements", len(read))
	if len(read) == 0 {
		all := t.together()
		if all.Reading == ReadLittle {
			return Untested, fmt.Sprintf("Measured too little to say (%s); %d measurements in %d reports are the least.",
				counts, floorMeasurements, floorVotes/Vote), false
		}
		read, note = []NetworkTally{all}, "no network has enough of its own, so all are read as one:"
	}
	var agree, disagree, open int
	for _, n := range read {
		switch {
		case n.Reading == ReadMixed:
			open++
		case agrees(says, n.Reading):
			agree++
		default:
			disagree++
		}
	}
	return weigh(says, agree, disagree, open),
		fmt.Sprintf("%s; %s %d agree with the claim, %d disagree, %d are mixed.", counts, note, agree, disagree, open), true
}

// weigh turns networks for, against and undecided into a verdict.
func weigh(says Access, agree, disagree, open int) Verdict {
	switch {
	case says == Partial && (open > 0 || agree > 0 && disagree > 0):
		return Supported
	case says == Partial && agree > 0:
		return Mixed // every network measured reaches it; others may not
	case disagree == 0 && open == 0:
		return Supported
	case agree == 0 && open == 0:
		return Contradicted
	default:
		return Mixed
	}
}

// agrees reports whether a network's reading is what the claim says of it.
func agrees(says Access, reading Reading) bool {
	switch says {
	case Accessible, Restored, Partial:
		return reading == ReadOK
	case Blocked:
		return reading == ReadBlocked
	default: // inaccessible, disrupted
		return reading == ReadBlocked || reading == ReadDown
	}
}

// heard gives what the case's sources say of a claim: the evidence that its
// editors name and, for a claim about access, the sightings of that time.
// What its own author says is no evidence.
func (r *Records) heard(c *Case, k *Claim) []Heard {
	out := []Heard{}
	for _, e := range k.Evidence {
		if !c.withdrawn(e.Ref) {
			out = append(out, r.evidence(c, e))
		}
	}
	if k.Access == nil || k.Access.At.IsZero() {
		return out
	}
	from, to := k.Access.At.Bounds(c.Zone())
	for i := range c.Sightings {
		s := &c.Sightings[i]
		if s.Withdrawn != nil || !slices.Contains(s.Targets, k.Access.Target) || !overlaps(s.Date, from, to, c.Zone()) || own(s.By, k.By) ||
			slices.ContainsFunc(k.Evidence, func(e Evidence) bool { return e.Ref == s.ID }) {
			continue
		}
		if len(k.Access.Networks) > 0 && len(s.Networks) > 0 && !own(k.Access.Networks, s.Networks) {
			continue
		}
		if k.Access.Says == Partial && len(k.Access.Networks) == 0 && len(s.Networks) > 0 {
			continue // what some networks do leaves the others open
		}
		if bearing := bears(k.Access.Says, s.Access); bearing != "" {
			out = append(out, r.support(c, Heard{Ref: s.ID, Bearing: bearing, Why: s.What, Date: s.Date, Cites: s.Cites}))
		}
	}
	if h, ok := r.between(c, k.Access); ok {
		out = append(out, h)
	}
	return out
}

// between gives what the case's own start and end say of a claim whose time
// lies wholly between them: those who report the end report that it was closed
// until then. Which networks were closed they do not say.
func (r *Records) between(c *Case, claim *AccessClaim) (Heard, bool) {
	if c.Start == nil || c.End == nil || len(claim.Networks) > 0 || !slices.Contains(c.Targets, claim.Target) ||
		!certainlyBefore(c.Start.Date, claim.At, c.Zone()) || !certainlyBefore(claim.At, c.End.Date, c.Zone()) {
		return Heard{}, false
	}
	bearing := bears(claim.Says, Inaccessible)
	if claim.Says == Partial || claim.Says == Disrupted {
		return Heard{}, false // a ban may have its hours
	}
	why := fmt.Sprintf("By the sources access was lost on %s and came back on %s.", days(c.Start.Date, c.Zone()), days(c.End.Date, c.Zone()))
	return r.support(c, Heard{Bearing: bearing, Why: why, Cites: slices.Clone(c.End.Cites)}), true
}

// days writes a date as its day, or its first and last.
func days(d Date, zone *time.Location) string {
	first, _ := d.FirstDay(zone)
	last, ok := d.LastDay(zone)
	if !ok || first.Equal(last) {
		return first.Format(time.DateOnly)
	}
	return first.Format(time.DateOnly) + " to " + last.Format(time.DateOnly)
}

// withdrawn reports that the entry should not be relied on.
func (c *Case) withdrawn(id string) bool {
	a, s, k := c.Act(id), c.Sighting(id), c.Claim(id)
	return a != nil && a.Withdrawn != nil || s != nil && s.Withdrawn != nil || k != nil && k.Withdrawn != nil
}

func overlaps(d Date, from, to time.Time, zone *time.Location) bool {
	if d.IsZero() {
		return false
	}
	start, end := d.Bounds(zone)
	return (to.IsZero() || start.IsZero() || start.Before(to)) && (from.IsZero() || end.IsZero() || from.Before(end))
}

func own[T comparable](a, b []T) bool {
	return slices.ContainsFunc(a, func(x T) bool { return slices.Contains(b, x) })
}

// bears gives which way a sighting speaks of a claim about access, "" when it
// speaks neither way.
func bears(says, seen Access) Bearing {
	reach := map[Access]int{Accessible: 1, Restored: 1, Partial: 0, Disrupted: 0, Inaccessible: -1, Blocked: -1}
	a, b := reach[says], reach[seen]
	switch {
	case says == Partial && b >= 0, says == Disrupted && b <= 0, a != 0 && a == b:
		return "supports"
	case a*b < 0, a == 0 && b != 0:
		return "contradicts"
	default:
		return ""
	}
}

// evidence turns what an editor named into what is shown: with the sources
// of the entry it refers to.
func (r *Records) evidence(c *Case, e Evidence) Heard {
	h := Heard{Ref: e.Ref, Bearing: e.Bearing, Why: e.Why, Cites: slices.Clone(e.Cites)}
	if a := c.Act(e.Ref); a != nil {
		h.Date, h.Cites = a.Date, append(h.Cites, a.Cites...)
		h.strong = a.Docket != "" && r.byCourt(c, a)
	}
	if s := c.Sighting(e.Ref); s != nil {
		h.Date, h.Cites = s.Date, append(h.Cites, s.Cites...)
	}
	if q := c.Request(e.Ref); q != nil {
		h.Date, h.Cites = q.Period, append(h.Cites, q.Cites...)
	}
	if k := c.Claim(e.Ref); k != nil {
		h.Date, h.Cites = k.Date, append(h.Cites, k.Cites...)
	}
	return r.support(c, h)
}

// support fills in who published a piece of evidence and whether a document
// or a measurement stands behind it.
func (r *Records) support(c *Case, h Heard) Heard {
	h.Publishers = []string{}
	for _, cite := range h.Cites {
		s := r.Source(c, cite.Source)
		if s == nil {
			continue
		}
		if s.Copies != "" {
			if first := r.Source(c, s.Copies); first != nil {
				s = first // a copy is no second source
			}
		}
		if !slices.Contains(h.Publishers, s.Publisher) {
			h.Publishers = append(h.Publishers, s.Publisher)
		}
		h.strong = h.strong || slices.Contains([]SourceType{"official_document", "court_paper", "measurement"}, s.Type)
	}
	if s := c.Sighting(h.Ref); s != nil {
		h.strong = h.strong || slices.ContainsFunc(s.By, func(id string) bool {
			a := r.Actor(c, id)
			return a != nil && a.Kind == "measurer"
		})
	}
	return h
}

// fromSources answers from what the sources say. One publisher alone decides
// nothing unless a document, a court or a measuring body stands behind it.
func fromSources(heard []Heard) (Verdict, Origin, string) {
	publishers := map[Bearing]map[string]bool{"supports": {}, "contradicts": {}}
	strong := false
	for _, h := range heard {
		for _, p := range h.Publishers {
			publishers[h.Bearing][p] = true
		}
		strong = strong || h.strong
	}
	yes, no := len(publishers["supports"]), len(publishers["contradicts"])
	said := fmt.Sprintf("%d for and %d against", yes, no)
	switch {
	case yes+no == 0:
		return Untested, FromNothing, "No source speaks for or against it."
	case yes > 0 && no > 0:
		return Mixed, FromSources, "By the sources alone: publishers " + said + "."
	case yes+no < floorPublishers && !strong:
		return Untested, FromSources, "One publisher alone speaks of it, which is too little to say."
	case yes > 0:
		return Supported, FromSources, "By the sources alone: publishers " + said + "."
	default:
		return Contradicted, FromSources, "By the sources alone: publishers " + said + "."
	}
}
