package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/country"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// Question asks how a target stands in a country.
type Question struct {
	CC     string
	Target string // platform id or host name
	Name   string // of the platform, for readers
	ASNs   []uint32
	Since  time.Time // of the timeline
	Until  time.Time // exclusive; zero: the last measurement
	Now    time.Time
}

// Answer is what the archive says to a question. The page, the terminal and
// the JSON show the same value.
type Answer struct {
	CC       string                   `json:"probe_cc"`
	Country  string                   `json:"country"`
	Target   string                   `json:"target"`
	Name     string                   `json:"name"`
	Sentence string                   `json:"sentence"`
	Standing series.Standing          `json:"standing"`
	Networks []series.NetworkStanding `json:"networks"`
	Days     []Day                    `json:"days"`                       // of the timeline, all networks together
	ByASN    map[uint32][]Day         `json:"-"`                          // the same by network
	Counts   []PublishedCounts        `json:"published_counts,omitempty"` // OONI's own daily counts, without measurements
	Ruleset  string                   `json:"ruleset"`
	Example  bool                     `json:"example,omitempty"` // country ZZ: made in a lab, no real network
	AgeDays  int                      `json:"age_days"`          // from the last measurement to now
}

// Day is one day of a timeline.
type Day struct {
	Date         string        `json:"date"`
	State        verdict.State `json:"state"` // insufficient below the floor of a day: one vote
	Blocked      uint32        `json:"blocked"`
	OK           uint32        `json:"ok"`
	Down         uint32        `json:"down"`
	Inconclusive uint32        `json:"inconclusive"`
	Measurements uint32        `json:"measurements"`
	Reports      uint32        `json:"reports"`
	UID          string        `json:"measurement_uid,omitempty"` // one to look at
}

// Answer asks the archive.
func (s *Store) Answer(ctx context.Context, q Question) (*Answer, error) {
	m, err := s.refresh(ctx)
	if err != nil {
		return nil, err
	}
	f := Filter{CC: q.CC, Target: q.Target, ASNs: q.ASNs, Until: q.Until}
	cells, err := s.Cells(ctx, f)
	if err != nil {
		return nil, err
	}
	f.Since = q.Since
	counts, err := s.Counts(ctx, f)
	if err != nil {
		return nil, err
	}
	a := &Answer{CC: q.CC, Country: Country(q.CC), Target: q.Target, Name: q.Name, Counts: counts, Ruleset: m.Ruleset, Example: q.CC == "ZZ"}
	if a.Name == "" {
		a.Name = q.Target
	}
	a.Standing, a.Networks = series.Stand(cells, q.Until)
	slices.SortStableFunc(a.Networks, byWeight)
	a.Days, a.ByASN = days(cells, q.Since)
	if !a.Standing.AsOf.IsZero() {
		a.AgeDays = max(0, int(q.Now.Sub(a.Standing.AsOf).Hours()/24))
	}
	a.Sentence = a.sentence()
	return a, nil
}

