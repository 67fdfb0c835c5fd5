package casefile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Computed is what Show computes from a case.
type Computed struct {
	// AsOf is the day for which the case is shown; null for all that is known.
	AsOf Date `json:"as_of" rule:"required,null"`
	// Chronology is everything with a date, in order, and then what has none.
	Chronology []Entry `json:"chronology" rule:"required"`
	// Clock holds the turning points and the days between them.
	Clock Clock `json:"clock" rule:"required"`
	// Dockets tell how each case before a court stands.
	Dockets []DocketState `json:"dockets" rule:"required"`
}

// DocketState says how a case before a court stands.
type DocketState struct {
	// ID of the docket.
	ID string `json:"id" rule:"required"`
	// Acts of the docket by id, in the order of their dates.
	Acts []string `json:"acts" rule:"required"`
	// LastHeard is the date of the latest of them; null when none has a date.
	LastHeard Date `json:"last_heard" rule:"required,null"`
	// Next is the date to which it was adjourned, by the latest act that names one;
	// null when none does.
	Next Date `json:"next" rule:"required,null"`
	// Orders are the court's orders in it, and whether and when they were obeyed.
	Orders []Deed `json:"orders" rule:"required"`
}

// EntryKind says what an entry of the chronology is.
type EntryKind string

var entryKinds = []term{
	{"act", "a step; see acts"},
	{"sighting", "what someone saw or measured; see sightings"},
	{"claim", "a claim that stands in no act; see claims"},
}

func (EntryKind) terms() []term { return entryKinds }

// Entry is one line of the chronology.
type Entry struct {
	// Date in EDTF; null when no source gives one.
	Date Date `json:"date" rule:"required,null"`
	// Entry says what it is.
	Entry EntryKind `json:"entry" rule:"required"`
	// ID in the case.
	ID string `json:"id" rule:"required"`
	// Kind of act, "seen" access of a sighting, or subject of a claim.
	Kind string `json:"kind" rule:"required"`
	// What happened.
	What string `json:"what" rule:"required"`
	// Disputed is true when a dispute of the case names it.
	Disputed bool `json:"disputed,omitempty"`
	// Withdrawn is set when the entry should not be relied on.
	Withdrawn *Withdrawal `json:"withdrawn,omitempty"`
	// Told says in a sentence who reports it, the last reporter first; empty for
	// sightings and claims.
	Told string `json:"told,omitempty"`
	// Inferred is true for an act that no source states.
	Inferred bool `json:"inferred,omitempty"`
	// Unread is true when none of its sources was read for the record.
	Unread bool `json:"unread,omitempty"`
	// Confidence in the fact.
	Confidence Confidence `json:"confidence" rule:"required"`
	// Why the confidence is what it is; empty for sightings and claims.
	Why string `json:"why,omitempty"`
	// KnownSince is the day of its earliest source; null when no source of it is dated.
	KnownSince Date `json:"known_since" rule:"required,null"`
	// Cites are the sources.
	Cites []Cite `json:"cites" rule:"required"`
}

// approximateDays is how many days after its date a source with an approximate date
// may have been published. Its facts count as known only after them.
const approximateDays = 7

// publishedBy returns the last day on which the source can have been published;
// false where it has no date.
func publishedBy(s *Source, zone *time.Location) (time.Time, bool) {
	if s == nil {
		return time.Time{}, false
	}
	day, ok := s.Date.LastDay(zone)
	if s.Date.Approximate() {
		day = day.AddDate(0, 0, approximateDays)
	}
	return day, ok
}

// KnownSince returns the day from which a fact with these sources was surely
// public: the earliest day of their publication. It is the zero Date where no
// source has a date.
func (r *Records) KnownSince(c *Case, cites []Cite) Date {
	var first time.Time
	for _, cite := range cites {
		day, ok := publishedBy(r.Source(c, cite.Source), c.Zone())
		if ok && (first.IsZero() || day.Before(first)) {
			first = day
		}
	}
	if first.IsZero() {
		return Date{}
	}
	return Day(first, time.UTC)
}

