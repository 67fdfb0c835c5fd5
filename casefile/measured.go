package casefile

import "time"

// MeasuredBan is a ban with the dates that measurements give it.
type MeasuredBan struct {
	// ID is the id of the event.
	ID string
	// Start is when it began.
	Start Window
	// End is when it ended; zero while nothing shows an end.
	End Window
}

// Window bounds a moment: it is after Earliest and not after Latest. Earliest is
// zero where the measurements do not reach far enough back.
type Window struct {
	Earliest, Latest time.Time
}

// date writes the window in EDTF, with the offset of zone.
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
