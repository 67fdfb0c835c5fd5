package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// Scenario is one way in which orders are obeyed and measured. The worlds of the
// benchmark mix everything. A scenario keeps one thing fixed, so that its figures
// show where the detector is right and where it is not. Nothing here is taken from
// the detector's own model.
type Scenario struct {
	Name      string
	Networks  int
	PerDay    float64 // measurements a day of one target on one network, on average
	Unequal   bool    // the k-th network has 1/k of the first network's measurements
	Share     float64 // share of the networks that obey; 0: all
	Obey      obedience
	Banned    int           // targets that are banned together
	Fine      int           // targets that are not banned
	Hours     [2]int        // the ban holds from the first hour to the second, UTC; always if they are equal
	Weekdays  bool          // and only from Monday to Friday
	Ramp      time.Duration // time in which the ban grows to its full strength
	Strength  float64       // share of the measurements that fail; 0: 0.93 to 0.99
	Soft      float64       // share of the failed measurements that are impaired
	Bare      bool          // daily counts without networks and reports
	Gap       time.Duration // time without measurements, around the onset or the end
	Surge     float64       // factor for the number of measurements in the first days of the ban
	Hosts     int           // hosts of each target, of which only the first is banned; 0: one
	Lulls     bool
	Resolvers bool // a quarter of the people ask a resolver that tells the truth
}

// obedience says how the networks follow an order.
type obedience uint8

const (
	atOnce     obedience = iota
	hours                // exponential, two hours on average
	days                 // exponential, a day on average
	logNormal            // median six hours, with a long tail
	groups               // operators share a box: one time for every few networks
	firstMover           // one network is days ahead of all others
)

// Scenarios are the scenarios that are reported.
var Scenarios = []Scenario{
	{Name: "at once, 1 network", Networks: 1, PerDay: 6},
	{Name: "at once, 3 networks", Networks: 3, PerDay: 6},
	{Name: "at once, 6 networks", Networks: 6, PerDay: 6},
	{Name: "at once, 12 networks", Networks: 12, PerDay: 6},
	{Name: "at once, 20 networks", Networks: 20, PerDay: 6},
	{Name: "at once, 40 networks", Networks: 40, PerDay: 6},
	{Name: "at once, 60 networks", Networks: 60, PerDay: 4},
	{Name: "at once, 12 sparse networks", Networks: 12, PerDay: 0.8},
	{Name: "at once, 15 unequal networks", Networks: 15, PerDay: 12, Unequal: true},
	{Name: "within hours, 12 networks", Networks: 12, PerDay: 6, Obey: hours},
	{Name: "within days, 3 networks", Networks: 3, PerDay: 6, Obey: days},
	{Name: "within days, 12 networks", Networks: 12, PerDay: 6, Obey: days},
	{Name: "within days, 15 unequal networks", Networks: 15, PerDay: 12, Unequal: true, Obey: days},
	{Name: "log-normal, 12 networks", Networks: 12, PerDay: 6, Obey: logNormal},
	{Name: "groups of operators, 12 networks", Networks: 12, PerDay: 6, Obey: groups},
	{Name: "groups of operators, 40 networks", Networks: 40, PerDay: 3, Obey: groups},
	{Name: "a first mover, 8 networks", Networks: 8, PerDay: 6, Obey: firstMover},
	{Name: "a first mover, 30 networks", Networks: 30, PerDay: 4, Obey: firstMover},
	{Name: "a third of 15 networks", Networks: 15, PerDay: 6, Share: 0.33},
	{Name: "one provider, one platform", Networks: 1, PerDay: 9, Fine: 3},
	{Name: "one provider, 8 of 10 platforms", Networks: 1, PerDay: 9, Banned: 8, Fine: 2},
	{Name: "one provider, 6 of 6 platforms", Networks: 1, PerDay: 9, Banned: 6},
	{Name: "one provider, 10 of 10 platforms", Networks: 1, PerDay: 3, Banned: 10},
	{Name: "two providers, 6 of 6 platforms", Networks: 2, PerDay: 6, Banned: 6},
	{Name: "4 platforms, 3 networks", Networks: 3, PerDay: 6, Banned: 4, Fine: 3},
	{Name: "12 platforms, 4 networks", Networks: 4, PerDay: 4, Banned: 12, Fine: 4},
	{Name: "8 platforms, one of 5 networks", Networks: 5, PerDay: 6, Share: 0.2, Banned: 8, Fine: 2},
	{Name: "throttled, 6 networks", Networks: 6, PerDay: 6, Strength: 0.65, Soft: 0.5},
	{Name: "throttled, 1 network", Networks: 1, PerDay: 9, Strength: 0.65, Soft: 0.5},
	{Name: "throttled, 3 platforms on 3 networks", Networks: 3, PerDay: 6, Banned: 3, Strength: 0.65, Soft: 0.5},
	{Name: "impaired only, 6 networks", Networks: 6, PerDay: 6, Soft: 0.9},
	{Name: "own resolvers, 4 networks", Networks: 4, PerDay: 8, Resolvers: true},
	{Name: "counts only", Networks: 6, PerDay: 6, Bare: true},
	{Name: "gaps at the edges", Networks: 4, PerDay: 6, Gap: 4 * 24 * time.Hour},
	{Name: "reporters come for the ban", Networks: 6, PerDay: 2, Surge: 10},
	{Name: "lulls, 4 networks", Networks: 4, PerDay: 6, Lulls: true},
	{Name: "one of two hosts, 4 networks", Networks: 4, PerDay: 6, Hosts: 2},
	{Name: "exams, 4 hours on weekdays", Networks: 4, PerDay: 24, Hours: [2]int{8, 12}, Weekdays: true},
	{Name: "nights, 8 hours", Networks: 4, PerDay: 12, Hours: [2]int{20, 4}},
	{Name: "grows over ten days", Networks: 4, PerDay: 6, Ramp: 10 * 24 * time.Hour},
	{Name: "grows over three days, 8 networks", Networks: 8, PerDay: 6, Ramp: 3 * 24 * time.Hour},
	{Name: "sparse, 1 a day", Networks: 3, PerDay: 0.33},
}

