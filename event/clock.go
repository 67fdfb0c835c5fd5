package event

import (
	"fmt"
	"time"

	"github.com/bandish/bandish/event/chain"
)

// This file holds the hours of a week at which a ban may hold.

// Schedule says at which hours a ban holds: from one time of day to another, on
// some days of the week, by the country's clock.
type Schedule struct {
	From Clock  `json:"from"`
	To   Clock  `json:"to"`   // exclusive; before From where the hours pass midnight
	Days string `json:"days"` // "every day", "Monday to Friday", "Sunday to Thursday"
	Zone string `json:"zone"` // "Asia/Karachi"; "UTC" where the country's is not known
}

// Clock is a time of the day in minutes since midnight; its text is "08:30".
type Clock int

func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", c/60, c%60) }

// MarshalText writes the time as "08:30".
func (c Clock) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads "08:30"; other text is an error.
func (c *Clock) UnmarshalText(text []byte) error {
	t, err := time.Parse("15:04", string(text))
	if err != nil {
		return fmt.Errorf("time of day %q: want hours and minutes, as 08:30", text)
	}
	*c = Clock(t.Hour()*60 + t.Minute())
	return nil
}

func (s *Schedule) String() string {
	clock := "local time (" + s.Zone + ")"
	if s.Zone == time.UTC.String() {
		clock = s.Zone
	}
	for _, w := range week {
		if w.name == s.Days {
			return fmt.Sprintf("%s, %s to %s %s", w.words, s.From, s.To, clock)
		}
	}
	return fmt.Sprintf("%s, %s to %s %s", s.Days, s.From, s.To, clock)
}

// week lists the sets of days on which schedules hold.
var week = []struct {
	name, words string
	without     [2]time.Weekday
}{
	{"every day", "every day", [2]time.Weekday{-1, -1}},
	{"Monday to Friday", "on weekdays", [2]time.Weekday{time.Saturday, time.Sunday}},
	{"Sunday to Thursday", "from Sunday to Thursday", [2]time.Weekday{time.Friday, time.Saturday}},
}

// hours is a schedule with the time zone of its clock.
type hours struct {
	Schedule
	where *time.Location
}

// holds reports whether the schedule holds at a moment (Unix seconds).
func (h *hours) holds(at int64) bool {
	local := time.Unix(at, 0).In(h.where)
	clock := Clock(local.Hour()*60 + local.Minute())
	day := local.Weekday()
	switch {
	case h.From < h.To && (clock < h.From || clock >= h.To), h.From > h.To && clock < h.From && clock >= h.To:
		return false
	case h.From > h.To && clock < h.To: // the hours that began the evening before
		day = (day + 6) % 7
	}
	for _, w := range week {
		if w.name == h.Days {
			return day != w.without[0] && day != w.without[1]
		}
	}
	return false
}

// day returns a number that is the same for moments in the same day, or the same
// night, of the schedule.
func (h *hours) day(at int64) int64 {
	_, east := time.Unix(at, 0).In(h.where).Zone()
	return chain.FloorDay(at + int64(east) - int64(h.From)*60)
}

// Hours returns a function that reports whether a moment is within the schedule's
// hours. Where the zone is not known to this program, it uses UTC.
func (s *Schedule) Hours() func(time.Time) bool {
	where, err := time.LoadLocation(s.Zone)
	if err != nil { // a zone that this program does not know
		where = time.UTC
	}
	h := hours{*s, where}
	return func(t time.Time) bool { return h.holds(t.Unix()) }
}
