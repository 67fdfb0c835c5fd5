package trial

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/bandish/bandish/internal/lab"
	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/network"
)

// Visit is one measurement of the demonstration: when, from which network, of what, and
// what the censor does at that time.
type Visit struct {
	Time  time.Time
	ASN   uint32 // a private ASN (RFC 6996)
	Input string
	Rules []lab.Rule
	Dark  bool // nothing passes; the measurement is submitted when the line is back
	Seed  uint64
}

// The networks of the lab's country.
var networks = []uint32{lab.ClientASN, lab.ClientASN + 1, lab.ClientASN + 2}

// episode is a part of the demonstration: from one day up to, but without, another, on
// some networks. Days count from its beginning.
type episode struct {
	host     string
	from, to int
	on       []uint32 // empty: on all networks
	rules    []lab.Rule
}

// demoDays is how many days the demonstration lasts.
const demoDays = 28

// episodes lists what happens in the demonstration's country. None of it happened
// anywhere.
func episodes() []episode {
	at := func(host string, port uint16) lab.When {
		return lab.When{Names: []string{host}, Ports: []uint16{port}}
	}
	lie := func(host string) []lab.Rule {
		return []lab.Rule{{When: at(host, 53), Do: lab.Forge{Addrs: []netip.Addr{netip.MustParseAddr("10.10.34.34")}}}}
	}
	return []episode{
		// x.com: on two networks of three, first the resolvers lie, then the server name
		// is blocked. One of the two stops blocking.
		{"x.com", 8, 12, []uint32{networks[0]}, lie("x.com")},
		{"x.com", 10, demoDays, []uint32{networks[1]}, []lab.Rule{{When: at("x.com", 443), Do: lab.Reset{}}}},
		{"x.com", 12, 23, []uint32{networks[0]}, []lab.Rule{{When: at("x.com", 443), Do: lab.Reset{}}}},
		// facebook.com: for five days all resolvers say that the name does not exist.
		{"facebook.com", 14, 19, nil, []lab.Rule{{When: at("facebook.com", 53), Do: lab.Forge{RCode: dns.RcodeNameError}}}},
		// telegram.org: from a day on, its packets are lost on one network.
		{"telegram.org", 20, demoDays, []uint32{networks[2]}, []lab.Rule{{When: lab.When{Sites: []string{"telegram.org"}, Transport: "tcp"}, Do: lab.Drop{}}}},
		// wikipedia.org: for a day its own server is broken, as the helper sees too
		// (brokenDay). Also, one network is dark for two days (dark).
	}
}

// dark reports whether nothing passes on a network on a day, as when a government shuts
// the internet off. A probe keeps what it measures then, and submits it when the line is
// back. Such measurements prove nothing about any site.
func dark(day int, asn uint32) bool { return asn == networks[1] && (day == 5 || day == 6) }

// brokenDay is the day on which the lab's wikipedia.org has an expired certificate. Nobody
// blocks it.
const brokenDay = 17

const brokenHost = "expired." + "wikipedia.org"

// DemoSites returns the sites of the demonstration. Their names are those of real
// platforms, so that its pages look as real ones would. The servers are the lab's.
func DemoSites() []lab.Site {
	return []lab.Site{
		{Name: "x.com", QUIC: true}, {Name: "facebook.com", QUIC: true}, {Name: "telegram.org", QUIC: true},
		{Name: "wikipedia.org", QUIC: true}, {Name: brokenHost, Cert: lab.CertExpired},
	}
}

// DemoVisits plans the demonstration's measurements: perDay of each site on each network.
// The last ones are just before end.
func DemoVisits(end time.Time, perDay int) []Visit {
	begin := end.UTC().Truncate(24*time.Hour).AddDate(0, 0, -demoDays)
	var visits []Visit
	for day := range demoDays {
		for n := range perDay {
			for i, asn := range networks {
				for j, host := range []string{"x.com", "facebook.com", "telegram.org", "wikipedia.org"} {
					// Spread over the day, and at different minutes.
					minutes := (24*60/perDay)*n + 37*i + 11*j + (day*53)%60
					v := Visit{
						Time: begin.AddDate(0, 0, day).Add(time.Duration(minutes) * time.Minute),
						ASN:  asn, Input: "https://" + host + "/", Seed: uint64(len(visits)),
					}
					if host == "wikipedia.org" && day == brokenDay {
						v.Input = "https://" + brokenHost + "/"
					}
					if dark(day, asn) {
						v.Dark = true
						visits = append(visits, v)
						continue
					}
					for _, e := range episodes() {
						if e.host == host && e.from <= day && day < e.to && e.covers(asn) {
							v.Rules = append(v.Rules, e.rules...)
						}
					}
					visits = append(visits, v)
				}
			}
		}
	}
	return visits
}

