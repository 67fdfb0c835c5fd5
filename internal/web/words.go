package web

import (
	"fmt"
	"html/template"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/verdict"
)

// functions are the functions of the templates. Dates are in words within a <time> that
// programs can read.
var functions = template.FuncMap{
	"date":      date,
	"moment":    moment,
	"edtf":      edtf,
	"when":      when,
	"within":    dayOrSpan,
	"iso":       func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
	"words":     stateWord,
	"how":       how,
	"percent":   func(f float64) string { return fmt.Sprintf("%.0f %%", 100*f) },
	"share":     func(f *float64) string { return fmt.Sprintf("%.0f %%", 100**f) },
	"path":      url.PathEscape,
	"inc":       func(i int) int { return i + 1 },
	"count":     count,
	"number":    func(n any) string { return thousands(fmt.Sprint(n)) },
	"country":   inquiry.Country,
	"day":       func(s string) template.HTML { return date(parseDay(s)) },
	"list":      func(words ...string) []string { return words },
	"last":      func(skip, n int) int { return skip + n },
	"chartdefs": func() template.HTML { return chartDefs },
	"prose":     prose,
	"bdi":       inPage,
	"where":     whereWords,
	"channel":   channel,
	"accused":   accusedOf,
	"capital":   capital,
	"spaced":    func(s any) string { return strings.ReplaceAll(fmt.Sprint(s), "_", " ") },
}

const longDay = "2 January 2006"

// date puts a day (UTC) into words.
func date(t time.Time) template.HTML {
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.DateOnly) + `">` + t.Format(longDay) + `</time>`)
}

// moment puts a minute (UTC) into words.
func moment(t time.Time) template.HTML {
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format("2 January 2006, 15:04 UTC") + `</time>`)
}

// edtf puts a date of the record into words. A plain day or moment stands in a <time> that
// programs can read.
func edtf(d casefile.Date) template.HTML {
	words, text := template.HTMLEscapeString(d.Words()), d.String()
	if words == "" {
		return "date not known"
	}
	if _, err := time.Parse(time.RFC3339, text); err != nil {
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return template.HTML("<span>" + words + "</span>")
		}
	}
	return template.HTML(`<time datetime="` + template.HTMLEscapeString(text) + `">` + words + `</time>`)
}

// when puts an interval into words; nil means not known.
func when(i *event.Interval) string {
	if i == nil {
		return "not known"
	}
	return answer.When(*i)
}

// dayOrSpan puts an interval into a cell of a table: a day, or the two days between which
// it lies.
func dayOrSpan(i *event.Interval) template.HTML {
	words := when(i)
	if day, ok := strings.CutPrefix(words, "on "); ok {
		if t, err := time.Parse(longDay, day); err == nil {
			return date(t)
		}
		words = day
	}
	return template.HTML(template.HTMLEscapeString(words))
}

// stateWord names a state for readers.
func stateWord(s any) string {
	switch fmt.Sprint(s) {
	case "blocked":
		return "blocked"
	case "likely_blocked":
		return "likely blocked"
	case "impaired":
		return "unclear"
	case "down":
		return "down for all"
	case "ok":
		return "works"
	}
	return "too little data"
}

// channelWords say how a measurement came into the archive.
var channelWords = map[string]string{verdict.Bucket: "from OONI's bucket", verdict.Web: "from an address of the web", verdict.File: "from a file", verdict.Table: "as a row of a table, without its document", verdict.Submitted: "handed in here"}

// channel says how a measurement came into the archive.
func channel(name string) string {
	if words := channelWords[name]; words != "" {
		return words
	}
	return spacedWords(name)
}

// programNames finds names of tests, mechanisms and the like in a sentence.
var programNames = regexp.MustCompile(`\b[a-z]+_[a-z_]+\b|\b(?:dns|tcp|tls|http|quic|ip|app)\.[a-z_.]*[a-z]\b|\bts-\d+\b|\bprobe-cli\b`)

// prose turns a sentence into HTML, with such names in <code>.
func prose(s string) template.HTML {
	return template.HTML(programNames.ReplaceAllString(template.HTMLEscapeString(s), "<code>$0</code>"))
}

// how puts a mechanism into words, followed by its name.
func how(mechanism string) template.HTML {
	name := "<code>" + template.HTMLEscapeString(mechanism) + "</code>"
	if w := verdict.MechanismWords(mechanism); w != "" {
		return template.HTML(template.HTMLEscapeString(w) + " (" + name + ")")
	}
	return template.HTML(name)
}

// count returns a number with its noun: "1 network", "1,142 measurements".
func count(n any, noun string) string {
	s := fmt.Sprint(n)
	if first, rest, ok := strings.Cut(noun, " or "); ok && s != "1" { // "platform or site"
		noun = first + "s or " + rest + "s"
	} else if stem, ok := strings.CutSuffix(noun, "ry"); s != "1" && ok {
		noun = stem + "ries"
	} else if s != "1" {
		noun += "s"
	}
	return thousands(s) + " " + noun
}

// thousands puts commas into a whole number.
func thousands(s string) string {
	if _, err := strconv.Atoi(s); err != nil {
		return s
	}
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
