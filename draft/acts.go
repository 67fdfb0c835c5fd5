package draft

import (
	_ "embed" // the table of rules
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/bandish/bandish/casefile"
)

// actRule proposes an act where one sentence says who did what to whom. The actor
// is the subject directly before the verb, or stands after "by" in the passive.
// After the verb comes the platform, the one addressed, or the paper. Names count,
// and words for the only one of its kind in the text ("the regulator", "the app");
// pronouns do not. Nothing is proposed from what is denied, planned, asked,
// conditional or hearsay: a person can see that an act was missed, but an act with
// its roles swapped misleads.
type actRule struct {
	ID    string
	Kind  casefile.ActKind
	Court casefile.ActKind // the kind where a court or judge acts; "" where none can
	By    string           // which others can act, a key of doersOf; "" for a court alone
	// Verb and Object are the predicate in the active voice. Groups of Object end at
	// a mention: "to" at the one addressed, "court" at a court, "at" at a platform;
	// all of these must be there. "on" ends at a platform that may be there.
	Verb, Object    string
	Passive         bool   // the verb is also used with "was … by", with the object after the agent
	Patient         string // the word that must be before "was", where it is neither a platform nor somebody addressed
	Example, Silent string

	active, participle, behindAgent, patient *regexp.Regexp
}

// doersOf maps the words of By to kinds of actors.
var doersOf = map[string][]casefile.ActorKind{
	"state":    {"government", "ministry", "regulator", "agency", "legislature", "office_holder"},
	"carriers": {"government", "ministry", "regulator", "agency", "legislature", "office_holder", "company"},
	"anybody":  {"government", "ministry", "regulator", "agency", "legislature", "office_holder", "company", "civil_society", "party", "press", "measurer", "other"},
	"agency":   {"agency"},
	"society":  {"civil_society", "party"},
}

var courtKinds = []casefile.ActorKind{"court", "judge"}

//go:embed acts.yaml
var actTable []byte

// actRules are tried in their order; the first that fits a predicate proposes an
// act.
var actRules = sync.OnceValue(func() []actRule { return readActs(actTable) })

// readTable reads a table of rules. fill replaces names of words in braces by these
// words; each word may use those before it.
func readTable[R any](table []byte) (rules []R, fill func(string) string) {
	var doc struct {
		Words yaml.Node
		Rules []R
	}
	if err := yaml.Unmarshal(table, &doc); err != nil {
		panic("a table of drafts: " + err.Error()) // it is built in, and tests read it
	}
	var pairs []string
	fill = func(s string) string { return strings.NewReplacer(pairs...).Replace(s) }
	for i := 0; i+1 < len(doc.Words.Content); i += 2 {
		pairs = append(pairs, "{"+doc.Words.Content[i].Value+"}", fill(doc.Words.Content[i+1].Value))
	}
	return doc.Rules, fill
}

// readActs reads the table of rules and fills in its words.
func readActs(table []byte) []actRule {
	rules, fill := readTable[actRule](table)
	for i := range rules {
		r := &rules[i]
		verb, object := fill(r.Verb), fill(r.Object)
		r.active = regexp.MustCompile(`^` + verb + `,?(?: today| immediately)?` + object)
		r.participle = regexp.MustCompile(`^` + verb + `\b`)
		r.behindAgent = regexp.MustCompile(`^` + addressee().ReplaceAllString(object, ""))
		if r.Patient != "" {
			r.patient = regexp.MustCompile(fill("{" + r.Patient + "}"))
		}
	}
	return rules
}

// opens matches what begins a clause. What follows governs is not a subject.
var (
	opens   = lazy(`(?i)(?:^|[,;:"“—–.]|\b(?:that|said|and|but|when|while|after|because|where|meanwhile|as)\b)\s*`)
	governs = lazy(`(?i)\b(?:by|of|from|to|against|with|for|at|in|on|under|via|through|before|into|over|about|than|said|told|asked|including|between|among)\b`)
)

