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

// functions are those of the templates. Dates are said in words, in a <time>
// that programs can read.
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
	"accused":   accusedOf,
	"capital":   capital,
	"spaced":    func(s any) string { return strings.ReplaceAll(fmt.Sprint(s), "_", " ") },
}

const longDay = "2 January 2006"

// date is a day (UTC) in words.
func date(t time.Time) template.HTML {
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.DateOnly) + `">` + t.Format(longDay) + `</time>`)
}

// moment is a minute (UTC) in words.
func moment(t time.Time) template.HTML {
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format("2 January 2006, 15:04 UTC") + `</time>`)
}

// edtf is a date of the record in words; of one that is a plain day or moment
// programs can read the <time>.
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

// when says an interval in words; nil is not known.
func when(i *event.Interval) string {
	if i == nil {
		return "not known"
	}
	return answer.When(*i)
}

// dayOrSpan says an interval as an entry of a table: a day, or the days between which
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

// stateWord is a state as a reader calls it.
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

// programNames are names of tests, of mechanisms and the like within a sentence.
var programNames = regexp.MustCompile(`\b[a-z]+_[a-z_]+\b|\b(?:dns|tcp|tls|http|quic|ip|app)\.[a-z_.]*[a-z]\b|\bts-\d+\b|\bprobe-cli\b`)

// prose is a sentence in which the names of programs stand apart.
func prose(s string) template.HTML {
	return template.HTML(programNames.ReplaceAllString(template.HTMLEscapeString(s), "<code>$0</code>"))
}

// how says a mechanism in words, with its name.
func how(mechanism string) template.HTML {
	name := "<code>" + template.HTMLEscapeString(mechanism) + "</code>"
	if w := verdict.MechanismWords(mechanism); w != "" {
		return template.HTML(template.HTMLEscapeString(w) + " (" + name + ")")
	}
	return template.HTML(name)
}

// count is a number with its noun: "1 network", "1,142 measurements".
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
