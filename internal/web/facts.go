package web

import (
	"fmt"
	"html/template"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/network"
)

// speaker puts a case into words. whole is all that the record knows of it; shown is what
// is known on the day. Both are nil for things that several cases share.
type speaker struct {
	s            *Site
	whole, shown *casefile.Case
	query        string     // "?as-of=2024-03-14", or "" for now; links carry it
	c            *catalogue // the language, nil for English
}

// say returns a text of the catalogue by its key, or the English text.
func (k speaker) say(key, english string) string {
	if k.c == nil {
		return english
	}
	return k.c.text(key, nil)
}

// own returns a path of this site in the language of the page.
func (k speaker) own(path string) string {
	if k.c == nil {
		return path
	}
	return k.c.own(path)
}

// english returns the language of a text of the record as the page must mark it: "en", or
// "" on an English page.
func (k speaker) english() string {
	if k.c == nil {
		return ""
	}
	return "en"
}

// notOwn returns a language as the page must mark it: "" for the language of the page.
func (k speaker) notOwn(language string) string {
	own := "en"
	if k.c != nil {
		own = k.c.code
	}
	if language == own {
		return ""
	}
	return language
}

// date puts a date of the record into words.
func (k speaker) date(d casefile.Date) template.HTML {
	if k.c == nil {
		return edtf(d)
	}
	zone := time.UTC
	if k.whole != nil {
		zone = k.whole.Zone()
	}
	if words := k.c.date(d, zone); words != "" {
		return inPage(words)
	}
	return inPage(k.c.text("case.unknown", nil))
}

// day is a date as plain text, "" where it is not known.
func (k speaker) day(d casefile.Date) string {
	if k.c == nil {
		return d.Words()
	}
	zone := time.UTC
	if k.whole != nil {
		zone = k.whole.Zone()
	}
	return k.c.date(d, zone)
}

// platform returns the name of a target in the language.
func (k speaker) platform(id string) string {
	if k.c == nil {
		return k.s.name(id)
	}
	name, _ := k.c.platform(id, k.s.name(id))
	return name
}

// country returns the name of a country in the language.
func (k speaker) country(cc string) string {
	if k.c == nil {
		return inquiry.Country(cc)
	}
	return k.c.country(cc, inquiry.Country(cc))
}

// term puts a word of a closed list of the record into the language. known is false if the
// word is in no closed list.
func (k speaker) term(word any) (text string, known bool) {
	if k.c == nil {
		meaning := casefile.Meaning(word)
		return spacedWords(fmt.Sprint(word)) + ": " + meaning, meaning != ""
	}
	name := casefile.TermName(word)
	return k.c.text("term."+name, nil), name != ""
}

// fact is one thing that the record says about an entry: a name and its values.
type fact struct {
	Name   string
	Values []value
}

// value is a text, a link, or parts that have names of their own. It carries its sources.
type value struct {
	Text  string
	Date  template.HTML
	Href  string
	Lang  string // of a name in another script
	Code  bool   // it is meant for programs
	Said  bool   // it is quoted from somebody's list
	Facts []fact
	Cites []cited
}

