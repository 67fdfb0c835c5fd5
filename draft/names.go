package draft

import (
	"cmp"
	_ "embed" // the table of patterns
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/country"
)

// commonWords are names of platforms that are also words of the language. They
// count only with a capital letter, and not at the beginning of a sentence.
var commonWords = map[string]bool{
	"x": true, "line": true, "wire": true, "signal": true, "session": true, "threads": true, "medium": true, "zoom": true, "element": true, "matrix": true, "discord": true, "guardian": true, "the guardian": true, "outline": true,
	"lantern": true, "tor": true, "warp": true, "bard": true, "gemini": true, "tinder": true, "rumble": true, "session messenger": true, "imo": true, "ig": true, "fb": true, "yt": true, "insta": true, "google": true, "apple": true, "meduza": true, "pia": true, "dw": true, "voa": true, "rfa": true, "ooni": true,
}

// platformFinder finds platforms in a sentence.
type platformFinder struct {
	names map[string]string
	hasX  bool // the text also uses another name of X
}

func newPlatformFinder(names map[string]string, sentences []*sentence) *platformFinder {
	f := &platformFinder{names: names}
	for _, s := range sentences {
		lower := strings.ToLower(s.text)
		f.hasX = f.hasX || strings.Contains(lower, "twitter") || strings.Contains(lower, "platform x") || strings.Contains(s.text, "X.com") || strings.Contains(lower, "social ") && wordX().MatchString(s.text) || meansX().MatchString(s.text)
	}
	return f
}

var (
	wordX    = lazy(`\bX\b`)
	meansX   = lazy(`\b(?:(?:un)?block(?:ed|ing)?|ban(?:ned|ning)?|suspend(?:ed|ing)?|restrict(?:ed|ing)?|restor(?:ed|ing|e)|access to|platforms?,?) X\b|\bX(?:,| and| or) (?:Facebook|YouTube|TikTok|WhatsApp|Telegram|Instagram|Signal)\b`)
	wordForm = lazy(`[\pL\pN]+(?:[.'’-][\pL\pN]+)*`)
)

func (f *platformFinder) find(text string) (found []mention) {
	eachName(text, maxNameWords, func(name string, start, _ int) bool {
		id := f.names[strings.ToLower(name)]
		if id == "" || !f.means(name, text, start) {
			return false
		}
		found = append(found, mention{start: start, end: start + len(name), id: id})
		return true
	})
	return found
}

// eachName calls take with each run of words, the longest first, without the ending
// 's. A run that take accepts is part of no other run.
func eachName(text string, longest int, take func(name string, start, words int) bool) {
	words := wordForm().FindAllStringIndex(text, -1)
	for i := 0; i < len(words); i++ {
		for n := min(longest, len(words)-i); n > 0; n-- {
			start, end := words[i][0], words[i+n-1][1]
			if take(strings.TrimSuffix(strings.TrimSuffix(text[start:end], "'s"), "’s"), start, n) {
				i += n - 1
				break
			}
		}
	}
}

// dateline matches what follows the agency in "CITY, Aug 8 (Wire) - …".
var dateline = lazy(`^\)\s*[-–—]`)

// means reports whether a word that is also a platform's name means the platform
// here.
func (f *platformFinder) means(word, text string, start int) bool {
	lower := strings.ToLower(word)
	if strings.HasSuffix(text[:start], "(") && dateline().MatchString(text[start+len(word):]) {
		return false // it is the agency of a dateline
	}
	if !commonWords[lower] {
		return word != lower || strings.ContainsAny(lower, ". -") || len(lower) > 5
	}
	if word == lower {
		return false
	}
	if lower == "x" {
		return f.hasX && word == "X"
	}
	return strings.TrimLeft(text[:start], "\"“ ") != ""
}

// mainCountry returns the country that is named most often; "" where none is named,
// or two equally often.
func mainCountry(sentences []*sentence) string {
	count := make(map[string]int)
	for _, s := range sentences {
		for _, cc := range countriesIn(s.text) {
			count[cc]++
		}
	}
	list := mostFrequent(count)
	if len(list) == 0 || len(list) > 1 && count[list[0]] == count[list[1]] {
		return ""
	}
	return list[0]
}

// mostFrequent returns the counted names, the most frequent first.
func mostFrequent(count map[string]int) []string {
	return slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), strings.Compare(a, b)) })
}

// countriesIn returns countries that are named, also by words such as "Nigerian".
func countriesIn(text string) (list []string) {
	for _, m := range countryMentions(text) {
		list = append(list, m.id)
	}
	for _, word := range wordForm().FindAllString(text, -1) {
		if cc := country.OfDemonym(word); cc != "" && word != strings.ToLower(word) {
			list = append(list, cc)
		}
	}
	return list
}

