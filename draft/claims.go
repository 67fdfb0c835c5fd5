package draft

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/bandish/bandish/casefile"
)

// attributions are the words by which somebody is made to say something.
var attributions = regexp.MustCompile(`(?i)\b(?:said|says|stat(?:ed|es)|not(?:ed|es|ing)|add(?:ed|s|ing)|claim(?:ed|s|ing)?|argu(?:ed|es|ing)|told|insist(?:ed|s)|maintain(?:ed|s)|conclud(?:ed|es)|elaborat(?:ed|es)|continu(?:ed|es)|reveal(?:ed|s)|suggest(?:ed|s|ing)|announc(?:ed|es)|clarif(?:ied|ies)|den(?:ied|y|ies)|reject(?:ed|s)|admit(?:ted|s)|acknowledg(?:ed|es)|conced(?:ed|es)|cit(?:ed|es|ing)|emphasi[sz](?:ed|es)|reported|estimat(?:ed|es)|observ(?:ed|es)|wrote|writes|tweeted|posted|warn(?:ed|s)|inform(?:ed|s)|contend(?:ed|s)|submitted that|alleg(?:ed|es)|assert(?:ed|s)|explain(?:ed|s)|confirm(?:ed|s)|disput(?:ed|es)|criticis(?:ed|es)|criticiz(?:ed|es)|condemn(?:ed|s)|blam(?:ed|es)|describ(?:ed|es)|call(?:ed|s) (?:it|the|this|that)\b|remark(?:ed|s)|testif(?:ied|ies)|recorded|found that|according to|presents? this as)\b`)

var (
	quotation = regexp.MustCompile(`["“][^"“”]{12,}["”]?`)
	aDocument = regexp.MustCompile(`(?i)\b(?:the|this|that) (?:document|letter|report|reply|statement)\b`)
	owned     = regexp.MustCompile(`(?i)^(?:'s|’s)?\s+(?:document|letter|report|reply|statement)\b`)
	matter    = regexp.MustCompile(`(?i)\b(?:platforms?|social (?:media|network\w*)|free speech|freedom of|internet|content|accounts?|users?|censor\w*|propaganda|incite|national security|decisions?|apps?|measures?|orders?|directions?|directives?|instructions?|services?|sites?|websites?|networks?|letter|VPNs?|rulings?|verdict)\b`)
)

// meant are words that stand for an actor named before: the last one of the
// kinds.
var meant = []struct {
	form  *regexp.Regexp
	kinds []casefile.ActorKind
}{
	{regexp.MustCompile(`\b[Tt]he (?:[Mm]inister|[Ss]ecretary|[Cc]hairman|[Ss]pokesperson|[Ss]pokesman|[Ss]pokeswoman|official|[Pp]resident|[Dd]irector)\b`), []casefile.ActorKind{"office_holder"}},
	{regexp.MustCompile(`\b(?:[Tt]he|[Ii]ts) (?:[Mm]inistry|[Dd]epartment)\b`), []casefile.ActorKind{"ministry"}},
	{regexp.MustCompile(`\b[Tt]he (?:[Aa]gency|[Bb]ureau|[Dd]epartment|[Ww]ing|[Oo]ffice|[Cc]ouncil)\b`), []casefile.ActorKind{"agency"}},
	{regexp.MustCompile(`\b(?:[Tt]he |\pL+['’]s )?(?:(?:communications?|telecom(?:munications)?s?|media|internet|state) )*(?:[Rr]egulator|[Aa]uthority|[Cc]ommission)\b`), []casefile.ActorKind{"regulator"}},
	{regexp.MustCompile(`\b[Tt]he (?:[Cc]ourt|[Bb]ench|[Tt]ribunal)\b`), []casefile.ActorKind{"court"}},
	{regexp.MustCompile(`\b[Tt]he (?:[Cc]hief [Jj]ustice|[Jj]udge|[Jj]ustice)\b`), []casefile.ActorKind{"judge"}},
}

// courtesy is a person of whom the text gave the name in full before.
var courtesy = regexp.MustCompile(`\b(?:Mr|Mrs|Ms|Dr|Justice)\.? (\p{Lu}[\pL'’-]+)`)

