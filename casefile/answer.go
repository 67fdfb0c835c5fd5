package casefile

import (
	"fmt"
	"slices"
	"time"

	"github.com/bandish/bandish/network"
)

// Verdict is the answer to a claim.
type Verdict string

// The answers.
const (
	Supported    Verdict = "supported"
	Contradicted Verdict = "contradicted"
	Mixed        Verdict = "mixed"
	Untested     Verdict = "untested"
	Disputed     Verdict = "disputed"
)

var verdicts = []term{
	{string(Supported), "the evidence agrees with the claim"},
	{string(Contradicted), "the evidence disagrees with the claim"},
	{string(Mixed), "part of the evidence agrees and part disagrees"},
	{string(Untested), "nobody looked, or too little to say"},
	{string(Disputed), "a question of law that no court has decided"},
}

func (Verdict) terms() []term { return verdicts }

// floorPublishers is how many publishers must agree where the reports rest on no
// document and no measurement. One publisher alone must not decide.
const floorPublishers = 2

// Answer is the answer to a claim, from the evidence. It is never stored.
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
	AnsweredFrom From `json:"answered_from" rule:"required"`
	// Reason says in a sentence why the answer is what it is.
	Reason string `json:"reason" rule:"required"`
	// Measured is what the archive holds on it; null for a claim that is not about access or names no time.
	Measured *Tally `json:"measured" rule:"required,null"`
	// Sources are what the sources say for and against.
	Sources []Heard `json:"sources" rule:"required"`
}

// Tally counts what was measured in the time of a claim.
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
	// Events are the ids of the dated bans that hold in that time.
	Events []string `json:"events" rule:"required"`
}

// Reading is what the measurements of one network show.
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

// NetworkTally counts what was measured on one network, and what it shows.
type NetworkTally struct {
	// ASN is the network.
	ASN network.ASN `json:"asn" rule:"required"`
	// OK is how many measurements found it reachable.
	OK int64 `json:"ok" rule:"required"`
	// Blocked is how many found it blocked or likely blocked.
	Blocked int64 `json:"blocked" rule:"required"`
	// Down is how many found it broken everywhere.
	Down int64 `json:"down" rule:"required"`
	// Unclear is how many were impaired or insufficient.
	Unclear int64 `json:"unclear" rule:"required"`
	// Reading is what they show.
	Reading Reading `json:"reading" rule:"required"`
	// Event is the id of the dated ban that holds on the network in that time.
	Event string `json:"event,omitempty"`
}

// Heard is what a source says for or against a claim.
type Heard struct {
	// Ref is the id of the entry of the case.
	Ref string `json:"ref,omitempty"`
	// Case is the id of the case that holds it, when the claim was asked of the whole
	// record.
	Case string `json:"case,omitempty"`
	// Bearing says whether it supports or contradicts.
	Bearing Bearing `json:"bearing" rule:"required"`
	// Why says why, in a sentence.
	Why string `json:"why" rule:"required"`
	// Date of the entry.
	Date Date `json:"date,omitzero"`
	// Publishers are those of its sources.
	Publishers []string `json:"publishers" rule:"required"`
	// Cites are its sources.
	Cites []Cite `json:"cites" rule:"required"`

	// Strong is true where it rests on a document or a measurement.
	Strong bool `json:"strong,omitempty"`
}

// Hear returns what the sources of a case say of a claim: the evidence that editors
// named. For a claim about access it adds the sightings of that time, and what the
// case's start and end say of it. What the author of the claim says is no evidence.
// It returns an empty list, not nil, where there is nothing.
func (r *Records) Hear(c *Case, k *Claim) []Heard {
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
			continue // what holds on some networks says nothing of the others
		}
		if bearing := Bears(k.Access.Says, s.Access); bearing != "" {
			out = append(out, r.Support(c, Heard{Ref: s.ID, Bearing: bearing, Why: s.What, Date: s.Date, Cites: s.Cites}))
		}
	}
	if h, ok := r.between(c, k.Access); ok {
		out = append(out, h)
	}
	if h, ok := r.after(c, k.Access); ok {
		out = append(out, h)
	}
	return out
}

// after returns what the case's end says of a claim about the days after it:
// whoever reports the end reports that there was access then. It says nothing of
// days more than a month later; false then.
func (r *Records) after(c *Case, claim *AccessClaim) (Heard, bool) {
	const month = 31 * 24 * time.Hour
	if c.End == nil || len(claim.Networks) > 0 || !slices.Contains(c.Targets, claim.Target) || !certainlyBefore(c.End.Date, claim.At, c.Zone()) {
		return Heard{}, false
	}
	_, ended := c.End.Date.Bounds(c.Zone())
	from, _ := claim.At.Bounds(c.Zone())
	bearing := Bears(claim.Says, Restored)
	if from.Sub(ended) > month || bearing == "" {
		return Heard{}, false
	}
	why := fmt.Sprintf("By the sources access came back on %s.", days(c.End.Date, c.Zone()))
	return r.Support(c, Heard{Bearing: bearing, Why: why, Cites: slices.Clone(c.End.Cites)}), true
}

