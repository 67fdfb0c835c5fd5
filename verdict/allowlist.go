package verdict

import (
	"cmp"
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// AllowList is a run of a probe on a network where nothing works but what was
// approved: sites of unrelated owners that nobody has a reason to block fail,
// by their addresses or their names, while a few others work. Its failures say
// nothing of the single targets.
type AllowList struct {
	ReportID string    `json:"report_id,omitempty"` // of the run; without one a run is a day of a network
	CC       string    `json:"probe_cc"`
	ASN      uint32    `json:"probe_asn"`
	From     time.Time `json:"from"` // the first measurement of an innocent site
	Until    time.Time `json:"until"`

	Innocents       int `json:"innocents"` // of Innocents, those that were tried
	InnocentsFailed int `json:"innocents_failed"`
	Failed          int `json:"failed"` // measurements of the run that failed by address or name
	Worked          int `json:"worked"` // and those that worked

}

// The floor of evidence for an AllowList. A heavy censor blocks most of a list
// of what is often blocked, so only innocent sites count, and so many owners in
// so many countries do not fail at once but by the network. That some sites
// work, over connections that verify, tells it from a line that is dead; that
// few do, from one where something abroad is broken.
const (
	allowInnocents = 8
	allowFailing   = 0.8 // share of the innocent sites
	allowWorked    = 2
	allowFew       = 4 // failures for each measurement that worked
)

// Innocent is a site that no censor is known to have a reason to block.
type Innocent struct {
	Site  string // under which nothing else is published
	Owner string // no two are related
	CC    string // where the owner is
}

// Innocents returns them. The slice is the caller's.
func Innocents() []Innocent { return slices.Clone(innocents) }

// innocents are at most 64: standards, science, museums, free software. Some
// stand on the Citizen Lab's global test list, so that runs of it tell too.
var innocents = []Innocent{
	{"iana.org", "Internet Assigned Numbers Authority", "US"},
	{"ietf.org", "Internet Engineering Task Force", "US"},
	{"w3.org", "World Wide Web Consortium", "US"},
	{"kernel.org", "Linux Kernel Organization", "US"},
	{"debian.org", "Debian", "US"},
	{"gnu.org", "GNU Project", "US"},
	{"gnome.org", "GNOME Foundation", "US"},
	{"ubuntu.com", "Canonical", "GB"},
	{"archlinux.org", "Arch Linux", "CA"},
	{"maven.org", "Sonatype", "US"},
	{"acm.org", "Association for Computing Machinery", "US"},
	{"nasa.gov", "National Aeronautics and Space Administration", "US"},
	{"netbsd.org", "NetBSD Foundation", "US"},
	{"python.org", "Python Software Foundation", "US"},
	{"postgresql.org", "PostgreSQL", "CA"},
	{"videolan.org", "VideoLAN", "FR"},
	{"kde.org", "KDE e.V.", "DE"},
	{"cern.ch", "CERN", "CH"},
	{"itu.int", "International Telecommunication Union", "CH"},
	{"iso.org", "International Organization for Standardization", "CH"},
	{"bipm.org", "Bureau of Weights and Measures", "FR"},
	{"esa.int", "European Space Agency", "FR"},
	{"ecmwf.int", "Centre for Medium-Range Weather Forecasts", "GB"},
	{"ethz.ch", "ETH Zurich", "CH"},
	{"ox.ac.uk", "University of Oxford", "GB"},
	{"u-tokyo.ac.jp", "University of Tokyo", "JP"},
	{"uct.ac.za", "University of Cape Town", "ZA"},
	{"usp.br", "University of São Paulo", "BR"},
	{"unam.mx", "National Autonomous University of Mexico", "MX"},
	{"iitb.ac.in", "Indian Institute of Technology Bombay", "IN"},
	{"sydney.edu.au", "University of Sydney", "AU"},
	{"rijksmuseum.nl", "Rijksmuseum", "NL"},
	{"louvre.fr", "Musée du Louvre", "FR"},
	{"smhi.se", "Swedish Meteorological and Hydrological Institute", "SE"},
	{"mathunion.org", "International Mathematical Union", "DE"},
}

var innocentPlace = func() map[string]int {
	place := map[string]int{}
	for i, x := range innocents {
		place[x.Site] = i
	}
	return place
}()

// AllowListFinder looks through the rows of runs, which come in any order. The
// zero value is ready.
type AllowListFinder struct {
	seed maphash.Seed
	runs map[uint64]*allowRun
}

// allowRun is what is known of a run; of the innocent sites, a bit each.
type allowRun struct {
	failed, worked uint32
	tried, reached uint64     // innocent sites; of them, those that worked once
	spoiled        bool       // something of the visitor's own answers for everybody
	told           *AllowList // from the first innocent site on: most runs have none
}

// run names the run of a row.
func (f *AllowListFinder) run(r *Row) uint64 {
	var h maphash.Hash
	h.SetSeed(f.seed)
	h.WriteString(cmp.Or(r.ReportID, r.Time.UTC().Format(time.DateOnly)))
	h.WriteByte(0)
	h.WriteString(r.CC)
	maphash.WriteComparable(&h, r.ASN)
	return h.Sum64()
}

// Add counts a row.
func (f *AllowListFinder) Add(r *Row) {
	if r.TestName != "web_connectivity" || len(r.Marks) > 0 {
		return
	}
	if f.runs == nil {
		f.seed, f.runs = maphash.MakeSeed(), map[uint64]*allowRun{}
	}
	key := f.run(r)
	a := f.runs[key]
	if a == nil {
		a = new(allowRun)
		f.runs[key] = a
	}
	bit := uint64(0)
	if i, ok := innocentPlace[site(r.Domain)]; ok {
		bit = 1 << i
	}
	switch {
	case r.Invalid != "" && spoils(r.Invalid):
		a.spoiled = true
	case r.State == OK:
		a.worked++
		a.tried, a.reached = a.tried|bit, a.reached|bit
	case failsByAddressOrName(r):
		a.failed++
		a.tried |= bit
	}
	if bit != 0 {
		a.span(r)
	}
}

// span notes whose run it is, and when. The row's strings are valid for a
// moment only.
func (a *allowRun) span(r *Row) {
	if a.told == nil {
		a.told = &AllowList{ReportID: strings.Clone(r.ReportID), CC: strings.Clone(r.CC), ASN: r.ASN, From: r.Time, Until: r.Time}
	}
	if r.Time.Before(a.told.From) {
		a.told.From = r.Time
	}
	if r.Time.After(a.told.Until) {
		a.told.Until = r.Time
	}
}

// failsByAddressOrName reports whether a measurement did not get as far as the
// page, and nobody else is known to suffer the same.
func failsByAddressOrName(r *Row) bool {
	tried := r.DNS.Outcome != "" || r.TCP.Outcome != "" || r.TLS.Outcome != ""
	return tried && r.State != OK && r.State != Down && (r.HTTP.Outcome == "" || r.HTTP.Outcome == OutcomeBlocked)
}

func (a *allowRun) telling() bool {
	tried, reached := bits.OnesCount64(a.tried), bits.OnesCount64(a.reached)
	return !a.spoiled && tried >= allowInnocents && float64(tried-reached) >= allowFailing*float64(tried) &&
		a.worked >= allowWorked && a.worked*allowFew <= a.failed
}

// Explains reports whether a row is a failure of a run on such a network. Such
// a row is OnAllowList. All rows of the runs must have been added before.
func (f *AllowListFinder) Explains(r *Row) bool {
	if len(f.runs) == 0 || r.TestName != "web_connectivity" || r.Invalid != "" || !failsByAddressOrName(r) {
		return false
	}
	a := f.runs[f.run(r)]
	return a != nil && a.telling()
}

// OnAllowList is the Invalid of a row that an AllowList explains: it is true of
// the network, and not of the target.
const OnAllowList = "allow_list"

// Found returns the runs of that kind, sorted by time.
func (f *AllowListFinder) Found() []AllowList {
	var found []AllowList
	for _, a := range f.runs {
		if !a.telling() {
			continue
		}
		l := *a.told
		l.Innocents = bits.OnesCount64(a.tried)
		l.InnocentsFailed = l.Innocents - bits.OnesCount64(a.reached)
		l.Failed, l.Worked = int(a.failed), int(a.worked)
		found = append(found, l)
	}
	slices.SortFunc(found, func(a, b AllowList) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.ReportID, b.ReportID), cmp.Compare(a.CC, b.CC), cmp.Compare(a.ASN, b.ASN))
	})
	return found
}

// AllowLists is Found of rows that are all there.
func AllowLists(rows []Row) []AllowList {
	var f AllowListFinder
	for i := range rows {
		f.Add(&rows[i])
	}
	return f.Found()
}