// AsOf returns the case as it could be told at the end of a day, from what was
// published by then. A fact whose sources have no date is left out, because it may
// have become known later. For a day that has no last day, such as the zero Date,
// it returns c itself.
func (r *Records) AsOf(c *Case, day Date) *Case {
	last, ok := day.LastDay(c.Zone())
	if !ok {
		return c
	}
	v := view{r: r, c: c, last: last}
	return v.build()
}

type view struct {
	r    *Records
	c    *Case
	last time.Time // the last day that counts, midnight UTC
}

// cites returns the citations of sources that were published by then.
func (v *view) cites(cites []Cite) []Cite {
	return keep(cites, func(cite Cite) bool {
		day, ok := publishedBy(v.r.Source(v.c, cite.Source), v.c.Zone())
		return ok && !day.After(v.last)
	})
}

func (v *view) known(cites []Cite) bool { return len(v.cites(cites)) > 0 }

// happened reports whether the date is not later than the day of the view.
func (v *view) happened(d Date) bool {
	first, ok := d.FirstDay(v.c.Zone())
	return !ok || !first.After(v.last)
}

func (v *view) build() *Case {
	c := *v.c
	c.OpenQuestions, c.Computed = nil, nil
	c.Start, c.End = v.bound(c.Start), v.bound(c.End)
	c.StatedTerm = v.term(c.StatedTerm)
	c.Summary = v.notes(c.Summary)
	c.Withdrawn = v.withdrawn(c.Withdrawn)
	switch {
	case c.Start == nil:
		c.Status, c.Title = "unknown", fmt.Sprintf("%s: access to %s", c.Jurisdiction, strings.Join(c.Targets, ", "))
	case c.End == nil:
		c.Status = "ongoing"
	}
	c.Acts = v.acts()
	c.Sightings = keep(c.Sightings, func(s Sighting) bool { return v.happened(s.Date) && v.known(s.Cites) })
	for i := range c.Sightings {
		c.Sightings[i].Cites = v.cites(c.Sightings[i].Cites)
		c.Sightings[i].Withdrawn = v.withdrawn(c.Sightings[i].Withdrawn)
	}
	c.Requests = keep(c.Requests, func(q Request) bool { return v.happened(q.Period) && v.known(q.Cites) })
	for i := range c.Requests {
		c.Requests[i].Cites = v.cites(c.Requests[i].Cites)
	}
	c.Claims = v.claims(&c)
	c.Disputes = v.disputes(&c)
	c.Dockets = v.dockets(&c)
	c.Sources = keep(c.Sources, func(s Source) bool {
		day, ok := publishedBy(&s, v.c.Zone())
		return ok && !day.After(v.last)
	})
	c.Actors, c.Laws = v.actors(&c), v.laws()
	c.Related = keep(c.Related, func(id string) bool {
		other := v.r.Case(id)
		return other != nil && other.Start != nil && v.known(other.Start.Cites) && v.happened(other.Start.Date)
	})
	for _, p := range weighedOf(&c) {
		if p.reason == "" {
			*p.value = v.r.weigh(&c, p.fact).Confidence
		}
	}
	return &c
}

// actors returns the actors of the case whom an entry of the view names, and the
// bodies they belong to. The end of an office that was in the future is removed.
func (v *view) actors(c *Case) []Actor {
	named := map[string]bool{}
	name := func(lists ...[]string) {
		for _, list := range lists {
			for _, id := range list {
				named[id] = true
			}
		}
	}
	for _, a := range c.Acts {
		name(a.By, a.To, a.Judges)
		for _, s := range a.AssertedBy {
			name([]string{s.Who})
		}
	}
	for _, s := range c.Sightings {
		name(s.By)
	}
	for _, k := range c.Claims {
		name(k.By)
	}
	for _, d := range c.Dockets {
		name([]string{d.Court}, d.Respondents, d.Judges)
		for _, p := range d.Parties {
			name([]string{p.Who})
		}
	}
	for _, q := range c.Requests {
		name([]string{q.Authority, q.ReportedBy})
	}
	for range c.Actors { // bodies may belong to other bodies
		for _, a := range c.Actors {
			if named[a.ID] {
				named[a.Of] = true
				for _, p := range a.Posts {
					named[p.Of] = true
				}
			}
		}
	}
	actors := keep(c.Actors, func(a Actor) bool { return named[a.ID] })
	for i := range actors {
		a := &actors[i]
		if !v.happened(a.To) {
			a.To = Date{}
		}
		a.Posts = keep(a.Posts, func(p Post) bool { return v.happened(p.From) && (len(p.Cites) == 0 || v.known(p.Cites)) })
		for j := range a.Posts {
			p := &a.Posts[j]
			if p.Cites = v.cites(p.Cites); !v.happened(p.To) {
				p.To = Date{}
			}
		}
	}
	return actors
}

