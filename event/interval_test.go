package event

import "testing"

// What several intervals hold is dated by those that know about as much as the
// one that knows most, and by the middle of their edges.
func TestShared(t *testing.T) {
	hours := func(from, to int64) Interval { return Interval{instant(from * 3600), instant(to * 3600)} }
	open := Interval{nil, instant(50 * 3600)}
	for name, c := range map[string]struct {
		of   []Interval
		want Interval
	}{
		"one":                          {[]Interval{hours(10, 20)}, hours(10, 20)},
		"two":                          {[]Interval{hours(10, 20), hours(12, 24)}, hours(10, 24)},
		"the narrowest is off":         {[]Interval{hours(10, 20), hours(11, 21), hours(20, 26)}, hours(11, 21)},
		"one knows much more":          {[]Interval{hours(0, 90), hours(40, 44), hours(10, 80)}, hours(40, 44)},
		"four":                         {[]Interval{hours(10, 20), hours(11, 21), hours(12, 22), hours(13, 23)}, hours(11, 22)},
		"one is not bounded":           {[]Interval{open, hours(10, 20)}, hours(10, 20)},
		"none is bounded":              {[]Interval{open, open}, open},
		"one is a moment, and another": {[]Interval{hours(10, 10), hours(5, 20)}, hours(10, 10)},
	} {
		got := shared(c.of)
		if got.String() != c.want.String() {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		for i := range c.of { // in any order
			turned := append(append([]Interval{}, c.of[i:]...), c.of[:i]...)
			if again := shared(turned); again.String() != got.String() {
				t.Errorf("%s, turned: %s, want %s", name, again, got)
			}
		}
		if !got.ordered() {
			t.Errorf("%s: %s runs backwards", name, got)
		}
	}
}