// countryMentions finds countries by their names.
func countryMentions(text string) (list []mention) {
	eachName(text, maxNameWords, func(name string, start, _ int) bool {
		if c := name[0]; (c < 'A' || c > 'Z') && c < 0x80 || len(name) < 4 && !slices.Contains([]string{"UAE", "UK", "US", "USA", "ZZ"}, name) {
			return false
		}
		cc, ok := country.Code(name)
		if ok {
			list = append(list, mention{start: start, end: start + len(name), id: cc})
		}
		return ok
	})
	return list
}

// actorIndex finds actors: those of the record, those that the text itself
// abbreviates, and those that look like one.
type actorIndex struct {
	cc     string
	byName map[string]*Actor // by every form of the name
}

// actorPattern is a pattern of names of actors.
type actorPattern struct {
	ID            string
	Kind          casefile.ActorKind
	Form, Example string

	form *regexp.Regexp
}

//go:embed actors.yaml
var patternTable []byte

var actorPatterns = sync.OnceValue(func() []actorPattern {
	list, fill := readTable[actorPattern](patternTable)
	for i := range list {
		list[i].form = regexp.MustCompile(fill(list[i].Form))
	}
	return list
})

var titles = lazy(`^(?:Justice|Judge|Minister|President|Senator|Secretary)$`)

// headAlone is the first word of a body's name without the rest.
var headAlone = lazy(`^(?:Ministry|Authority|Commission|Agency|Council|Bureau|Office)$`)

// noOperators are words that end as operators' names do.
var noOperators = map[string]bool{"Internet": true, "Cabinet": true, "Telecom": true, "Hotel": true, "Intel": true, "Planet": true, "Twitter.com": true}

// described resolves words for the only one of its kind that the text has named so
// far: "the regulator", "the app".
type described struct {
	actors   []mention
	platform string
	several  bool // the text names several platforms
}

var (
	theBody     = lazy(`\b[Tt]he ([Cc]ommission|[Aa]uthority|[Rr]egulator|watchdog|[Aa]gency|[Cc]ouncil|[Bb]ureau|[Bb]oard|[Mm]inistry|[Mm]inister|[Cc]ourt|[Bb]ench|[Jj]udge|[Tt]ribunal)\b`)
	theApp      = lazy(`\b(?:[Tt]he (?:app|platform|site|website|service|encyclopedia|network)|(?:blocked|banned|suspended|restricted|restored|unblocked|reinstated) it)\b`)
	partOfOther = lazy(`^(?:['’]s | of | for | in | \p{Lu})`)
	kindOfHead  = map[string]casefile.ActorKind{"regulator": "regulator", "watchdog": "regulator", "court": "court", "bench": "court", "tribunal": "court", "judge": "judge"}
)

// add finds such words in a sentence, and remembers what the sentence names.
func (d *described) add(s *sentence) {
	var found []mention
	for _, m := range theBody().FindAllStringSubmatchIndex(s.text, -1) {
		if partOfOther().MatchString(s.text[m[1]:]) || slices.ContainsFunc(s.actors, func(a mention) bool { return m[2] < a.end && a.start < m[3] }) {
			continue
		}
		if a := d.only(strings.ToLower(s.text[m[2]:m[3]]), s, m[0]); a != nil {
			found = append(found, mention{start: m[2], end: m[3], id: a.id, actor: a.actor})
		}
	}
	for _, a := range s.actors {
		if a.actor.Kind != "court" || len(strings.Fields(a.actor.Name)) > 2 { // "the High Court" in a heading may be any court
			d.actors = append(d.actors, a)
		}
	}
	s.actors = append(s.actors, found...)
	slices.SortFunc(s.actors, func(a, b mention) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end)) })
	for _, p := range s.platforms {
		d.several = d.several || d.platform != "" && d.platform != p.id
		d.platform = p.id
	}
	if m := theApp().FindStringIndex(s.text); m != nil && len(s.platforms) == 0 && d.platform != "" && !d.several {
		start := m[1] // "the app" may come between a verb and a name; "it" replaces a name
		if strings.HasSuffix(s.text[:m[1]], " it") {
			start -= len("it")
		}
		s.platforms = []mention{{start: start, end: m[1], id: d.platform}}
	}
}