// Words around a predicate.
var (
	// addressee is the part of an object that is the subject in the passive.
	addressee = lazy(`^ \(\?P<to>\)\[\^\.;\]\{2,\d+\}\?`)
	// benchOf says how many judges of a court speak.
	benchOf = lazy(`(?i)\b(?:an? |the )?(?:\pL+-(?:member|judge) |division |larger |full )?bench of (?:the )?$`)
	// titled is an office before a name.
	titled = lazy(`(?:\p{Lu}\pL+ )*(?:Minister|Secretary|President|Justice|Judge|Senator|Chairman|Chairperson|Chief)(?: (?:of|for) (?:(?:\p{Lu}\pL+|and|the),? ?)+)? ?$`)
	// lately is a time without a date.
	lately = lazy(`(?i)^(?:in|over|during|for) the (?:last|past) [\w-]+ (?:days|weeks|months|years),? `)
	// subjunctive marks a verb after it as no deed.
	subjunctive = lazy(`(?i)\b(?:if|unless|whether|would|could|might|(?-i:may)|(?:reports|claims|suggestions|allegations) that|had the|reportedly|allegedly|alleged|claim(?:s|ed|ing)|misled|accused|rumou?rs?|false(?:ly)?|fake|den(?:y|ies|ied))\b`)
	// chained connects the judges of a bench.
	chained = lazy(`^(?:,? (?:comprising|consisting of|headed by|led by) |,? and |, )$`)
	// conjoined begins another predicate of the same subject.
	conjoined = lazy(`^[^;:"“”]{0,140}?,? and (?:(?:also|then|later) )?`)
	// documentSays marks a quotation of a document that reports the acts of others.
	documentSays = lazy(`(?i)["”] (?:the |its |his |her )?(?:document|letter|order|report|notification|directive|notice) (?:states?|stated|reads?|says?|said|added|adds)\b`)
	// whichDid makes a name the subject of what follows: "the court, which heard …".
	whichDid = lazy(`^,? (?:which|who)\b`)
	// passiveVerb is "was …" with words that may come before the participle, or "the
	// petition, filed …".
	passiveVerb = lazy(`\b(?:was|were|has been|have been|had been) (?:also |again |temporarily |later |first )?|\b(?:petitions?|suit|lawsuit|plea|challenge|appeal)(?: against[^,.;"“”]{0,50}?)?,? (filed|lodged|brought) `)
	// agent comes after the participle of a passive, perhaps with a day or a court
	// between them.
	agent = lazy(`^ ([^.;"“”]{0,70}?)\bby (?:the )?$`)
	// crowds are those addressed who have no name.
	crowds = lazy(`(?i)\b(?:providers|operators|carriers|ISPs|licensees|companies)\b`)
	// intelligence matches bodies whose reports are reports of intelligence.
	intelligence = lazy(`(?i)intelligence|security|\bbureau\b`)
	// generic is a platform without a name in an order.
	generic = lazy(`\b(?:services|platforms|apps|sites|websites|social media|networks|the internet)[ ,"”]*$`)
	// andWord connects two names.
	andWord = lazy(`^,?(?: \([^()]{2,20}\))? and (?:the )?$`)
	// theCourt is a court without its name.
	theCourt = lazy(`^(?:the |a )?(?:full |same |top |apex )?(?:court|bench|tribunal|judges?)\b`)
	// dayWord comes directly before a day on which something was done.
	dayWord = lazy(`(?i)(?:^|\b(?:on|in|late|early) |, )(?:the )?$`)
	// reported marks what follows as told by another.
	reported = lazy(`\b(?:that|said|says|told|claimed|argued|alleged)\b`)
	// thatWord begins what is said; a date after it belongs to what is said.
	thatWord = lazy(`\bthat\b`)
	// deadline comes before a day by which something must be done, or before the day
	// of another paper.
	deadline = lazy(`(?i)\b(?:by|until|till|before|after|since|from|to|than|next|dated|due|deadline|scheduled for|adjourned)(?: the| on)? $`)
)

