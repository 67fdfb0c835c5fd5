package verdict

import (
	"cmp"
	"slices"
)

// Defect is a version of a program on a platform whose measurements of a target
// fail where those of other programs succeed, on the same networks at the same
// time. The failure follows the software, not the network.
type Defect struct {
	TestName string `json:"test_name"`
	Target   string `json:"target"`
	Software string `json:"software"` // name/version
	Platform string `json:"platform"`

	Networks     int `json:"networks"`  // networks on which both measured and most others succeeded
	Countries    int `json:"countries"` // countries of these networks
	Failed       int `json:"failed"`    // failed measurements of the software on these networks
	Measured     int `json:"measured"`
	OthersFailed int `json:"others_failed"`
	Others       int `json:"others_measured"`
}

// The evidence that a Defect needs: so many networks, so many measurements of each
// side, and shares that the faults of one network cannot explain. Three countries
// are needed so that nobody can hide a ban in one country by inventing successes
// there: the same software must also fail in countries without the ban.
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

// Defects finds failures that follow versions of software. rows may be of any time
// in which software and networks stayed much the same, for instance a month, in any
// order. Rows that do not vote are ignored.
func Defects(rows []Row) []Defect {
	var f DefectFinder
	for i := range rows {
		f.Add(&rows[i])
	}
	return f.Found()
}

// DefectFinder does what Defects does, for rows that come one by one. The zero
// value is ready to use.
type DefectFinder struct {
	counts map[instrument]map[network]tally
	all    map[instrument]map[network]tally // by test and target; software and platform are empty
}

// Add adds a row.
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
				continue // nobody else measured there, or it fails for everybody
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

// Explains reports whether the defect explains a row: a failure with the same
// software, platform, test and target. The row's Invalid is then SoftwareDefect.
func (d *Defect) Explains(r *Row) bool {
	return r.State != OK && r.Invalid == "" && r.TestName == d.TestName && r.Target == d.Target && r.Software == d.Software && r.Platform == d.Platform
}

// SoftwareDefect is the Invalid of a row that a Defect explains.
const SoftwareDefect = "software"

// Mark sets the Invalid of the rows that the defect explains, and returns their
// number.
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
