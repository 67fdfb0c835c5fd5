// Package bench makes histories of measurements whose truth is known, and scores
// detectors on them. Everything in it is invented: countries have codes that ISO
// 3166 leaves to users, networks have private numbers. The same seed makes the same
// history. Command table prints the scores.
package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/bandish/bandish/verdict"
)

// Planted is one ban that was put into a world: the truth.
type Planted struct {
	CC, Target string // Target "*": the whole country is dark
	From       time.Time
	To         time.Time // zero: to the end of the window
	Networks   []uint32
	PerDay     float64 // measurements a day of the target in the country, on average
	Partial    bool
	Throttled  bool
	Flaps      bool
	Artefact   bool // a change of the instrument or of the world, which must not be found
}

// World is the history of some countries.
type World struct {
	Start, End time.Time
	Countries  []Country
	Truth      []Planted
	Quiet      int // number of series without any ban
}

// Country holds one country's rows, report by report in order of time.
type Country struct {
	CC   string
	Rows []verdict.Row
}

// Size says how large a world is.
type Size struct {
	Countries, Targets, Days int
	BanShare                 float64 // share of the series with a ban, from 0 to 1
}

// provider is one network of a country.
type provider struct {
	asn    uint32
	weight float64
	dark   []span // when it is cut off
	own    uint32 // ASN of its resolver
	people []person
}

// person is somebody who runs a probe on a network.
type person struct {
	away   []span  // when the person does not measure
	public bool    // uses a public resolver
	lag    float64 // how many releases of the probe behind
}

type span struct{ from, to time.Time }

func (s span) has(t time.Time) bool { return !t.Before(s.from) && t.Before(s.to) }

func within(spans []span, t time.Time) bool {
	for _, s := range spans {
		if s.has(t) {
			return true
		}
	}
	return false
}

// plot is one target in one country.
type plot struct {
	target       string
	share        float64 // share of reports that test it
	falseBad     float64
	inconclusive float64
	away         []span // when the target is not on the list
	planted      []planted
	down         []span
	rotations    []span    // when its addresses change, and some answers look odd
	renamed      time.Time // zero: never
}

type planted struct {
	truth     Planted
	starts    map[uint32]time.Time
	ends      map[uint32]time.Time
	lulls     []span
	strength  float64
	impaired  float64
	mechanism string
}

// Generate makes a world. The same seed and size make the same world.
func Generate(seed uint64, size Size) *World {
	rng := rand.New(rand.NewPCG(seed, 0xba9d154))
	w := &World{Start: time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)}
	w.End = w.Start.AddDate(0, 0, size.Days)
	worldDown := make([][]span, size.Targets)
	for i := range worldDown {
		for range rng.IntN(4) {
			worldDown[i] = append(worldDown[i], w.stretch(rng, time.Hour, 18*time.Hour))
		}
	}
	glitch, glitchSpan := -1, span{}
	if rng.Float64() < 0.5 { // one target seems blocked everywhere in the world
		glitch, glitchSpan = rng.IntN(size.Targets), w.stretch(rng, 24*time.Hour, 10*24*time.Hour)
	}
	renamed := make([]time.Time, size.Targets)
	for i := range renamed {
		if rng.Float64() < 0.25 {
			renamed[i] = w.stretch(rng, time.Hour, 2*time.Hour).from
		}
	}
	for c := range size.Countries {
		g := &maker{renamed: renamed, w: w, rng: rand.New(rand.NewPCG(seed, uint64(c)+1)), cc: countryCode(c)}
		g.country(size, worldDown, glitch, glitchSpan)
	}
	return w
}

func countryCode(i int) string {
	if i < 26 {
		return "X" + string(rune('A'+i))
	}
	return "Q" + string(rune('M'+(i-26)%14))
}

// stretch returns a random span of the window, with a log-uniform length.
func (w *World) stretch(rng *rand.Rand, shortest, longest time.Duration) span {
	d := time.Duration(math.Exp(math.Log(float64(shortest)) + rng.Float64()*math.Log(float64(longest)/float64(shortest))))
	room := w.End.Sub(w.Start) - 40*24*time.Hour
	from := w.Start.Add(20 * 24 * time.Hour).Add(time.Duration(rng.Int64N(int64(room))))
	return span{from, from.Add(d)}
}

