package verdict

import (
	"cmp"
	"slices"
	"strings"
)

// Throttle is a target that is slow on a network whose other targets are fast, and
// fast on networks of other countries. Neither a slow line nor a slow server
// explains that.
type Throttle struct {
	TestName string `json:"test_name"`
	Target   string `json:"target"`
	CC       string `json:"probe_cc"`
	ASN      uint32 `json:"probe_asn"`
	Slowness
	Elsewhere float64 `json:"elsewhere"` // median of the target's medians on networks of other countries, in bytes a second
	Networks  int     `json:"networks"`  // number of these networks
}

// elsewhereNetworks is on how many networks of other countries the target must have
// been measured.
const elsewhereNetworks = 3

// ThrottleFinder finds throttled targets. Its rows may be of any time in which
// networks stayed much the same, for instance a month. A report has one vote on a
// target's slowness. The zero value is ready to use.
type ThrottleFinder struct {
	paces map[pacePlace]*paceTally
}

type pacePlace struct {
	test, target string
	where        network
}

type paceTally struct {
	rates   []float32
	reports map[string]bool // reports of slow loads
}

// Add adds a row.
func (f *ThrottleFinder) Add(r *Row) {
	if !r.Votes() || r.BytesPerSecond <= 0 || r.State == Insufficient || r.State == Down {
		return
	}
	if f.paces == nil {
		f.paces = map[pacePlace]*paceTally{}
	}
	at := pacePlace{r.TestName, r.Target, network{r.CC, r.ASN}}
	t := f.paces[at]
	if t == nil {
		t = &paceTally{}
		f.paces[at] = t
	}
	if r.BytesPerSecond < throttleRate {
		report := r.Reporter()
		if t.reports[report] {
			return
		}
		if t.reports == nil {
			t.reports = map[string]bool{}
		}
		t.reports[strings.Clone(report)] = true
	}
	t.rates = append(t.rates, r.BytesPerSecond)
}

// Found returns the throttled targets, sorted. The order of rows does not matter.
func (f *ThrottleFinder) Found() []Throttle {
	medians := make(map[pacePlace]Pace, len(f.paces))
	others, elsewhere := map[pacePlace][]pacePlace{}, map[pacePlace][]pacePlace{}
	for at, t := range f.paces {
		medians[at] = Pace{BytesPerSecond: median32(t.rates)}
		line := pacePlace{test: at.test, where: at.where}
		others[line] = append(others[line], at)
		name := pacePlace{test: at.test, target: at.target}
		elsewhere[name] = append(elsewhere[name], at)
	}
	var found []Throttle
	for at, t := range f.paces {
		if len(t.reports) < throttleMeasured {
			continue
		}
		s := CompareThrottle(pacesOf(t.rates), choose(others[pacePlace{test: at.test, where: at.where}], medians, func(p pacePlace) bool { return p.target != at.target }))
		if !s.Throttled {
			continue
		}
		there := choose(elsewhere[pacePlace{test: at.test, target: at.target}], medians, func(p pacePlace) bool { return p.where.cc != at.where.cc })
		rate, n := medianRate(there)
		if n < elsewhereNetworks || rate < throttleTimes*s.Target {
			continue
		}
		found = append(found, Throttle{at.test, at.target, at.where.cc, at.where.asn, s, rate, n})
	}
	slices.SortFunc(found, func(a, b Throttle) int {
		return cmp.Or(cmp.Compare(a.TestName, b.TestName), cmp.Compare(a.Target, b.Target), cmp.Compare(a.CC, b.CC), cmp.Compare(a.ASN, b.ASN))
	})
	return found
}

// choose returns the medians of some places; each target, or network, counts once.
func choose(places []pacePlace, medians map[pacePlace]Pace, want func(pacePlace) bool) []Pace {
	var all []Pace
	for _, p := range places {
		if want(p) {
			all = append(all, medians[p])
		}
	}
	return all
}

func pacesOf(rates []float32) []Pace {
	all := make([]Pace, len(rates))
	for i, r := range rates {
		all[i].BytesPerSecond = float64(r)
	}
	return all
}

func median32(rates []float32) float64 {
	sorted := slices.Sorted(slices.Values(rates))
	return float64(sorted[len(sorted)/2])
}

// Explains reports whether the row is one of the slow loads. Judge, which sees a
// single measurement, calls it Impaired.
func (t *Throttle) Explains(r *Row) bool {
	return r.State == Impaired && r.TestName == t.TestName && r.Target == t.Target && r.CC == t.CC && r.ASN == t.ASN &&
		slices.ContainsFunc(r.Mechanisms, func(m string) bool { return strings.HasSuffix(m, ".throttle") })
}

// Raise sets the row's state to LikelyBlocked, which the other measurements show.
// It keeps the rule that found it slow.
func (t *Throttle) Raise(r *Row) {
	r.State = LikelyBlocked
	for _, at := range []*Layer{&r.TLS, &r.HTTP} {
		if strings.HasSuffix(at.Rule, "_slow") || strings.HasSuffix(at.Rule, "_pace") {
			at.Outcome = OutcomeBlocked
		}
	}
}
