package measurement

import (
	"slices"
	"testing"
	"time"
)

// The spellings of other programs for the same values.
func TestColumns(t *testing.T) {
	want := time.Date(2024, 3, 1, 10, 0, 0, 0, time.UTC)
	for _, s := range []string{"2024-03-01 10:00:00", "2024-03-01 10:00:00.000001", "2024-03-01T10:00:00", "2024-03-01T10:00:00Z", "2024-03-01T10:00:00.000001Z", "2024-03-01 10:00:00Z", "2024-03-01 12:00:00+02:00",
		"2024-03-01T12:00:00+0200", "2024-03-01 12:00:00+0200", "2024-03-01 10:00:00 UTC", "2024-03-01 10:00:00 +0000 UTC", "2024-03-01 10:00", "1709287200"} {
		if got, err := ColumnTime(s); err != nil || !got.Truncate(time.Second).Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"2024-03-01", "20240301"} {
		if got, err := ColumnTime(s); err != nil || !got.Equal(want.Truncate(24*time.Hour)) {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "yesterday", "2024-03-01 10:00:00 PKT", "17092872000"} {
		if got, err := ColumnTime(s); err == nil {
			t.Errorf("%q is read as %v", s, got)
		}
	}
	for _, s := range []string{"AS64512", "as64512", "64512", "64512.0", " AS64512 "} {
		if n, err := ColumnNetwork(s); n != 64512 || err != nil {
			t.Errorf("%q: %d, %v", s, n, err)
		}
	}
	for s, want := range map[string]uint32{"": 0, "3": 3, "3.0": 3, "1e9": 1e9} {
		if n, err := ColumnCount(s); n != want || err != nil {
			t.Errorf("%q: %d, %v", s, n, err)
		}
	}
	for s, want := range map[string]string{"zz": "ZZ", "PK": "PK", "": "", "P": "", "P1": "", "PAK": "", "ſs": ""} {
		if cc, err := ColumnCountry(s); cc != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", s, cc, err)
		}
	}
	for _, s := range []string{"True", "t", "1.0", "YES"} {
		if !ColumnTruth(s) || ColumnTruth("no"+s) {
			t.Errorf("%q is not read as true", s)
		}
	}
	for _, s := range []string{"['a.b', 'c']", `["a.b","c"]`, "{a.b,c}", "a.b|c", "a.b; c"} {
		if got := ColumnList(s); !slices.Equal(got, []string{"a.b", "c"}) {
			t.Errorf("%q: %q", s, got)
		}
	}
}
