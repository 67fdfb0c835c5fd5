package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/verdict"
)

// One file of lang/ is the catalogue of one language. To add a language, add its file; the
// tests list the texts that it lacks.
//
//go:embed lang/*.json
var catalogues embed.FS

// catalogue holds the texts of the site in one language other than English.
type catalogue struct {
	Language struct {
		Name    string `json:"name"`    // in the language itself
		English string `json:"english"` // in English
		Dir     string `json:"dir"`     // "rtl" or "ltr"
	} `json:"language"`
	Text      map[string]entry    `json:"text"`
	Platforms map[string]platform `json:"platforms"`
	// Pages are the pages that are the same for every reader, by their path.
	Pages map[string]prosePage `json:"pages"`
	Cases map[string]struct {
		Title   string `json:"title"`
		Summary string `json:"summary"`
	} `json:"cases"`
	// Unconfirmed maps keys of texts that no reader of the language has approved to the
	// reason. "label.*" means all keys that begin with "label.".
	Unconfirmed map[string]string `json:"unconfirmed"`

	code    string
	tag     language.Tag
	regions display.Namer
}

// platform is the name of a platform, with its gender if the language has genders.
type platform struct {
	Name   string `json:"name"`
	Gender string `json:"gender"`
}

// entry is a text with {places}, or several forms of it. A number ("one", "other" and the
// other plural forms of CLDR) or the gender of the platform ("m", "f") chooses the form.
type entry struct {
	one   string
	forms map[string]string
}

func (e *entry) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte(`"`)) {
		return json.Unmarshal(b, &e.one)
	}
	return json.Unmarshal(b, &e.forms)
}

// texts returns all forms of an entry.
func (e entry) texts() []string {
	if e.forms == nil {
		return []string{e.one}
	}
	var out []string
	for _, t := range e.forms {
		out = append(out, t)
	}
	return out
}

// loadCatalogues reads all languages, by their code. The catalogues are part of the
// program: it panics if one cannot be read.
func loadCatalogues() map[string]*catalogue {
	names, err := fs.Glob(catalogues, "lang/*.json")
	if err != nil {
		panic(err)
	}
	all := map[string]*catalogue{}
	for _, name := range names {
		b, err := catalogues.ReadFile(name)
		if err != nil {
			panic(err)
		}
		c := &catalogue{code: strings.TrimSuffix(path.Base(name), ".json")}
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(c); err != nil {
			panic(fmt.Sprintf("read %s: %v", name, err))
		}
		c.tag = language.MustParse(c.code)
		c.regions = display.Regions(c.tag)
		all[c.code] = c
	}
	return all
}

// args are the values for the {places} of a text. The args "gender" and "count" also
// choose the form of the text.
type args map[string]any

// The Unicode marks around a name of another script (FSI and PDI). In a page they become
// <bdi>.
const (
	isolate = "\u2068"
	isolend = "\u2069"
)

// foreign puts the marks around a text that may be of another script.
func foreign(s string) string {
	return isolate + strings.NewReplacer(isolate, "", isolend, "").Replace(s) + isolend
}

// text returns the text of a key, as plain text; for an unknown key the key itself.
func (c *catalogue) text(key string, a args) string {
	e, ok := c.Text[key]
	if !ok {
		return foreign(key)
	}
	t := e.one
	if e.forms != nil {
		if g, ok := a["gender"].(string); ok && e.forms[g] != "" {
			t = e.forms[g]
		} else if n, ok := a["count"].(int); ok && e.forms[c.form(n)] != "" {
			t = e.forms[c.form(n)]
		} else if t = e.forms["other"]; t == "" {
			t = e.forms["m"]
		}
	}
	return inPlaces(t, a)
}

// inPlaces fills the {places} of a text.
func inPlaces(t string, a args) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(t, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		place, after, _ := strings.Cut(rest, "}")
		fmt.Fprint(&b, a[place])
		t = after
	}
}

