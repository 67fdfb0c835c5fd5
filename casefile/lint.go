package casefile

import (
	"bytes"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/network"
)

// Checks tells Lint about the world outside the record. A nil function, or a zero
// day, leaves its checks out.
type Checks struct {
	// Platform reports whether the register of targets has the id.
	Platform func(id string) bool
	// CopyText returns the text of the archived copy with a SHA-256.
	CopyText Copies
	// Today is the day of the check in UTC. Dates more than a day later get a
	// warning.
	Today Date
}

// maxPhraseWords is how many words a quotation in the record may have.
const maxPhraseWords = 25

// Lint returns every problem of the record, sorted by file and line: those found
// while reading, and those between its parts.
func (r *Records) Lint(checks Checks) []Problem {
	found := make([][]Problem, len(r.Cases)+1)
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				l := &linter{r: r, checks: checks, f: r.Shared.folder, zone: time.UTC}
				if i < len(r.Cases) {
					l.c, l.f, l.zone = r.Cases[i], r.Cases[i].folder, r.Cases[i].Zone()
					l.lintCase()
				} else {
					l.lintShared()
				}
				found[i] = l.problems
			}
		})
	}
	for i := range found {
		next <- i
	}
	close(next)
	wg.Wait()
	problems := slices.Concat(append(found, r.problems)...)
	sortProblems(problems)
	return problems
}

// linter checks one folder of the record.
type linter struct {
	r      *Records
	checks Checks
	c      *Case // nil for the shared folder
	f      *files
	zone   *time.Location
	ids    map[string]string // path by id, in the folder
	cited  map[string]bool   // sources that are cited
	// unchecked counts, by source, the quotations from sources without a copy; nil
	// where nobody asks for it.
	unchecked map[string]int
	problems  []Problem
}

func (l *linter) problem(at, format string, args ...any) {
	l.problems = append(l.problems, l.f.problem(at, format, args...))
}

func (l *linter) warn(at, format string, args ...any) {
	p := l.f.problem(at, format, args...)
	p.Warning = true
	l.problems = append(l.problems, p)
}

// missing notes a reference to an id that does not exist. Where a file could not be
// read nobody knows what it holds; then the file is the problem to mend first.
func (l *linter) missing(at, kind, id string) {
	if l.f.broken || l.r.Shared.folder.broken {
		return
	}
	hint := "correct the id, or add what it names"
	if like := nearest(id, l.known(kind)); like != "" {
		hint = fmt.Sprintf("did you mean %q?", like)
	}
	l.problem(at, "there is no %s %q; %s", kind, id, hint)
}

// anEntry names what evidence and disputes may refer to.
const anEntry = "act, sighting, request or claim"

// known returns the ids of a kind that may be referred to from here.
func (l *linter) known(kind string) []string {
	c, shared := l.c, &l.r.Shared
	if c == nil {
		c = &Case{}
	}
	acts := idsOf(c.Acts, func(a *Act) string { return a.ID })
	switch kind {
	case "case":
		return idsOf(l.r.Cases, func(c **Case) string { return (*c).ID })
	case "actor":
		return append(idsOf(c.Actors, actorID), idsOf(shared.Actors, actorID)...)
	case "law":
		return append(idsOf(c.Laws, lawID), idsOf(shared.Laws, lawID)...)
	case "source":
		return append(idsOf(c.Sources, sourceID), idsOf(shared.Sources, sourceID)...)
	case "docket":
		return idsOf(c.Dockets, func(d *Docket) string { return d.ID })
	case "act":
		return acts
	case "act or sighting":
		return append(acts, idsOf(c.Sightings, func(s *Sighting) string { return s.ID })...)
	default:
		return slices.Concat(acts, idsOf(c.Sightings, func(s *Sighting) string { return s.ID }),
			idsOf(c.Requests, func(q *Request) string { return q.ID }), idsOf(c.Claims, func(k *Claim) string { return k.ID }))
	}
}

func actorID(a *Actor) string   { return a.ID }
func lawID(w *Law) string       { return w.ID }
func sourceID(s *Source) string { return s.ID }

func idsOf[T any](list []T, id func(*T) string) []string {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = id(&list[i])
	}
	return ids
}

func (l *linter) start() {
	l.ids, l.cited, l.unchecked = map[string]string{}, map[string]bool{}, map[string]int{}
	for i := range l.f.list {
		l.tidiness(l.f.list[i])
	}
}

