package casefile

import "time"

// MeasuredBan is a ban as the measurements date it.
type MeasuredBan struct {
	// ID of the event.
	ID string
	// Start holds the moment at which it began.
	Start Window
	// End holds the moment at which it ended; zero while nothing shows an end.
	End Window
}

// Window holds a moment: after Earliest, not after Latest. Earliest is zero
// where the measurements do not reach back far enough to say.
type Window struct {
	Earliest, Latest time.Time
}

// date writes the window in EDTF.
func (w Window) date(zone *time.Location) Date {
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(zone).Format(time.RFC3339)
	}
	switch {
	case w.Latest.IsZero():
		return Date{}
	case w.Earliest.Equal(w.Latest):
		return MustDate(stamp(w.Latest))
	default:
		return MustDate("[" + stamp(w.Earliest) + ".." + stamp(w.Latest) + "]")
	}
}
