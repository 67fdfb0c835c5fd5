package casefile

import (
	"encoding/json"
	"testing"
	"time"
)

var pkt = time.FixedZone("UTC+05:00", 5*3600)

func TestParseDate(t *testing.T) {
	for _, tt := range []struct {
		in, from, to string // RFC 3339 in PKT; "" for open or unknown
	}{
		{"2024", "2024-01-01T00:00:00+05:00", "2025-01-01T00:00:00+05:00"},
		{"2024-02", "2024-02-01T00:00:00+05:00", "2024-03-01T00:00:00+05:00"},
		{"2024-12", "2024-12-01T00:00:00+05:00", "2025-01-01T00:00:00+05:00"},
		{"2024-02-29", "2024-02-29T00:00:00+05:00", "2024-03-01T00:00:00+05:00"},
		{"2024-02-17T22:00:00+05:00", "2024-02-17T22:00:00+05:00", "2024-02-17T22:00:01+05:00"},
		{"2024-02-17T17:00:00Z", "2024-02-17T22:00:00+05:00", "2024-02-17T22:00:01+05:00"},
		{"2024-02~", "2024-02-01T00:00:00+05:00", "2024-03-01T00:00:00+05:00"},
		{"2024-XX", "2024-01-01T00:00:00+05:00", "2025-01-01T00:00:00+05:00"},
		{"2024-02-XX", "2024-02-01T00:00:00+05:00", "2024-03-01T00:00:00+05:00"},
		{"201X", "2010-01-01T00:00:00+05:00", "2020-01-01T00:00:00+05:00"},
		{"2024-22", "2024-06-01T00:00:00+05:00", "2024-09-01T00:00:00+05:00"},
		{"2024-24", "2024-12-01T00:00:00+05:00", "2025-03-01T00:00:00+05:00"},
		{"2025-33", "2025-01-01T00:00:00+05:00", "2025-04-01T00:00:00+05:00"},
		{"2024-02-17/2024-02-18", "2024-02-17T00:00:00+05:00", "2024-02-19T00:00:00+05:00"},
		{"2024-02-17/..", "2024-02-17T00:00:00+05:00", ""},
		{"2024-02-17/", "2024-02-17T00:00:00+05:00", ""},
		{"/2024-02-17", "", "2024-02-18T00:00:00+05:00"},
		{"[2024-02-17..2024-02-19]", "2024-02-17T00:00:00+05:00", "2024-02-20T00:00:00+05:00"},
		{"{2023-12-17,2024-01-07,2024-01-20}", "2023-12-17T00:00:00+05:00", "2024-01-21T00:00:00+05:00"},
		{"[..2024-02-19]", "", "2024-02-20T00:00:00+05:00"},
	} {
		d, err := ParseDate(tt.in)
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		from, to := d.Bounds(pkt)
		if got := stamp(from); got != tt.from {
			t.Errorf("%s: from %s, want %s", tt.in, got, tt.from)
		}
		if got := stamp(to); got != tt.to {
			t.Errorf("%s: to %s, want %s", tt.in, got, tt.to)
		}
		if d.String() != tt.in {
			t.Errorf("%s is written as %s", tt.in, d)
		}
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(pkt).Format(time.RFC3339)
}

func TestParseDateRefuses(t *testing.T) {
	for _, in := range []string{
		"17 Feb 2024", "2024-2-17", "2024-13", "2024-00", "2024-02-30", "2023-02-29", "2024-02-00", "24-02-17",
		"2024-02-17T22:00:00", "2024-02-19/2024-02-17", "2024-02-17/2024-02-16", "../..", "/", "[]", "[,]",
		"[2024-02-19..2024-02-17]", "[2024", "20X4", "2024-25", "2024-37", "2024-33-01", "2024-XX-01", "202X-01",
		"~", "?", "null", "2024-02-17 ", "2024-02-17/2024-02-18/2024-02-19",
	} {
		if d, err := ParseDate(in); err == nil {
			t.Errorf("%q was read as %+v", in, d)
		}
	}
}

func TestDateJSON(t *testing.T) {
	var got struct{ A, B Date }
	if err := json.Unmarshal([]byte(`{"A":"2024-02~","B":null}`), &got); err != nil {
		t.Fatal(err)
	}
	if !got.A.Approximate() || !got.B.IsZero() {
		t.Errorf("read %+v", got)
	}
	out, err := json.Marshal(got)
	if want := `{"A":"2024-02~","B":null}`; err != nil || string(out) != want {
		t.Errorf("wrote %s, %v; want %s", out, err, want)
	}
}

func TestCertainlyBefore(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"2024-02-16", "2024-02-17", true},
		{"2024-02-17", "2024-02-17", false},
		{"2024-02", "2024-02-17", false},
		{"2024-02-16~", "2024-02-17", false},
		{"2024-02-17", "2024-02-16", false},
		{"2024-02-01/..", "2024-03", false},
		{"", "2024-03", false},
		{"2024-02-17T22:00:00+05:00", "2024-02-18", true},
	} {
		if got := certainlyBefore(MustDate(tt.a), MustDate(tt.b), pkt); got != tt.want {
			t.Errorf("certainlyBefore(%s, %s) = %t", tt.a, tt.b, got)
		}
	}
}

// A date that is read is read again from what it writes, and its bounds are
// in order.
func FuzzParseDate(f *testing.F) {
	for _, seed := range []string{"2024", "2024-02~", "2024-02-17T22:00:00+05:00", "2024-02-17T22:00:00+05:04", "201X", "2024-02-17/..", "[2024-02-17..2024-02-19]", "{2023,2024}", "9999-12-31", "0000", "[..2024]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDate(s)
		if err != nil {
			return
		}
		again, err := ParseDate(d.String())
		if err != nil || again != d {
			t.Fatalf("%q: read again as %+v, %v", s, again, err)
		}
		from, to := d.Bounds(pkt)
		if !from.IsZero() && !to.IsZero() && !from.Before(to) {
			t.Fatalf("%q: %s is not before %s", s, from, to)
		}
	})
}
