package pipeline

import (
	"sync"
	"time"

	"github.com/bandish/bandish/verdict"
)

// Sender is what a collector can tell about who submits, without saying who it is: the
// network and country of the client's address, if they are known, and a key that all
// submissions of one client network share on one day. Nothing of it is stored; it decides
// about marks. The zero Sender means that nothing is known.
type Sender struct {
	CC  string
	ASN uint32
	Key [16]byte
}

// The marks that a measurement can get because of its sender. It is then kept and does not
// vote. Package verdict has two more; with those it informs.
const (
	MarkASN    = "asn_mismatch"       // it came from another network than it claims
	MarkCC     = "cc_mismatch"        // it came from another country than it claims
	MarkAgain  = "same_network_again" // that day its client network was already heard in another report
	MarkReport = "report_of_another"  // that day another client network was already heard in its report
)

// voices knows, for each client network and target, the report in which it was first heard
// today. Only that report votes, so nobody is heard twice by opening more reports or by
// claiming other networks. It also knows which client network each report belongs to, so
// nobody is heard in somebody else's report. It exists in memory only.
type voices struct {
	mu    sync.Mutex // guards what follows
	day   string
	first map[voice]string    // id of the report
	owner map[string][16]byte // by report: the client network that was first heard in it
}

type voice struct {
	key    [16]byte
	target string
}

// maxHeard is how many voices, and how many reports, a day may have. New ones beyond that
// do not vote until the next day: somebody who can make so many must not be heard in all
// of them.
const maxHeard = 1 << 18

// How long after its start, and how long before, a measurement may be handed in and still
// vote. Nobody can tell a probe that was offline from one that invents a past; such a
// measurement is kept and informs. clockError allows for wrong clocks.
const (
	onTime     = 24 * time.Hour
	clockError = time.Hour
)

// marks returns the marks of a measurement, from its sender and the time at which it came.
func (v *voices) marks(from Sender, r *verdict.Row, at time.Time) []string {
	var out []string
	if from.ASN != 0 && r.ASN != 0 && from.ASN != r.ASN {
		out = append(out, MarkASN)
	}
	if known(from.CC) && known(r.CC) && from.CC != r.CC {
		out = append(out, MarkCC)
	}
	if len(out) == 0 && !from.confirms(r) {
		out = append(out, verdict.NetworkUnconfirmed)
	}
	if r.Time.Before(at.Add(-onTime)) || r.Time.After(at.Add(clockError)) {
		out = append(out, verdict.TimeUnconfirmed)
	}
	if len(out) > 0 {
		return out
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if day := at.UTC().Format(time.DateOnly); day != v.day {
		v.day, v.first, v.owner = day, map[voice]string{}, map[string][16]byte{}
	}
	k := voice{from.Key, r.Target} // whichever network it claims: a /24 lies in one network
	report, heard := v.first[k]
	owner, owned := v.owner[r.ReportID]
	switch {
	case owned && owner != from.Key:
		return append(out, MarkReport)
	case heard && report != r.ReportID, !heard && len(v.first) >= maxHeard, !owned && len(v.owner) >= maxHeard:
		return append(out, MarkAgain)
	}
	v.first[k], v.owner[r.ReportID] = r.ReportID, from.Key
	return out
}

// confirms reports whether a database places the sender in the network and country of the
// measurement. A measurement that claims ZZ needs only the network, since no database
// knows ZZ.
func (s Sender) confirms(r *verdict.Row) bool {
	return s.Key != [16]byte{} && s.ASN != 0 && s.ASN == r.ASN && (s.CC == r.CC || !known(r.CC))
}

// known reports whether a code is a country. ZZ is none.
func known(cc string) bool { return cc != "" && cc != "ZZ" }