// only returns the only actor of a kind that is named before a place, nil for none
// or several.
func (d *described) only(head string, s *sentence, before int) *mention {
	earlier := slices.DeleteFunc(slices.Clone(s.actors), func(a mention) bool { return a.start > before })
	fits := slices.DeleteFunc(slices.Concat(d.actors, earlier), func(a mention) bool {
		return !strings.Contains(strings.ToLower(a.actor.Name), head) && kindOfHead[head] != a.actor.Kind || head == "minister" && a.actor.Kind != "office_holder"
	})
	if len(fits) == 0 || slices.ContainsFunc(fits, func(a mention) bool { return a.id != fits[0].id }) {
		return nil
	}
	return &fits[0]
}

// courtList is several courts named together: "the North, South and East High
// Courts".
var courtList = lazy(`\b(\p{Lu}\pL+(?:,\s+\p{Lu}\pL+)*,?\s+and\s+\p{Lu}\pL+)\s+(High|Supreme|District)\s+[Cc]ourts\b`)

var capitalWord = lazy(`\p{Lu}\pL+`)

// abbreviated is a name with its abbreviation in the text: "Example Authority
// (EA)".
var abbreviated = lazy(`((?:\p{Lu}[\pL'-]+\s+(?:(?:of|for|the|and)\s+)*){1,6})\((\p{Lu}{2,8}|\p{Lu}\pL{2,9})s?\)`)

func newActorIndex(record *casefile.Records, cc string, sentences []*sentence) *actorIndex {
	x := &actorIndex{cc: cc, byName: make(map[string]*Actor)}
	if record != nil {
		x.know(record.Shared.Actors)
		for _, c := range record.Cases {
			x.know(c.Actors)
		}
	}
	x.knowBodies()
	for _, s := range sentences {
		for _, m := range abbreviated().FindAllStringSubmatch(s.text, -1) {
			full := strings.TrimSpace(m[1])
			if x.byName[m[2]] != nil {
				continue
			}
			if a := x.lookup(full); a != nil {
				x.byName[m[2]] = a
			} else if kind := bodyKind(full); kind != "" {
				x.byName[m[2]] = x.newActor(kind, strings.TrimPrefix(full, "The "))
			}
		}
	}
	return x
}

// bodyKind returns the kind of body that a full name looks like, or "".
func bodyKind(name string) casefile.ActorKind {
	for _, p := range actorPatterns() {
		if m := p.form.FindString(name); m != "" && strings.HasSuffix(name, m) && p.Kind != "government" {
			return p.Kind
		}
	}
	return ""
}

// know adds the actors of the record that belong to the text's country, or to none.
// The name of a court or minister alone could be another country's.
func (x *actorIndex) know(actors []casefile.Actor) {
	for i := range actors {
		a := &actors[i]
		if a.CC != "" && a.CC != x.cc {
			continue
		}
		kind := a.Kind
		if kind == "person" {
			kind = "office_holder"
		}
		known := &Actor{ID: new(a.ID), Kind: kind, Name: a.Name}
		if a.CC != "" {
			known.CC = new(a.CC)
		}
		if strings.Contains(a.Name, " ") || !slices.Contains([]casefile.ActorKind{"office_holder", "judge", "civil_society"}, kind) {
			x.call(known, slices.DeleteFunc(nameForms(a.Name), func(form string) bool { return form == strings.ToLower(form) })...)
		}
		x.call(known, a.Abbreviation, familyName(kind, a.Name))
	}
}

// call gives an actor those names that no other actor has.
func (x *actorIndex) call(a *Actor, names ...string) {
	for _, name := range names {
		if name != "" && x.byName[name] == nil {
			x.byName[name] = a
		}
	}
}

// familyName returns the last word of a person's name, which is used alone after
// the text gave the full name; "" where it is the end of an office.
func familyName(kind casefile.ActorKind, name string) string {
	words := strings.Fields(name)
	if kind != "office_holder" && kind != "judge" || len(words) < 2 || officeWords[strings.ToLower(words[len(words)-1])] {
		return ""
	}
	return words[len(words)-1]
}

// officeWords end the name of an office that the record has without its holder.
var officeWords = map[string]bool{"general": true, "secretary": true, "minister": true, "officer": true, "president": true, "chairman": true, "court": true, "technology": true}

// nameForms returns the ways to write a body's name.
func nameForms(name string) []string {
	forms := []string{name}
	if field, ok := strings.CutPrefix(name, "Ministry of "); ok {
		field = strings.TrimPrefix(field, "the ")
		forms = append(forms, "Ministry of the "+field, field+" Ministry", "Ministry of "+field)
	}
	if field, ok := strings.CutSuffix(name, " Ministry"); ok {
		forms = append(forms, "Ministry of "+field, "Ministry of the "+field)
	}
	if body, ok := strings.CutPrefix(name, "Federal Government of "); ok {
		forms = append(forms, "Government of "+body)
	}
	if first, rest, ok := strings.Cut(name, ", "); ok && rest != "" {
		forms = append(forms, first)
	}
	return forms
}

