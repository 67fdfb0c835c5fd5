package draft

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/casefile"
)

type dateMention struct {
	start, end int
	DateText
	relative bool // counted from another date in the text
}

const monthNames = `January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec`

const numberWords = `one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve`

var (
	monthDay   = regexp.MustCompile(`\b(` + monthNames + `)\.? (\d{1,2})(?:st|nd|rd|th)?(?:,? (\d{4}))?\b`)
	dayMonth   = regexp.MustCompile(`\b(\d{1,2})(?:st|nd|rd|th)?(?: of)? (` + monthNames + `)\b\.?(?:,? (\d{4})\b)?`)
	isoDay     = regexp.MustCompile(`\b(\d{4})-(\d{2})-(\d{2})\b`)
	monthYear  = regexp.MustCompile(`\b(?:(?:in|since|from|until|of|by|early|mid|late) )?(` + monthNames + `)\.?(?: of)?,? (\d{4})\b`)
	monthLast  = regexp.MustCompile(`(?i)\b(` + monthNames + `) (last|this) year\b|\blast (` + monthNames + `)\b`)
	weekday    = regexp.MustCompile(`\b(?:(?:on|last|this) )?(Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)\b`)
	nearDay    = regexp.MustCompile(`(?i)\b(today|yesterday|the day before yesterday)\b`)
	nearSpan   = regexp.MustCompile(`(?i)\b(?:(last|earlier this|later this|this) (week|month|year)|((?:` + numberWords + `|\d+|a|an)) (days?|weeks?|months?|years?) ago)\b`)
	countedDay = regexp.MustCompile(`(?i)\b((?:` + numberWords + `|\d+)) (days?|weeks?) (after|before|since) (?:the |its |their )?$`)
)