func (e *episode) covers(asn uint32) bool {
	for _, n := range e.on {
		if n == asn {
			return true
		}
	}
	return len(e.on) == 0
}

// Origin stands in the annotations of every measurement that was taken in the lab.
const Origin = "bandish-lab"

// Slow reports whether a visit mostly waits for packets that are lost.
func (v *Visit) Slow() bool {
	return v.Dark || slices.ContainsFunc(v.Rules, func(r lab.Rule) bool { _, drops := r.Do.(lab.Drop); return drops })
}

// Visit measures with a clock that shows the visit's time. If the machine stalled
// meanwhile, it measures again, up to four times in all.
func (f *Field) Visit(ctx context.Context, v Visit, pace *Pace) (*measurement.Measurement, error) {
	rules := v.Rules
	if v.Dark {
		rules = []lab.Rule{{Do: lab.Drop{}}}
	}
	c, err := f.Lab.Client(lab.Line{Rules: rules, Seed: v.Seed})
	if err != nil {
		return nil, fmt.Errorf("measure %s: %w", v.Input, err)
	}
	defer c.Close()
	cfg := f.Config(c, c.Addrs()...)
	cfg.Place = probe.Place{CC: "ZZ", ASN: network.ASN(v.ASN), Network: fmt.Sprintf("Bandish lab %d", v.ASN)}
	var m *measurement.Measurement
	for range 4 {
		pace.KeepUp(ctx)
		began := time.Now()
		cfg.Now = func() time.Time { return v.Time.Add(time.Since(began)) }
		if m, err = probe.Run(ctx, cfg, v.Input); err != nil {
			return nil, err
		}
		if !pace.Stalled(began) {
			break
		}
	}
	m.Annotations.Origin = Origin
	m.ReportID = fmt.Sprintf("%s_webconnectivity_ZZ_%d_n1_%016d", v.Time.Format("20060102T150405Z"), v.ASN, v.Seed)
	return m, nil
}

// Visits makes the measurements of the visits, and calls done with each, in any order but
// one at a time. Visits that mostly wait run beside the others.
func (f *Field) Visits(ctx context.Context, visits []Visit, done func(i int, m *measurement.Measurement)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pace := NewPace()
	defer pace.Close()
	var all sync.WaitGroup
	var one sync.Mutex
	slow, quick := make(chan int), make(chan int)
	for queue, workers := range map[chan int]int{slow: 16, quick: 8 * runtime.GOMAXPROCS(0)} {
		all.Go(func() {
			defer close(queue)
			for i := range visits {
				if visits[i].Slow() != (queue == slow) {
					continue
				}
				select {
				case queue <- i:
				case <-ctx.Done():
					return
				}
			}
		})
		for range workers {
			all.Go(func() {
				for i := range queue {
					m, err := f.Visit(ctx, visits[i], pace)
					if err != nil {
						cancel(err)
						return
					}
					one.Lock()
					done(i, m)
					one.Unlock()
				}
			})
		}
	}
	all.Wait()
	return context.Cause(ctx)
}

// Submit hands measurements to the collector over the lab's network, several at a time, as
// their probes would. What was measured in the dark is among them: by then the line is
// back.
func (f *Field) Submit(ctx context.Context, batch []*measurement.Measurement) error {
	c, err := f.Lab.Client(lab.Line{})
	if err != nil {
		return fmt.Errorf("submit %d measurements: %w", len(batch), err)
	}
	defer c.Close()
	wire := f.Config(c, c.Addrs()...).Wire
	site := probe.ControlSite{URL: "https://" + lab.HelperName, Addrs: f.Lab.Addrs(lab.HelperName)}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	slots := make(chan struct{}, 16)
	for _, m := range batch {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			var err error
			for range 5 { // on a busy machine connections time out
				if err = site.Post(ctx, &wire, "/api/v1/measurement", m, nil); err == nil || ctx.Err() != nil {
					return
				}
			}
			cancel(fmt.Errorf("submit %s: %w", m.ReportID, err))
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