// lookup returns the actor with a name in any of its forms, nil for none.
func (x *actorIndex) lookup(name string) *Actor {
	name = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(name), "The "), "the ")
	if a := x.byName[name]; a != nil {
		return a
	}
	for _, form := range nameForms(name) {
		if a := x.byName[form]; a != nil {
			return a
		}
	}
	if rest, ok := x.withoutCountry(name); ok {
		return x.lookup(rest)
	}
	return nil
}

// withoutCountry drops a country's name before the name of a body: "Pakistan's
// Interior Ministry".
func (x *actorIndex) withoutCountry(name string) (string, bool) {
	first, rest, ok := strings.Cut(name, " ")
	if !ok {
		return "", false
	}
	cc, known := country.Code(strings.TrimSuffix(strings.TrimSuffix(first, "'s"), "’s"))
	return rest, known && cc == x.cc
}

// find finds the actors of a sentence.
func (x *actorIndex) find(text string) []mention {
	var found []mention
	take := func(start, end int, a *Actor) {
		for _, m := range found {
			if start < m.end && m.start < end {
				return
			}
		}
		found = append(found, mention{start: start, end: end, id: actorName(a), actor: a})
	}
	for _, m := range courtList().FindAllStringSubmatchIndex(text, -1) {
		x.courts(text, m, &found)
	}
	x.known(text, take)
	for _, p := range actorPatterns() {
		for from := 0; ; {
			m := p.form.FindStringSubmatchIndex(text[from:])
			if m == nil {
				break
			}
			for i := range m {
				m[i] += from // a group without a match stays below from
			}
			if at := slices.IndexFunc(found, func(f mention) bool { return m[0] < f.end && f.start < m[1] }); at >= 0 && found[at].end < m[1] && strings.HasPrefix(text[found[at].end:], " and ") {
				from = found[at].end // "Ministry of Example and the Example Authority" has a second name in it
				continue
			}
			from = max(m[1], from+1)
			if len(m) > 2 && m[2] >= m[0] {
				m = m[2:4]
			}
			start, end := trimName(text, m[0], m[1])
			if start >= end || p.ID == "operator" && noOperators[text[start:end]] || headAlone().MatchString(text[start:end]) {
				continue
			}
			if p.ID == "the-government" {
				if governmentAs().MatchString(text[m[1]:]) {
					continue
				}
				take(start, end, x.stateActor())
				continue
			}
			name := text[start:end]
			if short, ok := strings.CutSuffix(name, " HC"); ok {
				name = short + " High Court"
			}
			a := x.lookup(name)
			if title, family, ok := strings.Cut(name, " "); a == nil && ok && (p.Kind == "judge" || p.Kind == "office_holder") && titles().MatchString(title) {
				a = x.byName[family] // "Justice Bench" was named in full before
			}
			if a != nil {
				take(start, end, a)
			} else if rest := x.knownInside(text, start, end); rest == nil || rest.ID == nil {
				take(start, end, x.newActor(p.Kind, name))
			}
		}
	}
	for _, m := range countryMentions(text) {
		if a := x.government(text, m); a != nil {
			take(m.start, m.end, a)
		}
	}
	slices.SortFunc(found, func(a, b mention) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end)) })
	return found
}

// The longest names that are looked for, in words.
const maxNameWords, maxBodyWords = 4, 12

// known finds the names that the record or the text itself has.
func (x *actorIndex) known(text string, take func(int, int, *Actor)) {
	eachName(text, maxBodyWords, func(name string, start, words int) bool {
		a := x.byName[name]
		if a == nil || a.Kind == "company" && len(name) <= 2 || a.ID == nil && words > 1 && partOfLonger(text[:start]) {
			return false
		}
		take(start, start+len(name), a)
		return true
	})
}

// partOfLonger reports whether a capital word directly before a name makes it a
// part of a longer name: "Internet Society" in "Zedland Internet Society".
func partOfLonger(before string) bool {
	word := capitalBefore().FindString(before)
	return word != "" && !leadWords().MatchString(word) && len(countriesIn(word)) == 0
}

var capitalBefore = lazy(`\p{Lu}\p{Ll}+ $`)