var monthNumber = map[string]time.Month{
	"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}

func month(name string) time.Month { return monthNumber[strings.ToLower(name)[:3]] }

// findDates finds the dates of a sentence. Those that hang on the day of
// publication are resolved against it, or left open where it is not known.
func findDates(text string, published time.Time) []dateMention {
	var found []dateMention
	take := func(m []int, date casefile.Date, note string) {
		for _, f := range found {
			if m[0] < f.end && f.start < m[1] {
				return
			}
		}
		found = append(found, dateMention{start: m[0], end: m[1], DateText: DateText{Text: text[m[0]:m[1]], Date: date, Note: note}})
	}
	group := func(m []int, n int) string {
		if m[2*n] < 0 {
			return ""
		}
		return text[m[2*n]:m[2*n+1]]
	}
	for _, m := range isoDay.FindAllStringSubmatchIndex(text, -1) {
		take(m, parseDate(text[m[0]:m[1]]), "")
	}
	for _, m := range monthDay.FindAllStringSubmatchIndex(text, -1) {
		date, note := civil(group(m, 3), group(m, 1), group(m, 2), published)
		take(m, date, note)
	}
	for _, m := range dayMonth.FindAllStringSubmatchIndex(text, -1) {
		date, note := civil(group(m, 3), group(m, 2), group(m, 1), published)
		take(m, date, note)
	}
	for _, m := range monthYear.FindAllStringSubmatchIndex(text, -1) {
		take(m, parseDate(fmt.Sprintf("%s-%02d", group(m, 2), month(group(m, 1)))), "")
	}
	for _, m := range monthLast.FindAllStringSubmatchIndex(text, -1) {
		date, note := lastMonth(group(m, 1)+group(m, 3), strings.ToLower(group(m, 2)), published)
		take(m, date, note)
	}
	for _, m := range weekday.FindAllStringSubmatchIndex(text, -1) {
		date, note := lastWeekday(group(m, 1), published)
		take(m, date, note)
	}
	for _, m := range nearDay.FindAllStringSubmatchIndex(text, -1) {
		back := map[string]int{"today": 0, "yesterday": 1, "the day before yesterday": 2}[strings.ToLower(group(m, 1))]
		date, note := daysBefore(back, published)
		take(m, date, note)
	}
	for _, m := range nearSpan.FindAllStringSubmatchIndex(text, -1) {
		date, note := spanBefore(strings.ToLower(group(m, 1)), strings.ToLower(group(m, 2)), strings.ToLower(group(m, 3)), strings.ToLower(group(m, 4)), published)
		take(m, date, note)
	}
	return append(found, counted(text, found)...)
}

const (
	openNote     = "hangs on the day of publication, which is not known"
	fromDayNote  = "counted from the day of publication"
	fromDateNote = "counted from another date in the sentence"
)

func parseDate(s string) casefile.Date {
	d, err := casefile.ParseDate(s)
	if err != nil {
		return casefile.Date{}
	}
	return d
}

// civil is a day in a month. Without a year it is the last such day up to the
// day of publication.
func civil(year, monthName, day string, published time.Time) (casefile.Date, string) {
	n, _ := strconv.Atoi(day)
	if year != "" {
		return parseDate(fmt.Sprintf("%s-%02d-%02d", year, month(monthName), n)), ""
	}
	if published.IsZero() {
		return casefile.Date{}, openNote
	}
	t := time.Date(published.Year(), month(monthName), n, 0, 0, 0, 0, time.UTC)
	if t.After(published.AddDate(0, 0, 31)) { // a month ahead may be announced
		t = t.AddDate(-1, 0, 0)
	}
	return parseDate(t.Format(time.DateOnly)), fromDayNote
}

func lastMonth(name, which string, published time.Time) (casefile.Date, string) {
	if published.IsZero() {
		return casefile.Date{}, openNote
	}
	year := published.Year()
	if which == "last" || which == "" && month(name) >= published.Month() {
		year--
	}
	return parseDate(fmt.Sprintf("%04d-%02d", year, month(name))), fromDayNote
}

func lastWeekday(name string, published time.Time) (casefile.Date, string) {
	if published.IsZero() {
		return casefile.Date{}, openNote
	}
	t := published
	for t.Weekday().String() != name {
		t = t.AddDate(0, 0, -1)
	}
	return parseDate(t.Format(time.DateOnly)), fromDayNote
}

func daysBefore(n int, published time.Time) (casefile.Date, string) {
	if published.IsZero() {
		return casefile.Date{}, openNote
	}
	return parseDate(published.AddDate(0, 0, -n).Format(time.DateOnly)), fromDayNote
}

// spanBefore is "last month", "this year", "three weeks ago".
func spanBefore(which, unit, count, units string, published time.Time) (casefile.Date, string) {
	if published.IsZero() {
		return casefile.Date{}, openNote
	}
	n := 0
	if count != "" {
		n, unit = small(count), strings.TrimSuffix(units, "s")
	} else if which == "last" {
		n = 1
	}
	switch unit {
	case "day":
		return daysBefore(n, published)
	case "week":
		monday := published.AddDate(0, 0, -7*n-(int(published.Weekday())+6)%7)
		return parseDate(monday.Format(time.DateOnly) + "/" + monday.AddDate(0, 0, 6).Format(time.DateOnly)), fromDayNote
	case "month":
		first := time.Date(published.Year(), published.Month(), 1, 0, 0, 0, 0, time.UTC)
		return parseDate(first.AddDate(0, -n, 0).Format("2006-01")), fromDayNote
	}
	return parseDate(strconv.Itoa(published.Year() - n)), fromDayNote
}

func small(word string) int {
	if n, err := strconv.Atoi(word); err == nil {
		return n
	}
	for i, w := range strings.Split(numberWords, "|") {
		if w == strings.ToLower(word) {
			return i + 1
		}
	}
	return 1 // a, an
}

// counted are dates told from another: "nine days after the 8 February vote".
func counted(text string, from []dateMention) []dateMention {
	var found []dateMention
	for _, d := range from {
		day, ok := d.Date.FirstDay(time.UTC)
		if !ok || len(d.Date.String()) != len(time.DateOnly) {
			continue
		}
		m := countedDay.FindStringSubmatchIndex(text[:d.start])
		if m == nil {
			continue
		}
		n := small(text[m[2]:m[3]])
		if strings.HasPrefix(strings.ToLower(text[m[4]:m[5]]), "week") {
			n *= 7
		}
		if strings.EqualFold(text[m[6]:m[7]], "before") {
			n = -n
		}
		found = append(found, dateMention{
			start: m[0], end: d.end, relative: true,
			DateText: DateText{Text: text[m[0]:d.end], Date: parseDate(day.AddDate(0, 0, n).Format(time.DateOnly)), Note: fromDateNote},
		})
	}
	return found
}

// dateAt is the date that belongs to a place in a sentence: the nearest of
// its clause. A date from which another is counted is not that one's.
func (s *sentence) dateAt(at int) (DateText, bool) {
	start, end := s.clause(at)
	best, distance := -1, 0
	for i, d := range s.dates {
		inside := d.start >= start && d.start < end
		if !inside || s.isBase(i) {
			continue
		}
		gap := max(d.start-at, at-d.end)
		if best < 0 || gap < distance {
			best, distance = i, gap
		}
	}
	if best < 0 {
		return DateText{}, false
	}
	return s.dates[best].DateText, true
}

// isBase reports whether another date is counted from this one.
func (s *sentence) isBase(i int) bool {
	for _, d := range s.dates {
		if d.relative && d.end == s.dates[i].end && d.start < s.dates[i].start {
			return true
		}
	}
	return false
}

type numberMention struct {
	start, end int
	NumberText
}

var (
	relationWord = `(?:(less than|fewer than|under|below|up to|at most|more than|over|above|at least|about|around|nearly|almost|roughly|approximately|some) )?`
	percentForm  = regexp.MustCompile(`(?i)` + relationWord + `(\d[\d,]*(?:\.\d+)?) ?(%|per ?cent\b)`)
	moneyForm    = regexp.MustCompile(`(?i)` + relationWord + `(?:(US\$|R\$|\$|€|£|Rs\.?|PKR|USD|EUR|BRL|NGN) ?(\d[\d,]*(?:\.\d+)?)(?: ?(million|billion|trillion|mn|bn|m)\b)?)`)
	countForm    = regexp.MustCompile(`(?i)` + relationWord + `\b(\d[\d,]*(?:\.\d+)?)(?: (?:of|out of) (?:the )?(\d[\d,]*))?(?: (million|billion|thousand))? (?:\p{Ll}+ ){0,2}?(URLs?|links?|accounts?|requests?|posts?|tweets?|videos?|users?|people|websites?|sites?|petitions?|FIRs?|cases?|networks?|hours?|minutes?|days?|weeks?|months?|years?|reais|rupees|naira|shillings|dollars|euros)\b`)
	wordCount    = regexp.MustCompile(`(?i)\b(` + numberWords + `) (days?|weeks?|months?|years?|hours?|minutes?|accounts?|petitions?|cases?|websites?|networks?)\b`)
	vagueForm    = regexp.MustCompile(`(?i)\b((?:hundreds|thousands|tens of thousands|hundreds of thousands|millions|dozens|scores)) of (?:\p{L}+ ){0,2}?(URLs?|accounts?|requests?|posts?|tweets?|users?|people|websites?|sites?|cases?|links?)\b`)
	lengthForm   = regexp.MustCompile(`(?i)\b(?:(\d+|` + numberWords + `)[- ])?(day|week|month|year)-long\b`)
)

var relations = map[string]string{
	"less than": "<", "fewer than": "<", "under": "<", "below": "<", "up to": "<", "at most": "<", "more than": ">", "over": ">", "above": ">", "at least": ">",
	"about": "~", "around": "~", "nearly": "~", "almost": "~", "roughly": "~", "approximately": "~", "some": "~", "": "=",
}

var scale = map[string]float64{"": 1, "thousand": 1e3, "million": 1e6, "mn": 1e6, "m": 1e6, "billion": 1e9, "bn": 1e9, "trillion": 1e12}

// findNumbers finds the numbers of a sentence that count something. Dates
// count nothing.
func findNumbers(text string) []numberMention {
	var found []numberMention
	take := func(start, end int, n NumberText) {
		for _, f := range found {
			if start < f.end && f.start < end {
				return
			}
		}
		n.Text = text[start:end]
		found = append(found, numberMention{start, end, n})
	}
	group := func(m []int, n int) string {
		if m[2*n] < 0 {
			return ""
		}
		return text[m[2*n]:m[2*n+1]]
	}
	for _, m := range percentForm.FindAllStringSubmatchIndex(text, -1) {
		take(m[0], m[1], NumberText{Value: value(group(m, 2), ""), Unit: "%", Relation: relations[strings.ToLower(group(m, 1))]})
	}
	for _, m := range moneyForm.FindAllStringSubmatchIndex(text, -1) {
		take(m[0], m[1], NumberText{Value: value(group(m, 3), group(m, 4)), Unit: currency(group(m, 2)), Relation: relations[strings.ToLower(group(m, 1))]})
	}
	for _, m := range vagueForm.FindAllStringSubmatchIndex(text, -1) {
		take(m[0], m[1], NumberText{Unit: plural(group(m, 2)), Relation: "~"})
	}
	for _, m := range countForm.FindAllStringSubmatchIndex(text, -1) {
		n := NumberText{Value: value(group(m, 2), group(m, 4)), Unit: plural(group(m, 5)), Relation: relations[strings.ToLower(group(m, 1))]}
		if of := group(m, 3); of != "" {
			n.Of = value(of, "")
		}
		take(m[0], m[1], n)
	}
	for _, m := range lengthForm.FindAllStringSubmatchIndex(text, -1) {
		take(m[0], m[1], NumberText{Value: ptr(float64(small(group(m, 1)))), Unit: plural(group(m, 2)), Relation: "~"})
	}
	for _, m := range wordCount.FindAllStringSubmatchIndex(text, -1) {
		take(m[0], m[1], NumberText{Value: ptr(float64(small(group(m, 1)))), Unit: plural(group(m, 2)), Relation: "="})
	}
	return found
}

func value(digits, unit string) *float64 {
	f, err := strconv.ParseFloat(strings.ReplaceAll(digits, ",", ""), 64)
	if err != nil {
		return nil
	}
	return ptr(f * scale[strings.ToLower(unit)])
}

func currency(sign string) string {
	switch strings.ToUpper(strings.TrimSuffix(sign, ".")) {
	case "$", "US$", "USD":
		return "USD"
	case "€", "EUR":
		return "EUR"
	case "£":
		return "GBP"
	case "R$", "BRL":
		return "BRL"
	case "NGN":
		return "NGN"
	case "PKR":
		return "PKR"
	}
	return sign // "Rs" is the money of several countries
}

func plural(unit string) string {
	if unit == strings.ToUpper(unit) || strings.HasPrefix(unit, "URL") || strings.HasPrefix(unit, "FIR") {
		return strings.TrimSuffix(unit, "s") + "s"
	}
	unit = strings.ToLower(unit)
	if unit == "people" || unit == "reais" || unit == "naira" {
		return unit
	}
	return strings.TrimSuffix(unit, "s") + "s"
}