// labels names the fields of the record for readers. A field whose name is "" is shown
// elsewhere on the page.
var labels = map[string]string{
	"text": "", "id": "", "what": "", "says": "", "question": "", "withdrawn": "", "phrase": "", "prefix": "", "suffix": "", "computed": "",
	"kind": "Kind", "date": "When", "date_note": "On the date", "by": "Who", "to": "To whom", "asserted_by": "Who says that it took place", "inferred": "Inferred",
	"asked": "What was asked", "condition": "Condition", "operative": "Operative words", "remarks": "Remarks without an order", "scope": "Reach", "effect": "Effect on access",
	"term": "To last", "basis": "Laws that it names", "grounds": "Grounds", "docket": "Case before a court", "judges": "Bench", "next": "Put off to", "due": "To be done by",
	"answers": "Answers", "implements": "Carries out", "repeats": "Repeats", "contradicts": "Contradicts", "defies": "Does not obey", "withdraws": "Takes back", "details": "More",
	"confidence": "Confidence", "confidence_reason": "Confidence set by hand", "cites": "Sources", "targets": "Platforms", "other": "Also", "networks": "Networks", "areas": "Areas",
	"law": "Law", "section": "Section", "note": "Note", "access": "Access", "onset": "Tells when access was lost", "method": "How", "act": "Said in", "about": "Subject",
	"figure": "Figure", "evidence": "Evidence", "target": "Platform", "cc": "Country", "at": "Time of which it speaks", "value": "Value", "unit": "Unit", "relation": "Relation",
	"period": "Period", "ref": "Entry", "bearing": "Which way it speaks", "why": "Why", "positions": "Positions", "refs": "Entries that hold it", "court": "Court", "name": "Name",
	"number": "Number", "numbers": "Further numbers", "filed": "Brought", "petitioners": "Brought by", "respondents": "Against", "parties": "Other parties", "counsel": "Counsel",
	"relief": "What is asked", "interim_relief": "What is asked until judgment", "consolidated": "Heard with", "appeal_of": "Appeal of", "outcome": "Outcome", "disposition": "How it ended",
	"disposed": "Ended", "notes": "Notes", "who": "Who", "role": "Role", "for": "For", "office": "Office", "authority": "Who asked", "platform": "Platform asked", "product": "Product",
	"reason": "Reason given", "counter": "Counted", "level": "What is counted", "reported_by": "By whose figures", "compliance": "What counts as followed", "sent": "Sent",
	"complied": "Followed in full", "partly": "Followed in part", "rejected": "Refused", "pending": "Still open", "accounts": "Accounts named", "rate_percent": "Share followed, in per cent",
	"abbreviation": "Abbreviation", "script": "In its own script", "aliases": "Other names", "wikidata": "Wikidata", "posts": "Posts", "of": "Belongs to", "from": "From", "private": "Private body",
	"under": "Made under", "replaces": "Replaces", "sections": "Sections", "empowers": "What it allows or forbids", "disputed": "Other readings", "publisher": "Publisher", "authors": "Authors",
	"title": "Title", "url": "Address", "type": "Type", "language": "Language", "reliability": "Grade (Admiralty code)", "reliability_reason": "Why that grade", "hand": "How near it stands",
	"read": "How much was read", "machine_pictures": "Pictures made by a machine", "copies": "Repeats the text of", "copy": "Archived copy", "sha256": "SHA-256", "media_type": "Media type",
	"fetched": "Fetched", "how": "How", "withheld": "Not published", "source": "Source", "page": "Page", "paragraph": "Paragraph", "in": "Said in", "until": "Until", "days": "Days",
}

// facts puts the fields of an entry into words, in the order of the record. A missing
// field is left out. If the record says that something is not known, so does the page.
func (k speaker) facts(v reflect.Value) []fact {
	var out []fact
	for i := range v.NumField() {
		f := v.Type().Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		label, known := labels[tag]
		if !f.IsExported() || known && label == "" {
			continue
		}
		switch {
		case tag == "to" && f.Type == dateType:
			label = k.say("label.until", labels["until"])
		case !known:
			label = capital(spacedWords(tag))
		default:
			label = k.say("label."+tag, label)
		}
		if strings.Contains(f.Tag.Get("rule"), "null") && v.Field(i).IsZero() {
			out = append(out, fact{label, []value{{Text: k.say("fact.unknown", "no source says")}}})
			continue
		}
		if v.Field(i).IsZero() || strings.Contains(options, "omit") && v.Field(i).IsZero() {
			continue
		}
		if values := k.values(tag, v.Field(i)); len(values) > 0 {
			out = append(out, fact{label, values})
		}
	}
	return out
}

var (
	dateType = reflect.TypeFor[casefile.Date]()
	noteType = reflect.TypeFor[casefile.Note]()
	citeType = reflect.TypeFor[casefile.Cite]()
	asnType  = reflect.TypeFor[network.ASN]()
)

