package kit

import (
	"context"
	"fmt"
	"sync"

	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/verdict"
)

// If in a run of a list so many sites were tried and so few worked, sites are measured
// that nobody has a reason to block. They show whether the network lets through only
// approved sites.
const (
	suspectTried = 10
	suspectShare = 4 // how many sites fail for each that works
)

// suspectsAllowList reports whether a run looks like one behind an allow-list. It does not
// if nothing at all works: then there may be no network.
func (s *session) suspectsAllowList() bool {
	worked := 0
	for i := range s.verdicts {
		if s.verdicts[i].State == verdict.OK {
			worked++
		}
	}
	failed := len(s.verdicts) - worked
	return len(s.verdicts) >= suspectTried && worked > 0 && failed >= suspectShare*worked
}

// innocents measures the innocent sites, all at one time and as a browser would.
func (s *session) innocents(ctx context.Context) error {
	sites := verdict.Innocents()
	s.screen.printf("Few of them work. %d sites that nobody has a reason to block are tried as well.\n", len(sites))
	found := make([]*measurement.Measurement, len(sites))
	cfg := s.cfg
	cfg.Passive, cfg.OnNote = true, nil
	var all sync.WaitGroup
	for i, site := range sites {
		all.Go(func() {
			limited, cancel := context.WithTimeout(ctx, s.opts.maxTime)
			defer cancel()
			m, err := probe.Run(limited, cfg, "https://"+site.Site+"/")
			if err == nil {
				found[i] = m
			}
		})
	}
	all.Wait()
	for _, m := range found {
		if m == nil {
			continue
		}
		v, err := s.judge.conclude(m)
		if err != nil {
			return err
		}
		s.screen.printf("%s\n", sentence(m, v, s.cfg.Place.String()))
		if err := s.keep(m, v); err != nil {
			return err
		}
	}
	return nil
}

// regime returns a sentence if, after the run of a list, the network seems to let through
// only approved sites; else "".
func (s *session) regime(ctx context.Context) (string, error) {
	if !s.suspectsAllowList() {
		return "", nil
	}
	if err := s.innocents(ctx); err != nil {
		return "", err
	}
	for _, l := range verdict.AllowLists(s.verdicts) {
		return fmt.Sprintf("This network seems to let through only what is approved: of %d sites of unrelated owners that nobody has a reason to block %d fail by address or name; of all that was tried %d fail so and %d work. The failures say nothing of single sites.",
			l.Innocents, l.InnocentsFailed, l.Failed, l.Worked), nil
	}
	return "", nil
}