func (l *linter) lintShared() {
	l.start()
	s := &l.r.Shared
	l.things(s.Actors, s.Laws, s.Sources)
	for i := range s.Bans {
		l.ban(&s.Bans[i], at("bans", i))
	}
	l.copies(s.Sources)
	l.cycles("laws", len(s.Laws), func(i int) (string, []string) { return s.Laws[i].ID, []string{s.Laws[i].Under, s.Laws[i].Replaces} })
	l.cycles("actors", len(s.Actors), func(i int) (string, []string) { return s.Actors[i].ID, []string{s.Actors[i].Of} })
	l.cycles("sources", len(s.Sources), func(i int) (string, []string) { return s.Sources[i].ID, []string{s.Sources[i].Copies} })
}

func (l *linter) lintCase() {
	l.start()
	c := l.c
	l.head()
	l.things(c.Actors, c.Laws, c.Sources)
	for i := range c.Dockets {
		l.docket(&c.Dockets[i], at("dockets", i))
	}
	for i := range c.Acts {
		l.act(&c.Acts[i], at("acts", i))
	}
	for i := range c.Sightings {
		l.sighting(&c.Sightings[i], at("sightings", i))
	}
	for i := range c.Requests {
		l.request(&c.Requests[i], at("requests", i))
	}
	for i := range c.Claims {
		l.claim(&c.Claims[i], at("claims", i))
	}
	for i := range c.Disputes {
		l.dispute(&c.Disputes[i], at("disputes", i))
	}
	l.cycles("acts", len(c.Acts), func(i int) (string, []string) { return c.Acts[i].ID, c.Acts[i].causes() })
	l.cycles("acts", len(c.Acts), func(i int) (string, []string) { return c.Acts[i].ID, c.Acts[i].toldIn() })
	l.cycles("laws", len(c.Laws), func(i int) (string, []string) { return c.Laws[i].ID, []string{c.Laws[i].Under, c.Laws[i].Replaces} })
	l.cycles("actors", len(c.Actors), func(i int) (string, []string) { return c.Actors[i].ID, []string{c.Actors[i].Of} })
	l.cycles("sources", len(c.Sources), func(i int) (string, []string) { return c.Sources[i].ID, []string{c.Sources[i].Copies} })
	l.copies(c.Sources)
	for i := range c.Sources {
		if !l.cited[c.Sources[i].ID] && !l.f.broken {
			l.warn(at("sources", i), "no fact cites source %q; cite it or take it out", c.Sources[i].ID)
		}
	}
}

func at(section string, i int) string { return fmt.Sprintf("%s[%d]", section, i) }

// causes returns the ids of acts that must come before this one.
func (a *Act) causes() []string {
	return slices.Concat(a.Answers, a.Implements, a.Repeats, a.Defies, a.Withdraws)
}

// toldIn returns the ids of acts that report this one, or from which it is
// inferred.
func (a *Act) toldIn() []string {
	var ids []string
	for _, s := range a.AssertedBy {
		ids = append(ids, s.In)
	}
	if a.Inferred != nil {
		ids = append(ids, a.Inferred.From...)
	}
	return ids
}

// head checks the fields of the case itself.
func (l *linter) head() {
	c := l.c
	l.country("jurisdiction", c.Jurisdiction)
	l.targets("targets", c.Targets)
	if c.Start != nil {
		l.cites("start", c.Start.Cites)
		l.toldLater("start.date", c.Start.Date, c.Start.Cites)
	}
	if c.End != nil {
		l.cites("end", c.End.Cites)
		l.toldLater("end.date", c.End.Date, c.End.Cites)
	}
	if c.Start != nil && c.End != nil && certainlyBefore(c.End.Date, c.Start.Date, l.zone) {
		l.problem("end.date", "%s is before the start, %s", c.End.Date, c.Start.Date)
	}
	switch {
	case c.Status == "ended" && c.End == nil && slices.Contains(l.f.fieldsMet(), "end"):
		l.problem("status", "is ended but end is null; give the end, or write ongoing or unknown")
	case c.Status == "ongoing" && c.End != nil:
		l.problem("status", "is ongoing but the case has an end, %s; write ended", c.End.Date)
	}
	l.term("stated_term", c.StatedTerm, Date{})
	l.notes("summary", c.Summary)
	for i, id := range c.Related {
		if l.r.Case(id) == nil {
			l.missing(at("related", i), "case", id)
		} else if id == c.ID {
			l.problem(at("related", i), "is the case itself")
		}
	}
}

func (l *linter) things(actors []Actor, laws []Law, sources []Source) {
	for i := range actors {
		l.actor(&actors[i], at("actors", i))
	}
	for i := range laws {
		l.law(&laws[i], at("laws", i))
	}
	for i := range sources {
		l.source(&sources[i], at("sources", i))
	}
}

