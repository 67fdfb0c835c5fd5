package casefile

import (
	"fmt"
	"slices"
	"strings"
)

// Hand says how near a source is to what it reports.
type Hand string

var hands = []term{
	{"document", "it is the document, or prints it, or describes the document that it holds"},
	{"first", "it was there, measured it, or tells its own deed"},
	{"second", "it tells what others told"},
}

func (Hand) terms() []term { return hands }

// SourceRead says how much of a source was read for the record.
type SourceRead string

var sourceReads = []term{
	{"whole", "all of its text"},
	{"excerpt", "a part of it; what stands in the rest is not known here"},
	{"unread", "nothing of it: it is known by its address, or by what others say of it"},
}

func (SourceRead) terms() []term { return sourceReads }

// Assertion names one who says that an act took place. Those who acted are in the
// act's by.
type Assertion struct {
	// Who says it, an actor's id.
	Who string `json:"who" rule:"required"`
	// In is the act of the case in which it is said: a document, an answer to a
	// court. That act's sources and assertions are the rest of the chain.
	In string `json:"in,omitempty"`
}

// Inference says that no source states an act, and that the record concludes it.
type Inference struct {
	// From are the ids of the acts and sightings from which it is concluded.
	From []string `json:"from" rule:"required"`
	// Why it follows from them, in a sentence.
	Why string `json:"why" rule:"required"`
}

// Weight is the confidence in a fact and the sentence that says why.
type Weight struct {
	Confidence Confidence
	Why        string
}

// fact is what confidence is computed from.
type fact struct {
	cites    []Cite
	by       []string
	asserted []Assertion
	inferred *Inference
}

// hand returns how near the source is: as it says, else by its type and grade.
func (s *Source) hand() Hand {
	switch {
	case s.Hand != "":
		return s.Hand
	case slices.Contains([]SourceType{"official_document", "court_paper", "document_obtained"}, s.Type):
		return "document"
	case s.Type == "measurement" || s.Type == "statement" || s.Reliability <= "B":
		return "first"
	default:
		return "second"
	}
}

// published reports whether a source is itself the proof: the document as its
// author published it, or the report of the body that measured.
func (s *Source) published() bool {
	return slices.Contains([]SourceType{"official_document", "court_paper"}, s.Type) || s.Type == "measurement" && s.Reliability == "A"
}

// weigh computes the confidence in a fact. The rule is in docs/formats/record.md,
// "Confidence"; both must change together.
func (r *Records) weigh(c *Case, f fact) Weight {
	var publishers, near []string // publishers has those of grade A to C; near has those of them that are A or B and first hand
	document, read, weak := false, false, 0
	for _, cite := range f.cites {
		s := r.Source(c, cite.Source)
		if s == nil {
			continue
		}
		read = read || s.Read != "unread"
		if s.Reliability > "C" {
			weak++
			continue
		}
		document = document || s.published() && s.Read != "unread"
		if first := r.Source(c, s.Copies); s.Copies != "" && first != nil {
			s = first // a copy is not a second publisher
		}
		if !slices.Contains(publishers, s.Publisher) {
			publishers = append(publishers, s.Publisher)
		}
		if s.Reliability <= "B" && s.hand() != "second" && !slices.Contains(near, s.Publisher) {
			near = append(near, s.Publisher)
		}
	}
	n := len(publishers)
	w := Weight{"low", fmt.Sprintf("%d publishers graded A to C, none of them graded A or B and first hand", n)}
	if n == 0 {
		w.Why = fmt.Sprintf("only sources graded D or lower (%d)", weak)
	}
	switch {
	case document:
		w = Weight{"high", "the document itself, or the body that measured"}
	case n >= 2 && len(near) > 0:
		w = Weight{"high", fmt.Sprintf("%d independent publishers, %d of them first hand", n, len(near))}
	case len(near) > 0:
		w = Weight{"medium", "one publisher, first hand: " + near[0]}
	case n >= 2:
		w = Weight{"medium", fmt.Sprintf("%d independent publishers, all second hand", n)}
	case n == 1:
		w.Why = "one publisher, second hand: " + publishers[0]
	}
	if len(f.cites) == 0 {
		w = Weight{"low", "no source"}
	}
	if !read && len(f.cites) > 0 {
		return Weight{"low", "none of its sources was read"}
	}
	return r.capped(c, f, w)
}