// form returns the plural form of a number, by its name in CLDR.
func (c *catalogue) form(n int) string {
	return map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}[plural.Cardinal.MatchPlural(c.tag, n, 0, 0, 0, 0)]
}

// counted returns a number with its noun.
func (c *catalogue) counted(key string, n int) string {
	return c.text(key, args{"n": thousands(strconv.Itoa(n)), "count": n})
}

// inPage turns a plain text into HTML.
func inPage(s string) template.HTML {
	s = template.HTMLEscapeString(s)
	if strings.Contains(s, isolate) {
		s = isolatedProgram.ReplaceAllString(s, isolate+"<code>$1</code>"+isolend)
		s = isolatedWords.ReplaceAllString(s, `<bdi lang="en">$1</bdi>`)
	}
	return template.HTML(strings.NewReplacer(isolate, "<bdi>", isolend, "</bdi>").Replace(s))
}

// isolatedWords finds several words in Latin letters between marks: English names from the
// record.
var isolatedWords = regexp.MustCompile(isolate + `([^` + isolend + `\p{Arabic}]*[A-Za-z][^` + isolend + `\p{Arabic}A-Za-z]* [^` + isolend + `\p{Arabic}]*[A-Za-z][^` + isolend + `\p{Arabic}]*)` + isolend)

// isolatedProgram finds the name of a program between marks.
var isolatedProgram = regexp.MustCompile(isolate + `(` + programNames.String() + `)` + isolend)

// platform returns the name of a platform in the language, or else the English name.
func (c *catalogue) platform(id, english string) (name, gender string) {
	if p, ok := c.Platforms[id]; ok {
		return p.Name, p.Gender
	}
	return foreign(english), "m"
}

// country returns the name of a country in the language, from CLDR.
func (c *catalogue) country(cc, english string) string {
	if cc == "ZZ" { // CLDR calls it an unknown region
		return c.text("country.zz", nil)
	}
	region, err := language.ParseRegion(cc)
	if err != nil {
		return foreign(english)
	}
	if name := c.regions.Name(region); name != "" {
		return name
	}
	return foreign(english)
}

// day puts a day (UTC) into words.
func (c *catalogue) day(t time.Time) string {
	t = t.UTC()
	return c.text("date.day", args{"d": t.Day(), "month": c.text("month."+strconv.Itoa(int(t.Month())), nil), "y": t.Year()})
}

// interval puts an interval into words, exact to the day.
func (c *catalogue) interval(i *event.Interval) string {
	switch {
	case i == nil || i.Earliest == nil && i.Latest == nil:
		return c.text("date.unknown", nil)
	case i.Earliest == nil:
		return c.text("date.by", args{"b": c.day(i.Latest.Add(-time.Second))})
	case i.Latest == nil:
		return c.text("date.from", args{"a": c.day(*i.Earliest)})
	}
	return c.between(*i.Earliest, i.Latest.Add(-time.Second))
}

func (c *catalogue) between(a, b time.Time) string {
	if x, y := c.day(a), c.day(b); x != y && a.Before(b) {
		return c.text("date.between", args{"a": x, "b": y})
	}
	return c.day(a)
}

// date puts a date of the record into words, exact to the day; "" if it is not known.
func (c *catalogue) date(d casefile.Date, zone *time.Location) string {
	first, from := d.FirstDay(zone)
	last, to := d.LastDay(zone)
	out := ""
	switch {
	case !from && !to:
		return ""
	case !to:
		out = c.text("date.from", args{"a": c.day(first)})
	case !from:
		out = c.text("date.by", args{"b": c.day(last)})
	case first.Equal(last):
		out = c.day(first)
	case strings.HasPrefix(d.String(), "["): // one of the days
		out = c.between(first, last)
	default:
		out = c.text("date.span", args{"a": c.day(first), "b": c.day(last)})
	}
	if d.Approximate() {
		out = c.text("date.about", args{"a": out})
	}
	return out
}

