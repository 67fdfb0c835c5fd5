package casefile

import (
	"context"
	"time"
)

// Measured is what the record asks of the archive of measurements. A nil
// Measured is an archive that holds nothing.
type Measured interface {
	// Cells gives the counts of verdicts on target in country cc, for the
	// networks named or for all when there are none, in [from, to); a zero
	// time is no limit. Cells that lie in part outside may be among them.
	// Measurements that do not vote are left out.
	Cells(ctx context.Context, target, cc string, asns []uint32, from, to time.Time) ([]Cell, error)
	// Bans gives the bans of target in cc that were measured and that overlap
	// [from, to), in order of their starts.
	Bans(ctx context.Context, target, cc string, from, to time.Time) ([]MeasuredBan, error)
}

// Cell is a count of verdicts on one platform on one network for one span.
type Cell struct {
	// Target is the platform's id.
	Target string `json:"target" rule:"required"`
	// CC is the country.
	CC string `json:"cc" rule:"required"`
	// ASN is the network.
	ASN ASN `json:"asn" rule:"required"`
	// From is the start of the span, UTC.
	From time.Time `json:"from" rule:"required"`
	// To is the end of the span, not in it.
	To time.Time `json:"to" rule:"required"`
	// OK is how many measurements found it reachable.
	OK int64 `json:"ok" rule:"required"`
	// Blocked is how many found it blocked or likely blocked.
	Blocked int64 `json:"blocked" rule:"required"`
	// Down is how many found it broken everywhere.
	Down int64 `json:"down" rule:"required"`
	// Unclear is how many were impaired or insufficient.
	Unclear int64 `json:"unclear" rule:"required"`
	// Reports is how many reports the measurements came in.
	Reports int64 `json:"reports" rule:"required"`
	// Votes are what the answer is worked out from: the counts with each report worth one vote a day at most, so that nobody outvotes the rest by measuring more.
	Votes Votes `json:"votes" rule:"required"`
}

// Votes are capped counts, in thousandths of a vote.
type Votes struct {
	// OK are the votes for reachable.
	OK int64 `json:"ok" rule:"required"`
	// Blocked are those for blocked or likely blocked.
	Blocked int64 `json:"blocked" rule:"required"`
	// Down are those for broken everywhere.
	Down int64 `json:"down" rule:"required"`
	// Unclear are those for impaired.
	Unclear int64 `json:"unclear" rule:"required"`
}

// Vote is one vote.
const Vote = 1000

func (v Votes) total() int64 { return v.OK + v.Blocked + v.Down + v.Unclear }

func (v Votes) plus(o Votes) Votes {
	return Votes{v.OK + o.OK, v.Blocked + o.Blocked, v.Down + o.Down, v.Unclear + o.Unclear}
}

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
