package artefact

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/bandish/bandish/series"
)

// This file tells whether a change follows a label (a software version, a
// ruleset, a resolver) and not the time.

// Ratio holds the votes of one label before and after a change.
type Ratio struct{ BeforeBad, BeforeOK, AfterBad, AfterOK float64 }

func (r *Ratio) before() float64 { return r.BeforeBad + r.BeforeOK }

func (r *Ratio) after() float64 { return r.AfterBad + r.AfterOK }

// Label is a name on a network; Net is the network's index.
type Label struct {
	Net  int
	Name string
}

// Follows says in words that an onset follows a label of the kind; "" where it does
// not.
func Follows(kind series.Kind, by map[Label]*Ratio) string {
	ids := slices.SortedFunc(maps.Keys(by), func(a, b Label) int {
		return cmp.Or(cmp.Compare(a.Net, b.Net), strings.Compare(a.Name, b.Name))
	})
	var sum Ratio
	var overlap, rise float64
	leadBefore, leadAfter := map[int]float64{}, map[int]float64{} // votes of each network's most frequent label
	for _, id := range ids {
		r := by[id]
		sum.BeforeBad, sum.BeforeOK = sum.BeforeBad+r.BeforeBad, sum.BeforeOK+r.BeforeOK
		sum.AfterBad, sum.AfterOK = sum.AfterBad+r.AfterBad, sum.AfterOK+r.AfterOK
		leadBefore[id.Net], leadAfter[id.Net] = math.Max(leadBefore[id.Net], r.before()), math.Max(leadAfter[id.Net], r.after())
		if w := r.before() * r.after() / math.Max(r.before()+r.after(), 1e-9); w > 0 {
			overlap += w
			rise += w * (r.AfterBad/r.after() - r.BeforeBad/r.before())
		}
	}
	if sum.before() < set.Label.LeastBefore || sum.after() < set.Label.LeastAfter {
		return ""
	}
	switch {
	case overlap >= set.Label.Overlap && rise/overlap < set.Label.Rise:
		return fmt.Sprintf("follows the %s: where it stayed the same, nothing changed", kind)
	case overlap < set.Label.Apart && total(leadBefore) >= set.Label.Pure*sum.before() && total(leadAfter) >= set.Label.Pure*sum.after():
		return fmt.Sprintf("coincides with a change of %s", kind)
	}
	return ""
}

func total(m map[int]float64) float64 {
	sum := 0.0
	for _, k := range slices.Sorted(maps.Keys(m)) {
		sum += m[k]
	}
	return sum
}

// DNSOnly reports whether all mechanisms are of DNS.
func DNSOnly(mechanisms []string) bool {
	for _, m := range mechanisms {
		if !strings.HasPrefix(m, "dns") {
			return false
		}
	}
	return len(mechanisms) > 0
}