// laws returns the laws of the case that had been made by then.
func (v *view) laws() []Law {
	laws := keep(v.c.Laws, func(l Law) bool { return v.happened(l.Date) && (len(l.Cites) == 0 || v.known(l.Cites)) })
	for i := range laws {
		l := &laws[i]
		l.Cites = v.cites(l.Cites)
		l.Sections = keep(l.Sections, func(s Section) bool { return len(s.Cites) == 0 || v.known(s.Cites) })
		for j := range l.Sections {
			l.Sections[j].Cites, l.Sections[j].Disputed = v.cites(l.Sections[j].Cites), v.notes(l.Sections[j].Disputed)
		}
	}
	return laws
}

// withdrawn returns nil for a withdrawal that came later.
func (v *view) withdrawn(w *Withdrawal) *Withdrawal {
	if w == nil || !v.happened(w.Date) {
		return nil
	}
	return w
}

func (v *view) bound(b *Bound) *Bound {
	if b == nil || !v.known(b.Cites) || !v.happened(b.Date) {
		return nil
	}
	return &Bound{Date: b.Date, What: b.What, Cites: v.cites(b.Cites)}
}

func (v *view) term(t *Term) *Term {
	if t == nil || len(t.Cites) > 0 && !v.known(t.Cites) {
		return nil
	}
	out := *t
	out.Cites = v.cites(t.Cites)
	return &out
}

// notes returns the sentences of which every source was published by then. A
// sentence with two sources may say what only the later one knows.
func (v *view) notes(notes []Note) []Note {
	return keep(notes, func(n Note) bool { return len(v.cites(n.Cites)) == len(n.Cites) })
}

func (v *view) note(n *Note) *Note {
	if n == nil || len(v.cites(n.Cites)) < len(n.Cites) {
		return nil
	}
	return n
}

func (v *view) acts() []Act {
	acts := keep(v.c.Acts, func(a Act) bool { return v.happened(a.Date) && v.known(a.Cites) && v.follows(a.Inferred) })
	v.blind(acts)
	there := func(id string) bool { return slices.ContainsFunc(acts, func(a Act) bool { return a.ID == id }) }
	for i := range acts {
		a := &acts[i]
		a.Cites, a.Details, a.Term = v.cites(a.Cites), v.notes(a.Details), v.term(a.Term)
		a.Condition, a.Operative, a.Remarks = v.note(a.Condition), v.note(a.Operative), v.notes(a.Remarks)
		a.Withdrawn = v.withdrawn(a.Withdrawn)
		a.AssertedBy = keep(a.AssertedBy, func(s Assertion) bool { return s.In == "" || there(s.In) })
		a.Answers, a.Implements = keep(a.Answers, there), keep(a.Implements, there)
		a.Repeats, a.Contradicts, a.Defies, a.Withdraws = keep(a.Repeats, there), keep(a.Contradicts, there), keep(a.Defies, there), keep(a.Withdraws, there)
	}
	return acts
}

// follows reports whether everything was known from which an act is inferred.
func (v *view) follows(i *Inference) bool {
	if i == nil {
		return true
	}
	return !slices.ContainsFunc(i.From, func(id string) bool {
		if a := v.c.Act(id); a != nil {
			return !v.known(a.Cites) || !v.happened(a.Date)
		}
		s := v.c.Sighting(id)
		return s == nil || !v.known(s.Cites) || !v.happened(s.Date)
	})
}

// blind removes from acts a docket that was not known by then.
func (v *view) blind(acts []Act) {
	for i := range acts {
		if d := v.c.Docket(acts[i].Docket); d == nil || !v.known(d.Cites) || !v.happened(d.Filed) {
			acts[i].Docket = ""
		}
	}
}