var idShape = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// id checks the form of an id, and that nothing else in its space has it; with
// shared, also that nothing in the shared folder has it. The ids that evidence may
// refer to are one space.
func (l *linter) id(space, id, at string, shared bool) {
	if id == "" {
		return // the decoder has noted it
	}
	if !idShape.MatchString(id) {
		l.problem(at+".id", "%q is not an id; use small letters, digits and single hyphens", id)
	}
	if first, taken := l.ids[space+id]; taken {
		l.problem(at+".id", "duplicate id %q, first used by %s; give one of them another", id, first)
		return
	}
	l.ids[space+id] = at
	if shared && l.c != nil {
		l.problem(at+".id", "duplicate id %q, first used in records/%s; give one of them another", id, sharedFolder)
	}
}

func (l *linter) actor(a *Actor, at string) {
	l.id("actor ", a.ID, at, l.r.actors[a.ID] != nil)
	if a.CC != "" {
		l.country(at+".cc", a.CC)
	}
	if a.Of != "" {
		l.actorRef(at+".of", a.Of)
	}
	if person := a.Kind == "judge" || a.Kind == "office_holder"; person && len(a.Posts) == 0 && (a.Office == "" || a.Of == "") {
		l.problem(at, "a person is listed only with an office: give office and of, or posts")
	}
	if a.Kind == "person" && len(a.Posts) == 0 {
		l.problem(at, "a person is listed only for a public office: give posts")
	}
	for i, p := range a.Posts {
		path := fmt.Sprintf("%s.posts[%d]", at, i)
		l.actorRef(path+".of", p.Of)
		if certainlyBefore(p.To, p.From, l.zone) {
			l.problem(path+".to", "%s is before from, %s", p.To, p.From)
		}
		if len(p.Cites) > 0 {
			l.cites(path, p.Cites)
		}
	}
	if a.Wikidata != "" && !wikidataShape.MatchString(a.Wikidata) {
		l.problem(at+".wikidata", "%q is no id of Wikidata; write Q918", a.Wikidata)
	}
	if certainlyBefore(a.To, a.From, l.zone) {
		l.problem(at+".to", "%s is before from, %s", a.To, a.From)
	}
}

func (l *linter) law(w *Law, at string) {
	l.id("law ", w.ID, at, l.r.laws[w.ID] != nil)
	l.country(at+".cc", w.CC)
	for _, ref := range []struct{ name, id string }{{"under", w.Under}, {"replaces", w.Replaces}} {
		if ref.id == "" {
			continue
		}
		if other := l.r.Law(l.c, ref.id); other == nil {
			l.missing(at+"."+ref.name, "law", ref.id)
		} else if certainlyBefore(w.Date, other.Date, l.zone) {
			l.problem(at+".date", "%s is before the law it comes after, %s of %s", w.Date, other.ID, other.Date)
		}
	}
	for i, s := range w.Sections {
		path := fmt.Sprintf("%s.sections[%d]", at, i)
		if len(s.Cites) > 0 {
			l.cites(path, s.Cites)
		}
		l.notes(path+".disputed", s.Disputed)
	}
	if len(w.Cites) > 0 {
		l.cites(at, w.Cites)
	}
}

var (
	sha256Shape   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	languageShape = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	wikidataShape = regexp.MustCompile(`^Q[1-9][0-9]*$`)
	urlShape      = regexp.MustCompile(`^https?://[^\s/]+\.[^\s/]+(/\S*)?$`)
)

func (l *linter) source(s *Source, at string) {
	l.id("source ", s.ID, at, l.r.sources[s.ID] != nil)
	if s.URL != nil && !urlShape.MatchString(*s.URL) {
		l.problem(at+".url", "%q is not an address; write https://… in full, or null", *s.URL)
	}
	if !languageShape.MatchString(s.Language) && s.Language != "" {
		l.problem(at+".language", "%q is not a BCP 47 language; write en, ur, pt-BR", s.Language)
	}
	if s.Copy != nil && !sha256Shape.MatchString(s.Copy.SHA256) {
		l.problem(at+".copy.sha256", "%q is not a SHA-256; it has 64 digits of 0-9 and a-f", s.Copy.SHA256)
	}
	l.year(at+".date", s.Date)
	if s.Copies != "" && l.r.Source(l.c, s.Copies) == nil {
		l.missing(at+".copies", "source", s.Copies)
	}
	if s.URL == nil && s.Title == nil && s.Note == "" {
		l.warn(at, "has neither title nor address; say in note how it can be found again")
	}
}

