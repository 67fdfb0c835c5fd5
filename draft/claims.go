package draft

import (
	"regexp"
	"slices"
	"strings"

	"github.com/bandish/bandish/casefile"
)

// attributions are the words by which somebody is made to say something.
var attributions = regexp.MustCompile(`(?i)\b(?:said|says|stat(?:ed|es)|not(?:ed|es|ing)|add(?:ed|s|ing)|claim(?:ed|s|ing)?|argu(?:ed|es|ing)|told|insist(?:ed|s)|maintain(?:ed|s)|conclud(?:ed|es)|elaborat(?:ed|es)|continu(?:ed|es)|reveal(?:ed|s)|suggest(?:ed|s|ing)|announc(?:ed|es)|clarif(?:ied|ies)|den(?:ied|y|ies)|reject(?:ed|s)|admit(?:ted|s)|acknowledg(?:ed|es)|cit(?:ed|es|ing)|emphasi[sz](?:ed|es)|reported|estimat(?:ed|es)|according to|presents? this as)\b`)

var (
	quotation = regexp.MustCompile(`["“][^"“”]{12,}["”]?`)
	aDocument = regexp.MustCompile(`(?i)\b(?:the|this|that) (?:document|letter|report|reply|statement)\b`)
	owned     = regexp.MustCompile(`(?i)^(?:'s|’s)?\s+(?:document|letter|report|reply|statement)\b`)
	matter    = regexp.MustCompile(`(?i)\b(?:platform|social media|free speech|freedom of|internet|content|accounts?|users?|censor\w*|propaganda|incite|national security|decision)\b`)
)

// meant are words that stand for an actor named before: the last one of the
// kinds.
var meant = []struct {
	form  *regexp.Regexp
	kinds []casefile.ActorKind
}{
	{regexp.MustCompile(`\b[Tt]he (?:[Mm]inister|[Ss]ecretary|[Cc]hairman|[Ss]pokesperson|[Ss]pokesman|official)\b`), []casefile.ActorKind{"office_holder"}},
	{regexp.MustCompile(`\b[Tt]he [Mm]inistry\b`), []casefile.ActorKind{"ministry"}},
	{regexp.MustCompile(`\b[Tt]he (?:[Aa]gency|[Bb]ureau|[Dd]epartment|[Ww]ing)\b`), []casefile.ActorKind{"agency"}},
	{regexp.MustCompile(`\b[Tt]he (?:[Rr]egulator|[Aa]uthority|[Cc]ommission)\b`), []casefile.ActorKind{"regulator"}},
	{regexp.MustCompile(`\b[Tt]he (?:[Cc]ourt|[Bb]ench)\b`), []casefile.ActorKind{"court"}},
}

// unnamed are words for those whom the text does not name.
var unnamed = regexp.MustCompile(`(?i)^(?:pakistani |nigerian |local |state |government )?(officials|authorities|the government|government|the state)\b`)

// speaker is the one who is meant before a place where no name stands: the
// owner of "the document", the last ministry for "the ministry", the last
// speaker for "it", or those whom the text does not name.
func (r *reader) speaker(s *sentence, at int) []string {
	text := s.text[:at]
	if aDocument.MatchString(text) && len(r.document) > 0 {
		return slices.Clone(r.document)
	}
	for _, m := range meant {
		for _, k := range m.kinds {
			if id := r.last[k]; id != "" && m.form.MatchString(text) {
				return []string{id}
			}
		}
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

// afterQuote is `"…," he said`.
var afterQuote = regexp.MustCompile(`["”]\s*(?:he|she|it|they)\s+(?:also\s+)?(?:said|says|added|stated|noted|claimed|told|argued|insisted)\b`)

var pronoun = regexp.MustCompile(`^(?:It|They|He|She)\b`)

// claims proposes what a sentence makes somebody say, where it is about
// access, a number, a law or conduct in the matter.
func (r *reader) claims(s *sentence) []Line[Claim] {
	place := attributions.FindStringIndex(s.text)
	quote := quotation.FindStringIndex(s.text)
	if place == nil && (quote == nil || len(s.text) < 60) {
		return nil
	}
	if len(s.platforms) == 0 && !banWords.MatchString(s.text) && !matter.MatchString(s.text) && !lawWords.MatchString(s.text) && len(s.numbers) == 0 {
		return nil
	}
	c := Claim{By: r.claimant(s), About: s.subject()}
	if len(c.By) == 0 {
		return nil // a statement of nobody is the article's own
	}
	if c.About == "number" {
		c.Number = &s.numbers[0].NumberText
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

// claimant is the one who says it: the actor before the first word of
// speaking, the one named with it after a quotation, or the one who is meant.
func (r *reader) claimant(s *sentence) []string {
	if afterQuote.MatchString(s.text) && len(r.lastSpeaker) > 0 {
		return slices.Clone(r.lastSpeaker)
	}
	m := attributions.FindStringIndex(s.text)
	if m != nil {
		if quote := quotation.FindStringIndex(s.text); quote != nil && m[0] > quote[0] && m[0] < quote[1] { // the word stands inside the quotation
			if next := attributions.FindStringIndex(s.text[quote[1]:]); next != nil {
				m = []int{quote[1] + next[0], quote[1] + next[1]}
			}
		}
		if strings.EqualFold(s.text[m[0]:m[1]], "according to") {
			for _, a := range s.actors {
				if a.start >= m[1] && a.actor.Kind != "court" {
					return []string{a.id}
				}
			}
		}
		for i := len(s.actors) - 1; i >= 0; i-- {
			if a := s.actors[i]; a.end <= m[0] && m[0]-a.end < 90 && a.actor.Kind != "court" {
				if strings.HasPrefix(s.text, `"`) || strings.HasPrefix(s.text, "“") {
					if q := quotation.FindStringIndex(s.text); q != nil && a.start < q[1] && len(r.speaker(s, m[1])) > 0 {
						continue // named inside the quotation
					}
				}
				return []string{a.id}
			}
		}
	}
	if by := r.speaker(s, len(s.text)); len(by) > 0 {
		return by
	}
	return nil
}

// subject is what the claim of a sentence is about.
func (s *sentence) subject() casefile.Subject {
	numbers := slices.ContainsFunc(s.numbers, func(n numberMention) bool {
		return n.Unit == "%" || len(n.Unit) == 3 && n.Unit == strings.ToUpper(n.Unit) || n.Unit == "accounts" || n.Unit == "URLs" || n.Unit == "requests" || n.Unit == "users"
	})
	switch {
	case numbers:
		return "number"
	case accessWords.MatchString(s.text):
		return "access"
	case lawWords.MatchString(s.text) && !banWords.MatchString(s.text):
		return "law"
	}
	return "conduct"
}

// remember keeps who spoke last, the last actor of each kind, and whose
// document is read.
func (r *reader) remember(s *sentence, claims []Line[Claim]) {
	for _, a := range s.actors {
		r.last[a.actor.Kind] = a.id
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
