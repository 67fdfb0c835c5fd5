package casefile

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Date is a date in the Extended Date/Time Format (EDTF, ISO 8601-2), in which
// doubt can be written down instead of guessed away. These forms are read:
//
//	2024            a year, a month (2024-02), a day (2024-02-17)
//	2024-02-17T22:00:00+05:00   a moment
//	2024-02~        about; 2024? uncertain; 2024% both
//	2024-XX, 202X   not specified further
//	2024-21 … 2024-24, 2024-33 … 2024-36   a season, a quarter
//	A/B  A/..  A/  ../B  /B     from A to B, open, unknown
//	[A,B] [A..B]    one of these
//	{A,B} {A..B}    all of these
//
// The zero Date means "not known"; it is null in JSON and YAML.
type Date struct {
	text        string
	from, to    edge
	approximate bool
	uncertain   bool
	shape       shape
}

type shape uint8

const (
	single shape = iota
	interval
	oneOf
	allOf
)

// edge is one end of a date. A civil edge is a local day without a zone: its
// midnight is kept as if it were UTC.
type edge struct {
	t     time.Time
	civil bool
	open  bool // "..": no end yet
	none  bool // "": not known
}

// ParseDate reads an EDTF date; "" is the zero Date. An error says what form is
// wanted.
func ParseDate(s string) (Date, error) {
	d := Date{text: s}
	if s == "" {
		return d, nil
	}
	err := d.parse(s)
	if err != nil {
		return Date{}, fmt.Errorf("%q is not a date: %w", s, err)
	}
	return d, nil
}

// MustDate is ParseDate for dates in code; it panics where ParseDate returns an
// error.
func MustDate(s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func (d *Date) parse(s string) error {
	switch {
	case strings.HasPrefix(s, "[") || strings.HasPrefix(s, "{"):
		return d.parseSet(s)
	case strings.Contains(s, "/"):
		a, b, _ := strings.Cut(s, "/")
		return d.parseInterval(a, b)
	}
	var err error
	d.from, d.to, err = d.parsePoint(s)
	return err
}

func (d *Date) parseInterval(a, b string) error {
	d.shape = interval
	var err error
	if d.from, _, err = d.parseEnd(a); err != nil {
		return err
	}
	if _, d.to, err = d.parseEnd(b); err != nil {
		return err
	}
	if fixed(d.from) && fixed(d.to) && !d.from.t.Before(d.to.t) {
		return fmt.Errorf("the end is before the start; write the earlier date first")
	}
	if !fixed(d.from) && !fixed(d.to) {
		return fmt.Errorf("an interval needs at least one end; leave the date null when nothing is known")
	}
	return nil
}

func fixed(e edge) bool { return !e.open && !e.none }

func (d *Date) parseEnd(s string) (from, to edge, err error) {
	switch s {
	case "":
		return edge{none: true}, edge{none: true}, nil
	case "..":
		return edge{open: true}, edge{open: true}, nil
	}
	return d.parsePoint(s)
}

func (d *Date) parseSet(s string) error {
	d.shape = oneOf
	closing := "]"
	if s[0] == '{' {
		d.shape, closing = allOf, "}"
	}
	inner, ok := strings.CutSuffix(s[1:], closing)
	if !ok || strings.TrimSpace(inner) == "" {
		return fmt.Errorf("a set is written [2024-02-17..2024-02-19] or [2024-02-17,2024-02-19]")
	}
	for i, part := range strings.Split(inner, ",") {
		part = strings.TrimSpace(part)
		a, b, isRange := strings.Cut(part, "..")
		if !isRange {
			b = a
		}
		from, to, err := d.parseMember(a, b)
		if err != nil {
			return err
		}
		if i == 0 || from.open || !d.from.open && from.t.Before(d.from.t) {
			d.from = from
		}
		if i == 0 || to.open || !d.to.open && to.t.After(d.to.t) {
			d.to = to
		}
	}
	return nil
}

func (d *Date) parseMember(a, b string) (from, to edge, err error) {
	from, to = edge{open: true}, edge{open: true}
	if a != "" {
		if from, _, err = d.parsePoint(a); err != nil {
			return from, to, err
		}
	}
	if b != "" {
		if _, to, err = d.parsePoint(b); err != nil {
			return from, to, err
		}
	}
	if a == "" && b == "" {
		return from, to, fmt.Errorf("an empty place in the set")
	}
	if fixed(from) && fixed(to) && !from.t.Before(to.t) {
		return from, to, fmt.Errorf("the range ends before it starts")
	}
	return from, to, nil
}

var dateShape = regexp.MustCompile(`^(\d{4}|\d{3}X|\d{2}XX)(?:-(\d\d|XX)(?:-(\d\d|XX))?)?$`)

// parsePoint reads one date without "/" or brackets and returns its bounds.
func (d *Date) parsePoint(s string) (from, to edge, err error) {
	if strings.ContainsRune(s, 'T') {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return from, to, fmt.Errorf("a moment is written 2024-02-17T22:00:00+05:00, with its offset")
		}
		t = t.UTC() // dates can be compared with ==; the text keeps the offset
		return edge{t: t}, edge{t: t.Add(time.Second)}, nil
	}
	switch body := s[:len(s)-min(1, len(s))]; {
	case strings.HasSuffix(s, "~"):
		d.approximate, s = true, body
	case strings.HasSuffix(s, "?"):
		d.uncertain, s = true, body
	case strings.HasSuffix(s, "%"):
		d.approximate, d.uncertain, s = true, true, body
	}
	m := dateShape.FindStringSubmatch(s)
	if m == nil {
		return from, to, fmt.Errorf("write 2024, 2024-02, 2024-02-17 or another EDTF date")
	}
	first, last, err := civilBounds(m[1], m[2], m[3])
	if err != nil {
		return from, to, err
	}
	return edge{t: first, civil: true}, edge{t: last, civil: true}, nil
}