func (v *view) claims(c *Case) []Claim {
	claims := keep(v.c.Claims, func(k Claim) bool { return v.happened(k.Date) && v.known(k.Cites) })
	c.Claims = claims // evidence may name a claim
	for i := range claims {
		k := &claims[i]
		k.Cites = v.cites(k.Cites)
		k.Withdrawn = v.withdrawn(k.Withdrawn)
		if c.Act(k.Act) == nil {
			k.Act = ""
		}
		k.Evidence = keep(k.Evidence, func(e Evidence) bool {
			return e.Ref != "" && c.has(e.Ref) || e.Ref == "" && v.known(e.Cites)
		})
		for j := range k.Evidence {
			k.Evidence[j].Cites = v.cites(k.Evidence[j].Cites)
		}
	}
	return claims
}

func (v *view) disputes(c *Case) []Dispute {
	var out []Dispute
	for _, d := range v.c.Disputes {
		d.Positions = keep(d.Positions, func(p Position) bool { return v.known(p.Cites) })
		for i := range d.Positions {
			p := &d.Positions[i]
			p.Cites, p.Refs = v.cites(p.Cites), keep(p.Refs, c.has)
		}
		if len(d.Positions) > 1 {
			out = append(out, d)
		}
	}
	return out
}

func (v *view) dockets(c *Case) []Docket {
	dockets := keep(v.c.Dockets, func(d Docket) bool { return v.happened(d.Filed) && v.known(d.Cites) })
	for i := range dockets {
		d := &dockets[i]
		d.Cites, d.Notes = v.cites(d.Cites), v.notes(d.Notes)
		if d.Outcome = v.note(d.Outcome); d.Outcome == nil || !v.happened(d.Disposed) {
			d.Outcome, d.Disposition, d.Disposed = nil, "", Date{}
		}
		d.Counsel = keep(d.Counsel, func(k Counsel) bool { return v.known(k.Cites) })
		for j := range d.Counsel {
			d.Counsel[j].Cites = v.cites(d.Counsel[j].Cites)
		}
		d.Judges = keep(d.Judges, func(id string) bool {
			return slices.ContainsFunc(c.Acts, func(a Act) bool { return a.Docket == d.ID && slices.Contains(a.Judges, id) })
		})
	}
	for i := range dockets {
		there := func(id string) bool {
			return slices.ContainsFunc(dockets, func(d Docket) bool { return d.ID == id })
		}
		d := &dockets[i]
		if d.Consolidated = keep(d.Consolidated, there); !there(d.AppealOf) {
			d.AppealOf = ""
		}
	}
	return dockets
}

// keep returns a new list of the elements that are wanted.
func keep[T any](list []T, want func(T) bool) []T {
	var out []T
	for _, x := range list {
		if want(x) {
			out = append(out, x)
		}
	}
	return out
}

// Hearings returns the acts of a docket, in the order of their dates.
func (c *Case) Hearings(docket string) []*Act {
	var out []*Act
	for i := range c.Acts {
		if c.Acts[i].Docket == docket {
			out = append(out, &c.Acts[i])
		}
	}
	slices.SortStableFunc(out, func(a, b *Act) int { return byDate(a.Date, b.Date, c.Zone()) })
	return out
}

// dockets returns how the cases before courts stand.
func (c *Case) dockets(deeds []Deed) []DocketState {
	out := []DocketState{}
	for _, d := range c.Dockets {
		s := DocketState{ID: d.ID, Acts: []string{}, Orders: []Deed{}}
		for _, a := range c.Hearings(d.ID) {
			s.Acts = append(s.Acts, a.ID)
			if !a.Date.IsZero() {
				s.LastHeard = a.Date
			}
			if !a.Next.IsZero() {
				s.Next = a.Next
			}
			for _, deed := range deeds {
				if deed.Ref == a.ID {
					s.Orders = append(s.Orders, deed)
				}
			}
		}
		out = append(out, s)
	}
	return out
}

