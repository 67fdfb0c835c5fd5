package pipeline

import (
	"sync"
	"time"

	"github.com/bandish/bandish/verdict"
)

// Sender is what a collector can tell of who submits without saying who it
// is: the network and country of the client's address, where they are known,
// and a key that the submissions of one client network have in common on one
// day. Nothing of it is stored; it decides on marks. The zero Sender is not
// known.
type Sender struct {
	CC  string
	ASN uint32
	Key [16]byte
}

// The marks that a sender can earn a measurement. It is kept and does not vote.
// Two more are in package verdict: with them it informs.
const (
	MarkASN    = "asn_mismatch"       // it was sent from another network than it claims
	MarkCC     = "cc_mismatch"        // and from another country
	MarkAgain  = "same_network_again" // its client network was heard in another report that day
	MarkReport = "report_of_another"  // another client network sent in its report that day
)

// voices knows which report each client network was first heard in today, for
// each target: only that report votes, so that nobody is heard twice by
// opening reports or claiming networks. It also knows which client network
// each report is of, so that nobody is heard in the report of another. It is
// held in memory only.
type voices struct {
	mu    sync.Mutex // guards what follows
	day   string
	first map[voice]string    // report id
	owner map[string][16]byte // of a report: the client network that was first heard in it
}

type voice struct {
	key    [16]byte
	target string
}

// maxHeard bounds the voices, and the reports, of a day. Past it no new one
// votes until the next day: somebody who can make so many must not be heard in
// all.
const maxHeard = 1 << 18

// How far from its start a measurement may be handed in to decide. Nobody can
// tell a probe that was offline from one that invents a past; what it saw is
// kept and informs. Clocks err by some minutes.
const (
	onTime     = 24 * time.Hour
	clockError = time.Hour
)

// marks holds a measurement against its sender and the time at which it came.
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
	k := voice{from.Key, r.Target} // whatever network it claims: a /24 lies in one
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

// confirms reports whether a database of networks places the sender where the
// measurement says that it was made. ZZ, where it is claimed, is no country that
// a database could know.
func (s Sender) confirms(r *verdict.Row) bool {
	return s.Key != [16]byte{} && s.ASN != 0 && s.ASN == r.ASN && (s.CC == r.CC || !known(r.CC))
}

// known tells a country from ZZ, which stands for none.
func known(cc string) bool { return cc != "" && cc != "ZZ" }
