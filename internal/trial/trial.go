// Package trial puts the real probe, the real test helper and the real verdict engine into
// the lab, and compares what they find with the truth.
//
// It only changes their configuration: short timeouts, the lab's certificates, and a
// helper without its guard, since the lab's addresses are not those of the public
// internet.
package trial

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/bandish/bandish/internal/collect"
	"github.com/bandish/bandish/internal/lab"
	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// Timeouts are the timeouts of probe and helper in the lab. They are short compared to
// those for the internet, and long compared to what a busy machine needs for a step.
var Timeouts = probe.Timeouts{
	DNS: 1200 * time.Millisecond, TCP: 1500 * time.Millisecond, TLS: 2 * time.Second, QUIC: 800 * time.Millisecond,
	HTTP: 5 * time.Second, Late: 250 * time.Millisecond,
}

// Field is a lab with a helper, ready for probes.
type Field struct {
	Lab     *lab.Lab
	outside *lab.Client
	helper  *collect.Helper
	verify  *observation.Verifier

	timeouts probe.Timeouts
}

// NewField starts a helper and a collector in the lab. Submissions go to the archive; a
// nil archive refuses them. The field now owns the lab.
func NewField(l *lab.Lab, archive collect.Archive) (*Field, error) {
	f := &Field{Lab: l, verify: observation.NewVerifier(), timeouts: Timeouts}
	if err := f.serve(archive); err != nil {
		l.Close()
		return nil, err
	}
	return f, nil
}

// serve starts helper and collector at the lab's address for them.
func (f *Field) serve(archive collect.Archive) error {
	var err error
	if f.outside, err = f.Lab.Outside(); err != nil {
		return err
	}
	if archive == nil {
		archive = noArchive{}
	}
	const many = 1 << 10 // the lab limits its own runs
	f.helper = collect.NewHelper(&collect.Guard{Network: f.outside, Unsafe: true},
		probe.Wire{Now: time.Now, Roots: f.Lab.RootCAs()}, many)
	f.helper.Wire.Timeouts = f.timeouts
	f.helper.ASN = lab.ASNOf
	server, err := collect.New(collect.Config{
		Archive: archive, Helper: f.helper, BaseURL: "https://" + lab.HelperName, Now: time.Now,
		Submissions: collect.NewLimiter(many, many, time.Now), Requests: collect.NewLimiter(many, many, time.Now), Quota: collect.NewQuota(0, 0, time.Now),
	})
	if err != nil {
		return err
	}
	return f.Lab.HandleHelper(server.Handler())
}

// noArchive refuses everything.
type noArchive struct{}

func (noArchive) Submit(context.Context, []byte, collect.Sender) (collect.Receipt, error) {
	return collect.Receipt{}, errors.New("this lab keeps no submissions")
}

// Close ends the lab.
func (f *Field) Close() { f.Lab.Close() }

// ControlURL is the address of the helper for probes in the lab.
const ControlURL = "https://" + lab.HelperName + "/api/v1/test-helper"

// Config configures a probe for a network of the lab. own are the addresses of its client.
func (f *Field) Config(n probe.Network, own ...netip.Addr) probe.Config {
	resolver, second := f.Lab.Addrs(lab.ResolverName)[0], f.Lab.Addrs(lab.Resolver2Name)[0]
	return probe.Config{
		Wire: probe.Wire{Network: n, Now: time.Now, Roots: f.Lab.RootCAs(), Timeouts: f.timeouts},
		Resolvers: probe.Resolvers{
			UDP: []netip.AddrPort{netip.AddrPortFrom(resolver, 53)},
			DoT: []probe.SecureResolver{{Name: lab.Resolver2Name, Addr: netip.AddrPortFrom(second, 853)}},
			DoH: []probe.SecureResolver{{Name: lab.ResolverName, Addr: netip.AddrPortFrom(resolver, 443), URL: "https://" + lab.ResolverName + "/dns-query"}},
		},
		Innocents: []probe.Innocent{{Name: lab.InnocentName}},
		Control:   &probe.ControlSite{URL: ControlURL, Addrs: f.Lab.Addrs(lab.HelperName)},
		Throttle:  probe.Throttle{Object: "https://" + lab.HelperName + "/api/v1/object?bytes=%d", Bytes: 80 << 10, Rounds: 1},
		Place:     probe.Place{CC: "ZZ", ASN: network.ASN(lab.ClientASN), Network: "Bandish lab"},
		Own:       own,
		Version:   "0.0.0-lab",
	}
}

// Result is one run, with its truth.
type Result struct {
	Scenario    lab.Scenario
	Seed        uint64
	Measurement *measurement.Measurement
	Rows        []observation.Row
	Verdict     verdict.Row
	Struck      []int // for each rule of the censor, how many flows it struck
	Mismatch    string
}

// Run measures one scenario with a new client. report is called with every step; it may be
// nil.
func (f *Field) Run(ctx context.Context, s lab.Scenario, seed uint64, report func(probe.Note)) (Result, error) {
	c, err := f.Lab.Client(lab.Line{Rules: s.Rules, Delay: s.Delay, IPv6: s.IPv6, Seed: seed})
	if err != nil {
		return Result{}, fmt.Errorf("run scenario %s: %w", s.Name, err)
	}
	defer c.Close()
	r, err := f.measure(ctx, c, s, report)
	r.Seed = seed
	return r, err
}

// measure measures the scenario from a client, and judges the result.
func (f *Field) measure(ctx context.Context, c *lab.Client, s lab.Scenario, report func(probe.Note)) (Result, error) {
	cfg := f.Config(c, c.Addrs()...)
	cfg.OnNote = report
	m, err := probe.Run(ctx, cfg, s.Input)
	if err != nil {
		return Result{}, fmt.Errorf("run scenario %s: %w", s.Name, err)
	}
	r := Result{Scenario: s, Measurement: m}
	if c.Censor != nil {
		r.Struck = c.Censor.Struck()
	}
	r.Rows, r.Verdict = f.Judge(m)
	r.Mismatch = s.Truth.Mismatch(Finding(&r.Verdict))
	return r, nil
}

// Judge judges a measurement in the same way as every submission.
func (f *Field) Judge(m *measurement.Measurement) ([]observation.Row, verdict.Row) {
	seen := observation.Observe(m, observation.Options{Verifier: f.verify})
	return seen.Rows, verdict.Judge(seen.Rows)
}

// Finding puts a verdict into the words of Truth.
func Finding(v *verdict.Row) lab.Finding {
	f := lab.Finding{State: string(v.State), Mechanisms: v.Mechanisms, Layers: map[string]string{}}
	for name, l := range map[string]verdict.Layer{"dns": v.DNS, "tcp": v.TCP, "tls": v.TLS, "http": v.HTTP, "quic": v.QUIC} {
		if l.Outcome != "" {
			f.Layers[name] = string(l.Outcome)
		}
	}
	return f
}