func (l *linter) docket(d *Docket, at string) {
	l.id("docket ", d.ID, at, false)
	l.actorKind(at+".court", d.Court, "court")
	for i, id := range d.Judges {
		l.actorKind(fmt.Sprintf("%s.judges[%d]", at, i), id, "judge")
	}
	for i, id := range d.Respondents {
		l.actorRef(fmt.Sprintf("%s.respondents[%d]", at, i), id)
	}
	for i, p := range d.Parties {
		path := fmt.Sprintf("%s.parties[%d]", at, i)
		if l.actorRef(path+".who", p.Who); (p.Who == "") == (p.Name == "") {
			l.problem(path, "give who, the id of an actor, or name, and not both")
		}
	}
	for i, k := range d.Counsel {
		l.cites(fmt.Sprintf("%s.counsel[%d]", at, i), k.Cites)
	}
	for i, id := range append(slices.Clone(d.Consolidated), d.AppealOf) {
		path := fmt.Sprintf("%s.consolidated[%d]", at, i)
		if i == len(d.Consolidated) {
			path = at + ".appeal_of"
		}
		if id == d.ID {
			l.problem(path, "is the docket itself")
		} else if id != "" && l.c.Docket(id) == nil {
			l.missing(path, "docket", id)
		}
	}
	l.notes(at+".notes", d.Notes)
	if d.Outcome != nil {
		l.cites(at+".outcome", d.Outcome.Cites)
	}
	if (d.Disposition != "" || !d.Disposed.IsZero()) && d.Outcome == nil {
		l.problem(at+".outcome", "the docket has a disposition; say in outcome what the court did, with its sources")
	}
	l.later(at+".disposed", d.Disposed, d.Filed)
	l.cites(at, d.Cites)
	for i := range l.c.Acts {
		if a := &l.c.Acts[i]; a.Docket == d.ID && certainlyBefore(a.Date, d.Filed, l.zone) {
			l.problem(at+".filed", "%s is after its act %s of %s", d.Filed, a.ID, a.Date)
		}
	}
}

func (l *linter) act(a *Act, at string) {
	l.id("entry ", a.ID, at, false)
	l.inOffice(at+".by", a.By, a.Date)
	for i, id := range a.To {
		l.actorRef(fmt.Sprintf("%s.to[%d]", at, i), id)
	}
	l.inOffice(at+".judges", a.Judges, a.Date)
	for i, id := range a.Judges {
		l.actorKind(fmt.Sprintf("%s.judges[%d]", at, i), id, "judge")
	}
	if a.Docket != "" && l.c.Docket(a.Docket) == nil {
		l.missing(at+".docket", "docket", a.Docket)
	}
	if a.Scope != nil {
		l.targets(at+".scope.targets", a.Scope.Targets)
		l.networks(at+".scope.networks", a.Scope.Networks)
	}
	for i, b := range a.Basis {
		l.basis(fmt.Sprintf("%s.basis[%d]", at, i), b)
	}
	l.term(at+".term", a.Term, a.Date)
	l.later(at+".next", a.Next, a.Date)
	l.later(at+".due", a.Due, a.Date)
	l.links(a, at)
	l.told(a, at)
	l.notes(at+".details", a.Details)
	l.notes(at+".remarks", a.Remarks)
	if a.Condition != nil {
		l.cites(at+".condition", a.Condition.Cites)
	}
	if a.Operative != nil {
		l.cites(at+".operative", a.Operative.Cites)
	}
	l.cites(at, a.Cites)
	l.toldLater(at+".date", a.Date, a.Cites)
}

// told checks that an act says who reports it, where its sources cannot know it
// themselves.
func (l *linter) told(a *Act, at string) {
	for i, s := range a.AssertedBy {
		path := fmt.Sprintf("%s.asserted_by[%d]", at, i)
		l.actorRef(path+".who", s.Who)
		if s.In == a.ID {
			l.problem(path+".in", "an act does not tell of itself; name the act in which it is told, or leave in out")
		} else if s.In != "" && l.c.Act(s.In) == nil {
			l.missing(path+".in", "act", s.In)
		}
	}
	if a.Inferred != nil {
		if len(a.Inferred.From) == 0 {
			l.problem(at+".inferred.from", "names nothing; what is inferred is inferred from acts or sightings")
		}
		for i, id := range a.Inferred.From {
			path := fmt.Sprintf("%s.inferred.from[%d]", at, i)
			if id == a.ID {
				l.problem(path, "an act does not follow from itself")
			} else if l.c.Act(id) == nil && l.c.Sighting(id) == nil {
				l.missing(path, "act or sighting", id)
			}
		}
		return
	}
	if len(a.AssertedBy) > 0 || len(a.Cites) == 0 {
		return
	}
	all := func(types ...SourceType) bool {
		return !slices.ContainsFunc(a.Cites, func(c Cite) bool {
			s := l.r.Source(l.c, c.Source)
			return s == nil || !slices.Contains(types, s.Type)
		})
	}
	switch {
	case all("document_obtained"):
		l.problem(at, "rests on a document that only its finder saw; say in asserted_by who asserts it")
	case (a.Kind == "intelligence_report" || a.Kind == "recommendation") && !all("official_document", "court_paper"):
		l.warn(at, "the press seldom sees a %s; say in asserted_by who tells that it was made", a.Kind)
	}
}