// Story is one invented history of a scenario: a country's rows and its one ban.
type Story struct {
	Rows     []verdict.Row
	Targets  []string // the banned targets
	Networks []uint32 // the networks that obeyed
	From, To time.Time
	End      time.Time // end of the window
	bare     bool
}

// teller makes a story.
type teller struct {
	Scenario
	rng          *rand.Rand
	story        *Story
	start        time.Time
	begins, ends map[uint32]time.Time
	strength     float64
	lulls        []span
	gaps         []span
	falseBad     float64
	unclear      float64
	mechanism    string
	n            int
}

// Tell makes a story of the scenario. The same seed makes the same story.
func (s Scenario) Tell(seed uint64) *Story {
	h := uint64(0)
	for _, c := range s.Name {
		h = h*1099511628211 + uint64(c)
	}
	if s.Banned == 0 {
		s.Banned = 1
	}
	t := &teller{Scenario: s, rng: rand.New(rand.NewPCG(seed, h)), start: time.Date(2024, 1, 8, 0, 0, 0, 0, time.UTC),
		begins: map[uint32]time.Time{}, ends: map[uint32]time.Time{}}
	t.story = &Story{End: t.start.AddDate(0, 0, 90), bare: s.Bare}
	t.falseBad, t.unclear = 0.005+0.025*t.rng.Float64(), 0.02+0.06*t.rng.Float64()
	t.strength = s.Strength
	if t.strength == 0 {
		t.strength = 0.93 + 0.06*t.rng.Float64()
	}
	t.mechanism = []string{"dns.injection", "tls.reset", "tcp.timeout", "http.blockpage"}[t.rng.IntN(4)]
	if s.Resolvers {
		t.mechanism = "dns.injection"
	}
	t.order()
	for d := t.start; d.Before(t.story.End); d = d.AddDate(0, 0, 1) {
		for i := range s.Networks {
			t.day(d, i)
		}
	}
	return t.story
}