// knownInside returns an actor whom the last words of a longer run name, nil for
// none.
func (x *actorIndex) knownInside(text string, start, end int) *Actor {
	words := wordForm().FindAllStringIndex(text[start:end], -1)
	for i := range words {
		if a := x.lookup(text[start+words[i][0] : end]); a != nil {
			return a
		}
	}
	return nil
}

// trimName drops words at the beginning and end that are no part of a name.
func trimName(text string, start, end int) (int, int) {
	start += len(leadWords().FindString(text[start:end]))
	for _, tail := range []string{" leaders", " leader", " workers", " supporters", " founder"} {
		end -= len(text[start:end]) - len(strings.TrimSuffix(text[start:end], tail))
	}
	for _, own := range []string{"'s", "’s", "'", "’", "."} {
		end -= len(text[start:end]) - len(strings.TrimSuffix(text[start:end], own))
	}
	return start, end
}

// leadWords begin a sentence and are no part of a name.
var leadWords = lazy(`^(?:(?:[Tt]he|In|On|At|By|However|Following|After|While|According|Meanwhile|If|When|As|But|And|Since|Then|Yesterday|Today|Last|Had|For)\s+)+`)

// courts adds each court of a list.
func (x *actorIndex) courts(text string, m []int, found *[]mention) {
	kind := text[m[4]:m[5]]
	for _, w := range capitalWord().FindAllStringIndex(text[m[2]:m[3]], -1) {
		start, end := m[2]+w[0], m[2]+w[1]
		name := text[start:end] + " " + kind + " Court"
		a := x.lookup(name)
		if a == nil {
			a = x.newActor("court", name)
		}
		*found = append(*found, mention{start: start, end: end, id: actorName(a), actor: a})
	}
}

// newActor returns an actor that the record does not have; always the same one for
// one name.
func (x *actorIndex) newActor(kind casefile.ActorKind, name string) *Actor {
	key := strings.ToLower(name)
	if a := x.byName[key]; a != nil {
		return a
	}
	a := &Actor{Kind: kind, Name: officeComma().ReplaceAllString(name, "$1 ")}
	if x.cc != "" && kind != "company" {
		a.CC = new(x.cc)
	}
	x.call(a, key, familyName(kind, name))
	if kind != "government" && !(kind == "court" && len(strings.Fields(name)) < 3) { // a "High Court" may be a part of another court's name
		x.call(a, name)
	}
	return a
}

// officeComma is the comma in "director general, Ada Example".
var officeComma = lazy(`^(\p{Ll}+(?: \p{Ll}+)*), `)

// stateActor returns the government of the text's country, or "the government"
// where the text has no country.
func (x *actorIndex) stateActor() *Actor {
	if x.cc == "" {
		return x.newActor("government", "the government")
	}
	name := "Government of " + country.Name(x.cc)
	if a := x.lookup(name); a != nil {
		return a
	}
	return x.newActor("government", name)
}

// government returns the government of a country whose name comes before a verb of
// state, nil otherwise.
func (x *actorIndex) government(text string, m mention) *Actor {
	after := strings.TrimLeft(text[m.end:], " ")
	if m.id != x.cc || !stateVerb().MatchString(after) || partOfName().MatchString(text[:m.start]) {
		return nil
	}
	return x.stateActor()
}

// partOfName is a capital word directly before a country's name, which makes the
// country a part of another name: "Airtel Kenya".
var partOfName = lazy(`\p{Lu}[\pL.&-]*\s$`)

// governmentAs follows "government" where the word means something else.
var governmentAs = lazy(`^ (?:documents?|officials?|agenc\w+|institutions?|departments?|spokes\w+|ministers?|websites?|bod(?:y|ies)|employees|lawyers?|counsel)\b`)

var stateVerb = lazy(`^(?:on \pL+day,? )?(?:has |had |have |again |also |previously |temporarily )*(?:block|bann|restrict|suspend|order|lift|restor|unblock|justif|defend|shut|cut|throttl|impos|said|says|confirm|announc|admit)\w*`)

// actorName returns how an act names an actor: by id if it has one, else by name.
func actorName(a *Actor) string {
	if a.ID != nil {
		return *a.ID
	}
	return a.Name
}

// actorLines proposes each actor once, where it is first named.
func (r *reader) actorLines() []Line[Actor] {
	lines := []Line[Actor]{}
	seen := make(map[string]bool)
	for _, s := range r.sentences {
		for _, m := range s.actors {
			if seen[m.id] {
				continue
			}
			seen[m.id] = true
			rule := "name"
			if m.actor.ID != nil {
				rule = "record"
			}
			lines = append(lines, line("actor-"+rule, s, m.start, m.end, *m.actor))
		}
	}
	return lines
}