// values returns what a field says.
func (k speaker) values(tag string, v reflect.Value) []value {
	switch {
	case v.Type() == dateType:
		return []value{{Date: k.date(v.Interface().(casefile.Date))}}
	case v.Kind() == reflect.Pointer:
		return k.values(tag, v.Elem())
	case v.Kind() == reflect.Slice && v.Type().Elem() == citeType:
		return []value{{Cites: k.cites(v.Interface().([]casefile.Cite))}}
	case v.Kind() == reflect.Slice:
		var out []value
		for i := range v.Len() {
			out = append(out, k.values(tag, v.Index(i))...)
		}
		return out
	case v.Type() == noteType:
		n := v.Interface().(casefile.Note)
		return []value{{Text: n.Text, Lang: k.english(), Cites: k.cites(n.Cites)}}
	case v.Type() == asnType:
		return []value{{Text: v.Interface().(network.ASN).String()}} // it has a page only where it was measured
	case v.Kind() == reflect.Struct:
		return []value{k.part(v)}
	case v.Kind() == reflect.Bool:
		return []value{{Text: k.say("fact.yes", "yes")}}
	case v.Kind() == reflect.String:
		return []value{k.word(tag, v)}
	case v.CanInt():
		return []value{{Text: thousands(strconv.FormatInt(v.Int(), 10))}}
	}
	return []value{{Text: fmt.Sprint(v.Interface())}}
}

// part makes a value out of a struct with fields of its own. Its main text stands first.
func (k speaker) part(v reflect.Value) value {
	out := value{Facts: k.facts(v)}
	for _, name := range []string{"What", "Says", "Text"} {
		if f := v.FieldByName(name); f.IsValid() && f.Type().Kind() == reflect.String {
			if out.Text = f.String(); out.Text != "" {
				out.Lang = k.english()
			}
			if text, known := k.term(f.Interface()); known {
				out.Text, out.Lang = text, ""
			}
		}
	}
	for i, f := range out.Facts {
		if f.Name == k.say("label.cites", labels["cites"]) && len(f.Values) == 1 { // sources stand after the text
			out.Cites = f.Values[0].Cites
			out.Facts = append(out.Facts[:i:i], out.Facts[i+1:]...)
			break
		}
	}
	return out
}

// word puts a text of the record into a value. The id of another entry becomes a link; a
// word of a closed list is given with its meaning.
func (k speaker) word(tag string, v reflect.Value) value {
	text := v.String()
	if text, known := k.term(v.Interface()); known {
		return value{Text: text}
	}
	plain := value{Text: text, Lang: k.english()}
	switch tag {
	case "by", "to", "court", "judges", "respondents", "who", "authority", "reported_by", "of":
		if k.s.Records.Actor(k.whole, text) != nil {
			return value{Text: k.full(text), Href: k.own("/actors/"+url.PathEscape(text)) + k.query}
		}
	case "law", "under", "replaces":
		if l := k.s.Records.Law(k.whole, text); l != nil {
			return value{Text: l.Name, Lang: k.english(), Href: k.own("/laws/"+url.PathEscape(text)) + k.query}
		}
	case "copies", "source":
		if src := k.s.Records.Source(k.whole, text); src != nil {
			return value{Text: sourceName(src), Lang: k.english(), Href: k.own("/sources/"+url.PathEscape(text)) + k.query}
		}
	case "act", "answers", "implements", "repeats", "contradicts", "defies", "withdraws", "in", "from", "docket", "consolidated", "appeal_of", "ref", "refs":
		if one := k.entry(text); one.Href != "" {
			return one
		}
	case "targets", "target", "platform":
		return value{Text: k.platform(text), Href: k.own("/platforms/" + url.PathEscape(text))}
	case "cc", "jurisdiction":
		return value{Text: k.country(text), Href: k.own("/cc/" + url.PathEscape(text))}
	case "url":
		if isWeb(text) {
			return value{Text: text, Href: text, Code: true}
		}
		return value{Text: text, Code: true}
	case "sha256", "media_type", "wikidata", "unit":
		return value{Text: text, Code: true}
	case "language":
		if tag, err := language.Parse(text); err == nil {
			return value{Text: k.languageName(tag), Facts: []fact{{k.say("label.code", "Code"), []value{{Text: text, Code: true}}}}}
		}
	case "script":
		return value{Text: text, Lang: "und"}
	case "relation":
		if w := relations[text]; w.key != "" {
			return value{Text: k.say("relation."+w.key, w.english)}
		}
	}
	return plain
}