// byWeight puts networks that something was concluded about first, and of
// these the most measured.
func byWeight(x, y series.NetworkStanding) int {
	thin := func(n *series.NetworkStanding) int {
		if n.State == verdict.Insufficient {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(thin(&x), thin(&y)), cmp.Compare(y.Measurements, x.Measurements))
}

// Concluded are the networks with enough evidence for a state.
func (a *Answer) Concluded() []series.NetworkStanding {
	n := 0
	for n < len(a.Networks) && a.Networks[n].State != verdict.Insufficient {
		n++
	}
	return a.Networks[:n]
}

// Thin are the networks with too little evidence, those with any first.
func (a *Answer) Thin() []series.NetworkStanding { return a.Networks[len(a.Concluded()):] }

func days(cells []series.Cell, since time.Time) ([]Day, map[uint32][]Day) {
	byASN := map[uint32][]series.Cell{}
	var all []series.Cell
	for _, c := range cells {
		if !since.IsZero() && c.End() <= since.Unix() {
			continue
		}
		byASN[c.ASN] = append(byASN[c.ASN], c)
		all = append(all, c)
	}
	out := map[uint32][]Day{}
	for asn, cs := range byASN {
		out[asn] = daysOf(cs)
	}
	return daysOf(all), out
}

func daysOf(cells []series.Cell) []Day {
	var out []Day
	for _, c := range series.Days(cells) {
		d := Day{
			Date: time.Unix(c.Start, 0).UTC().Format(time.DateOnly), State: c.DayState(),
			Blocked: c.Blocked + c.Likely, OK: c.OK, Down: c.Down, Inconclusive: c.Impaired + c.Insufficient,
			Measurements: c.Measurements, Reports: c.Reports, UID: c.LastBadUID,
		}
		if d.State == verdict.OK || d.UID == "" {
			d.UID = c.LastOKUID
		}
		out = append(out, d)
	}
	return out
}

// Country is a country's English name.
func Country(cc string) string {
	if cc == "ZZ" {
		return "ZZ (no country: lab data)"
	}
	if name := country.Name(cc); name != "" {
		return name
	}
	return cc
}

// stateWords say a state in a sentence about "X in Pakistan".
var stateWords = map[verdict.State]string{
	verdict.Blocked:       "is blocked",
	verdict.LikelyBlocked: "is most likely blocked",
	verdict.Impaired:      "works badly or only at times, and the cause is not clear",
	verdict.Down:          "is down, for the control too: nobody seems to block it",
	verdict.OK:            "is reachable",
}

// sentence is the answer in words that a reporter could quote.
func (a *Answer) sentence() string {
	st := &a.Standing
	if st.AsOf.IsZero() {
		s := fmt.Sprintf("Nobody has measured %s in %s, as far as this archive knows.", a.Name, a.Country)
		if n := len(a.Counts); n > 0 {
			s += fmt.Sprintf(" OONI published counts for %s, without the measurements behind them.", plural(n, "day"))
		}
		return s
	}
	var b strings.Builder
	asOf := st.LastDay().Format("2 January 2006")
	if st.State == verdict.Insufficient {
		fmt.Fprintf(&b, "There are too few measurements to say whether %s was blocked in %s in the seven days to %s: there are %d, and %s.", a.Name, a.Country, asOf, st.Measurements, st.Missing)
	} else {
		fmt.Fprintf(&b, "As of %s, %s %s in %s", asOf, a.Name, stateWords[st.State], a.Country)
		enough, blocked := len(a.Concluded()), 0
		for _, n := range a.Networks {
			if n.State == verdict.Blocked || n.State == verdict.LikelyBlocked {
				blocked++
			}
		}
		switch {
		case blocked > 0 && (st.State == verdict.Blocked || st.State == verdict.LikelyBlocked):
			fmt.Fprintf(&b, " on %d of %s measured enough", blocked, plural(enough, "network"))
		case blocked > 0:
			fmt.Fprintf(&b, ", but on %d of %s measured enough it looks blocked", blocked, plural(enough, "network"))
		}
		b.WriteString(since(st.Since))
		if st.Blocked > 0 && len(st.Mechanisms) > 0 {
			fmt.Fprintf(&b, ", by %s", st.Mechanisms[0])
		}
		fmt.Fprintf(&b, ": of %s from %s on, %d were blocked, %d ok, %d down, %d inconclusive.", plural(int(st.Measurements), "measurement"), st.From.Format("2 January 2006"), st.Blocked, st.OK, st.Down, st.Inconclusive)
	}
	if a.AgeDays > 7 {
		fmt.Fprintf(&b, " That was %s ago: about today this archive knows nothing.", plural(a.AgeDays, "day"))
	}
	if a.Example {
		b.WriteString(" Country ZZ is an example made in a lab and says nothing about any real network.")
	}
	return b.String()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func since(b series.Bounds) string {
	const form = "2 January 2006 15:04"
	switch {
	case b.Latest.IsZero():
		return ""
	case b.Earliest.IsZero():
		return fmt.Sprintf(" since %s UTC or before (it was not measured otherwise)", b.Latest.Format(form))
	}
	return fmt.Sprintf(" since some time between %s and %s UTC", b.Earliest.Format(form), b.Latest.Format(form))
}