// list joins names with commas.
func (c *catalogue) list(names []string) string {
	out := ""
	for i, n := range names {
		if out = n; i > 0 {
			out = c.text("list.and", args{"a": names[i-1], "b": n})
			names[i] = out
		}
	}
	return out
}

// tellers says which data sets report a ban.
func (c *catalogue) tellers(r *answer.ReportedBan) string {
	var names []string
	for _, d := range r.Datasets() {
		names = append(names, c.text("by."+string(d), nil))
	}
	return c.list(names)
}

// length says how long a reported ban lasted.
func (c *catalogue) length(r *answer.ReportedBan) string {
	days := c.counted("days", r.Days)
	if r.AtMost > r.Days {
		days = c.text("days.span", args{"least": thousands(strconv.Itoa(r.Days)), "most": c.counted("days", r.AtMost)})
	}
	if r.AtLeast {
		return c.text("at_least", args{"days": days})
	}
	return days
}

// sentence puts an answer into words: one sentence for each of its remarks.
func (c *catalogue) sentence(a *answer.Answer) string {
	var out []string
	for _, r := range a.Remarks() {
		if s := c.remark(a, &r); s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}

// remark puts one remark into words, "" if an earlier remark has said it.
func (c *catalogue) remark(a *answer.Answer, r *answer.Remark) string {
	name, gender := c.platform(a.Target, a.Name)
	p := args{"name": name, "gender": gender, "country": c.country(a.CC, a.Country), "day": c.day(r.Day), "n": thousands(strconv.Itoa(r.N)), "text": foreign(r.Text), "until": c.interval(r.Until), "since": c.interval(r.Since)}
	key := "say." + string(r.Key)
	if r.Reported != nil {
		p["start"], p["length"], p["by"] = c.day(r.Reported.Start), c.length(r.Reported), c.tellers(r.Reported)
		if p["end"] = c.day(r.Reported.Known); r.Reported.End != nil {
			p["end"] = c.day(*r.Reported.End)
		}
	}
	switch r.Key {
	case answer.SayBan, answer.SayReported:
		if r.Past {
			key += ".past"
		}
		if r.Likely {
			key += ".likely"
		}
	case answer.SayNetworks:
		var names []string
		for _, n := range r.Networks[:min(5, len(r.Networks))] {
			names = append(names, network.Name(n.ASN))
		}
		delete(p, "gender")
		p["count"], p["networks"], p["list"] = r.N, c.counted("networks", r.Of), foreign(strings.Join(names, ", "))
	case answer.SayHow:
		if r.Text == "" {
			return "" // the first remark has already said since when
		}
		p["text"] = c.how(r.Text)
	case answer.SayFailed:
		p["measurements"] = c.counted("measurements.of", r.Of)
		if r.Usually != nil {
			key += ".usually"
			p["percent"] = fmt.Sprintf("%.0f", 100**r.Usually)
		}
	case answer.SayOthers:
		p["networks"], p["measurements"] = c.counted("networks", r.Among), c.counted("measurements.of", r.Of)
	case answer.SayWasReported:
		switch {
		case r.Text != "":
			key += ".area"
			p["area"] = foreign(r.Text)
		case r.Reported.End != nil:
			key += ".ended"
		}
	case answer.SayMeasured:
		key += "." + string(r.State)
		k := r.Counts
		p["from"], p["networks"], p["measurements"] = c.day(k.From), c.counted("networks", k.Networks), c.counted("measurements.of", int(k.Measurements))
		p["ok"], p["blocked"], p["down"], p["inconclusive"] = k.OK, k.Blocked, k.Down, k.Inconclusive
	case answer.SayLittle, answer.SayStale:
		delete(p, "gender")
		p["count"] = r.N
	case answer.SayInforms:
		p["count"], p["measurements"] = r.N, c.counted("measurements.of", r.Of)
	case answer.SayPast, answer.SayDark:
		if r.Until == nil {
			key += ".open"
		}
	case answer.SayDisagree:
		if r.State.Accuses() {
			key += ".blocked"
		}
	}
	return c.text(key, p)
}

// how puts a mechanism into words, followed by its name, as verdict.MechanismWords does in
// English.
func (c *catalogue) how(mechanism string) string {
	name := " (" + foreign(mechanism) + ")"
	if _, ok := c.Text["how."+mechanism]; ok {
		return c.text("how."+mechanism, nil) + name
	}
	stem, sni := strings.CutSuffix(mechanism, ".sni")
	step, ending, _ := strings.Cut(stem, ".")
	words := ""
	if _, ok := c.Text["how."+stem]; ok {
		words = c.text("how."+stem, nil)
	} else if _, ok := c.Text["how.step."+step]; ok {
		if _, ok := c.Text["how.end."+ending]; !ok {
			ending = "error"
		}
		words = c.text("how.step."+step, nil) + " " + c.text("how.end."+ending, nil)
	} else {
		return foreign(mechanism)
	}
	if sni {
		words = c.text("how.sni", args{"how": words})
	}
	return words + name
}

// head returns the heading of a card.
func (c *catalogue) head(a *answer.Answer) string {
	h := a.Head()
	key := "head." + string(h.Key)
	if h.Past {
		key += ".past"
	}
	if h.Likely {
		key += ".likely"
	}
	_, gender := c.platform(a.Target, a.Name)
	return c.text(key, args{"gender": gender, "day": c.day(h.Day), "n": h.N, "networks": c.counted("networks", h.Of)})
}

// state returns the name of a state.
func (c *catalogue) state(s verdict.State) string {
	if key := "state." + string(s); c.Text[key].one != "" {
		return c.text(key, nil)
	}
	return c.text("state.insufficient", nil)
}

// own puts the language before a path of this site, if the language has that page.
func (c *catalogue) own(path string) string {
	bare, _, _ := strings.Cut(path, "?")
	if show, _ := langPageOf(strings.Split(strings.Trim(bare, "/"), "/")); show == nil {
		return path
	}
	return "/" + c.code + path
}

// reads reports whether a name is in the script of the language.
func (c *catalogue) reads(name string) bool {
	if c.Language.Dir != "rtl" {
		return false
	}
	return strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.Arabic, r) })
}

