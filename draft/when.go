package draft

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/casefile"
)

type dateMention struct {
	start, end int
	DateText
	relative bool // counted from another date of the text
	base     bool // another date is counted from it
}

const monthNames = `January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec`

const numberWords = `(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:-(?:one|two|three|four|five|six|seven|eight|nine))?|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve`

const weekdayNames = `Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday`

var (
	monthDay    = lazy(`\b(` + monthNames + `)\.? (\d{1,2})(?:st|nd|rd|th)?(?:,? (\d{4}))?\b`)
	dayMonth    = lazy(`\b(\d{1,2})(?:st|nd|rd|th)?(?: of)? (` + monthNames + `)\b\.?(?:,? (\d{4})\b)?`)
	isoDay      = lazy(`\b(\d{4})-(\d{2})-(\d{2})\b`)
	monthsRange = lazy(`\b(?:(?:between|from) )?(` + monthNames + `)\.?(?: and | to | through | until | ?[–—-] ?)(` + monthNames + `)\.?(?: of)?,? (\d{4})\b`)
	monthYear   = lazy(`\b(?:(?:in|since|from|until|of|by|early|mid|late) )?(` + monthNames + `)\.?(?: of)?,? (\d{4})\b`)
	monthLast   = lazy(`(?i)\b(` + monthNames + `) (last|this) year\b|\blast (` + monthNames + `)\b`)
	weekday     = lazy(`\b(?:(on|last|this|next|coming|this coming|ahead of|until|till) )?(?:the )?(` + weekdayNames + `)\b`)
	dayRange    = lazy(`\b(\d{1,2})(?:st|nd|rd|th)?(?: and | to |-|–)(\d{1,2})(?:st|nd|rd|th)? (` + monthNames + `)\b\.?(?:,? (\d{4})\b)?`)
	monthRange  = lazy(`\b(` + monthNames + `)\.? (\d{1,2})(?: and | to |-|–)(\d{1,2})(?:,? (\d{4}))?\b`)
	dottedDay   = lazy(`\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b`)
	slashedDay  = lazy(`\b(\d{1,2})/(\d{1,2})/(\d{4})\b`)
	bareMonth   = lazy(`\b(?:[Ii]n|[Ss]ince|[Uu]ntil|[Bb]y) (January|February|March|April|May|June|July|August|September|October|November|December)\b`)
	bareYear    = lazy(`\b(?:[Ii]n|[Ss]ince|[Ff]rom|[Uu]ntil|[Dd]uring) ((?:19|20)\d{2})\b`)
	sameDay     = lazy(`(?i)\b(?:(?:on )?(the same (?:day|evening|night|morning|afternoon)|that (?:same )?(?:day|evening|night|morning|afternoon))|(?:on )?(the (?:next|following) (?:day|morning)|(?:a|one) day (?:later|after that))|((?:` + numberWords + `|\d{1,3})) (days|weeks) later)\b`)
	nearDay     = lazy(`(?i)\b(today|yesterday|the day before yesterday)\b`)
	nearSpan    = lazy(`(?i)\b(?:(last|earlier this|later this|this) (week|month|year)|((?:` + numberWords + `|\d+|a|an)) (days?|weeks?|months?|years?) ago)\b`)
	countedDay  = lazy(`(?i)\b((?:` + numberWords + `|\d+)) (days?|weeks?) (after|before|since) (?:the |its |their )?$`)
)