// subject reports whether an actor is the subject of a clause: at its beginning, or
// after at most three words that govern nothing.
func (s *sentence) subject(who mention) bool {
	text := s.text[:who.start]
	places := opens().FindAllStringIndex(text, -1)
	from := places[len(places)-1][1]
	for _, d := range s.dates { // "On 3 May the court …"
		if d.start >= from && d.end <= who.start {
			from = d.end
		}
	}
	lead := text[from:]
	for _, form := range []*regexp.Regexp{benchOf(), lately(), titled()} {
		lead = form.ReplaceAllString(lead, "")
	}
	return len(strings.Fields(lead)) <= 3 && !governs().MatchString(lead)
}

// What may come between a subject and its verb.
var (
	apposition  = lazy(`^, (?:the|a|an|its|who|headed|led|chaired|reached|asked|speaking|appearing|quoted|in turn|meanwhile)\b[^,;.]{0,70},`)
	comprising  = lazy(`^,? (?:comprising|consisting of|headed by|led by) `)
	parenthesis = lazy(`^,? \([^()]{2,40}\),?`)
	ofPlace     = lazy(`^ of (?:the )?\p{Lu}\pL+(?: \p{Lu}\pL+)*\b`)
	adverbs     = lazy(`^,? (?:unanimously|officially|swiftly|quickly|jointly|abruptly|quietly|has|had|have|also|again|later|then|formally|temporarily|immediately|finally|subsequently|briefly|earlier|first|itself|in turn|separately)\b,?`)
	seat        = lazy(`^, \p{Lu}\pL+ `)
	openQuote   = lazy(`^,? ["“]`)
	partOfDay   = lazy(`^ (?:night|evening|morning|afternoon)\b`)
	daywords    = lazy(`^,? (?:(?:late|early|earlier) )?(?:on |in |the )?$`)
	insertion   = lazy(`^,? (?:in|through|by) (?:a|an|its|their|his|her) (?:\pL+ ){0,3}(?:letter|statement|order|ruling|judgment|notice|post|interview|verdict|circular)(?: (?:dated|of|on) [^,;.]{4,20})?,?`)
)

// predicate returns the place of a subject's verb: after other words on who the
// subject is, and after days and adverbs.
func (s *sentence) predicate(at int) int {
	for moved := true; moved; {
		moved = false
		rest := s.text[at:]
		bench := comprising().MatchString(rest)
		for _, of := range s.actors {
			if between, ok := s.between(at, of.start); ok && (between == " of " || between == " of the " || bench && chained().MatchString(between)) {
				at, moved = of.end, true
			}
		}
		for _, d := range s.dates {
			if d.start >= at && !moved && daywords().MatchString(s.text[at:d.start]) {
				at, moved = d.end, true
			}
		}
		for _, form := range []*regexp.Regexp{ofPlace(), partOfDay(), apposition(), parenthesis(), adverbs(), insertion(), openQuote()} {
			if !moved && form.MatchString(rest) {
				at, moved = at+len(form.FindString(rest)), true
			}
		}
	}
	if place := seat().FindString(s.text[at:]); place != "" { // "the Bureau, Exampleville reported"
		at += len(place)
	}
	for at < len(s.text) && strings.ContainsRune(" ,\"", rune(s.text[at])) {
		at++
	}
	return at
}

// acts proposes the acts of a sentence.
func (r *reader) acts(s *sentence) []Line[Act] {
	var lines []Line[Act]
	add := func(id string, a Act, start, end int) {
		if !slices.ContainsFunc(lines, func(l Line[Act]) bool { return l.Is.Kind == a.Kind && slices.Equal(l.Is.By, a.By) }) {
			lines = append(lines, line("act-"+id, s, start, end, a))
		}
	}
	for i, who := range s.doers() {
		from, to := s.clause(who.start)
		related := whichDid().FindString(s.text[who.end:]) // "the court, which heard …"
		if !s.subject(who) && related == "" || s.possessive(who) || s.quoted(who.start) && !documentSays().MatchString(s.text) || subjunctive().MatchString(s.text[from:who.start]) {
			continue
		}
		at := s.predicate(who.end + len(related))
		if related != "" {
			_, to = s.clause(at)
		}
		for range 2 { // "the court heard them and ordered …"
			if rule, a, end, ok := s.active(who, at, to); ok {
				add(rule.ID, a, who.start, end)
			}
			m := conjoined().FindString(s.text[at:max(at, to)])
			if m == "" || i+1 < len(s.actors) && s.actors[i+1].start < at+len(m) && s.subject(s.actors[i+1]) || thatWord().MatchString(m) {
				break
			}
			at = s.predicate(at + len(m) - 1)
		}
	}
	for _, m := range passiveVerb().FindAllStringSubmatchIndex(s.text, -1) {
		verb := m[1]
		if m[2] >= 0 { // "the petition, filed by …"
			verb = m[2]
		}
		if rule, a, start, end, ok := s.passive(m[0], verb); ok {
			add(rule.ID, a, start, end)
		}
	}
	return lines
}