// Chronology returns all that happened, was seen and was said, by date. Entries
// without a date are last, in the order of the file.
func (r *Records) Chronology(c *Case) []Entry {
	disputed := map[string]bool{}
	for _, d := range c.Disputes {
		for _, p := range d.Positions {
			for _, ref := range p.Refs {
				disputed[ref] = true
			}
		}
	}
	out := []Entry{}
	add := func(e Entry) {
		e.Disputed, e.KnownSince, e.Unread = disputed[e.ID], r.KnownSince(c, e.Cites), r.Unread(c, e.Cites)
		out = append(out, e)
	}
	for i := range c.Acts {
		a := &c.Acts[i]
		add(Entry{Date: a.Date, Entry: "act", ID: a.ID, Kind: string(a.Kind), What: a.What, Withdrawn: a.Withdrawn,
			Told: r.Attribution(c, a), Inferred: a.Inferred != nil, Confidence: a.Confidence, Why: r.Weigh(c, a).Why, Cites: a.Cites})
	}
	for _, s := range c.Sightings {
		add(Entry{Date: s.Date, Entry: "sighting", ID: s.ID, Kind: string(s.Access), What: s.What, Withdrawn: s.Withdrawn, Confidence: s.Confidence, Cites: s.Cites})
	}
	for _, k := range c.Claims {
		if k.Act == "" {
			add(Entry{Date: k.Date, Entry: "claim", ID: k.ID, Kind: string(k.About), What: r.Names(c, k.By) + ": " + k.Says, Withdrawn: k.Withdrawn, Confidence: k.Confidence, Cites: k.Cites})
		}
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return byDate(a.Date, b.Date, c.Zone()) })
	return out
}

// byDate compares by the earliest moment, then by the latest; a date without
// moments is last.
func byDate(a, b Date, zone *time.Location) int {
	aFrom, aTo := a.Bounds(zone)
	bFrom, bTo := b.Bounds(zone)
	if aFrom.IsZero() {
		aFrom = aTo // "/2022-09": until then
	}
	if bFrom.IsZero() {
		bFrom = bTo
	}
	switch {
	case aFrom.IsZero() || bFrom.IsZero():
		return cmp.Compare(boolInt(aFrom.IsZero()), boolInt(bFrom.IsZero()))
	default:
		return cmp.Or(aFrom.Compare(bFrom), aTo.Compare(bTo))
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Names returns the names of actors as a reader would say them, with commas
// between: the abbreviation where there is one, a person with the office.
func (r *Records) Names(c *Case, ids []string) string {
	var out string
	for i, id := range ids {
		if i > 0 {
			out += ", "
		}
		out += r.Name(c, id)
	}
	return out
}

// LegalBasis returns the laws and sections on which an act rests, in words and in
// order.
func (r *Records) LegalBasis(c *Case, list []Basis) []string {
	var out []string
	for _, b := range list {
		name := b.Law
		if law := r.Law(c, b.Law); law != nil {
			name = law.Name
		}
		if b.Section != "" {
			name += ", " + b.Section
		}
		if b.Note != "" {
			name += " (" + b.Note + ")"
		}
		out = append(out, name)
	}
	return out
}

// Name returns one actor's name, or the id where there is no such actor. A person
// with several posts is named without a post; see NameOn.
func (r *Records) Name(c *Case, id string) string { return r.NameOn(c, id, Date{}) }

// NameOn is Name with the post that a person had on the date.
func (r *Records) NameOn(c *Case, id string, date Date) string {
	a := r.Actor(c, id)
	if a == nil {
		return id
	}
	office := a.Office
	if post := a.post(date, c.Zone()); post != nil {
		office = post.Office
	}
	switch {
	case office != "" && a.Name != office:
		return a.Name + " (" + office + ")"
	case a.Abbreviation != "":
		return a.Abbreviation
	default:
		return a.Name
	}
}

// post returns the post that a person had on the date: the last one that had begun
// and not ended. Without a date it returns the only post. It returns nil for none.
func (a *Actor) post(date Date, zone *time.Location) *Post {
	if date.IsZero() {
		if len(a.Posts) != 1 {
			return nil
		}
		return &a.Posts[0]
	}
	var held *Post
	for i := range a.Posts {
		if p := &a.Posts[i]; !certainlyBefore(date, p.From, zone) && !certainlyBefore(p.To, date, zone) {
			held = p
		}
	}
	return held
}