var monthNumber = map[string]time.Month{
	"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}

func month(name string) time.Month { return monthNumber[strings.ToLower(name)[:3]] }

// dateForms are the ways in which dates are written, in the order in which they are
// looked for. What one form took, no other form can take. read gets the groups of
// the match.
var dateForms = []struct {
	form func() *regexp.Regexp
	read func(g []string, published time.Time) (casefile.Date, string)
}{
	{isoDay, func(g []string, _ time.Time) (casefile.Date, string) { return parseDate(g[0]), "" }},
	{dottedDay, func(g []string, _ time.Time) (casefile.Date, string) { // with dots the day always comes first
		return parseDate(fmt.Sprintf("%s-%02s-%02s", g[3], g[2], g[1])), ""
	}},
	{slashedDay, func(g []string, _ time.Time) (casefile.Date, string) { return slashed(g[1], g[2], g[3]) }},
	{dayRange, func(g []string, p time.Time) (casefile.Date, string) { return civilRange(g[4], g[3], g[1], g[2], p) }},
	{monthRange, func(g []string, p time.Time) (casefile.Date, string) { return civilRange(g[4], g[1], g[2], g[3], p) }},
	{monthDay, func(g []string, p time.Time) (casefile.Date, string) { return civil(g[3], g[1], g[2], p) }},
	{dayMonth, func(g []string, p time.Time) (casefile.Date, string) { return civil(g[3], g[2], g[1], p) }},
	{monthsRange, func(g []string, _ time.Time) (casefile.Date, string) {
		return parseDate(fmt.Sprintf("%s-%02d/%[1]s-%02[3]d", g[3], month(g[1]), month(g[2]))), "" // none where the first month is after the second
	}},
	{monthYear, func(g []string, _ time.Time) (casefile.Date, string) {
		return parseDate(fmt.Sprintf("%s-%02d", g[2], month(g[1]))), ""
	}},
	{monthLast, func(g []string, p time.Time) (casefile.Date, string) {
		return lastMonth(g[1]+g[3], strings.ToLower(g[2]), p)
	}},
	{weekday, func(g []string, p time.Time) (casefile.Date, string) { return dayOfWeek(g[2], g[1], p) }},
	{nearDay, func(g []string, p time.Time) (casefile.Date, string) {
		return daysBefore(map[string]int{"today": 0, "yesterday": 1, "the day before yesterday": 2}[strings.ToLower(g[1])], p)
	}},
	{nearSpan, func(g []string, p time.Time) (casefile.Date, string) {
		return spanBefore(strings.ToLower(g[1]), strings.ToLower(g[2]), strings.ToLower(g[3]), strings.ToLower(g[4]), p)
	}},
	{bareMonth, func(g []string, p time.Time) (casefile.Date, string) {
		if !p.IsZero() && month(g[1]) == p.Month() {
			return parseDate(p.Format("2006-01")), fromDayNote // "in March", written in March, is this March
		}
		return lastMonth(g[1], "", p)
	}},
	{bareYear, func(g []string, _ time.Time) (casefile.Date, string) { return parseDate(g[1]), "" }},
}

// findDates finds the dates of a sentence. Dates that depend on the day of
// publication are computed from it, or left open where it is not known.
func findDates(text string, published time.Time) []dateMention {
	var found []dateMention
	for _, f := range dateForms {
		for _, m := range f.form().FindAllStringSubmatchIndex(text, -1) {
			taken := func(d dateMention) bool {
				return m[0] < d.end && d.start < m[1] || f.form() == weekday() && d.start > m[1] && besideWeekday().MatchString(text[m[1]:d.start]) // "Sunday, January 18"
			}
			if slices.ContainsFunc(found, taken) {
				continue
			}
			date, note := f.read(groups(text, m), published)
			end := m[0] + len(strings.TrimSuffix(text[m[0]:m[1]], "."))
			found = append(found, dateMention{start: m[0], end: end, DateText: DateText{Text: text[m[0]:end], Date: date, Note: note}})
		}
	}
	return append(found, counted(text, found)...)
}

// groups returns the texts of a match and of its groups, "" for a group that is not
// there.
func groups(text string, m []int) []string {
	g := make([]string, len(m)/2)
	for i := range g {
		if m[2*i] >= 0 {
			g[i] = text[m[2*i]:m[2*i+1]]
		}
	}
	return g
}

// findDates finds the dates of every sentence. "The same day" and "two days later"
// are counted from the last day before them in the paragraph.
func (r *reader) findDates() {
	var last time.Time
	paragraph := 0
	for _, s := range r.sentences {
		s.dates = findDates(s.text, r.text.Published)
		if s.paragraph != paragraph {
			last, paragraph = time.Time{}, s.paragraph
		}
		for _, m := range sameDay().FindAllStringSubmatchIndex(s.text, -1) {
			g, from, n := groups(s.text, m), s.lastDay(last, m[0]), 0
			if from.IsZero() {
				continue // the text has no day to count from
			}
			if g[2] != "" {
				n = 1
			} else if g[3] != "" {
				n = small(g[3]) * map[bool]int{true: 7, false: 1}[strings.EqualFold(g[4], "weeks")]
			}
			s.dates = append(s.dates, dateMention{start: m[0], end: m[1], relative: true, DateText: DateText{Text: g[0], Date: parseDate(from.AddDate(0, 0, n).Format(time.DateOnly)), Note: "counted from the day told before"}})
		}
		last = s.lastDay(last, len(s.text))
	}
}

// lastDay returns the last day that is named before a place; known where there is
// none.
func (s *sentence) lastDay(known time.Time, before int) time.Time {
	for _, d := range s.dates {
		if day, ok := oneDay(d.Date); ok && d.end <= before {
			known = day
		}
	}
	return known
}

// oneDay returns the day of a date that is exactly one day.
func oneDay(d casefile.Date) (time.Time, bool) {
	day, ok := d.FirstDay(time.UTC)
	return day, ok && len(d.String()) == len(time.DateOnly)
}

// slashed reads 13/02/2024 or 02/13/2024. Where both numbers could be the day the
// date stays open.
func slashed(a, b, year string) (casefile.Date, string) {
	first, _ := strconv.Atoi(a)
	second, _ := strconv.Atoi(b)
	switch {
	case first > 12 || first == second:
		return parseDate(fmt.Sprintf("%s-%02s-%02s", year, b, a)), ""
	case second > 12:
		return parseDate(fmt.Sprintf("%s-%02s-%02s", year, a, b)), ""
	}
	return casefile.Date{}, "the day or the month may stand first"
}

// civilRange reads "9 to 15 August".
func civilRange(year, monthName, from, to string, published time.Time) (casefile.Date, string) {
	last, note := civil(year, monthName, to, published)
	if last.IsZero() {
		return last, note
	}
	n, _ := strconv.Atoi(from)
	until := last.String()
	return parseDate(fmt.Sprintf("%s-%02d/%s", until[:7], n, until)), note
}

// besideWeekday is what may be between a weekday and its date.
var besideWeekday = lazy(`^,? (?:the )?\(?$`)

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

// civil returns a day of a month. Without a year it is the last such day before the
// day of publication, or one within the next month.
func civil(year, monthName, day string, published time.Time) (casefile.Date, string) {
	n, _ := strconv.Atoi(day)
	if year != "" {
		return parseDate(fmt.Sprintf("%s-%02d-%02d", year, month(monthName), n)), ""
	}
	if published.IsZero() {
		return casefile.Date{}, openNote
	}
	t := time.Date(published.Year(), month(monthName), n, 0, 0, 0, 0, time.UTC)
	if t.After(published.AddDate(0, 0, 31)) { // a day in the next month may be announced
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

// dayOfWeek returns the last such day before the day of publication, or the next
// one where the word before it looks ahead.
func dayOfWeek(name, word string, published time.Time) (casefile.Date, string) {
	if published.IsZero() {
		return casefile.Date{}, openNote
	}
	t, step := published, -1
	switch word {
	case "last":
		t = t.AddDate(0, 0, -1)
	case "next", "coming", "this coming", "ahead of", "until", "till":
		t, step = t.AddDate(0, 0, 1), 1
	}
	for t.Weekday().String() != name {
		t = t.AddDate(0, 0, step)
	}
	return parseDate(t.Format(time.DateOnly)), fromDayNote
}

func daysBefore(n int, published time.Time) (casefile.Date, string) {
	if published.IsZero() {
		return casefile.Date{}, openNote
	}
	return parseDate(published.AddDate(0, 0, -n).Format(time.DateOnly)), fromDayNote
}

// spanBefore reads "last month", "this year", "three weeks ago".
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

var numbersByWord = map[string]int{
	"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
	"seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}

func small(word string) int {
	if n, err := strconv.Atoi(word); err == nil {
		return n
	}
	tens, ones, _ := strings.Cut(strings.ToLower(word), "-")
	if n := numbersByWord[tens] + numbersByWord[ones]; n > 0 {
		return n
	}
	return 1 // a, an
}

// counted returns dates that are counted from another: "nine days after the 8
// February vote".
func counted(text string, from []dateMention) []dateMention {
	var found []dateMention
	for i, d := range from {
		day, ok := oneDay(d.Date)
		m := countedDay().FindStringSubmatchIndex(text[:d.start])
		if !ok || m == nil {
			continue
		}
		from[i].base = true
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

type numberMention struct {
	start, end int
	NumberText
}

const relationWord = `(?:(as many as|no fewer than|less than|fewer than|under|below|up to|at most|more than|over|above|at least|about|around|nearly|almost|roughly|approximately|an estimated|some|barely|only) )?`

const scaleWords = `hundred thousand|hundred|thousand|lakh|lakhs|lac|crore|crores|million|billion|trillion|mn|bn|m|k`

var (
	percentForm = lazy(`(?i)` + relationWord + `\b(\d[\d,]*(?:\.\d+)?|` + numberWords + `)[ -]?(%|per ?cent\b|percentage points?\b)`)
	moneyForm   = lazy(`(?i)` + relationWord + `(US\$|R\$|A\$|N\$|\$|€|£|₹|₦|₺|₽|\b(?:Rs\.?|INR|PKR|NPR|USD|EUR|BRL|NGN|TRY|RUB|KES|KSh|Ksh|UGX|USh|TZS|Tsh|VES|Bs\.?)) ?(\d[\d,]*(?:\.\d+)?)(?:[ -]?(` + scaleWords + `)\b)?`)
	countForm   = lazy(`(?i)` + relationWord + `\b(\d[\d,]*(?:\.\d+)?|` + numberWords + `)(?: (?:of|out of) (?:the |its )?(\d[\d,]*))?(?:[ -](` + scaleWords + `)\b)?`)
	vagueForm   = lazy(`(?i)\b((?:hundreds|thousands|tens of thousands|hundreds of thousands|millions|dozens|scores|lakhs|crores)) of (?:\p{L}+ ){0,2}?(URLs?|accounts?|requests?|posts?|tweets?|users?|people|websites?|sites?|cases?|links?|apps?|VPNs?|channels?)\b`)
	lengthForm  = lazy(`(?i)\b(?:(\d+|` + numberWords + `)[- ])?(day|week|month|year)-long\b`)
	nounForm    = lazy(`^(?:[ -]\p{L}[\p{L}'’-]*){1,4}`)
	noCount     = lazy(`(?i)\b(?:sections?|articles?|rules?|clauses?|chapters?|regulations?|schedules?|no|nos|act|s|art|phase|part|page|at|by|after|before|around|from) ?\.?\s*$|[/:.-]$`)
	clockTime   = lazy(`(?i)^(?:[:.]\d\d)?\s*(?:a\.?m\b|p\.?m\b|o'clock|hrs\b)|^:\d\d`)
)

var relations = map[string]string{
	"as many as": "=", "no fewer than": ">", "an estimated": "~", "barely": "<", "only": "=", "less than": "<", "fewer than": "<", "under": "<", "below": "<", "up to": "<", "at most": "<", "more than": ">", "over": ">", "above": ">", "at least": ">",
	"about": "~", "around": "~", "nearly": "~", "almost": "~", "roughly": "~", "approximately": "~", "some": "~", "": "=",
}

var scale = map[string]float64{"": 1, "hundred": 100, "thousand": 1e3, "k": 1e3, "hundred thousand": 1e5, "lac": 1e5, "lakh": 1e5, "lakhs": 1e5, "million": 1e6, "mn": 1e6, "m": 1e6, "crore": 1e7, "crores": 1e7, "billion": 1e9, "bn": 1e9, "trillion": 1e12}

// countedThing returns what a number counts: the first plural among the words after
// it, and the length up to its end. It is "" where those words count nothing.
func countedThing(rest string) (unit string, length int) {
	run := nounForm().FindString(rest)
	at := 0
	for _, word := range strings.FieldsFunc(run, func(r rune) bool { return r == ' ' }) {
		word = strings.TrimPrefix(word, "-")
		at = strings.Index(run[at:], word) + at + len(word)
		lower := strings.ToLower(strings.TrimRight(word, "'’-"))
		if stopWords[lower] {
			return "", 0
		}
		if plurals[lower] || len(lower) > 3 && strings.HasSuffix(lower, "s") && !strings.HasSuffix(lower, "ss") && !strings.HasSuffix(lower, "us") && !strings.HasSuffix(lower, "is") && (word == lower || word[1:] != strings.ToLower(word[1:])) {
			if strings.HasSuffix(word, "'") || strings.HasSuffix(word, "’") {
				word = word[:len(lower)]
			}
			return plural(word), at - len(word) + len(lower)
		}
		if s := singulars[lower]; s != "" {
			return s, at
		}
	}
	return "", 0
}

// stopWords end the search for what a number counts.
var stopWords = wordSet("of the a an and or to in on at by for from with was were is are has had have been be being as that this than per after before since until till when which who whose its his her their it he she they we between into over under against during within about")

// plurals do not end in s, or are money without a plural.
var plurals = wordSet("people men women children reais naira kwacha birr urls vpns firs")

// singulars follow the number one.
var singulars = map[string]string{"day": "days", "hour": "hours", "week": "weeks", "month": "months", "year": "years", "minute": "minutes"}

func wordSet(words string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// numberForms are the ways in which numbers are written, in the order in which they
// are looked for. read gets the groups of the match and the text before and after
// it. It returns how much of what follows belongs to the number, and whether the
// number counts something.
var numberForms = []struct {
	form func() *regexp.Regexp
	read func(g []string, before, rest string) (n NumberText, more int, ok bool)
}{
	{percentForm, func(g []string, _, _ string) (NumberText, int, bool) {
		return NumberText{Value: value(g[2], ""), Unit: "%", Relation: relations[strings.ToLower(g[1])]}, 0, true
	}},
	{moneyForm, func(g []string, _, _ string) (NumberText, int, bool) {
		return NumberText{Value: value(g[3], g[4]), Unit: currency(g[2]), Relation: relations[strings.ToLower(g[1])]}, 0, true
	}},
	{vagueForm, func(g []string, _, _ string) (NumberText, int, bool) {
		return NumberText{Unit: plural(g[2]), Relation: "~"}, 0, true
	}},
	{lengthForm, func(g []string, _, _ string) (NumberText, int, bool) {
		return NumberText{Value: new(float64(small(g[1]))), Unit: plural(g[2]), Relation: "~"}, 0, true
	}},
	{countForm, counting},
}

// counting reads a number of things. A year counts nothing, nor does the number of
// a section or an hour.
func counting(g []string, before, rest string) (n NumberText, more int, ok bool) {
	unit, more := countedThing(rest)
	scaled, year := g[4], len(g[2]) == 4 && (g[2][:2] == "19" || g[2][:2] == "20")
	if unit == "" && (scaled == "" || scaled == "m" || scaled == "k" || scaled == "hundred") || noCount().MatchString(before) && scaled == "" || clockTime().MatchString(rest) || unit != "" && scaled == "" && year {
		return n, 0, false
	}
	n = NumberText{Value: value(g[2], scaled), Unit: unit, Relation: relations[strings.ToLower(g[1])]}
	if g[3] != "" {
		n.Of = value(g[3], "")
	}
	return n, more, true
}

// findNumbers finds the numbers of a sentence that count something. Dates do not.
func findNumbers(text string) (found []numberMention) {
	for _, f := range numberForms {
		for _, m := range f.form().FindAllStringSubmatchIndex(text, -1) {
			n, more, ok := f.read(groups(text, m), text[:max(m[0], m[min(4, len(m)-2)])], text[m[1]:])
			end := m[1] + more
			if !ok || slices.ContainsFunc(found, func(o numberMention) bool { return m[0] < o.end && o.start < end }) {
				continue
			}
			n.Text = text[m[0]:end]
			found = append(found, numberMention{m[0], end, n})
		}
	}
	return found
}

func value(digits, unit string) *float64 {
	f, err := strconv.ParseFloat(strings.ReplaceAll(digits, ",", ""), 64)
	if err != nil {
		if digits == "" || digits[0] >= '0' && digits[0] <= '9' {
			return nil
		}
		f = float64(small(digits))
	}
	return new(f * scale[strings.ToLower(unit)])
}

// currencies maps signs to codes; "Rs" is the money of several countries.
var currencies = map[string]string{"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "R$": "BRL", "₹": "INR", "₦": "NGN", "₺": "TRY", "₽": "RUB", "KSH": "KES", "USH": "UGX", "TSH": "TZS",
	"USD": "USD", "EUR": "EUR", "BRL": "BRL", "NGN": "NGN", "PKR": "PKR", "INR": "INR", "NPR": "NPR", "TRY": "TRY", "RUB": "RUB", "KES": "KES", "UGX": "UGX", "TZS": "TZS", "VES": "VES"}

func currency(sign string) string {
	sign = strings.TrimSuffix(sign, ".")
	return cmp.Or(currencies[strings.ToUpper(sign)], sign)
}

func plural(unit string) string {
	head := strings.TrimSuffix(unit, "s")
	if head != "" && head == strings.ToUpper(head) { // URLs, VPNs
		return head + "s"
	}
	unit = strings.ToLower(unit)
	if plurals[unit] {
		return unit
	}
	return strings.TrimSuffix(unit, "s") + "s"
}