// doers returns those who may act: actors, and platforms, which go to court.
func (s *sentence) doers() []mention {
	all := slices.Clone(s.actors)
	for _, p := range s.platforms {
		if name := s.text[p.start:p.end]; name != "" && name != "it" {
			all = append(all, mention{start: p.start, end: p.end, id: name, actor: &Actor{Kind: "other", Name: name}})
		}
	}
	return all
}

// active reads a predicate in the active voice.
func (s *sentence) active(who mention, at, to int) (rule actRule, a Act, end int, ok bool) {
	for _, rule := range actRules() {
		kind, can := rule.kindBy(who)
		if m := rule.active.FindStringSubmatchIndex(s.text[at:]); can && m != nil {
			if a, end, ok := s.fill(rule.active, m, at, who); ok {
				doers := s.with(who, -1)
				a.Kind, a.By = kind, ids(doers)
				s.complete(&a, doers[0].start, end, to)
				return rule, a, end, true
			}
		}
	}
	return rule, a, 0, false
}

// passive reads "the platform was blocked by the regulator": what is done comes
// first, and whoever does it after "by".
func (s *sentence) passive(aux, verb int) (rule actRule, a Act, start, end int, ok bool) {
	from, to := s.clause(aux)
	if s.quoted(aux) || subjunctive().MatchString(s.text[from:aux]) {
		return rule, a, 0, 0, false
	}
	for _, rule := range actRules() {
		participle := rule.participle.FindString(s.text[verb:])
		if !rule.Passive || participle == "" {
			continue
		}
		for _, who := range s.actors {
			kind, can := rule.kindBy(who)
			if !can || who.start <= verb || who.start >= to || s.possessive(who) || !agent().MatchString(s.text[verb+len(participle):who.start]) {
				continue
			}
			a := Act{By: []string{who.id}, To: []string{}, Targets: []string{}, Kind: kind}
			start, end := from, who.end
			object, addressed := s.platformBefore(aux), s.actorBefore(aux)
			switch m := rule.behindAgent.FindStringSubmatchIndex(s.text[who.end:]); {
			case rule.patient != nil && rule.patient.MatchString(s.text[from:verb]):
				if court := s.courtWithin(from, to); kind == "petition" && court != nil {
					a.To = []string{court.id}
				}
			case rule.Object == "{service}" && object != nil: // blocked, restored
				start = object.start
			case m != nil && m[1] > 0 && (addressed != nil || crowds().MatchString(s.text[from:aux])):
				filled, at, fits := s.fill(rule.behindAgent, m, who.end, who)
				if !fits {
					continue
				}
				a.Targets, end = filled.Targets, at
				if addressed != nil {
					a.To, start = []string{addressed.id}, addressed.start
				}
			case rule.ID == "sued" && addressed != nil:
				a.To, start = []string{addressed.id}, addressed.start
			default:
				continue
			}
			if object != nil && len(a.Targets) == 0 {
				a.Targets = []string{object.id}
			}
			s.complete(&a, start, end, to)
			return rule, a, start, end, true
		}
	}
	return rule, a, 0, 0, false
}