// capped lowers the confidence in what rests on one voice alone, or on reasoning.
func (r *Records) capped(c *Case, f fact, w Weight) Weight {
	if who := relayedBy(f); who != "" && w.Confidence == "high" {
		w = Weight{"medium", "only " + r.Name(c, who) + " says that it took place"}
	}
	if f.inferred == nil {
		return w
	}
	if w.Confidence == "high" {
		w.Confidence = "medium"
	}
	for _, id := range f.inferred.From {
		if from, ok := r.entryWeight(c, id); ok && lower(from, w.Confidence) {
			w.Confidence = from
		}
	}
	w.Why = "inferred from " + c.calledAll(f.inferred.From)
	return w
}

// relayedBy returns the one voice on which a fact rests; "" where there are
// several, or where it is the voice of those who acted.
func relayedBy(f fact) string {
	if len(f.asserted) == 0 {
		return ""
	}
	who := f.asserted[0].Who
	for _, a := range f.asserted {
		if a.Who != who || slices.Contains(f.by, a.Who) {
			return ""
		}
	}
	return who
}

func (r *Records) entryWeight(c *Case, id string) (Confidence, bool) {
	if a := c.Act(id); a != nil && a.Inferred == nil {
		return r.weigh(c, a.fact()).Confidence, true
	}
	if s := c.Sighting(id); s != nil {
		return r.weigh(c, fact{cites: s.Cites}).Confidence, true
	}
	return "", false
}

// lower reports whether a is less than b. The list of words begins with the
// highest.
func lower(a, b Confidence) bool {
	rank := func(x Confidence) int {
		return slices.IndexFunc(confidences, func(t term) bool { return t.Value == string(x) })
	}
	return rank(a) > rank(b)
}

func (a *Act) fact() fact {
	return fact{cites: a.Cites, by: a.By, asserted: a.AssertedBy, inferred: a.Inferred}
}

// fact returns the fact that the claim was said. A claim inside an act is asserted
// by those who assert the act.
func (k *Claim) fact(c *Case) fact {
	f := fact{cites: k.Cites, by: k.By}
	if a := c.Act(k.Act); a != nil {
		f.asserted = a.AssertedBy
	}
	return f
}

// weighed is a place in the record whose confidence is computed.
type weighed struct {
	at     string // "acts[2]"
	fact   fact
	value  *Confidence
	reason string
}

// weighedOf returns all such places of a case.
func weighedOf(c *Case) []weighed {
	var out []weighed
	for i := range c.Acts {
		a := &c.Acts[i]
		out = append(out, weighed{at("acts", i), a.fact(), &a.Confidence, a.ConfidenceReason})
	}
	for i := range c.Sightings {
		s := &c.Sightings[i]
		out = append(out, weighed{at("sightings", i), fact{cites: s.Cites, by: s.By}, &s.Confidence, s.ConfidenceReason})
	}
	for i := range c.Claims {
		k := &c.Claims[i]
		out = append(out, weighed{at("claims", i), k.fact(c), &k.Confidence, k.ConfidenceReason})
	}
	for i := range c.Requests {
		q := &c.Requests[i]
		out = append(out, weighed{at("requests", i), fact{cites: q.Cites}, &q.Confidence, q.ConfidenceReason})
	}
	return out
}

// settle sets the confidence of everything that gives no reason for another. It
// notes a problem where a file has a confidence that the rule does not give.
func (r *Records) settle() {
	for _, c := range r.Cases {
		r.settleAll(c, c.folder, weighedOf(c))
	}
	var bans []weighed
	for i := range r.Shared.Bans {
		b := &r.Shared.Bans[i]
		bans = append(bans, weighed{at("bans", i), fact{cites: b.Cites}, &b.Confidence, b.ConfidenceReason})
	}
	r.settleAll(nil, r.Shared.folder, bans)
}

