package casefile

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Words writes the date as people do, with its doubt: "about 13 March 2024", "6 to
// 7 November 2024", "between 6 and 7 November 2024", "17 February 2024, 22:00
// (UTC+5)". It is "" where the date is not known.
func (d Date) Words() string {
	s := d.text
	switch {
	case s == "":
		return ""
	case strings.HasPrefix(s, "["):
		return setWords(s, " or ", betweenWords)
	case strings.HasPrefix(s, "{"):
		return setWords(s, " and ", spanWords)
	}
	a, b, two := strings.Cut(s, "/")
	if !two {
		return pointWords(s)
	}
	return spanWords(a, b)
}

func setWords(s, join string, span func(a, b string) string) string {
	var parts []string
	for part := range strings.SplitSeq(s[1:len(s)-1], ",") {
		a, b, two := strings.Cut(strings.TrimSpace(part), "..")
		switch {
		case !two:
			parts = append(parts, pointWords(a))
		case a == "":
			parts = append(parts, pointWords(b)+" or before")
		case b == "":
			parts = append(parts, pointWords(a)+" or later")
		default:
			parts = append(parts, span(a, b))
		}
	}
	return strings.Join(parts, join)
}

func spanWords(a, b string) string {
	switch {
	case a == "..":
		return "until " + pointWords(b)
	case b == "..":
		return "from " + pointWords(a) + " on"
	case a == "":
		return "until " + pointWords(b) + ", its beginning is not known"
	case b == "":
		return "from " + pointWords(a) + ", its end is not known"
	case a == b:
		return pointWords(a)
	}
	if from, err := time.Parse(time.RFC3339, a); err == nil {
		if to, err := time.Parse(time.RFC3339, b); err == nil && sameDay(from, to) {
			return fmt.Sprintf("%s, %s to %s (%s)", from.Format("2 January 2006"), from.Format("15:04"), to.Format("15:04"), zoneWords(from))
		}
	}
	from, err1 := time.Parse(time.DateOnly, a)
	to, err2 := time.Parse(time.DateOnly, b)
	if err1 == nil && err2 == nil && from.Year() == to.Year() {
		form := "2 January"
		if from.Month() == to.Month() {
			form = "2"
		}
		return from.Format(form) + " to " + to.Format("2 January 2006")
	}
	return pointWords(a) + " to " + pointWords(b)
}

// betweenWords says that it was on one of the days from a to b, or at a moment
// between them.
func betweenWords(a, b string) string {
	words := spanWords(a, b)
	from, to, two := strings.Cut(words, " to ")
	if !two {
		return words
	}
	if day, hour, ok := strings.Cut(from, ", "); ok && !strings.Contains(to, ", ") {
		return day + ", between " + hour + " and " + to
	}
	return "between " + from + " and " + to
}

func sameDay(a, b time.Time) bool {
	_, x := a.Zone()
	_, y := b.Zone()
	return x == y && a.Format(time.DateOnly) == b.Format(time.DateOnly)
}

// zoneWords writes the offset of a moment: "UTC", "UTC+5", "UTC+5:30".
func zoneWords(t time.Time) string {
	_, offset := t.Zone()
	if offset == 0 {
		return "UTC"
	}
	sign := "+"
	if offset < 0 {
		sign, offset = "−", -offset
	}
	out := "UTC" + sign + strconv.Itoa(offset/3600)
	if m := offset % 3600 / 60; m != 0 {
		out += fmt.Sprintf(":%02d", m)
	}
	return out
}

var seasons = map[string]string{
	"21": "spring %s", "22": "summer %s", "23": "autumn %s", "24": "winter %s",
	"33": "the first quarter of %s", "34": "the second quarter of %s", "35": "the third quarter of %s", "36": "the last quarter of %s",
}

// pointWords writes one date without "/" or brackets.
func pointWords(s string) string {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.Format("2 January 2006, 15:04") + " (" + zoneWords(t) + ")"
	}
	doubt := ""
	switch {
	case strings.HasSuffix(s, "~"):
		doubt = "about "
	case strings.HasSuffix(s, "?"):
		doubt = "perhaps "
	case strings.HasSuffix(s, "%"):
		doubt = "perhaps about "
	}
	s = strings.TrimRight(s, "~?%")
	m := dateShape.FindStringSubmatch(s)
	if m == nil {
		return doubt + s
	}
	return doubt + civilWords(m[1], m[2], m[3])
}

func civilWords(year, month, day string) string {
	switch strings.Count(year, "X") {
	case 1:
		return "the " + strings.ReplaceAll(year, "X", "0") + "s"
	case 2:
		return "a year from " + strings.ReplaceAll(year, "X", "0") + " to " + strings.ReplaceAll(year, "X", "9")
	}
	if f, ok := seasons[month]; ok {
		return fmt.Sprintf(f, year)
	}
	switch {
	case month == "":
		return year
	case month == "XX":
		return year + ", month not known"
	}
	n, _ := strconv.Atoi(month)
	name := time.Month(n).String() + " " + year
	switch day {
	case "":
		return name
	case "XX":
		return "a day of " + name
	}
	return strings.TrimPrefix(day, "0") + " " + name
}
