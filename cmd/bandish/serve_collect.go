package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/collect"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/internal/server"
	"github.com/bandish/bandish/measurement"
)

// middleboxServices starts the services with which OONI's probes find middleboxes, for
// which an address is given. They run until ctx ends.
func middleboxServices(ctx context.Context, cfg *collect.Config, echo, headers string) error {
	start := func(address string, serve func(context.Context, net.Listener, *slog.Logger) error) error {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("serve: %w (choose another address)", err)
		}
		go func() {
			if err := serve(ctx, l, cfg.Log); err != nil {
				cfg.Log.Error("a service for probes ended", "err", err)
			}
		}()
		return nil
	}
	if echo != "" {
		if err := start(net.JoinHostPort(echo, "80"), collect.Echo); err != nil {
			return err
		}
		cfg.EchoAddr = echo
	}
	if headers != "" {
		if err := start(headers, collect.JSONHeaders); err != nil {
			return err
		}
		cfg.HeadersURL = "http://" + headers
	}
	return nil
}

// newCollector makes the collector and test helper over the pipeline. If places is "",
// networks are not known.
func newCollector(p *pipeline.Pipeline, cfg collect.Config, places string) (*collect.Server, error) {
	wire := probe.Wire{Now: time.Now}
	guard := &collect.Guard{Network: probe.Kernel{}}
	cfg.Helper, cfg.Now = collect.NewHelper(guard, wire, 32), time.Now
	if cfg.Archive == nil {
		cfg.Archive = submissions{p: p}
	}
	cfg.URLs = func(string, []string) []collect.TestURL { return platformURLs(p) }
	if places != "" {
		known, err := probe.OpenPlaces(strings.Split(places, ",")...) // stays open as long as the program runs
		if err != nil {
			return nil, fmt.Errorf("open the database of networks: %w", err)
		}
		cfg.Helper.ASN = func(a netip.Addr) uint32 { return uint32(known.Lookup(a).ASN) }
		cfg.Locate = func(a netip.Addr) collect.Place {
			at := known.Lookup(a)
			return collect.Place{CC: at.CC, ASN: uint32(at.ASN), Network: at.Network}
		}
	}
	return collect.New(cfg)
}

// platformURLs returns the registry's platforms as a test list.
func platformURLs(p *pipeline.Pipeline) []collect.TestURL {
	var out []collect.TestURL
	for _, t := range p.Targets.Platforms() {
		if hosts := t.HostNames(time.Now()); len(hosts) > 0 {
			out = append(out, collect.TestURL{URL: "https://" + hosts[0] + "/", Category: "GRP", CC: "ZZ"})
		}
	}
	return out
}

// submissions hands what the collector takes to the pipeline, and counts the outcomes.
type submissions struct {
	p       *pipeline.Pipeline
	metrics *server.Metrics
}

func (s submissions) Submit(ctx context.Context, doc []byte, from collect.Sender) (collect.Receipt, error) {
	r, err := s.p.Submit(ctx, doc, pipeline.Sender{CC: from.Place.CC, ASN: from.Place.ASN, Key: from.Key})
	s.metrics.Add("bandish_submissions_total", "outcome", outcomeOf(r, err))
	return receiptOf(r, err)
}

// outcomeOf names the outcome of a submission in one word.
func outcomeOf(r pipeline.Receipt, err error) string {
	var refused *pipeline.Rejected
	switch {
	case errors.As(err, &refused):
		return "refused"
	case errors.Is(err, pipeline.ErrOccupied):
		return "busy"
	case errors.Is(err, pipeline.ErrNoSpace):
		return "no_space"
	case errors.Is(err, context.Canceled):
		return "gone"
	case err != nil:
		return "failed"
	case r.New:
		return "added"
	}
	return "known"
}

// receiptOf turns the pipeline's answer into the collector's.
func receiptOf(r pipeline.Receipt, err error) (collect.Receipt, error) {
	var refused *pipeline.Rejected
	var undecoded *measurement.DecodeError
	if errors.As(err, &refused) && !errors.As(err, &undecoded) {
		err = &measurement.DecodeError{Reason: "refused", Hint: refused.Reason, Err: err}
	}
	if errors.Is(err, pipeline.ErrNoSpace) {
		err = fmt.Errorf("%w: %w", collect.ErrNoSpace, err)
	}
	if errors.Is(err, pipeline.ErrOccupied) {
		err = fmt.Errorf("%w: %w", collect.ErrOccupied, err)
	}
	out := collect.Receipt{UID: r.UID, SHA256: r.SHA256, Batch: r.Batch, Ledger: r.Ledger}
	if r.Ledger != "" {
		out.Entry = &r.Entry
	}
	return out, err
}
