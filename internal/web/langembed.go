package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/verdict"
)

// The words of cards and badges in other languages; embed.go has them in English.

// question asks whether the target is blocked in the country.
func (c *catalogue) question(a *answer.Answer) string {
	return c.ask(a.CC, a.Country, a.Target, a.Name)
}

// ask returns the question whether a target is blocked in a country. country and name are
// their names in English.
func (c *catalogue) ask(cc, country, target, name string) string {
	name, gender := c.platform(target, name)
	return c.text("question", args{"name": name, "gender": gender, "country": c.country(cc, country)})
}

// embedAnswer returns the words of a card for an answer.
func (c *catalogue) embedAnswer(a *inquiry.Answered) (title, word, text string) {
	word = c.state(a.State)
	if a.Partial {
		word = c.text("embed.partly", args{"state": word})
	}
	text = c.head(&a.Answer) + "۔ " + c.text("embed.unmeasured", nil)
	if a.LastMeasured != nil {
		text = c.head(&a.Answer) + "۔ " + c.text("embed.measured", args{"day": c.day(a.LastMeasuredDay())})
	}
	return c.question(&a.Answer), word, text
}

// accused returns the key of accusedWords for a list of states that all say blocked or
// likely blocked.
func accused(states []verdict.State) string {
	likely, certain := slices.Contains(states, verdict.LikelyBlocked), slices.Contains(states, verdict.Blocked)
	switch {
	case likely && certain:
		return "either"
	case likely:
		return "likely"
	}
	return "blocked"
}

// accusedWords are the English words for the keys of accused.
var accusedWords = map[string]string{"either": "blocked or likely blocked", "likely": "likely blocked", "blocked": "blocked"}

// accusedOf returns the English words for a list of answers that say blocked.
func accusedOf(answers []answer.Answer) string {
	var states []verdict.State
	for i := range answers {
		states = append(states, answers[i].State)
	}
	return accusedWords[accused(states)]
}

// worstOf returns Blocked if one state is blocked, else LikelyBlocked; "" for no states.
func worstOf(states []verdict.State) verdict.State {
	if slices.Contains(states, verdict.Blocked) {
		return verdict.Blocked
	}
	if len(states) > 0 {
		return verdict.LikelyBlocked
	}
	return ""
}

// embedBlocked says how many of all platforms are blocked, and names them.
func (c *catalogue) embedBlocked(names []string, states []verdict.State, all int) (word, text string) {
	if len(names) == 0 {
		return c.text("embed.nothing", nil), c.text("embed.nothing.text", nil)
	}
	shown := c.list(slices.Clone(names[:min(embedNames, len(names))]))
	if more := len(names) - embedNames; more > 0 {
		shown = c.text("list.more", args{"list": shown, "n": more})
	}
	return c.text("embed.blocked."+accused(states), args{"n": len(names), "total": all, "count": all}), shown + "۔"
}

// embedEvent fills in a card for a dated ban.
func (c *catalogue) embedEvent(v *embedView, s *Site, row *eventRow) {
	l := langView{c: c}
	place := c.country(row.CC, inquiry.Country(row.CC))
	v.Title, v.Word = l.eventTitle(s, &row.Event), l.eventWord(row)
	v.Text = c.text("event.sentence", args{"names": l.eventNames(s, &row.Event), "country": place, "since": c.interval(&row.Onset), "until": l.ended(row)})
}

// eventWord says whether a dated ban goes on, and if it is over, how long it lasted.
func (v *langView) eventWord(row *eventRow) string {
	switch {
	case row.Over && row.Span.Days > 0:
		return v.c.text("event.over.long", args{"length": v.c.lengthOf(row.Span)})
	case row.Over:
		return v.c.text("event.over", nil)
	case row.Asked && row.End != nil:
		return v.c.text("event.held", nil)
	}
	return v.c.text("event.goes", nil)
}

// lengthOf puts the length of a ban into words.
func (c *catalogue) lengthOf(l ban.Length) string {
	return c.length(&answer.ReportedBan{Days: l.Days, AtMost: l.AtMost, AtLeast: l.AtLeast})
}

// embedBan makes the card of a ban.
func (c *catalogue) embedBan(s *Site, b *ban.Ranked) embedView {
	l := langView{c: c}
	from, to, length := l.banDates(b)
	name, place := l.banName(s, b), c.country(b.CC, inquiry.Country(b.CC))
	return embedView{Title: c.text("event.title", args{"names": name, "country": place}), Word: length, Page: "/bans/" + url.PathEscape(b.ID),
		Text: c.text("ban.sentence", args{"country": place, "names": name, "since": from, "until": to, "length": length}) + " " + c.text("embed.by", args{"by": l.banTellers(b)})}
}

// embedCase makes the card of a case.
func (c *catalogue) embedCase(ctx context.Context, s *Site, whole, shown *casefile.Case) (embedView, error) {
	l := langView{c: c}
	title, err := l.caseTitle(ctx, s, whole)
	v := embedView{Title: title, Word: c.without(shown), Page: "/cases/" + url.PathEscape(whole.ID)}
	if v.Word == "" {
		v.Word = c.text("status."+string(shown.Status), nil)
	}
	v.Text = c.text("embed.case", args{"acts": len(shown.Acts), "dockets": len(shown.Dockets), "claims": len(shown.Claims)})
	return v, err
}

// without says how long access was gone in a case, "" if that is not known.
func (c *catalogue) without(shown *casefile.Case) string {
	for _, sp := range shown.Computed.Clock.Spans {
		if sp.From == casefile.Lost && sp.To == casefile.Returned {
			l := answer.ReportedBan{Days: int(sp.Days)}
			if sp.AtMost != nil {
				l.AtMost = int(*sp.AtMost)
			}
			return c.text("case.without", args{"days": c.length(&l)})
		}
	}
	return ""
}

// langEmbed answers with a card or a badge in a language: /ur/embed/PK/x.
func (s *Site) langEmbed(w http.ResponseWriter, r *http.Request, c *catalogue) error {
	w.Header().Set("Content-Language", c.code)
	return s.embed(w, r)
}

// langCourts answers with the court dates of a case, or of all cases, in a language.
func (s *Site) langCourts(w http.ResponseWriter, r *http.Request, c *catalogue, of []string) error {
	switch {
	case len(of) == 0:
	case len(of) == 2 && of[0] == "cases":
		r.SetPathValue("id", of[1])
	default:
		return notFound("There is no calendar of this page.")
	}
	w.Header().Set("Content-Language", c.code)
	return s.courts(w, r, c)
}

// citationText is a citation in one line.
func (c *catalogue) citationText(one *citation) string {
	return c.text("cite.text", args{"title": one.marked, "day": c.day(one.Known), "address": one.Address}) + c.citationRest(one)
}

// citationNote is what a citation says besides title, date and address.
func (c *catalogue) citationNote(one *citation) string {
	return c.text("cite.known", args{"day": c.day(one.Known)}) + c.citationRest(one)
}

func (c *catalogue) citationRest(one *citation) string {
	out := ""
	if one.Generation != 0 {
		out += c.text("cite.generation", args{"n": one.Generation})
	}
	if one.Ruleset != "" {
		out += c.text("cite.ruleset", args{"name": one.Ruleset})
	}
	return out + strings.TrimSpace(c.text("cite.language", nil))
}