// order decides which networks obey, from when until when.
func (t *teller) order() {
	rng := t.rng
	from := t.start.Add(time.Duration((35 + 15*rng.Float64()) * 24 * float64(time.Hour)))
	length := time.Duration((6 + 16*rng.Float64()) * 24 * float64(time.Hour))
	if t.Obey == days || t.Obey == groups || t.Obey == firstMover || t.Ramp > 0 || t.PerDay < 1 {
		length += 10 * 24 * time.Hour
	}
	if t.Hours[0] != t.Hours[1] {
		length = time.Duration(14+rng.IntN(10)) * 24 * time.Hour
	}
	share := t.Share
	if share == 0 {
		share = 1
	}
	var asns []uint32
	for i := range t.Networks {
		asns = append(asns, 64512+uint32(i))
	}
	rng.Shuffle(len(asns), func(i, j int) { asns[i], asns[j] = asns[j], asns[i] })
	asns = asns[:max(1, int(share*float64(len(asns))+0.5))]
	late := t.lags(len(asns))
	early := t.lags(len(asns))
	story := t.story
	for i, a := range asns {
		t.begins[a] = from.Add(late[i])
		t.ends[a] = from.Add(length + early[i])
		if i == 0 || t.begins[a].Before(story.From) {
			story.From = t.begins[a]
		}
		if t.ends[a].After(story.To) {
			story.To = t.ends[a]
		}
	}
	if t.Hours[0] != t.Hours[1] { // the first and the last time at which it holds
		story.From, story.To = t.scheduled(story.From, story.To)
	}
	slices.Sort(asns)
	story.Networks = asns
	for k := range t.Banned {
		story.Targets = append(story.Targets, fmt.Sprintf("platform-%02d", k))
	}
	if t.Lulls {
		for range 1 + rng.IntN(3) {
			at := from.Add(24*time.Hour + time.Duration(rng.Int64N(int64(length-72*time.Hour))))
			t.lulls = append(t.lulls, span{at, at.Add(time.Duration((2 + 38*rng.Float64()) * float64(time.Hour)))})
		}
	}
	if t.Gap > 0 {
		for _, at := range []time.Time{story.From, story.To} {
			if g := at.Add(-time.Duration(rng.Float64() * float64(t.Gap))); rng.Float64() < 0.7 {
				t.gaps = append(t.gaps, span{g, g.Add(t.Gap)})
			}
		}
	}
}

// scheduled returns when a ban of certain hours first and last holds.
func (t *teller) scheduled(from, to time.Time) (time.Time, time.Time) {
	const step = time.Minute
	for from = from.Truncate(step); !t.inForce(from); {
		from = from.Add(step)
	}
	for to = to.Truncate(step); !t.inForce(to.Add(-step)); {
		to = to.Add(-step)
	}
	return from, to
}

// inForce reports whether the schedule holds at a time.
func (t *teller) inForce(at time.Time) bool {
	a, b, h := t.Hours[0], t.Hours[1], at.Hour()
	if t.Weekdays && (at.Weekday() == time.Saturday || at.Weekday() == time.Sunday) {
		return false
	}
	return a == b || a < b && h >= a && h < b || a > b && (h >= a || h < b)
}

// lags returns the times after which n networks follow.
func (t *teller) lags(n int) []time.Duration {
	rng := t.rng
	out := make([]time.Duration, n)
	hour := float64(time.Hour)
	var lag float64
	for i := range out {
		switch t.Obey {
		case hours:
			lag = 2 * hour * rng.ExpFloat64()
		case days:
			lag = 24 * hour * rng.ExpFloat64()
		case logNormal:
			lag = 6 * hour * math.Exp(1.3*rng.NormFloat64())
		case groups:
			if i%4 == 0 {
				lag = 72 * hour * rng.Float64()
			}
		case firstMover:
			if i == 0 {
				lag = 0
			} else if i == 1 {
				lag = (2 + 4*rng.Float64()) * 24 * hour
			}
		default:
			lag = 0
		}
		out[i] = min(time.Duration(lag), 9*24*time.Hour)
	}
	return out
}