// between returns what the case's start and end say of a claim whose whole time is
// between them: whoever reports the end reports that there was no access until
// then. They do not say on which networks.
func (r *Records) between(c *Case, claim *AccessClaim) (Heard, bool) {
	if c.Start == nil || c.End == nil || len(claim.Networks) > 0 || !slices.Contains(c.Targets, claim.Target) ||
		!certainlyBefore(c.Start.Date, claim.At, c.Zone()) || !certainlyBefore(claim.At, c.End.Date, c.Zone()) {
		return Heard{}, false
	}
	bearing := Bears(claim.Says, Inaccessible)
	if claim.Says == Partial || claim.Says == Disrupted {
		return Heard{}, false // a ban may hold only at certain hours
	}
	why := fmt.Sprintf("By the sources access was lost on %s and came back on %s.", days(c.Start.Date, c.Zone()), days(c.End.Date, c.Zone()))
	return r.Support(c, Heard{Bearing: bearing, Why: why, Cites: slices.Clone(c.End.Cites)}), true
}

// days writes a date as its day, or as its first and last day.
func days(d Date, zone *time.Location) string {
	first, _ := d.FirstDay(zone)
	last, ok := d.LastDay(zone)
	if !ok || first.Equal(last) {
		return first.Format("2 January 2006")
	}
	return first.Format("2 January 2006") + " to " + last.Format("2 January 2006")
}

// withdrawn reports whether the entry was withdrawn.
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

// Bears says whether access as it was seen supports or contradicts a claim about
// access; "" where it does neither.
func Bears(says, seen Access) Bearing {
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

// evidence adds to what an editor named the date and the sources of the entry that
// it refers to.
func (r *Records) evidence(c *Case, e Evidence) Heard {
	h := Heard{Ref: e.Ref, Bearing: e.Bearing, Why: e.Why, Cites: slices.Clone(e.Cites)}
	if a := c.Act(e.Ref); a != nil {
		h.Date, h.Cites = a.Date, append(h.Cites, a.Cites...)
		h.Strong = a.Docket != "" && r.byCourt(c, a)
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
	return r.Support(c, h)
}

// Support fills in who published a piece of evidence, and whether it rests on a
// document or a measurement.
func (r *Records) Support(c *Case, h Heard) Heard {
	h.Publishers = []string{}
	for _, cite := range h.Cites {
		s := r.Source(c, cite.Source)
		if s == nil {
			continue
		}
		if s.Copies != "" {
			if first := r.Source(c, s.Copies); first != nil {
				s = first // a copy is not a second source
			}
		}
		if !slices.Contains(h.Publishers, s.Publisher) {
			h.Publishers = append(h.Publishers, s.Publisher)
		}
		h.Strong = h.Strong || slices.Contains([]SourceType{"official_document", "court_paper", "measurement"}, s.Type)
	}
	if s := c.Sighting(h.Ref); s != nil {
		h.Strong = h.Strong || slices.ContainsFunc(s.By, func(id string) bool {
			a := r.Actor(c, id)
			return a != nil && a.Kind == "measurer"
		})
	}
	return h
}

// Decided reports whether a court's judgment is among the evidence on a claim.
func (r *Records) Decided(c *Case, k *Claim) bool {
	return slices.ContainsFunc(k.Evidence, func(e Evidence) bool {
		a := c.Act(e.Ref)
		return a != nil && a.Kind == "judgment" && r.byCourt(c, a)
	})
}

// publishersSay counts publishers in words: "1 publisher for", "none against".
func publishersSay(n int, way string) string {
	switch n {
	case 0:
		return "none " + way
	case 1:
		return "1 publisher " + way
	}
	return fmt.Sprintf("%d publishers %s", n, way)
}

// FromReports answers a claim from what sources say. One publisher alone decides
// nothing, unless a document, a court or a measuring body supports the report. The
// text is the reason.
func FromReports(heard []Heard) (Verdict, From, string) {
	publishers := map[Bearing]map[string]bool{"supports": {}, "contradicts": {}}
	strong := false
	for _, h := range heard {
		for _, p := range h.Publishers {
			publishers[h.Bearing][p] = true
		}
		strong = strong || h.Strong
	}
	yes, no := len(publishers["supports"]), len(publishers["contradicts"])
	said := "By the sources alone: " + publishersSay(yes, "for") + ", " + publishersSay(no, "against") + " it."
	switch {
	case yes+no == 0:
		return Untested, FromNothing, "No source speaks for or against it."
	case yes > 0 && no > 0:
		return Mixed, FromSources, said
	case yes+no < floorPublishers && !strong:
		return Untested, FromSources, "One publisher alone speaks of it, which is too little to say."
	case yes > 0:
		return Supported, FromSources, said
	default:
		return Contradicted, FromSources, said
	}
}