// kindBy returns the kind of act that a rule proposes for an actor; false for none.
func (rule *actRule) kindBy(who mention) (casefile.ActKind, bool) {
	if slices.Contains(courtKinds, who.actor.Kind) {
		return rule.Court, rule.Court != ""
	}
	return rule.Kind, slices.Contains(doersOf[rule.By], who.actor.Kind) && (rule.Kind != "intelligence_report" || intelligence().MatchString(who.actor.Name))
}

// fill adds the one addressed, the court and the platform that a predicate names;
// ok is false where one of them must be there and is not.
func (s *sentence) fill(form *regexp.Regexp, m []int, at int, who mention) (a Act, end int, ok bool) {
	end = at + m[1]
	a = Act{By: []string{who.id}, To: []string{}, Targets: []string{}}
	if to := place(form, m, "to"); to > 0 {
		b := s.actorAt(at + to)
		if thatWord().MatchString(s.text[at:end]) || b != nil && b.id == who.id || b == nil && place(form, m, "at") == 0 {
			return a, 0, false // the one addressed may have no name only where a platform is named
		}
		if b != nil {
			a.To, end = ids(s.with(*b, 1)), max(end, b.end)
		}
	}
	if to := place(form, m, "court"); to > 0 {
		b := s.actorAt(at + to)
		switch {
		case b != nil && slices.Contains(courtKinds, b.actor.Kind):
			a.To, end = []string{b.id}, max(end, b.end)
		case !theCourt().MatchString(s.text[at+to:]):
			return a, 0, false
		}
	}
	if to := max(place(form, m, "at"), place(form, m, "on")); to > 0 {
		p := s.platformAt(at + to)
		needed := place(form, m, "at") > 0 && !(place(form, m, "to") > 0 && generic().MatchString(s.text[at:at+to]))
		if p == nil {
			return a, end, !needed
		}
		a.Targets, end = []string{p.id}, max(end, p.end)
	}
	return a, end, true
}

// complete adds the platforms, the effect, the day and the term.
func (s *sentence) complete(a *Act, start, end, to int) {
	from, _ := s.clause(start)
	for _, p := range s.platforms {
		if p.start >= start && p.end <= max(to, end) && !slices.Contains(a.Targets, p.id) {
			a.Targets = append(a.Targets, p.id)
		}
	}
	a.Effect = effectOf(a.Kind, s.text[start:end])
	day := s.dayOf(from, to, start, end)
	if a.Date = day.Date; day.Date.IsZero() {
		a.DateText = day.Text // it depends on what the text does not say
	}
	if t := termForm().FindString(s.text[start:]); t != "" && slices.Contains([]casefile.ActKind{"order", "request", "recommendation", "interim_order", "implementation"}, a.Kind) {
		a.Term = new(passage(t, 0, len(t)))
	}
}

// place returns the end of a group, 0 where the form has no such group.
func place(form *regexp.Regexp, m []int, group string) int {
	if i := form.SubexpIndex(group); i > 0 && m[2*i+1] > 0 {
		return m[2*i+1]
	}
	return 0
}

// with returns an actor and the one that "and" connects with it, before it (step
// -1) or after it (1), in their order.
func (s *sentence) with(who mention, step int) []mention {
	at := slices.IndexFunc(s.actors, func(a mention) bool { return a.start == who.start }) + step
	if at < 0 || at >= len(s.actors) || s.actors[at].id == who.id || step < 0 && !s.subject(s.actors[at]) {
		return []mention{who}
	}
	pair := []mention{who, s.actors[at]}
	if step < 0 {
		slices.Reverse(pair)
	}
	if between, ok := s.between(pair[0].end, pair[1].start); !ok || !andWord().MatchString(between) {
		return []mention{who}
	}
	return pair
}

// ids returns the ids of actors.
func ids(list []mention) (all []string) {
	for _, m := range list {
		all = append(all, m.id)
	}
	return all
}

// first returns the first of a list that fits, nil for none.
func first(list []mention, fits func(m *mention) bool) *mention {
	for i := range list {
		if fits(&list[i]) {
			return &list[i]
		}
	}
	return nil
}