// resolveActors adds the places where an actor named elsewhere is meant: "the
// ministry" is the last ministry before, or the only one of the text.
func (r *reader) resolveActors() {
	only := make(map[casefile.ActorKind]*Actor)
	many := make(map[casefile.ActorKind]bool)
	for _, s := range r.sentences {
		for _, m := range s.actors {
			k := m.actor.Kind
			if only[k] != nil && only[k] != m.actor {
				many[k] = true
			}
			only[k] = m.actor
		}
	}
	last := make(map[casefile.ActorKind]*Actor)
	var chief *Actor
	for _, s := range r.sentences {
		for _, m := range s.actors {
			if chiefJustice.MatchString(m.actor.Name) {
				chief = m.actor
			}
		}
		named := slices.Clone(s.actors)
		for _, form := range meant {
			for _, place := range form.form.FindAllStringIndex(s.text, -1) {
				for _, kind := range form.kinds {
					a := last[kind]
					for _, m := range named { // named in this sentence before
						if m.actor.Kind == kind && m.end <= place[0] {
							a = m.actor
						}
					}
					if chiefJustice.MatchString(s.text[place[0]:place[1]]) {
						a = chief
					}
					if a == nil && !many[kind] && kind != "office_holder" {
						a = only[kind]
					}
					if a != nil {
						s.refer(place[0], place[1], a)
					}
				}
			}
		}
		for _, m := range courtesy.FindAllStringSubmatchIndex(s.text, -1) {
			if a := r.actors.byName[s.text[m[2]:m[3]]]; a != nil {
				s.refer(m[0], m[1], a)
			}
		}
		for _, m := range named {
			last[m.actor.Kind] = m.actor
		}
	}
}

var chiefJustice = regexp.MustCompile(`(?i)\bchief justice\b`)

// refer adds a place where an actor is meant, unless a name stands there.
func (s *sentence) refer(start, end int, a *Actor) {
	for _, m := range s.actors {
		if start < m.end && m.start < end {
			return
		}
	}
	s.actors = append(s.actors, mention{start: start, end: end, id: actorName(a), actor: a})
	slices.SortFunc(s.actors, func(a, b mention) int { return cmp.Compare(a.start, b.start) })
}

// unnamed are words for those whom the text does not name.
var unnamed = regexp.MustCompile(`(?i)^(?:pakistani |nigerian |local |state |government )?(officials|authorities|the government|government|the state)\b`)

// speaker is the one who is meant before a place where no name stands: the
// owner of "the document", the last speaker for "it", or those whom the text
// does not name.
func (r *reader) speaker(s *sentence, at int) []string {
	text := s.text[:at]
	if aDocument.MatchString(text) && len(r.document) > 0 {
		return slices.Clone(r.document)
	}
	if pronoun.MatchString(text) && len(r.lastSpeaker) > 0 {
		return slices.Clone(r.lastSpeaker)
	}
	if m := unnamed.FindStringSubmatch(text); m != nil {
		if strings.HasSuffix(strings.ToLower(m[1]), "government") && r.actors.governmentID != "" {
			return []string{r.actors.governmentID}
		}
		return []string{strings.ToLower(m[1])}
	}
	return []string{}
}

// saidBy is the pronoun right before a word of speaking, and "which" for the
// one named last.
var saidBy = regexp.MustCompile(`(?i)(?:^|[\s,"”])(?:it|they|he|she)\s+(?:also\s+|has\s+|had\s+|then\s+|later\s+)*$`)

var pronoun = regexp.MustCompile(`^(?:It|They|He|She)\b`)

// claims proposes what a sentence makes somebody say, where it is about
// access, a number, a law or conduct in the matter.
func (r *reader) claims(s *sentence) []Line[Claim] {
	place := s.attribution()
	quote := quotation.FindStringIndex(s.text)
	if place == nil && (quote == nil || len(s.text) < 60) {
		return nil
	}
	if len(s.platforms) == 0 && !banWords.MatchString(s.text) && !matter.MatchString(s.text) && !lawWords.MatchString(s.text) && len(s.numbers) == 0 {
		return nil
	}
	c := Claim{By: r.claimant(s, place), About: s.subject()}
	if len(c.By) == 0 {
		return nil // a statement of nobody is the article's own
	}
	if c.About == "number" {
		c.Number = &s.figures()[0].NumberText
	}
	if len(s.platforms) > 0 {
		c.Target = ptr(s.platforms[0].id)
	}
	at := 0
	if place != nil {
		at = place[0]
	}
	if d, ok := s.dateAt(at); ok {
		c.Date = d.Date
	}
	if place == nil {
		place = quote
	}
	return []Line[Claim]{line("claim", s, place[0], place[1], c)}
}

// attribution is the first word of speaking that stands in no quotation; else
// the first one; nil where there is none.
func (s *sentence) attribution() []int {
	places := attributions.FindAllStringIndex(s.text, -1)
	for _, m := range places {
		if !slices.ContainsFunc(quotation.FindAllStringIndex(s.text, -1), func(q []int) bool { return m[0] > q[0] && m[1] <= q[1] }) {
			return m
		}
	}
	if len(places) > 0 {
		return places[0]
	}
	return nil
}