// prosePage is a page of nothing but text.
type prosePage struct {
	Title  string       `json:"title"`
	Blocks []proseBlock `json:"blocks"`
}

// proseBlock is a heading, a paragraph or a list. [words](/path) is a link. Text between
// backticks is set as code.
type proseBlock struct {
	Heading   string   `json:"h,omitempty"`
	Answer    string   `json:"answer,omitempty"` // the most important paragraph
	Paragraph string   `json:"p,omitempty"`
	List      []string `json:"list,omitempty"`
}

var (
	proseLink = regexp.MustCompile(`\[([^\]]+)\]\((/[^)]*)\)`)
	proseCode = regexp.MustCompile("`([^`]+)`")
)

// prose turns a text of a prosePage into HTML.
func (c *catalogue) prose(text string) template.HTML {
	h := string(inPage(text))
	h = proseLink.ReplaceAllStringFunc(h, func(link string) string {
		m := proseLink.FindStringSubmatch(link)
		return `<a href="` + c.own(m[2]) + `">` + m[1] + `</a>`
	})
	return template.HTML(proseCode.ReplaceAllString(h, `<code dir="ltr">$1</code>`))
}

// doubt is a key whose text no reader of the language has approved, and the reason.
type doubt struct{ key, why string }

// unconfirmed returns these keys in order.
func (c *catalogue) unconfirmed() []doubt {
	all := map[string]string{}
	for k, why := range c.Unconfirmed {
		prefix, many := strings.CutSuffix(k, "*")
		if !many {
			all[k] = why
			continue
		}
		for key := range c.Text {
			if strings.HasPrefix(key, prefix) && all[key] == "" {
				all[key] = why
			}
		}
	}
	var out []doubt
	for _, k := range slices.Sorted(maps.Keys(all)) {
		out = append(out, doubt{k, all[k]})
	}
	return out
}