// actorAt returns the actor who is named at a place, perhaps after an article.
func (s *sentence) actorAt(at int) *mention {
	return first(s.actors, func(a *mention) bool {
		between, ok := s.between(at, a.start)
		return ok && (between == "" || between == "the " || strings.HasSuffix(between, "'s ") || strings.HasSuffix(between, "’s "))
	})
}

// actorBefore returns the actor who is the subject of what is at a place.
func (s *sentence) actorBefore(at int) *mention {
	return first(s.actors, func(a *mention) bool { return a.end < at && s.subject(*a) && s.predicate(a.end) == at })
}

func (s *sentence) courtWithin(from, to int) *mention {
	return first(s.actors, func(a *mention) bool {
		return a.start > from && a.start < to && slices.Contains(courtKinds, a.actor.Kind)
	})
}

// platformAt returns the platform that is named at a place.
func (s *sentence) platformAt(at int) *mention {
	return first(s.platforms, func(p *mention) bool {
		between, ok := s.between(at, p.start)
		return ok && strings.Trim(between, "\"“‘' ") == "" || p.start == p.end && p.start <= at && at-p.start < 3
	})
}

// platformBefore returns the platform that is named directly before a place, with
// at most a few words between.
func (s *sentence) platformBefore(at int) *mention {
	return first(s.platforms, func(p *mention) bool {
		between, ok := s.between(p.end, at)
		return ok && !strings.ContainsAny(between, ".;,\"“”")
	})
}

func (s *sentence) between(from, to int) (string, bool) {
	if to < from || to-from > 40 {
		return "", false
	}
	return s.text[from:to], true
}

// dayOf returns the only day in the clause, or a few words after the act, that can
// be the act's day; the zero value where there is none or more than one.
func (s *sentence) dayOf(from, to, start, end int) DateText {
	var day DateText
	n := 0
	for _, d := range s.dates {
		if d.end <= start && (reported().MatchString(s.text[d.end:start]) || slices.ContainsFunc(s.actors, func(a mention) bool { return a.start > d.end && a.end < start })) {
			continue // it is the day of somebody else's act
		}
		if day, ok := d.Date.FirstDay(time.UTC); ok && (!s.published.IsZero() && day.After(s.published) || d.start >= end && d.Date.IsInterval() && !nearSpan().MatchString(d.Text)) {
			continue // it is the day of something still to be done
		}
		near := d.start >= from && d.end <= start || d.start >= start && d.start < min(to, end+40)
		if !near || d.base || s.dateline(d) || d.start > start && thatWord().MatchString(s.text[start:d.start]) || strings.ContainsAny(s.text[min(end, d.start):d.start], `"“”`) {
			continue
		}
		on := onOrIn().MatchString(d.Text) || nearSpan().MatchString(d.Text) || sameDay().MatchString(d.Text) || dayWord().MatchString(s.text[:d.start]) || weekdayAlone(s, d)
		letter := letterOf().MatchString(s.text[from:d.start]) // "In a letter dated 3 May the ministry asked …"
		if n++; letter || on && !deadline().MatchString(s.text[:d.start]) {
			day = d.DateText
		}
	}
	if n != 1 {
		return DateText{}
	}
	return day
}

var (
	onOrIn   = lazy(`(?i)^(?:on|in) `)
	letterOf = lazy(`\b[Ii]n (?:an?|its|his|her) (?:\pL+ ){0,3}(?:letter|order|directive|notice|circular)(?: (?:dated|of|on))? $`)
	dashed   = lazy(`^ (?:\([^)]{2,20}\) )?[-–—] `)
)

// dateline reports whether a day says when a report was written: "CITY, May 3 - …".
func (s *sentence) dateline(d dateMention) bool {
	return d.start < 40 && dashed().MatchString(s.text[d.end:])
}

// weekdayAlone reports whether a date is a weekday without "on", as in "the
// ministry ordered Monday", or a word such as "today".
func weekdayAlone(s *sentence, d dateMention) bool {
	return nearDay().MatchString(d.Text) || weekday().MatchString(d.Text) && !strings.Contains(d.Text, "next") && !strings.Contains(d.Text, "until") && !strings.Contains(d.Text, "till")
}