// day draws the reports of one network on one day.
func (t *teller) day(d time.Time, i int) {
	rng := t.rng
	rate := t.PerDay
	if t.Unequal {
		rate /= float64(i + 1)
	}
	asn := 64512 + uint32(i)
	if after := d.Sub(t.story.From).Hours() / 24; t.Surge > 0 && after > -1 {
		rate *= 1 + (t.Surge-1)*math.Exp(-math.Max(after, 0)/4)
	}
	for range poisson(rng, rate) {
		at := d.Add(hourOfDay(rng))
		if within(t.gaps, at) {
			continue
		}
		t.n++
		person := rng.IntN(3)
		resolver := asn
		public := t.Resolvers && rng.Float64() < 0.25
		if public {
			resolver = 15169
		}
		for k := range t.Banned + t.Fine {
			if rng.Float64() < 0.15 {
				continue
			}
			for host := range max(1, t.Hosts) {
				t.measure(at.Add(time.Duration(k*9+host)*time.Second), asn, resolver, person, k, host, public)
			}
		}
	}
}

// measure draws one measurement.
func (t *teller) measure(at time.Time, asn, resolver uint32, person, k, host int, public bool) {
	rng := t.rng
	target := fmt.Sprintf("platform-%02d", k)
	r := verdict.Row{UID: fmt.Sprintf("u%d-%d-%d", t.n, k, host), ReportID: fmt.Sprintf("r%d", t.n), Time: at, CC: "ZZ", ASN: asn, ResolverASN: resolver,
		TestName: "web_connectivity", Target: target, Domain: fmt.Sprintf("h%d.%s.example", host, target), Ruleset: "bench",
		Software: fmt.Sprintf("probe/3.%d", 10+person), State: verdict.OK}
	bad := k < t.Banned && host == 0 && !public && t.banned(asn, at) && rng.Float64() < t.force(asn, at)
	switch x := rng.Float64(); {
	case bad && rng.Float64() < max(t.Soft, 0.05):
		r.State, r.Mechanisms = verdict.Impaired, []string{t.mechanism}
	case bad:
		r.State, r.Mechanisms = verdict.Blocked, []string{t.mechanism}
	case x < t.falseBad:
		r.State, r.Mechanisms = verdict.Blocked, []string{"http"}
	case x < t.falseBad+t.unclear:
		r.State = verdict.Impaired
	case x < t.falseBad+t.unclear+0.03:
		r.State = verdict.Insufficient
	}
	t.story.Rows = append(t.story.Rows, r)
}

// banned reports whether the order is in force on a network.
func (t *teller) banned(asn uint32, at time.Time) bool {
	begin, ok := t.begins[asn]
	return ok && !at.Before(begin) && at.Before(t.ends[asn]) && !within(t.lulls, at) && t.inForce(at)
}

// force returns the share of the measurements that fail.
func (t *teller) force(asn uint32, at time.Time) float64 {
	if t.Ramp == 0 {
		return t.strength
	}
	return t.strength * math.Min(1, 0.1+0.9*float64(at.Sub(t.begins[asn]))/float64(t.Ramp))
}

// Cells returns the story as cells: by hour or, for counts, by day.
func (s *Story) Cells() []series.Cell {
	if !s.bare {
		b := series.NewBuilder(series.Hour).WithParts()
		for i := range s.Rows {
			b.Add(&s.Rows[i])
		}
		return b.Cells()
	}
	type key struct {
		target string
		day    int64
	}
	sums := map[key]*series.Cell{}
	for i := range s.Rows {
		r := &s.Rows[i]
		k := key{r.Target, r.Time.Unix() / 86400 * 86400}
		c := sums[k]
		if c == nil {
			c = &series.Cell{Target: r.Target, CC: r.CC, Start: k.day, Span: 86400}
			sums[k] = c
		}
		c.Measurements++
		switch r.State {
		case verdict.OK:
			c.OK++
			c.VoteOK += series.Vote
		case verdict.Blocked:
			c.Blocked++
			c.VoteBlocked += series.Vote
		case verdict.Impaired:
			c.Impaired++
			c.VoteImpaired += series.Vote
		default:
			c.Insufficient++
		}
	}
	var out []series.Cell
	for _, c := range sums {
		out = append(out, *c)
	}
	series.Sort(out)
	return out
}

