package measurement

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/network"
)

// What follows reads the cells of tables of measurements: OONI's own, and those that
// spreadsheets, Python and SQL make of them. A cell is text; "" is no value.

// columnLayouts are the forms of time in such tables.
var columnLayouts = append(slices.Clone(timeLayouts), "2006-01-02 15:04:05-0700", "2006-01-02T15:04:05-0700", "2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05 +0000 UTC",
	"2006-01-02 15:04", "2006-01-02", "20060102")

// ColumnTime reads a time, also as ten digits of seconds since 1970; without a zone
// it is UTC.
func ColumnTime(s string) (time.Time, error) {
	if len(s) == 10 && strings.Trim(s, "0123456789") == "" { // a date has 8 digits
		sec, _ := strconv.ParseInt(s, 10, 64)
		return time.Unix(sec, 0).UTC(), nil
	}
	t, err := parseTime(s, columnLayouts)
	if err != nil {
		return t, fmt.Errorf("time %.40q is none: write it as 2006-01-02T15:04:05Z", s)
	}
	return t, nil
}

// ColumnNetwork reads the number of a network, "AS64512", "64512" or "64512.0"; 0
// where it is not known.
func ColumnNetwork(s string) (uint32, error) {
	if s = strings.TrimSuffix(strings.TrimSpace(s), ".0"); s == "" {
		return 0, nil
	}
	n, err := network.ParseASN(s)
	return uint32(n), err
}

// ColumnCountry reads a code of ISO 3166-1 in any case.
func ColumnCountry(s string) (string, error) {
	if len(s) != 2 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
		return "", fmt.Errorf("country %.20q is no ISO 3166-1 code of two letters", s)
	}
	return strings.ToUpper(s), nil
}

// ColumnCount reads how many there were of something, "3" or "3.0"; 0 where the cell
// is empty.
func ColumnCount(s string) (uint32, error) {
	if s == "" {
		return 0, nil
	}
	x, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || !(x >= 0):
		return 0, fmt.Errorf("%.20q is no count", s)
	case x > math.MaxInt32:
		return 0, fmt.Errorf("%.20q is more than a count can be", s)
	case x != math.Trunc(x):
		return 0, fmt.Errorf("%.20q is no whole number", s)
	}
	return uint32(x), nil
}

// ColumnTruth reads a truth value; what is none is false.
func ColumnTruth(s string) bool {
	switch strings.ToLower(s) {
	case "true", "t", "1", "1.0", "yes", "y":
		return true
	}
	return false
}

// ColumnList reads a list of words as JSON or Python write it, or with | , ; or
// blanks between them.
func ColumnList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("[]{}'\"|,; \t", r) })
}
