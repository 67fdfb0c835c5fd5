package verdict

import (
	"cmp"
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// AllowList is a run of a probe on a network that lets only approved sites through.
// Sites of unrelated owners that nobody has a reason to block fail there, by their
// addresses or their names, while a few others work. The failures of such a run say
// nothing about single targets.
type AllowList struct {
	ReportID string    `json:"report_id,omitempty"` // of the run; without a report, a run is one day of a network
	CC       string    `json:"probe_cc"`
	ASN      uint32    `json:"probe_asn"`
	From     time.Time `json:"from"` // the first measurement of an innocent site
	Until    time.Time `json:"until"`

	Innocents       int `json:"innocents"` // sites of Innocents that were tried
	InnocentsFailed int `json:"innocents_failed"`
	Failed          int `json:"failed"` // measurements of the run that failed by address or name
	Worked          int `json:"worked"` // measurements of the run that worked

}

// The evidence that an AllowList needs. A heavy censor blocks most sites of a list
// of often blocked sites, so only innocent sites count: so many owners in so many
// countries fail together only because of the network. That some sites work, over
// connections that verify, shows that the line is not dead. That only few work
// shows that it is not a fault abroad.
const (
	allowInnocents = 8
	allowFailing   = 0.8 // share of the innocent sites that must fail
	allowWorked    = 2
	allowFew       = 4 // failures that there must be for each measurement that worked
)

// Innocent is a site that no censor is known to have a reason to block.
type Innocent struct {
	Site  string // nothing else is published under this name
	Owner string // no two owners are related
	CC    string // the owner's country
}

// Innocents returns all innocent sites. The caller may change the slice.
func Innocents() []Innocent { return slices.Clone(innocents) }

// innocents has at most 64 sites: standards, science, museums, free software. Some
// are on the Citizen Lab's global test list, so that runs of that list count, too.
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

// AllowListFinder finds such runs among rows, which come in any order. The zero
// value is ready to use.
type AllowListFinder struct {
	seed maphash.Seed
	runs map[uint64]*allowRun
}

// allowRun is what is known of one run. Each innocent site is one bit.
type allowRun struct {
	failed, worked uint32
	tried, reached uint64     // innocent sites: tried, and of these reached at least once
	spoiled        bool       // something at the visitor's end answers for every site
	told           *AllowList // set at the first innocent site; most runs have none
}

// run returns a key for the run of a row.
func (f *AllowListFinder) run(r *Row) uint64 {
	var h maphash.Hash
	h.SetSeed(f.seed)
	h.WriteString(cmp.Or(r.ReportID, r.Time.UTC().Format(time.DateOnly)))
	h.WriteByte(0)
	h.WriteString(r.CC)
	maphash.WriteComparable(&h, r.ASN)
	return h.Sum64()
}

// Add adds a row.
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

// span notes to which run a row belongs, and when. The row's strings are cloned,
// because they are valid only during the call.
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

// failsByAddressOrName reports whether a measurement failed before it reached the
// page, and nobody else is known to have the same failure.
func failsByAddressOrName(r *Row) bool {
	tried := r.DNS.Outcome != "" || r.TCP.Outcome != "" || r.TLS.Outcome != ""
	return tried && r.State != OK && r.State != Down && (r.HTTP.Outcome == "" || r.HTTP.Outcome == OutcomeBlocked)
}

func (a *allowRun) telling() bool {
	tried, reached := bits.OnesCount64(a.tried), bits.OnesCount64(a.reached)
	return !a.spoiled && tried >= allowInnocents && float64(tried-reached) >= allowFailing*float64(tried) &&
		a.worked >= allowWorked && a.worked*allowFew <= a.failed
}

// Explains reports whether a row is a failure in such a run; the row's Invalid is
// then OnAllowList. All rows of the runs must have been added before.
func (f *AllowListFinder) Explains(r *Row) bool {
	if len(f.runs) == 0 || r.TestName != "web_connectivity" || r.Invalid != "" || !failsByAddressOrName(r) {
		return false
	}
	a := f.runs[f.run(r)]
	return a != nil && a.telling()
}

// OnAllowList is the Invalid of a row that an AllowList explains: its failure is
// due to the network, not to the target.
const OnAllowList = "allow_list"

// Found returns such runs, sorted by time.
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

// AllowLists returns such runs among rows.
func AllowLists(rows []Row) []AllowList {
	var f AllowListFinder
	for i := range rows {
		f.Add(&rows[i])
	}
	return f.Found()
}