// Outcome says how well the stories of a scenario were understood.
type Outcome struct {
	Scenario          string
	Stories, Found    int
	Events, Right     int // events that were found, and those of them that overlap the ban
	OnsetIn, OnsetOf  int
	EndIn, EndOf      int // of bans that are reported as over
	NetsHit, NetsSaid int
	NetsTrue          int
	Grouped           int      // reported as one event of exactly the banned targets
	Over              int      // reported as over, which they are
	Flaws             []string // laws that events break (event.Check)
	Wide              []float64
	Off               []string
}

// Method finds the events of a story. Its error ends Try.
type Method func(*Story) ([]event.Event, error)

// Detector is the method of package event. It returns no error.
func Detector(s *Story) ([]event.Event, error) {
	return event.Detect(s.Cells(), time.Time{}).Events, nil
}

// Try makes stories of a scenario, one for each seed, and scores what a method
// finds. The event that shares most time with the ban is its match; other events
// are pieces of it or wrong.
func (s Scenario) Try(seeds []uint64, find Method) (*Outcome, error) {
	o := &Outcome{Scenario: s.Name}
	for _, seed := range seeds {
		story := s.Tell(seed)
		found, err := find(story)
		if err != nil {
			return nil, fmt.Errorf("scenario %q, seed %d: %w", s.Name, seed, err)
		}
		o.add(story, found, seed)
	}
	return o, nil
}

func (o *Outcome) add(s *Story, found []event.Event, seed uint64) {
	o.Stories++
	var best *event.Event
	var most time.Duration
	for i := range found {
		e := &found[i]
		o.Events++
		for _, f := range e.Flaws {
			o.Flaws = append(o.Flaws, fmt.Sprintf("seed %d: %s: %s", seed, e.ID, f))
		}
		from, to := *e.Onset.Latest, s.End
		if e.Onset.Earliest != nil {
			from = *e.Onset.Earliest
		}
		if e.End != nil {
			to = *e.End.Latest
		}
		common := minTime(to, s.To).Sub(maxTime(from, s.From))
		if !slices.ContainsFunc(e.Targets, func(t string) bool { return slices.Contains(s.Targets, t) }) || common <= 0 {
			continue
		}
		o.Right++
		if common > most {
			best, most = e, common
		}
	}
	if best == nil {
		o.Off = append(o.Off, fmt.Sprintf("seed %d: not found", seed))
		return
	}
	o.Found++
	o.match(s, best, seed)
}

func (o *Outcome) match(s *Story, e *event.Event, seed uint64) {
	o.OnsetOf++
	if holds(&e.Onset, s.From) {
		o.OnsetIn++
	} else {
		o.Off = append(o.Off, fmt.Sprintf("seed %d: true onset %s, said %s", seed, s.From.Format(time.DateTime), e.Onset))
	}
	if e.Onset.Earliest != nil {
		o.Wide = append(o.Wide, e.Onset.Latest.Sub(*e.Onset.Earliest).Hours())
	}
	if e.End != nil {
		o.Over++
		o.EndOf++
		if holds(e.End, s.To) {
			o.EndIn++
		} else {
			o.Off = append(o.Off, fmt.Sprintf("seed %d: true end %s, said %s", seed, s.To.Format(time.DateTime), *e.End))
		}
	} else {
		o.Off = append(o.Off, fmt.Sprintf("seed %d: %s, no end", seed, e.State))
	}
	if len(e.Networks) > 0 {
		o.NetsSaid += len(e.Networks)
		o.NetsTrue += len(s.Networks)
		for _, a := range s.Networks {
			if slices.Contains(e.Networks, network.Name(a)) {
				o.NetsHit++
			}
		}
		for _, n := range e.Networks {
			if !slices.ContainsFunc(s.Networks, func(a uint32) bool { return network.Name(a) == n }) {
				o.Off = append(o.Off, fmt.Sprintf("seed %d: %s named beside %v", seed, n, s.Networks))
			}
		}
	}
	if slices.Equal(e.Targets, s.Targets) {
		o.Grouped++
	}
}

// holds reports whether an interval with both bounds holds a moment.
func holds(i *event.Interval, at time.Time) bool {
	return i.Earliest != nil && i.Latest != nil && !i.Earliest.After(at) && !i.Latest.Before(at)
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