// links checks the references of an act: what it refers to exists, and a cause is
// not later than its effect.
func (l *linter) links(a *Act, at string) {
	for _, kind := range []struct {
		name  string
		ids   []string
		cause bool
	}{
		{"answers", a.Answers, true}, {"implements", a.Implements, true},
		{"repeats", a.Repeats, true}, {"defies", a.Defies, true}, {"withdraws", a.Withdraws, true}, {"contradicts", a.Contradicts, false},
	} {
		for i, id := range kind.ids {
			path := fmt.Sprintf("%s.%s[%d]", at, kind.name, i)
			other := l.c.Act(id)
			switch {
			case other == nil:
				l.missing(path, "act", id)
			case kind.cause && certainlyBefore(a.Date, other.Date, l.zone):
				l.problem(path, "this act of %s is before its cause, %s of %s; correct one of the dates, or take the link out", a.Date, id, other.Date)
			}
		}
	}
}

func (l *linter) sighting(s *Sighting, at string) {
	l.id("entry ", s.ID, at, false)
	for i, id := range s.By {
		l.actorRef(fmt.Sprintf("%s.by[%d]", at, i), id)
	}
	l.targets(at+".targets", s.Targets)
	l.networks(at+".networks", s.Networks)
	if len(s.Targets) == 0 && len(s.Other) == 0 {
		l.problem(at, "names nothing that was seen; give targets or other")
	}
	l.cites(at, s.Cites)
	l.toldLater(at+".date", s.Date, s.Cites)
}

func (l *linter) claim(k *Claim, at string) {
	l.id("entry ", k.ID, at, false)
	l.inOffice(at+".by", k.By, k.Date)
	if k.Act != "" && l.c.Act(k.Act) == nil {
		l.missing(at+".act", "act", k.Act)
	}
	want := map[Subject]bool{"access": k.Access != nil, "number": k.Figure != nil, "law": k.Law != nil, "conduct": true}
	if has, known := want[k.About]; known && !has {
		field := map[Subject]string{"access": "access", "number": "figure", "law": "law"}[k.About]
		l.problem(at, "is about %s and so needs the field %s", k.About, field)
	}
	if k.Access != nil {
		l.country(at+".access.cc", k.Access.CC)
		l.targets(at+".access.target", []string{k.Access.Target})
		l.networks(at+".access.networks", k.Access.Networks)
	}
	if k.Figure != nil && !slices.Contains([]string{"", "=", "<", ">", "~"}, k.Figure.Relation) {
		l.problem(at+".figure.relation", "%q is none of =, <, >, ~", k.Figure.Relation)
	}
	if k.Law != nil {
		l.basis(at+".law", *k.Law)
	}
	for i, e := range k.Evidence {
		l.evidence(k, e, fmt.Sprintf("%s.evidence[%d]", at, i))
	}
	l.cites(at, k.Cites)
	l.toldLater(at+".date", k.Date, k.Cites)
}

func (l *linter) evidence(k *Claim, e Evidence, at string) {
	switch {
	case e.Ref == "" && len(e.Cites) == 0:
		l.problem(at, "names no evidence; give ref or cites")
	case e.Ref == k.ID || e.Ref != "" && e.Ref == k.Act:
		l.problem(at+".ref", "a claim is no evidence for itself")
	case e.Ref != "" && !l.c.has(e.Ref):
		l.missing(at+".ref", anEntry, e.Ref)
	}
	if len(e.Cites) > 0 {
		l.cites(at, e.Cites)
	}
}

// has reports whether the case has an entry that evidence may refer to.
func (c *Case) has(id string) bool {
	return c.Act(id) != nil || c.Sighting(id) != nil || c.Request(id) != nil || c.Claim(id) != nil
}

