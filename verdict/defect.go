package verdict

import (
	"cmp"
	"slices"
)

// Defect is a version of a program, on a platform, whose measurements of a
// target fail where other programs' succeed on the same networks at the same
// time: the failure follows the software, not the network.
type Defect struct {
	TestName string `json:"test_name"`
	Target   string `json:"target"`
	Software string `json:"software"` // name/version
	Platform string `json:"platform"`

	Networks     int `json:"networks"`  // on which both measured, and most others succeeded
	Countries    int `json:"countries"` // that these networks are in
	Failed       int `json:"failed"`    // of the software's measurements on them
	Measured     int `json:"measured"`
	OthersFailed int `json:"others_failed"`
	Others       int `json:"others_measured"`
}

// The floor of evidence for a Defect: so many networks, so many measurements
// of each side, and shares that one network's own faults cannot explain. Three
// countries are needed, so that nobody hides a ban in one country by inventing
// successes there: the same software must also fail in countries without the ban.
const (
	defectNetworks  = 3
	defectCountries = 3
	defectMeasured  = 12
	defectFailing   = 0.9
	defectOthers    = 0.1
)

type instrument struct{ test, target, software, platform string }

type network struct {
	cc  string
	asn uint32
}

type tally struct{ failed, measured int }

// Defects looks across measurements, of any span in which software and
// networks were much the same (a month), for failures that follow versions of
// software. The order of rows does not matter; rows that do not vote are left
// out.
func Defects(rows []Row) []Defect {
	var f DefectFinder
	for i := range rows {
		f.Add(&rows[i])
	}
	return f.Found()
}

// DefectFinder is Defects for rows that come one by one. The zero value is
// ready.
type DefectFinder struct {
	counts map[instrument]map[network]tally
	all    map[instrument]map[network]tally // by test and target alone
}

// Add counts a row.
func (f *DefectFinder) Add(r *Row) {
	if !r.Votes() || r.State == Insufficient || r.Software == "" {
		return
	}
	if f.counts == nil {
		f.counts, f.all = map[instrument]map[network]tally{}, map[instrument]map[network]tally{}
	}
	t := tally{measured: 1}
	if r.State != OK {
		t.failed = 1
	}
	where := network{r.CC, r.ASN}
	plus(f.counts, instrument{r.TestName, r.Target, r.Software, r.Platform}, where, t)
	plus(f.all, instrument{test: r.TestName, target: r.Target}, where, t)
}

func plus(counts map[instrument]map[network]tally, who instrument, where network, t tally) {
	if counts[who] == nil {
		counts[who] = map[network]tally{}
	}
	sum := counts[who][where]
	counts[who][where] = tally{sum.failed + t.failed, sum.measured + t.measured}
}

// Found returns the defects, sorted.
func (f *DefectFinder) Found() []Defect {
	var found []Defect
	for who, at := range f.counts {
		d := Defect{TestName: who.test, Target: who.target, Software: who.software, Platform: who.platform}
		countries := map[string]bool{}
		all := f.all[instrument{test: who.test, target: who.target}]
		for where, own := range at {
			others := tally{all[where].failed - own.failed, all[where].measured - own.measured}
			if 2*others.failed >= others.measured {
				continue // nobody else measured there, or it fails for all
			}
			d.Networks++
			countries[where.cc] = true
			d.Failed, d.Measured = d.Failed+own.failed, d.Measured+own.measured
			d.OthersFailed, d.Others = d.OthersFailed+others.failed, d.Others+others.measured
		}
		d.Countries = len(countries)
		if d.telling() {
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(a, b Defect) int {
		return cmp.Or(cmp.Compare(a.TestName, b.TestName), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Software, b.Software), cmp.Compare(a.Platform, b.Platform))
	})
	return found
}

func (d *Defect) telling() bool {
	return d.Networks >= defectNetworks && d.Countries >= defectCountries && d.Measured >= defectMeasured && d.Others >= defectMeasured &&
		float64(d.Failed) >= defectFailing*float64(d.Measured) && float64(d.OthersFailed) <= defectOthers*float64(d.Others)
}

// Explains reports whether the defect explains a row: a failure of the same
// software and platform with the same target. Such a row is SoftwareDefect.
func (d *Defect) Explains(r *Row) bool {
	return r.State != OK && r.Invalid == "" && r.TestName == d.TestName && r.Target == d.Target && r.Software == d.Software && r.Platform == d.Platform
}

// SoftwareDefect is the Invalid of a row that a Defect explains.
const SoftwareDefect = "software"

// Mark marks the rows that the defect explains as invalid, and returns how
// many.
func (d *Defect) Mark(rows []Row) int {
	n := 0
	for i := range rows {
		if d.Explains(&rows[i]) {
			rows[i].Invalid = SoftwareDefect
			n++
		}
	}
	return n
}
