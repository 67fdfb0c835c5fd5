package casefile

import (
	"fmt"
	"reflect"
	"strings"
)

// Standing says whether a citation can be checked, and what the check found.
type Standing string

// The standings of a citation, the best first.
const (
	Verified Standing = "verified"
	Moved    Standing = "moved"
	Broken   Standing = "broken"
	NotHere  Standing = "not_here"
	NoCopy   Standing = "no_copy"
	NoPlace  Standing = "no_place"
)

var standings = []term{
	{string(Verified), "the passage stands in the copy, at its place"},
	{string(Moved), "the passage stands in the copy, but not at the place that is given"},
	{string(Broken), "the passage does not stand in the copy"},
	{string(NotHere), "the source is bound to a copy that is not at hand here"},
	{string(NoCopy), "the source is bound to no copy"},
	{string(NoPlace), "the citation names a source and no passage in it"},
}

func (Standing) terms() []term { return standings }

// Copies returns the text of the archived copy with a SHA-256 (hexadecimal); false
// where the copy is not at hand.
type Copies func(sha256 string) (text string, ok bool)

// copyOf returns the SHA-256 of the copy that a citation refers to, "" for none.
func copyOf(c Cite, s *Source) string {
	if c.SHA256 == "" && s != nil && s.Copy != nil {
		return s.Copy.SHA256
	}
	return c.SHA256
}

// Stand checks one citation against the copy of its source.
func (r *Records) Stand(c *Case, cite Cite, copies Copies) Standing {
	if cite.Phrase == "" {
		return NoPlace
	}
	sha := copyOf(cite, r.Source(c, cite.Source))
	if sha == "" {
		return NoCopy
	}
	if copies == nil {
		return NotHere
	}
	text, ok := copies(sha)
	if !ok {
		return NotHere
	}
	return cite.standing(text)
}

// standing looks for the passage in the text of the copy: at its offset if it has
// one, else with its neighbours, else anywhere.
func (c Cite) standing(text string) Standing {
	_, _, found := c.Find(text)
	switch {
	case c.Offset == nil && found:
		return Verified
	case c.Offset == nil && Quotes(text, c.Phrase):
		return Moved
	case c.Offset == nil:
		return Broken
	}
	from, to := *c.Offset, *c.Offset+c.Length
	if from >= 0 && c.Length > 0 && to <= int64(len(text)) && Quotes(text[from:to], c.Phrase) {
		return Verified
	}
	if Quotes(text, c.Phrase) {
		return Moved
	}
	return Broken
}

// Audit says how much of a case a reader can check.
type Audit struct {
	// Case is the id.
	Case string `json:"case" rule:"required"`
	// Facts are its acts and claims, in the order of the files.
	Facts []AuditFact `json:"facts" rule:"required"`
	// Citations counts all citations of the case, those of its summary, disputes and dockets too, by their standing.
	Citations map[Standing]int `json:"citations" rule:"required"`
	// Confidence counts the acts by their confidence.
	Confidence map[Confidence]int `json:"confidence" rule:"required"`
	// Unread counts the acts and claims none of whose sources was read.
	Unread int `json:"unread" rule:"required"`
	// Inferred counts the acts that no source states.
	Inferred int `json:"inferred" rule:"required"`
}

// AuditFact is one act or claim under audit.
type AuditFact struct {
	// Kind is "act" or "claim".
	Kind string `json:"kind" rule:"required"`
	// ID in the case.
	ID string `json:"id" rule:"required"`
	// What is the fact in a sentence.
	What string `json:"what" rule:"required"`
	// Told says who reports it.
	Told string `json:"told" rule:"required"`
	// Confidence in it.
	Confidence Confidence `json:"confidence" rule:"required"`
	// Why the confidence is what it is.
	Why string `json:"why" rule:"required"`
	// Verifiable is true when one of its citations was verified.
	Verifiable bool `json:"verifiable" rule:"required"`
	// Unread is true when none of its sources was read.
	Unread bool `json:"unread,omitempty"`
	// Cites are its citations and how they stand.
	Cites []AuditCite `json:"cites" rule:"required"`
}

// AuditCite is one citation under audit.
type AuditCite struct {
	// Source is the id.
	Source string `json:"source" rule:"required"`
	// Place in words: "page 3, paragraph 2", "bytes 120 to 160 of bandish-text/1"; empty without one.
	Place string `json:"place,omitempty"`
	// Standing says whether it can be checked, and what the check found.
	Standing Standing `json:"standing" rule:"required"`
}

// Audit checks every citation of a case against the copies at hand. copies may be
// nil: then no copy is at hand.
func (r *Records) Audit(c *Case, copies Copies) Audit {
	a := Audit{Case: c.ID, Facts: []AuditFact{}, Citations: map[Standing]int{}, Confidence: map[Confidence]int{}}
	for i := range c.Acts {
		act := &c.Acts[i]
		w := r.Weigh(c, act)
		a.Confidence[w.Confidence]++
		if act.Inferred != nil {
			a.Inferred++
		}
		a.add(r, c, copies, act, AuditFact{Kind: "act", ID: act.ID, What: act.What, Told: r.Attribution(c, act), Confidence: w.Confidence, Why: w.Why})
	}
	for i := range c.Claims {
		k := &c.Claims[i]
		w := r.weigh(c, k.fact(c))
		if k.ConfidenceReason != "" {
			w = Weight{k.Confidence, "set by hand: " + k.ConfidenceReason}
		}
		told := r.Names(c, k.By) + " (" + r.reporters(c, k.Cites) + ")"
		if act := c.Act(k.Act); act != nil && len(act.AssertedBy) > 0 {
			told = r.Names(c, k.By) + ", as told by " + r.Attribution(c, act)
		}
		a.add(r, c, copies, k, AuditFact{Kind: "claim", ID: k.ID, What: k.Says, Told: told, Confidence: w.Confidence, Why: w.Why})
	}
	for _, cite := range Cites(c) {
		a.Citations[r.Stand(c, cite, copies)]++
	}
	return a
}

func (a *Audit) add(r *Records, c *Case, copies Copies, entry any, f AuditFact) {
	var cites []Cite
	collectCites(reflect.ValueOf(entry), &cites)
	f.Cites = []AuditCite{}
	for _, cite := range cites {
		s := r.Stand(c, cite, copies)
		f.Verifiable = f.Verifiable || s == Verified
		f.Cites = append(f.Cites, AuditCite{cite.Source, cite.Place(), s})
	}
	if f.Unread = r.Unread(c, cites); f.Unread {
		a.Unread++
	}
	a.Facts = append(a.Facts, f)
}

// Place says in words at which place of the source a passage is; "" where the
// citation names none.
func (l Locator) Place() string {
	var parts []string
	if l.Page > 0 {
		parts = append(parts, fmt.Sprintf("page %d", l.Page))
	}
	if l.Paragraph > 0 {
		parts = append(parts, fmt.Sprintf("paragraph %d", l.Paragraph))
	}
	if l.Offset != nil {
		parts = append(parts, fmt.Sprintf("bytes %d to %d of %s", *l.Offset, *l.Offset+l.Length, l.Extractor))
	}
	return strings.Join(parts, ", ")
}