func (l *linter) dispute(d *Dispute, at string) {
	l.id("entry ", d.ID, at, false)
	if len(d.Positions) < 2 {
		l.problem(at+".positions", "a dispute has two positions or more; here stands %d", len(d.Positions))
	}
	for i, p := range d.Positions {
		path := fmt.Sprintf("%s.positions[%d]", at, i)
		for j, ref := range p.Refs {
			if !l.c.has(ref) {
				l.missing(fmt.Sprintf("%s.refs[%d]", path, j), anEntry, ref)
			}
		}
		l.cites(path, p.Cites)
	}
}

func (l *linter) request(q *Request, at string) {
	l.id("entry ", q.ID, at, false)
	l.actorRef(at+".authority", q.Authority)
	l.actorRef(at+".reported_by", q.ReportedBy)
	l.country(at+".cc", q.CC)
	l.year(at+".period", q.Period)
	l.targets(at+".platform", []string{q.Platform})
	var sum int64
	for _, n := range []struct {
		name  string
		value *int64
		part  bool
	}{
		{"sent", q.Sent, false}, {"accounts", q.Accounts, false}, {"complied", q.Complied, true},
		{"partly", q.Partly, true}, {"rejected", q.Rejected, true}, {"pending", q.Pending, true},
	} {
		if n.value == nil {
			continue
		}
		if *n.value < 0 {
			l.problem(at+"."+n.name, "%d is below zero", *n.value)
		} else if n.part {
			sum += *n.value
		}
	}
	if q.Sent != nil && sum > *q.Sent {
		l.problem(at+".sent", "the parts are %d but only %d were sent", sum, *q.Sent)
	}
	if q.RatePercent != nil {
		l.rate(q, at)
	}
	l.cites(at, q.Cites)
}

func (l *linter) rate(q *Request, at string) {
	switch {
	case *q.RatePercent < 0 || *q.RatePercent > 100:
		l.problem(at+".rate_percent", "%v is not between 0 and 100", *q.RatePercent)
	case q.Sent != nil && q.Complied != nil && *q.Sent > 0:
		worked := 100 * float64(*q.Complied) / float64(*q.Sent)
		if d := worked - *q.RatePercent; d > 0.5 || d < -0.5 {
			l.warn(at+".rate_percent", "the reporter says %v %%, the counts give %.2f %%; say so in note", *q.RatePercent, worked)
		}
	}
}

func (l *linter) ban(b *Ban, at string) {
	l.id("ban ", b.ID, at, false)
	l.country(at+".cc", b.CC)
	l.targets(at+".targets", b.Targets)
	l.networks(at+".networks", b.Networks)
	for i, basis := range b.Basis {
		l.basis(fmt.Sprintf("%s.basis[%d]", at, i), basis)
	}
	l.year(at+".start", b.Start)
	l.year(at+".end", b.End)
	if certainlyBefore(b.End, b.Start, l.zone) {
		l.problem(at+".end", "%s is before the start, %s", b.End, b.Start)
	}
	l.ofCase(b, at)
	l.term(at+".stated_term", b.StatedTerm, b.Start)
	l.notes(at+".notes", b.Notes)
	l.cites(at, b.Cites)
}

// ofCase checks that a ban agrees with the case that describes it.
func (l *linter) ofCase(b *Ban, at string) {
	if b.Case == "" {
		return
	}
	c := l.r.Case(b.Case)
	if c == nil {
		l.missing(at+".case", "case", b.Case)
		return
	}
	if b.CC != c.Jurisdiction {
		l.problem(at+".cc", "is %s but case %s is of %s", b.CC, c.ID, c.Jurisdiction)
	}
	for _, edge := range []struct {
		name string
		ban  Date
		told *Bound
	}{{"start", b.Start, c.Start}, {"end", b.End, c.End}} {
		if edge.told == nil {
			continue
		}
		if has := edge.told.Date; certainlyBefore(edge.ban, has, c.Zone()) || certainlyBefore(has, edge.ban, c.Zone()) {
			l.problem(at+"."+edge.name, "is %s but case %s has %s", edge.ban, c.ID, has)
		}
	}
}

func (l *linter) actorRef(at, id string) {
	if id != "" && l.r.Actor(l.c, id) == nil {
		l.missing(at, "actor", id)
	}
}

func (l *linter) actorKind(at, id string, kind ActorKind) {
	switch a := l.r.Actor(l.c, id); {
	case id == "":
	case a == nil:
		l.missing(at, "actor", id)
	case a.Kind != kind:
		l.problem(at, "%s is a %s; this must be a %s", id, a.Kind, kind)
	}
}

