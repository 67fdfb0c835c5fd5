package web

import (
	"fmt"
	"html/template"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
)

// speaker puts a case into words: whole is all that the record knows, shown what
// is known on the day. Both are nil for what several cases share.
type speaker struct {
	s            *Site
	whole, shown *casefile.Case
	query        string // "?as-of=2024-03-14", or "": links carry it
}

// fact is one thing that the record says of an entry: a name and its values.
type fact struct {
	Name   string
	Values []value
}

// value is a text, a link, or parts with names of their own; with its sources.
type value struct {
	Text  string
	Date  template.HTML
	Href  string
	Lang  string // of a name in another script
	Code  bool   // it is for programs
	Facts []fact
	Cites []cited
}

// labels are the names of the record's fields as a reader calls them. A field
// that stands here as "" is shown elsewhere on the page.
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

// facts are the fields of an entry in words, in the order of the record. What is
// not there is left out; what the record says is not known is said.
func (k speaker) facts(v reflect.Value) []fact {
	var out []fact
	for i := range v.NumField() {
		f := v.Type().Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		label, known := labels[tag]
		if !f.IsExported() || known && label == "" {
			continue
		}
		if !known {
			label = capital(spacedWords(tag))
		}
		if tag == "to" && f.Type == dateType {
			label = "Until"
		}
		if strings.Contains(f.Tag.Get("rule"), "null") && v.Field(i).IsZero() {
			out = append(out, fact{label, []value{{Text: "no source says"}}})
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
	asnType  = reflect.TypeFor[casefile.ASN]()
)

// values are what a field says.
func (k speaker) values(tag string, v reflect.Value) []value {
	switch {
	case v.Type() == dateType:
		return []value{{Date: edtf(v.Interface().(casefile.Date))}}
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
		return []value{{Text: n.Text, Cites: k.cites(n.Cites)}}
	case v.Type() == asnType:
		return []value{{Text: v.Interface().(casefile.ASN).String()}} // it has a page only where it was measured
	case v.Kind() == reflect.Struct:
		return []value{k.part(v)}
	case v.Kind() == reflect.Bool:
		return []value{{Text: "yes"}}
	case v.Kind() == reflect.String:
		return []value{k.word(tag, v)}
	case v.CanInt():
		return []value{{Text: thousands(strconv.FormatInt(v.Int(), 10))}}
	}
	return []value{{Text: fmt.Sprint(v.Interface())}}
}

// part is a value that has fields of its own. Its main text stands first.
func (k speaker) part(v reflect.Value) value {
	out := value{Facts: k.facts(v)}
	for _, name := range []string{"What", "Says", "Text"} {
		if f := v.FieldByName(name); f.IsValid() && f.Type().Kind() == reflect.String {
			out.Text = f.String()
			if meaning := casefile.Meaning(f.Interface()); meaning != "" {
				out.Text += ": " + meaning
			}
		}
	}
	for i, f := range out.Facts {
		if f.Name == labels["cites"] && len(f.Values) == 1 { // sources stand behind the text
			out.Cites = f.Values[0].Cites
			out.Facts = append(out.Facts[:i:i], out.Facts[i+1:]...)
			break
		}
	}
	return out
}

// word is a text of the record: a name of another entry becomes a link to it, a
// word of a closed list is said with its meaning.
func (k speaker) word(tag string, v reflect.Value) value {
	text := v.String()
	if meaning := casefile.Meaning(v.Interface()); meaning != "" {
		return value{Text: spacedWords(text) + ": " + meaning}
	}
	switch tag {
	case "by", "to", "court", "judges", "respondents", "who", "authority", "reported_by", "of":
		if k.s.Records.Actor(k.whole, text) != nil {
			return value{Text: k.full(text), Href: "/actors/" + url.PathEscape(text) + k.query}
		}
	case "law", "under", "replaces":
		if l := k.s.Records.Law(k.whole, text); l != nil {
			return value{Text: l.Name, Href: "/laws/" + url.PathEscape(text) + k.query}
		}
	case "copies", "source":
		if src := k.s.Records.Source(k.whole, text); src != nil {
			return value{Text: sourceName(src), Href: "/sources/" + url.PathEscape(text) + k.query}
		}
	case "act", "answers", "implements", "repeats", "contradicts", "defies", "withdraws", "in", "from", "docket", "consolidated", "appeal_of", "ref", "refs":
		if one := k.entry(text); one.Href != "" {
			return one
		}
	case "targets", "target", "platform":
		return value{Text: k.s.name(text), Href: "/platforms/" + url.PathEscape(text)}
	case "cc", "jurisdiction":
		return value{Text: inquiry.Country(text), Href: "/cc/" + url.PathEscape(text)}
	case "url":
		if isWeb(text) {
			return value{Text: text, Href: text, Code: true}
		}
		return value{Text: text, Code: true}
	case "sha256", "media_type", "wikidata", "unit":
		return value{Text: text, Code: true}
	case "language":
		if tag, err := language.Parse(text); err == nil {
			return value{Text: display.English.Tags().Name(tag), Facts: []fact{{"Code", []value{{Text: text, Code: true}}}}}
		}
	case "script":
		return value{Text: text, Lang: "und"}
	case "relation":
		if w := map[string]string{"=": "equal to", "<": "less than", ">": "more than", "~": "about"}[text]; w != "" {
			return value{Text: w}
		}
	}
	return value{Text: text}
}

// entry is a link to a part of the case, by what it says.
func (k speaker) entry(id string) value {
	if k.shown == nil {
		return value{Text: id}
	}
	for _, kind := range itemKinds {
		if it, ok := itemOf(k.shown, kind.word, id); ok {
			d := k.link(it)
			return value{Text: short(d.Text), Href: d.Href}
		}
	}
	return value{Text: id}
}

// short is the beginning of a sentence, for links.
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

// pairsView draws counts of requests as pairs of bars: what was sent, and what
// was followed.
type pairsView struct{ Rows []pairRow }

type pairRow struct {
	Name, Note, Href  string
	Sent, Followed    string // in words
	SentAt, FollowsAt float64
	HasSent, HasEnd   bool
}

// bars draws rows of requests; each level is measured by its own greatest count.
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
		row := pairRow{Name: q.Period.Words(), Note: "by " + k.s.Records.Names(k.whole, []string{q.ReportedBy}), Href: k.href(q.ID),
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

// href is the page of a part of the case on the same day; "" where there is none.
func (k speaker) href(id string) string {
	if h := itemHref(k.shown, id); h != "" {
		return h + k.query
	}
	return ""
}

// full names actors with their abbreviation behind the name: "Pakistan
// Telecommunication Authority (PTA)".
func (k speaker) full(ids ...string) string {
	var names []string
	for _, id := range ids {
		name := k.s.Records.Name(k.whole, id)
		if a := k.s.Records.Actor(k.whole, id); a != nil && name == a.Abbreviation && a.Name != name {
			name = a.Name + " (" + name + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}
