package casefile

import (
	"strings"
	"testing"
)

func TestDatesInWords(t *testing.T) {
	for date, want := range map[string]string{
		"": "", "2024": "2024", "2024-02": "February 2024", "2024-02-07": "7 February 2024", "2024-02~": "about February 2024", "2024-02-17?": "perhaps 17 February 2024",
		"2024%": "perhaps about 2024", "2024-02-17T22:00:00+05:00": "17 February 2024, 22:00 (UTC+5)", "2024-02-17T22:00:00Z": "17 February 2024, 22:00 (UTC)",
		"2024-02-17T22:00:00+05:30": "17 February 2024, 22:00 (UTC+5:30)", "2024-XX": "2024, month not known", "2024-02-XX": "a day of February 2024", "202X": "the 2020s",
		"20XX": "a year from 2000 to 2099", "2024-22": "summer 2024", "2025-33~": "about the first quarter of 2025",
		"2021-06-04/2021-06-05": "4 to 5 June 2021", "2024-03-30/2024-04-02": "30 March to 2 April 2024", "2023-12-30/2024-01-02": "30 December 2023 to 2 January 2024",
		"2021-01/2024-06": "January 2021 to June 2024", "2024-02-17/..": "from 17 February 2024 on", "../2024-02-17": "until 17 February 2024",
		"2024-02-17/": "from 17 February 2024, its end is not known", "2025-05-07T00:00:00+05:00/2025-05-07T14:47:00+05:00": "7 May 2025, 00:00 to 14:47 (UTC+5)",
		"[2024-02-17,2024-02-19]": "17 February 2024 or 19 February 2024", "[2024-02-17..2024-02-19]": "between 17 and 19 February 2024", "[2025-01-01..2025-05-06]": "between 1 January and 6 May 2025", "[2024-11-07T03:50:00+03:00..2024-11-07T16:50:00+03:00]": "7 November 2024, between 03:50 and 16:50 (UTC+3)",
		"[2024-11-22T20:48:00+03:00..2024-11-23T12:25:00+03:00]": "between 22 November 2024, 20:48 (UTC+3) and 23 November 2024, 12:25 (UTC+3)", "{2024,2025}": "2024 and 2025",
	} {
		if got := MustDate(date).Words(); got != want {
			t.Errorf("%s is %q, want %q", date, got, want)
		}
	}
}

// Nothing of the notation is left in the words of any date that parses.
func FuzzDateWords(f *testing.F) {
	for _, s := range []string{"2024-02-17", "[2024..2025-33~]", "{..2024-02%}", "../202X", "2024-02-17T22:00:00-03:30/.."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDate(s)
		if err != nil || s == "" {
			return
		}
		if w := d.Words(); w == "" || strings.ContainsAny(w, "~?%/[]{}X") || strings.Contains(w, "..") {
			t.Errorf("%s is %q", s, w)
		}
	})
}