// inOffice checks that actors exist and were in office on the date.
func (l *linter) inOffice(at string, ids []string, date Date) {
	for i, id := range ids {
		path := fmt.Sprintf("%s[%d]", at, i)
		a := l.r.Actor(l.c, id)
		switch {
		case a == nil:
			l.missing(path, "actor", id)
		case len(a.Posts) > 0:
			if !date.IsZero() && a.post(date, l.zone) == nil {
				l.problem(path, "%s acts on %s, when none of its posts was held; correct a date, or name who held it then", id, date)
			}
		case certainlyBefore(date, a.From, l.zone):
			l.problem(path, "%s acts on %s, before the office began on %s; correct a date, or name who held it then", id, date, a.From)
		case certainlyBefore(a.To, date, l.zone):
			l.problem(path, "%s acts on %s, after the office ended on %s; correct a date, or name who held it then", id, date, a.To)
		}
	}
}

func (l *linter) basis(at string, b Basis) {
	law := l.r.Law(l.c, b.Law)
	if law == nil {
		if b.Law != "" {
			l.missing(at+".law", "law", b.Law)
		}
		return
	}
	if b.Section != "" && !slices.ContainsFunc(law.Sections, func(s Section) bool { return s.Number == b.Section }) {
		l.problem(at+".section", "law %s has no section %q here; add it to the law's sections", b.Law, b.Section)
	}
}

func (l *linter) targets(at string, ids []string) {
	for i, id := range ids {
		if id == "" || l.checks.Platform == nil || l.checks.Platform(id) {
			continue
		}
		path := at
		if strings.HasSuffix(at, "targets") {
			path = fmt.Sprintf("%s[%d]", at, i)
		}
		l.problem(path, "unknown platform %q; `bandish targets` lists the known ones, write others under other", id)
	}
}

// networks keeps the lab and the world apart: only ZZ has private numbers, and it
// has no others.
func (l *linter) networks(at string, asns []network.ASN) {
	lab := l.c != nil && l.c.Jurisdiction == "ZZ"
	for i, asn := range asns {
		private := asn >= 64512 && asn <= 65534 || asn >= 4200000000 && asn <= 4294967294
		if private && !lab {
			l.problem(fmt.Sprintf("%s[%d]", at, i), "%s is a private number; no real network has it", asn)
		}
		if !private && lab {
			l.problem(fmt.Sprintf("%s[%d]", at, i), "%s is a real network; a lab case uses AS64512 to AS65534", asn)
		}
	}
}

func (l *linter) term(at string, t *Term, from Date) {
	if t == nil {
		return
	}
	l.later(at+".until", t.Until, from)
	if t.Days != nil && *t.Days <= 0 {
		l.problem(at+".days", "%d is not a length", *t.Days)
	}
	if len(t.Cites) > 0 {
		l.cites(at, t.Cites)
	}
}

func (l *linter) later(at string, date, than Date) {
	if certainlyBefore(date, than, l.zone) {
		l.problem(at, "%s is before the act, %s", date, than)
	}
}

func (l *linter) notes(at string, notes []Note) {
	for i, n := range notes {
		l.cites(fmt.Sprintf("%s[%d]", at, i), n.Cites)
	}
}

// beginning is the year of the first network of computers. Nothing in the record is
// older.
var beginning = MustDate("1969")

// year notes a date before there were networks, and a date in the future.
func (l *linter) year(at string, date Date) {
	if certainlyBefore(date, beginning, l.zone) {
		l.problem(at, "%s is before there was a network; check the year", date)
	}
	first, ok := date.FirstDay(l.zone)
	today, known := l.checks.Today.LastDay(time.UTC)
	if ok && known && first.After(today.AddDate(0, 0, 1)) { // in some zones it is tomorrow already
		l.warn(at, "%s lies ahead; check the year", date)
	}
}

// toldLater checks that at least one source was published on or after the day on
// which what it reports began: otherwise one of the dates is wrong. A source with
// an approximate date may be later, by the days of publishedBy; a fact with an
// approximate date may be a year earlier.
func (l *linter) toldLater(at string, date Date, cites []Cite) {
	l.year(at, date)
	first, ok := date.FirstDay(l.zone)
	if !ok || len(cites) == 0 {
		return
	}
	if date.Approximate() {
		first = first.AddDate(-1, 0, 0)
	}
	for _, cite := range cites {
		published, ok := publishedBy(l.r.Source(l.c, cite.Source), l.zone)
		if !ok || !published.Before(first) {
			return
		}
	}
	l.problem(at, "%s is after the publication of every source that tells it; one of the dates is wrong", date)
}