// maker makes one country.
type maker struct {
	w    *World
	rng  *rand.Rand
	cc   string
	nets []provider
	dark []span

	renamed []time.Time // by target
}

func (g *maker) country(size Size, worldDown [][]span, glitch int, glitchSpan span) {
	rng := g.rng
	total := 0.0
	for i := range 3 + rng.IntN(10) {
		n := provider{asn: 64512 + uint32(i), weight: 1 / float64(i+1), own: 64512 + uint32(i)}
		total += n.weight
		g.nets = append(g.nets, n)
	}
	perDay := math.Exp(rng.Float64()*math.Log(100)) * 0.6 // reports a day: 0.6 to 60
	for i := range g.nets {
		g.nets[i].settle(g.w, rng, perDay*g.nets[i].weight/total)
	}
	if most := perDay * g.nets[0].weight / total; rng.Float64() < 0.5 && most > 6 { // one network is cut off
		s := g.w.stretch(rng, 24*time.Hour, 8*24*time.Hour)
		g.nets[0].dark = append(g.nets[0].dark, s)
		g.w.Truth = append(g.w.Truth, Planted{CC: g.cc, Target: "*", From: s.from, To: s.to, Networks: []uint32{g.nets[0].asn}, PerDay: most})
	}
	if rng.Float64() < 0.25 && perDay > 6 {
		s := g.w.stretch(rng, 24*time.Hour, 8*24*time.Hour)
		g.dark = append(g.dark, s)
		var all []uint32
		for _, n := range g.nets {
			all = append(all, n.asn)
		}
		g.w.Truth = append(g.w.Truth, Planted{CC: g.cc, Target: "*", From: s.from, To: s.to, Networks: all, PerDay: perDay})
	}
	plots := make([]plot, size.Targets)
	for i := range plots {
		p := &plots[i]
		*p = plot{target: fmt.Sprintf("platform-%d", i), share: 0.4 + 0.6*rng.Float64(), falseBad: 0.01 + 0.04*rng.Float64(),
			inconclusive: 0.05 + 0.05*rng.Float64(), down: worldDown[i], renamed: g.renamed[i]}
		for range rng.IntN(3) {
			p.rotations = append(p.rotations, g.w.stretch(rng, 12*time.Hour, 7*24*time.Hour))
		}
		for range rng.IntN(3) {
			p.away = append(p.away, g.w.stretch(rng, 3*24*time.Hour, 21*24*time.Hour))
		}
		if rng.Float64() < size.BanShare {
			g.ban(p, perDay*p.share)
		} else {
			g.w.Quiet++
		}
		if i == glitch {
			p.planted = append(p.planted, g.everywhere(p.target, glitchSpan))
		}
	}
	g.w.Countries = append(g.w.Countries, Country{CC: g.cc, Rows: g.rows(plots, perDay, total)})
}

// settle gives a network the people who measure on it; rate is their reports a day.
func (n *provider) settle(w *World, rng *rand.Rand, rate float64) {
	for range 1 + int(rate/2) {
		p := person{public: rng.Float64() < 0.25, lag: rng.ExpFloat64() * 1.5}
		for range rng.IntN(3) {
			p.away = append(p.away, w.stretch(rng, 5*24*time.Hour, 40*24*time.Hour))
		}
		n.people = append(n.people, p)
	}
}

// everywhere returns an artefact that all networks of all countries show.
func (g *maker) everywhere(target string, s span) planted {
	b := planted{truth: Planted{CC: g.cc, Target: target, From: s.from, To: s.to, Artefact: true}, strength: 0.9, impaired: 0.1, mechanism: "http",
		starts: map[uint32]time.Time{}, ends: map[uint32]time.Time{}}
	for _, n := range g.nets {
		b.starts[n.asn], b.ends[n.asn] = s.from, s.to
	}
	g.w.Truth = append(g.w.Truth, b.truth)
	return b
}