// relations maps a sign before a figure to words for it.
var relations = map[string]struct{ key, english string }{"=": {"equal", "equal to"}, "<": {"less", "less than"}, ">": {"more", "more than"}, "~": {"about", "about"}}

func (k speaker) languageName(tag language.Tag) string {
	if k.c != nil {
		if name := display.Languages(k.c.tag).Name(tag); name != "" {
			return name
		}
	}
	return display.English.Tags().Name(tag)
}

// entry makes a link to a part of the case. The link's text is what the part says.
func (k speaker) entry(id string) value {
	if k.shown == nil {
		return value{Text: id}
	}
	for _, kind := range itemKinds {
		if it, ok := itemOf(k.shown, kind.word, id); ok {
			d := k.link(it)
			return value{Text: short(d.Text), Lang: d.Lang, Href: d.Href}
		}
	}
	return value{Text: id}
}

// short cuts a sentence for use as the text of a link.
func short(s string) string {
	const most = 90
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	cut := string(r[:most])
	if at := strings.LastIndexByte(cut, ' '); at > most/2 {
		cut = cut[:at]
	}
	return strings.TrimRight(cut, " ,;:.") + "…"
}

// pairsView draws counts of requests as pairs of bars: how many were sent, and how many
// were followed.
type pairsView struct{ Rows []pairRow }

type pairRow struct {
	Name, Note, Href  string
	Sent, Followed    string // in words
	SentAt, FollowsAt float64
	HasSent, HasEnd   bool
}

// bars draws rows of requests. The greatest count of each level is 100 percent of its
// bars; it returns nil if no request has a count.
func (k speaker) bars(list []casefile.Request) *pairsView {
	most := map[casefile.Level]int64{}
	for _, q := range list {
		if q.Sent != nil {
			most[q.Level] = max(most[q.Level], *q.Sent)
		}
	}
	out := &pairsView{}
	for i := range list {
		q := &list[i]
		if q.Sent == nil || most[q.Level] == 0 {
			continue
		}
		full := float64(most[q.Level])
		row := pairRow{Name: k.day(q.Period), Note: "by " + k.s.Records.Names(k.whole, []string{q.ReportedBy}), Href: k.href(q.ID),
			Sent: thousands(strconv.FormatInt(*q.Sent, 10)) + " sent", HasSent: true, SentAt: 100 * float64(*q.Sent) / full}
		row.Followed = "how many were followed is not said"
		if q.Complied != nil {
			row.HasEnd, row.FollowsAt = true, 100*float64(*q.Complied)/full
			row.Followed = thousands(strconv.FormatInt(*q.Complied, 10)) + " followed"
		} else if q.RatePercent != nil {
			row.HasEnd, row.FollowsAt = true, row.SentAt**q.RatePercent/100
			row.Followed = percentOf(q.RatePercent) + " followed"
		}
		row.Note += ", " + casefile.Meaning(q.Level)
		out.Rows = append(out.Rows, row)
	}
	if len(out.Rows) == 0 {
		return nil
	}
	return out
}

// href returns the page of a part of the case, on the same day; "" if there is none.
func (k speaker) href(id string) string {
	if h := itemHref(k.shown, id); h != "" {
		return k.own(h) + k.query
	}
	return ""
}

// full names actors with their abbreviations: "Pakistan Telecommunication Authority
// (PTA)".
func (k speaker) full(ids ...string) string {
	var names []string
	for _, id := range ids {
		names = append(names, k.fullName(id))
	}
	if k.c != nil {
		return k.c.list(names)
	}
	return strings.Join(names, ", ")
}

func (k speaker) fullName(id string) string {
	name := k.s.Records.Name(k.whole, id)
	a := k.s.Records.Actor(k.whole, id)
	if k.c != nil {
		if a != nil && k.c.reads(a.Script) {
			return a.Script
		}
		if a != nil {
			name = a.Name
		}
		return foreign(name)
	}
	if a != nil && name == a.Abbreviation && a.Name != name {
		name = a.Name + " (" + name + ")"
	}
	return name
}