// civilBounds returns the first midnight of a date, and the first midnight after
// it.
func civilBounds(year, month, day string) (first, last time.Time, err error) {
	lowYear, span := year, 1
	if x := strings.Count(year, "X"); x > 0 {
		if month != "" {
			return first, last, fmt.Errorf("a year with X takes no month")
		}
		lowYear = strings.ReplaceAll(year, "X", "0")
		span = []int{1, 10, 100}[x]
	}
	y, _ := strconv.Atoi(lowYear)
	on := func(m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	if month == "" || month == "XX" {
		if day != "" && day != "XX" {
			return first, last, fmt.Errorf("a day needs its month")
		}
		return on(1, 1), time.Date(y+span, 1, 1, 0, 0, 0, 0, time.UTC), nil
	}
	m, _ := strconv.Atoi(month)
	switch {
	case m >= 1 && m <= 12:
	case day != "":
		return first, last, fmt.Errorf("there is no month %s", month)
	case m >= 21 && m <= 24: // spring is March to May; winter runs into the next year
		return on(time.Month(3*(m-20)), 1), on(time.Month(3*(m-20)+3), 1), nil
	case m >= 33 && m <= 36:
		return on(time.Month(3*(m-33)+1), 1), on(time.Month(3*(m-33)+4), 1), nil
	default:
		return first, last, fmt.Errorf("there is no month %s", month)
	}
	if day == "" || day == "XX" {
		return on(time.Month(m), 1), on(time.Month(m)+1, 1), nil
	}
	n, _ := strconv.Atoi(day)
	first = on(time.Month(m), n)
	if n == 0 || first.Day() != n {
		return first, last, fmt.Errorf("%s-%s has no day %s", year, month, day)
	}
	return first, first.AddDate(0, 0, 1), nil
}

// String returns the date as it was written, "" when it is not known.
func (d Date) String() string { return d.text }

// IsZero reports whether the date is not known.
func (d Date) IsZero() bool { return d.text == "" }

// Approximate reports whether the date is marked as approximate (~ or %) or
// uncertain (? or %).
func (d Date) Approximate() bool { return d.approximate || d.uncertain }

// IsInterval reports whether the date is written as from/to.
func (d Date) IsInterval() bool { return d.shape == interval }

// Open reports whether the date is an interval without an end yet ("A/..").
func (d Date) Open() bool { return d.shape == interval && d.to.open }

// Bounds returns the moments between which the date is: not before from, and before
// to. Its days are days in zone. A bound is the zero time where it is open or not
// known.
func (d Date) Bounds(zone *time.Location) (from, to time.Time) {
	if d.IsZero() {
		return
	}
	return d.from.at(zone), d.to.at(zone)
}

func (e edge) at(zone *time.Location) time.Time {
	if !fixed(e) {
		return time.Time{}
	}
	if !e.civil {
		return e.t
	}
	return time.Date(e.t.Year(), e.t.Month(), e.t.Day(), 0, 0, 0, 0, zone)
}

// FirstDay returns the earliest calendar day of the date in zone, as midnight UTC;
// false where there is none.
func (d Date) FirstDay(zone *time.Location) (time.Time, bool) {
	from, _ := d.Bounds(zone)
	return civilDay(from, zone), !from.IsZero()
}

// LastDay returns the latest calendar day of the date in zone, as midnight UTC;
// false where there is none.
func (d Date) LastDay(zone *time.Location) (time.Time, bool) {
	_, to := d.Bounds(zone)
	if to.IsZero() {
		return to, false
	}
	return civilDay(to.Add(-time.Nanosecond), zone), true
}

func civilDay(t time.Time, zone *time.Location) time.Time {
	y, m, day := t.In(zone).Date()
	return time.Date(y, m, day, 0, 0, 0, 0, time.UTC)
}

// Day returns the calendar day of t in zone.
func Day(t time.Time, zone *time.Location) Date {
	return MustDate(t.In(zone).Format(time.DateOnly))
}

// certainlyBefore reports whether a ended before b began, in every possible reading
// of both. A date marked as approximate or uncertain is never certain.
func certainlyBefore(a, b Date, zone *time.Location) bool {
	if a.Approximate() || b.Approximate() {
		return false
	}
	_, aTo := a.Bounds(zone)
	bFrom, _ := b.Bounds(zone)
	return !aTo.IsZero() && !bFrom.IsZero() && !aTo.After(bFrom)
}

// MarshalText writes the date as it was read.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.text), nil }

// UnmarshalText reads an EDTF date.
func (d *Date) UnmarshalText(text []byte) error {
	parsed, err := ParseDate(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// MarshalJSON writes the date as a string, or null when it is not known.
func (d Date) MarshalJSON() ([]byte, error) {
	if d.IsZero() {
		return []byte("null"), nil
	}
	return strconv.AppendQuote(nil, d.text), nil
}

// UnmarshalJSON reads a string or null.
func (d *Date) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*d = Date{}
		return nil
	}
	s, err := strconv.Unquote(string(b))
	if err != nil {
		return fmt.Errorf("a date is a string or null: %w", err)
	}
	return d.UnmarshalText([]byte(s))
}