// ban gives a target one ban or, rarely, two that are far apart.
func (g *maker) ban(p *plot, perDay float64) {
	rng := g.rng
	shortest, longest := 24*time.Hour, 20*24*time.Hour
	switch x := rng.Float64(); {
	case x < 0.15:
		shortest, longest = 8*time.Hour, 48*time.Hour
	case x < 0.5:
		shortest, longest = 20*24*time.Hour, 300*24*time.Hour
	}
	s := g.w.stretch(rng, shortest, longest)
	b := planted{strength: 0.93 + 0.06*rng.Float64(), impaired: 0.08, mechanism: []string{"dns.injection", "tls.reset", "tcp.timeout", "http.blockpage"}[rng.IntN(4)],
		starts: map[uint32]time.Time{}, ends: map[uint32]time.Time{}}
	b.truth = Planted{CC: g.cc, Target: p.target, From: s.from, To: s.to, PerDay: perDay}
	if rng.Float64() < 0.12 {
		b.truth.Throttled, b.mechanism = true, "throttling"
		b.strength, b.impaired = 0.55+0.25*rng.Float64(), 0.5
	}
	share := 1.0
	if rng.Float64() < 0.4 {
		share, b.truth.Partial = 0.3+0.5*rng.Float64(), true
	}
	staggered := rng.Float64() < 0.3
	for {
		for _, n := range g.nets {
			if rng.Float64() < share {
				b.truth.Networks = append(b.truth.Networks, n.asn)
			}
		}
		if len(b.truth.Networks) > 0 {
			break
		}
	}
	first := rng.IntN(len(b.truth.Networks))
	for i, asn := range b.truth.Networks {
		b.starts[asn], b.ends[asn] = s.from, s.to
		if staggered && i != first {
			lag := time.Duration(rng.ExpFloat64() * 24 * float64(time.Hour))
			b.starts[asn] = s.from.Add(min(lag, s.to.Sub(s.from)/2))
		}
	}
	if rng.Float64() < 0.3 && s.to.Sub(s.from) > 4*24*time.Hour {
		b.truth.Flaps = true
		for range 1 + rng.IntN(3) {
			at := s.from.Add(time.Duration(rng.Int64N(int64(s.to.Sub(s.from)))))
			lull := time.Duration((0.5 + 40*rng.Float64()*rng.Float64()) * float64(time.Hour))
			if at.Add(lull).Before(s.to.Add(-24 * time.Hour)) {
				b.lulls = append(b.lulls, span{at, at.Add(lull)})
			}
		}
	}
	if !b.truth.To.Before(g.w.End) {
		b.truth.To = time.Time{}
	}
	g.w.Truth = append(g.w.Truth, b.truth)
	p.planted = append(p.planted, b)
}

// rows draws the reports of all days.
func (g *maker) rows(plots []plot, perDay, total float64) []verdict.Row {
	rng := g.rng
	var out []verdict.Row
	campaign := g.w.stretch(rng, 2*24*time.Hour, 15*24*time.Hour)
	spike := 1.0
	if rng.Float64() < 0.3 {
		spike = 3 + 5*rng.Float64()
	}
	defect, defectNet, defectShare := span{}, g.nets[rng.IntN(len(g.nets))].asn, 0.9
	switch x := rng.Float64(); {
	case x < 0.2:
		defect = g.w.stretch(rng, 24*time.Hour, 6*24*time.Hour)
	case x < 0.3: // one of several probes of the network is broken for weeks
		defect, defectShare = g.w.stretch(rng, 7*24*time.Hour, 28*24*time.Hour), 0.4
	}
	switchAt := g.w.stretch(rng, time.Hour, 2*time.Hour).from // then a network changes its resolver
	switchNet := g.nets[rng.IntN(len(g.nets))].asn
	n := 0
	for d := g.w.Start; d.Before(g.w.End); d = d.AddDate(0, 0, 1) {
		rate := perDay
		if wd := d.Weekday(); wd == time.Saturday || wd == time.Sunday {
			rate *= 0.7
		}
		if campaign.has(d) {
			rate *= spike
		}
		for range poisson(rng, rate) {
			at := d.Add(hourOfDay(rng))
			net := g.pick(total)
			who := &net.people[rng.IntN(len(net.people))]
			if within(who.away, at) || within(net.dark, at) || within(g.dark, at) {
				continue
			}
			n++
			report := fmt.Sprintf("%s-%d", g.cc, n)
			resolver := net.own
			if who.public || net.asn == switchNet && at.After(switchAt) {
				resolver = 15169
			}
			broken := defect.has(at) && net.asn == defectNet && rng.Float64() < defectShare
			out = g.report(out, plots, session{at, net.asn, report, resolver, version(at, who.lag), broken})
		}
	}
	return out
}

