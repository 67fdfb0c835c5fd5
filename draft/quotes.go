package draft

import (
	"slices"
	"strings"

	"github.com/bandish/bandish/casefile"
)

var (
	banWords     = lazy(`(?i)\b(?:ban|bans|banned|banning|block|blocks|blocked|blocking|restrict\w*|suspen\w*|shut(?:ting)? ?down|shutdowns?|throttl\w*|cut off|disabl\w*|disrupt\w*|closure)\b`)
	restoreWords = lazy(`(?i)\b(?:restor\w*|unblock\w*|lift(?:s|ed|ing)?|reinstat\w*|resum\w*|re-?open\w*)\b`)
	accessWords  = lazy(`(?i)\b(?:accessible|inaccessible|access to|available|unavailable|working|operational|reachable|unreachable|restored|back online|offline)\b`)
	lawWords     = lazy(`(?i)\b(?:laws?|legal|legally|section \d+|article \d+|rules?|regulat\w+|constitution\w*|jurisdiction|statute|regist\w+|licen[cs]e|court order)\b`)
	termForm     = lazy(`(?i)\b(?:(?:until|till) (?:further (?:orders?|notice)|(?:at least )?[^,.;"”]{3,80})|indefinitely|for (?:\d+|` + numberWords + `) (?:hours|days|weeks|months))`)
)

var (
	quotation = lazy(`["“][^"“”]{12,}["”]`)
	sayVerb   = `(?:said|says|stated|states|added|adds|argued|claimed|insisted|maintained|announced|warned|declared|explained|confirmed|wrote|noted|told (?:the )?(?:\pL+ ){1,4}(?:that)?|called (?:the|it|this))`
	// saysBehind is the verb that follows a speaker; saysBefore is a verb before a
	// speaker.
	saysBehind = lazy(`^` + sayVerb + `\b`)
	saysBefore = lazy(`["”],? (?:said|says|stated|added|wrote|declared|warned)(?: the)? $`)
	matter     = lazy(`(?i)\b(?:platforms?|social (?:media|network\w*)|free speech|internet|content|accounts?|users?|censor\w*|national security|apps?|websites?|networks?|VPNs?|letter|notification|directive|rulings?|verdict)\b`)
)

// claims proposes the quotations of a sentence that also names the speaker, and
// what a named speaker says on the matter. The passage is the quotation where there
// is one.
func (r *reader) claims(s *sentence) []Line[Claim] {
	quotes := quotation().FindAllStringIndex(s.text, -1)
	if len(s.platforms) == 0 && !banWords().MatchString(s.text) && !matter().MatchString(s.text) && !lawWords().MatchString(s.text) {
		return nil
	}
	for _, who := range s.actors {
		if s.quoted(who.start) || s.possessive(who) {
			continue
		}
		m := saysBehind().FindStringIndex(s.text[s.predicate(who.end):])
		after := saysBefore().MatchString(s.text[:who.start])
		if m == nil && !after || m != nil && !s.subject(who) {
			continue
		}
		c := Claim{By: []string{who.id}, About: s.about()}
		if figures := s.figures(); c.About == "number" {
			c.Number = &figures[0].NumberText
		}
		if len(s.platforms) > 0 {
			c.Target = new(s.platforms[0].id)
		}
		from, to := s.clause(who.start)
		c.Date = s.dayOf(from, to, who.start, who.end).Date
		start, end := who.start, len(s.text)
		if len(quotes) > 0 {
			start, end = quotes[0][0], quotes[0][1]
		}
		return []Line[Claim]{line("claim", s, start, end, c)}
	}
	return nil
}

// quoted reports whether a place is in a quotation.
func (s *sentence) quoted(at int) bool {
	return slices.ContainsFunc(quotation().FindAllStringIndex(s.text, -1), func(q []int) bool { return at > q[0] && at < q[1] })
}

// possessive reports whether a name only owns what follows, so that somebody else
// acts.
func (s *sentence) possessive(a mention) bool {
	return strings.HasPrefix(s.text[a.end:], "'s ") || strings.HasPrefix(s.text[a.end:], "’s ")
}

// about returns the subject of a sentence's claim. Names of bodies do not count.
func (s *sentence) about() casefile.Subject {
	text := []byte(s.text)
	for _, m := range s.actors {
		for i := m.start; i < m.end; i++ {
			text[i] = ' '
		}
	}
	switch {
	case len(s.figures()) > 0:
		return "number"
	case accessWords().Match(text):
		return "access"
	case lawWords().Match(text) && !banWords().Match(text):
		return "law"
	}
	return "conduct"
}

// spanUnits measure time or networks, or count speakers. A claim that counts
// nothing else is not about a number.
var spanUnits = []string{"officials", "sources", "hours", "minutes", "days", "weeks", "months", "years", "networks", "operators", "providers", "carriers", "times"}

// figures returns the numbers that a claim may be about.
func (s *sentence) figures() []numberMention {
	return slices.DeleteFunc(slices.Clone(s.numbers), func(n numberMention) bool { return n.Unit == "" || slices.Contains(spanUnits, n.Unit) })
}
