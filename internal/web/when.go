package web

import (
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// times are the days that an address names, as moments. since is the start of a day; at
// and known are exclusive ends. The zero time means that the address names none.
type times struct{ since, at, known time.Time }

// timesOf reads ?since=, ?at= (or ?until=) and ?as-of=, each a day. "at" is the day that
// is asked about; "as-of" is the day whose knowledge is used.
func timesOf(r *http.Request) (times, error) {
	var t times
	for _, p := range []struct {
		name string
		to   *time.Time
	}{{"since", &t.since}, {"until", &t.at}, {"at", &t.at}, {"as-of", &t.known}} {
		v := r.URL.Query().Get(p.name)
		if v == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, v)
		if err != nil {
			return t, badRequest(fmt.Sprintf("%s is %q: want a day as 2024-02-17.", p.name, v))
		}
		if *p.to = day; p.name != "since" {
			*p.to = day.AddDate(0, 0, 1)
		}
	}
	if !t.since.IsZero() && !t.at.IsZero() && !t.since.Before(t.at) {
		return t, badRequest("since is after the day that is asked about.")
	}
	return t, nil
}

// whenAsked is what the control of the day shows. Links to other pages carry its Query, so
// that they speak of the same day.
type whenAsked struct {
	Action    string // the path of the page itself
	At, Known string // days as 2024-02-17, "" for now
	Query     string // "?at=2024-02-17", or ""
}

func (t times) asked(r *http.Request) whenAsked {
	w := whenAsked{Action: r.URL.EscapedPath(), Query: t.query()}
	if !t.at.IsZero() {
		w.At = t.at.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	if !t.known.IsZero() {
		w.Known = t.known.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	return w
}

// end returns the end of the day that is asked about, or else of the day whose knowledge
// is used; the zero time for now.
func (t times) end() time.Time {
	if t.at.IsZero() {
		return t.known
	}
	return t.at
}

// With returns the query of the page with one more parameter, for the same days.
func (w whenAsked) With(name, value string) string {
	q := url.Values{name: {value}}
	if w.At != "" {
		q.Set("at", w.At)
	}
	if w.Known != "" {
		q.Set("as-of", w.Known)
	}
	return "?" + q.Encode()
}

// query returns the days as a query for another page: "?at=2024-02-17", or "".
func (t times) query() string {
	q := url.Values{}
	if !t.at.IsZero() {
		q.Set("at", t.at.AddDate(0, 0, -1).Format(time.DateOnly))
	}
	if !t.known.IsZero() {
		q.Set("as-of", t.known.AddDate(0, 0, -1).Format(time.DateOnly))
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