// session holds what the measurements of one report have in common.
type session struct {
	at       time.Time
	asn      uint32
	report   string
	resolver uint32
	software string
	broken   bool
}

// report adds the rows of one session: it tests many of the targets, some more than
// once, and a renamed one for a while by both names.
func (g *maker) report(out []verdict.Row, plots []plot, s session) []verdict.Row {
	rng := g.rng
	for i := range plots {
		p := &plots[i]
		if rng.Float64() > p.share || within(p.away, s.at) {
			continue
		}
		times := 1
		if rng.Float64() < 0.1 {
			times = 2 + rng.IntN(4)
		}
		for k := range times {
			t := s.at.Add(time.Duration(i*7+k) * time.Second)
			for _, host := range p.hosts(t) {
				r := verdict.Row{UID: fmt.Sprintf("%s-%s-%d-%d", s.report, host, k, t.Unix()), ReportID: s.report, Time: t, CC: g.cc, ASN: s.asn,
					ResolverASN: s.resolver, TestName: "web_connectivity", Domain: host, Target: platformOf(host), Software: s.software, Ruleset: "bench"}
				p.judge(rng, &r, s.broken)
				out = append(out, r)
			}
		}
	}
	return out
}

// hosts returns the names by which a target is tested: for two months after a
// change of name, the old and the new.
func (p *plot) hosts(t time.Time) []string {
	before, after := p.target+".example", "new-"+p.target+".example"
	switch {
	case p.renamed.IsZero() || t.Before(p.renamed):
		return []string{before}
	case t.Before(p.renamed.AddDate(0, 0, 60)):
		return []string{before, after}
	}
	return []string{after}
}

// platformOf is the registry of the invented platforms: it returns the platform of
// a host.
func platformOf(host string) string {
	return strings.TrimSuffix(strings.TrimPrefix(host, "new-"), ".example")
}

// version returns a release of a probe; new releases spread over weeks.
func version(t time.Time, lag float64) string {
	releases := t.Sub(time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC)).Hours() / 24 / 60
	return fmt.Sprintf("probe/3.%d", max(0, int(releases-lag)))
}

// judge draws the verdict of a row.
func (p *plot) judge(rng *rand.Rand, r *verdict.Row, broken bool) {
	x := rng.Float64()
	if within(p.down, r.Time) {
		r.State = verdict.Down
		return
	}
	if broken {
		r.State, r.Mechanisms = verdict.Blocked, []string{"dns.nxdomain"}
		return
	}
	for i := range p.planted {
		b := &p.planted[i]
		start, ok := b.starts[r.ASN]
		if !ok || r.Time.Before(start) || !r.Time.Before(b.ends[r.ASN]) || within(b.lulls, r.Time) {
			continue
		}
		if x < b.strength {
			r.State, r.Mechanisms = verdict.Blocked, []string{b.mechanism}
			if rng.Float64() < b.impaired {
				r.State = verdict.Impaired
			}
			return
		}
		x = (x - b.strength) / (1 - b.strength)
	}
	unclear := p.inconclusive
	if within(p.rotations, r.Time) {
		unclear += 0.15
	}
	switch {
	case x < p.falseBad:
		r.State, r.Mechanisms = verdict.Blocked, []string{"http"}
	case x < p.falseBad+unclear-p.inconclusive*0.4:
		r.State = verdict.Impaired
	case x < p.falseBad+unclear:
		r.State = verdict.Insufficient
	default:
		r.State = verdict.OK
	}
}

func (g *maker) pick(total float64) *provider {
	x := g.rng.Float64() * total
	for i := range g.nets {
		if x -= g.nets[i].weight; x < 0 {
			return &g.nets[i]
		}
	}
	return &g.nets[0]
}

// hourOfDay draws a time of day; the evening is likelier.
func hourOfDay(rng *rand.Rand) time.Duration {
	for {
		h := rng.Float64() * 24
		if rng.Float64() < 0.55-0.4*math.Cos((h-3)/24*2*math.Pi) {
			return time.Duration(h * float64(time.Hour))
		}
	}
}

func poisson(rng *rand.Rand, mean float64) int {
	if mean > 60 {
		return max(0, int(mean+math.Sqrt(mean)*rng.NormFloat64()+0.5))
	}
	l, p, k := math.Exp(-mean), 1.0, 0
	for {
		if p *= rng.Float64(); p <= l {
			return k
		}
		k++
	}
}