// claimant is the one who says it: the actor before the word of speaking, the
// one named right behind it, or the one who is meant.
func (r *reader) claimant(s *sentence, m []int) []string {
	if m == nil {
		return r.speaker(s, len(s.text))
	}
	if saidBy.MatchString(s.text[:m[0]]) && len(r.lastSpeaker) > 0 {
		for _, a := range s.actors { // "The ministry said that it …, it added"
			if a.end <= m[0] && a.actor.Kind != "court" && attributions.MatchString(s.text[a.end:m[0]]) {
				return []string{a.id}
			}
		}
		if person := s.personBefore(m[0]); person != "" && !strings.HasSuffix(strings.TrimRight(strings.ToLower(s.text[:m[0]]), " "), "it") {
			return []string{person}
		}
		return slices.Clone(r.lastSpeaker)
	}
	quotes := quotation.FindAllStringIndex(s.text, -1)
	quoted := func(at int) bool {
		return slices.ContainsFunc(quotes, func(q []int) bool { return at > q[0] && at < q[1] })
	}
	if word := strings.ToLower(s.text[m[0]:m[1]]); word == "according to" {
		for _, a := range s.actors {
			if a.start >= m[1] && a.start-m[1] < 40 && a.actor.Kind != "court" {
				return []string{a.id}
			}
		}
		return r.speaker(s, m[0]) // according to something that is nobody
	}
	if behind := strings.TrimLeft(s.text[m[0]:], " "); len(quotes) > 0 && quotes[0][1] <= m[0] && behind != "" {
		for _, a := range s.actors { // "…," said the minister
			if a.start >= m[1] && a.start-m[1] < 30 && strings.TrimSpace(s.text[m[1]:a.start]) == "" {
				return []string{a.id}
			}
		}
	}
	for i := len(s.actors) - 1; i >= 0; i-- {
		a := s.actors[i]
		if a.end > m[0] || a.actor.Kind == "court" || quoted(a.start) {
			continue
		}
		if m[0]-a.end < 90 || !attributions.MatchString(s.text[a.end:m[0]]) && m[0]-a.end < 200 {
			if s.possessive(a) { // "the regulator's announcement"
				continue
			}
			return []string{a.id}
		}
	}
	if by := r.speaker(s, m[1]); len(by) > 0 {
		return by
	}
	for _, a := range s.actors {
		if a.end <= m[0] && a.actor.Kind != "court" {
			return []string{a.id}
		}
	}
	return nil
}

// personBefore is the last person named before a place and in no quotation:
// the one whom "he said" means.
func (s *sentence) personBefore(at int) string {
	quotes := quotation.FindAllStringIndex(s.text, -1)
	for i := len(s.actors) - 1; i >= 0; i-- {
		a := s.actors[i]
		if a.end <= at && (a.actor.Kind == "office_holder" || a.actor.Kind == "judge") && !s.possessive(a) &&
			!slices.ContainsFunc(quotes, func(q []int) bool { return a.start > q[0] && a.start < q[1] }) {
			return a.id
		}
	}
	return ""
}

// possessive reports whether a name only owns what stands behind it, so that
// another is the one who speaks.
func (s *sentence) possessive(a mention) bool {
	rest := s.text[a.end:]
	return (strings.HasPrefix(rest, "'s ") || strings.HasPrefix(rest, "’s ")) && !owned.MatchString(rest)
}

// subject is what the claim of a sentence is about. The names of bodies say
// nothing of that.
func (s *sentence) subject() casefile.Subject {
	text := s.unnamedText()
	switch {
	case len(s.figures()) > 0:
		return "number"
	case accessWords.MatchString(text):
		return "access"
	case lawWords.MatchString(text) && !banWords.MatchString(text):
		return "law"
	}
	return "conduct"
}

// unnamedText is the sentence with blanks where actors are named.
func (s *sentence) unnamedText() string {
	b := []byte(s.text)
	for _, m := range s.actors {
		for i := m.start; i < m.end; i++ {
			b[i] = ' '
		}
	}
	return string(b)
}

// spanUnits measure time or networks, or count those who speak: a claim that
// counts nothing else is not about a number.
var spanUnits = []string{"officials", "sources", "hours", "minutes", "days", "weeks", "months", "years", "networks", "operators", "providers", "carriers", "times"}

// figures are the numbers that a claim may be about.
func (s *sentence) figures() []numberMention {
	return slices.DeleteFunc(slices.Clone(s.numbers), func(n numberMention) bool { return n.Unit == "" || slices.Contains(spanUnits, n.Unit) })
}

// remember keeps who spoke last and whose document is read.
func (r *reader) remember(s *sentence, claims []Line[Claim]) {
	for _, a := range s.actors {
		if owned.MatchString(s.text[a.end:]) {
			r.document = []string{a.id}
		}
	}
	if len(claims) > 0 {
		r.lastSpeaker = claims[len(claims)-1].Is.By
	}
	if len(r.document) == 0 && strings.Contains(s.text, "document obtained") {
		for _, a := range s.actors {
			if a.actor.Kind == "ministry" || a.actor.Kind == "regulator" || a.actor.Kind == "agency" {
				r.document = []string{a.id}
				return
			}
		}
	}
}