func (l *linter) cites(at string, cites []Cite) {
	if len(cites) == 0 {
		l.problem(at+".cites", "names no source; every fact has one")
	}
	for i, c := range cites {
		path := fmt.Sprintf("%s.cites[%d]", at, i)
		l.cited[c.Source] = true
		if c.Source == "" {
			continue
		}
		s := l.r.Source(l.c, c.Source)
		if s == nil {
			l.missing(path+".source", "source", c.Source)
			continue
		}
		if c.SHA256 != "" && !sha256Shape.MatchString(c.SHA256) {
			l.problem(path+".sha256", "%q is not a SHA-256; it has 64 digits of 0-9 and a-f", c.SHA256)
		}
		if c.Phrase != "" {
			l.phrase(path+".phrase", c, s)
		}
	}
}

func (l *linter) phrase(at string, c Cite, s *Source) {
	if n := len(strings.Fields(c.Phrase)); n > maxPhraseWords {
		l.problem(at, "is %d words long; quote %d at most and say the rest in our own words", n, maxPhraseWords)
	}
	if (c.Offset == nil) != (c.Length == 0) || c.Offset != nil && c.Extractor == "" {
		l.problem(at, "offset, length and extractor belong together; `bandish source attach` writes them")
	}
	if l.checks.CopyText == nil {
		return
	}
	switch l.r.Stand(l.c, c, l.checks.CopyText) {
	case Broken:
		l.problem(at, "%q is not in the archived copy of %s; quote it letter by letter, with … for what is left out", c.Phrase, s.ID)
	case Moved:
		l.problem(at, "%q is in the archived copy of %s, but not at the given place; `bandish source attach` finds the places again", c.Phrase, s.ID)
	case NoCopy:
		l.unchecked[s.ID]++
	}
}

// copies warns of sources whose quotations nobody can check, once for each source.
func (l *linter) copies(sources []Source) {
	for i, s := range sources {
		if n := l.unchecked[s.ID]; n > 0 {
			l.warn(at("sources", i), "has no copy, so its %d quotations cannot be checked; bind one with: bandish source attach %s FILE", n, s.ID)
			delete(l.unchecked, s.ID)
		}
	}
}

// cycles notes every circle of references in a list.
func (l *linter) cycles(section string, n int, node func(int) (string, []string)) {
	place := make(map[string]int, n)
	for i := range n {
		id, _ := node(i)
		if _, taken := place[id]; !taken { // a second entry with the same id is another problem
			place[id] = i
		}
	}
	const unseen, open, done = 0, 1, 2
	state := make([]int, n)
	var trail []int
	var visit func(i int)
	visit = func(i int) {
		state[i] = open
		trail = append(trail, i)
		_, refs := node(i)
		for _, ref := range refs {
			j, ok := place[ref]
			if !ok || ref == "" {
				continue
			}
			switch state[j] {
			case unseen:
				visit(j)
			case open:
				l.problem(at(section, i), "goes round in a circle: %s; take one of these links out", l.round(trail, j, node))
			}
		}
		trail = trail[:len(trail)-1]
		state[i] = done
	}
	for i := range n {
		if state[i] == unseen {
			visit(i)
		}
	}
}

func (l *linter) round(trail []int, from int, node func(int) (string, []string)) string {
	var names []string
	for _, i := range trail[slices.Index(trail, from):] {
		id, _ := node(i)
		names = append(names, id)
	}
	first, _ := node(from)
	return strings.Join(append(names, first), " → ")
}

func (l *linter) country(at, cc string) {
	if cc == "" || KnownCountry(cc) {
		return
	}
	p := l.f.problem(at, "%q is not an ISO 3166-1 alpha-2 code", cc)
	if up := strings.ToUpper(cc); KnownCountry(up) {
		p.Message += fmt.Sprintf("; write %s", up)
		p.Edit = l.f.edit(at, cc, up)
	}
	l.problems = append(l.problems, p)
}

// tidiness notes what Tidy would change in a file.
func (l *linter) tidiness(f file) {
	if bytes.Equal(Tidy(f.data), f.data) {
		return
	}
	line := 1 + bytes.Count(f.data[:differAt(f.data, Tidy(f.data))], []byte("\n"))
	l.problems = append(l.problems, Problem{File: f.name, Line: line, Warning: true,
		Message: "has spaces at the end of a line, carriage returns, or no last newline; --fix mends it"})
}

func differAt(a, b []byte) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i
}

// Tidy removes carriage returns and spaces at the ends of lines, and makes the text
// end with exactly one newline.
func Tidy(data []byte) []byte {
	lines := bytes.Split(data, []byte("\n"))
	for i := range lines {
		lines[i] = bytes.TrimRight(lines[i], " \t\r")
	}
	return append(bytes.TrimRight(bytes.Join(lines, []byte("\n")), "\n"), '\n')
}