func (r *Records) settleAll(c *Case, f *files, places []weighed) {
	for _, p := range places {
		w := r.weigh(c, p.fact)
		stated := *p.value
		if p.reason != "" && stated != "" {
			continue
		}
		*p.value = w.Confidence
		switch {
		case f.broken || r.Shared.folder.broken: // nobody knows what its sources are
		case p.reason != "":
			r.problems = append(r.problems, f.problem(p.at, "gives confidence_reason but no confidence; give both, or neither"))
		case stated != "" && stated != w.Confidence:
			problem := f.problem(p.at+".confidence", "is %s without a reason, and counts as %s by the sources (%s); leave it out, or give confidence_reason", stated, w.Confidence, w.Why)
			problem.Warning = true // the rule counts, whatever the file says
			problem.Edit = f.edit(p.at+".confidence", string(stated), string(w.Confidence))
			r.problems = append(r.problems, problem)
		}
	}
}

// Weigh returns the confidence in an act of the case, and the reason.
func (r *Records) Weigh(c *Case, a *Act) Weight {
	if a.ConfidenceReason != "" {
		return Weight{a.Confidence, "set by hand: " + a.ConfidenceReason}
	}
	return r.weigh(c, a.fact())
}

// Attribution says in a sentence who reports that an act took place, the last
// reporter first: the publishers, then those whom they quote, then the document of
// those. It is never empty for an act with sources.
func (r *Records) Attribution(c *Case, a *Act) string {
	if a.Inferred != nil {
		return "inferred from " + c.calledAll(a.Inferred.From) + ": " + a.Inferred.Why
	}
	said := r.reporters(c, a.Cites)
	var chain []string
	for _, s := range a.AssertedBy {
		chain = append(chain, r.Name(c, s.Who)+r.within(c, s.In, map[string]bool{a.ID: true}))
	}
	if len(chain) == 0 {
		return said
	}
	return strings.Join(chain, "; and ") + " (" + said + ")"
}

// within follows the chain of acts in which something was said.
func (r *Records) within(c *Case, id string, seen map[string]bool) string {
	in := c.Act(id)
	if in == nil || seen[id] {
		return ""
	}
	seen[id] = true
	text := " in " + c.called(id)
	for _, s := range in.AssertedBy {
		text += ", which is told by " + r.Name(c, s.Who) + r.within(c, s.In, seen)
	}
	return text
}

// called names an act or a sighting by its kind and date, "a request of 17 February
// 2024", or by its id where the record has neither.
func (c *Case) called(id string) string {
	name, date := "", Date{}
	if a := c.Act(id); a != nil {
		name, date = strings.ReplaceAll(string(a.Kind), "_", " "), a.Date
	} else if s := c.Sighting(id); s != nil {
		name, date = "sighting", s.Date
	}
	switch {
	case name == "":
		return id
	case strings.Contains("aeiou", name[:1]):
		name = "an " + name
	default:
		name = "a " + name
	}
	if date.IsZero() {
		return name
	}
	return name + " of " + date.Words()
}

// calledAll names several acts and sightings, with commas between.
func (c *Case) calledAll(ids []string) string {
	var names []string
	for _, id := range ids {
		names = append(names, c.called(id))
	}
	return strings.Join(names, ", ")
}

// reporters names the publishers of sources, and how each knows.
func (r *Records) reporters(c *Case, cites []Cite) string {
	var obtained, reported, unread []string
	add := func(list *[]string, name string) {
		if !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	for _, cite := range cites {
		switch s := r.Source(c, cite.Source); {
		case s == nil:
		case s.Read == "unread":
			add(&unread, s.Publisher)
		case s.Type == "document_obtained":
			add(&obtained, s.Publisher)
		default:
			add(&reported, s.Publisher)
		}
	}
	var parts []string
	for _, p := range []struct {
		how  string
		list []string
	}{{"a document obtained by ", obtained}, {"reported by ", reported}, {"not read: ", unread}} {
		if len(p.list) > 0 {
			parts = append(parts, p.how+strings.Join(p.list, ", "))
		}
	}
	return strings.Join(parts, "; ")
}

// Unread reports whether none of these sources was read for the record.
func (r *Records) Unread(c *Case, cites []Cite) bool {
	found := false
	for _, cite := range cites {
		s := r.Source(c, cite.Source)
		if s != nil && s.Read != "unread" {
			return false
		}
		found = found || s != nil
	}
	return found
}
