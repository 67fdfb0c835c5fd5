package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/internal/shard"
	"github.com/bandish/bandish/verdict"
)

// A rebuild or a rescore may be shared by several processes, which need know nothing of
// each other. What is costly is cut into pieces, each a function of its inputs: of some
// raw batches their segments, of a month its merged segments and its counts. What a piece
// gives is kept aside under the hash of these inputs, so that it is made once, by whoever
// comes first. When all pieces are there, one process does what an ordinary rebuild does,
// and takes from them what it would have made itself.

// Crew says how a process takes part in a work that several share.
type Crew struct {
	Shard   shard.Shard
	Lease   time.Duration // how long a part waits for a worker that has died
	Holder  string        // another for each process
	Program string        // what must be the same for all who share: the build
	Group   int           // how many raw batches make a piece; 0 for as many as is usual
	// Waiting is told of the part that is waited for. It may be nil.
	Waiting func(*shard.HeldError)
}

// usualGroup is how many raw batches make a piece, unless told otherwise.
const usualGroup = 32

// lateBy is for how long those who come late to a work learn that it was ended; later
// they begin it anew.
const lateBy = time.Hour

// ending is the part that puts everything together.
var ending = shard.Shard{Number: 1, Of: 1}

// Ended tells how far a shared work is.
type Ended struct {
	Here   bool      `json:"here"`            // this process put it together
	Before time.Time `json:"before,omitzero"` // when another had done so before
	Left   int       `json:"left,omitempty"`  // parts that others have still to do
}

// shared is a work that several processes share.
type shared struct {
	p    *Pipeline
	crew Crew
	name string // of the work and of the program that does it
}

// piece is a part of a work: what it gives follows from key.
type piece struct {
	key   string
	place uint64            // decides whose part it is
	given []archive.Segment // what it is made from
	make  func(context.Context, *archive.Update) (note any, err error)
}

func (p *Pipeline) share(what string, c Crew) *shared {
	return &shared{p, c, what + "-" + hashOf(c.Program, verdict.Ruleset, p.fingerprints().ID(), p.defects().ID())[:16]}
}

// leases lends the parts of a step of the work.
func (s *shared) leases(step string) *shard.Leases {
	store, prefix := s.p.Archive.Works()
	return &shard.Leases{Store: store, Name: prefix + s.name + "/" + step, Holder: s.crew.Holder, For: s.crew.Lease, Now: s.p.Now}
}

// over reports whether the whole work was ended a short while ago, and when.
func (s *shared) over(ctx context.Context) (bool, time.Time, error) {
	done, at, err := s.leases("end").Ended(ctx, ending)
	return done && s.p.Now().Sub(at) < lateBy, at, err
}

// sumOfPart tells what pieces a part of the work has.
func sumOfPart(all []piece) func(shard.Shard) string {
	return func(p shard.Shard) string {
		keys := []string{}
		for i := range all {
			if p.At(all[i].place) {
				keys = append(keys, all[i].key)
			}
		}
		if len(keys) == 0 {
			return ""
		}
		return hashOf(keys...)
	}
}

// do has the pieces of a step made, by this process or another; of a worker with a number
// those of its part. left is how many parts are not done when it returns.
func (s *shared) do(ctx context.Context, step string, which shard.Shard, all []piece) (left int, err error) {
	l, sum := s.leases(step), sumOfPart(all)
	err = l.Each(ctx, which, shard.Work{
		Sum:     sum,
		Do:      func(ctx context.Context, part shard.Shard) (bool, error) { return true, s.make(ctx, step, part, all) },
		Over:    func(ctx context.Context) (bool, error) { over, _, err := s.over(ctx); return over, err },
		Waiting: s.crew.Waiting,
	})
	if err != nil || which.Any() {
		return 0, err
	}
	return l.Left(ctx, which.Of, sum)
}

// make makes the pieces of a part that were not made yet.
func (s *shared) make(ctx context.Context, step string, part shard.Shard, all []piece) error {
	mine := slices.DeleteFunc(slices.Clone(all), func(c piece) bool { return !part.At(c.place) })
	for i, c := range mine {
		s.p.Archive.Did(fmt.Sprintf("%s of part %s", step, part), i, len(mine))
		if err := ctx.Err(); err != nil {
			return err
		}
		m := archive.Manifest{Ruleset: verdict.Ruleset, Segments: slices.Clone(c.given)}
		_, err := s.p.Archive.MakeAside(ctx, s.name, c.key, m, func(u *archive.Update) (any, error) { return c.make(ctx, u) })
		if err != nil {
			return err
		}
	}
	return nil
}

// made reads what was made of pieces; those of which nothing was are left out.
func (s *shared) made(ctx context.Context, all []piece, note func(c piece, made *archive.Aside) error) error {
	for _, c := range all {
		made, err := s.p.Archive.ReadAside(ctx, s.name, c.key)
		if err != nil {
			return err
		}
		if made == nil {
			continue
		}
		if err := note(c, made); err != nil {
			return fmt.Errorf("read what was made of %s: %w", s.name, err)
		}
	}
	return nil
}

// step is a step of a work; its pieces follow from what the steps before gave.
type step struct {
	name   string
	pieces func(context.Context) ([]piece, error)
}

// run does the steps of a work and then ends it, by this process or another. Who has a
// number does his part of the first step; only who finds all parts of that done goes on,
// with whatever is free.
func (s *shared) run(ctx context.Context, steps []step, end func(context.Context) error) (out Ended, err error) {
	which := s.crew.Shard
	for _, st := range steps {
		all, err := st.pieces(ctx)
		if err != nil {
			return out, err
		}
		left, err := s.do(ctx, st.name, which, all)
		if over, at, e := s.over(ctx); over || e != nil { // then what it worked on may be gone
			return Ended{Before: at}, e
		}
		if err != nil {
			return out, err
		}
		if out.Left = left; left > 0 {
			return out, nil
		}
		which.Number = 0
	}
	err = s.leases("end").Each(ctx, ending, shard.Work{
		Sum: func(shard.Shard) string { return s.crew.Holder }, // one that was ended long ago begins anew
		Do: func(ctx context.Context, _ shard.Shard) (bool, error) {
			err := end(ctx)
			out.Here = err == nil
			return out.Here, err
		},
		Over:    func(ctx context.Context) (bool, error) { over, _, err := s.over(ctx); return over, err },
		Waiting: s.crew.Waiting,
	})
	if err != nil {
		return out, err
	}
	if out.Here {
		return out, s.p.Archive.EndWork(ctx, s.name, "end")
	}
	_, out.Before, err = s.over(ctx)
	return out, err
}

// remade is what was made aside of what a rebuild or a rescore makes.
type remade struct {
	done     map[string]bool // raw batches
	rebuilt  Rebuilt         // of these
	months   []piece
	segments []archive.Segment // of the months, and of what goes across them

	superseded map[string]string
	rescored   map[string]rescored
}

// ofBatches is what is noted of raw batches that were derived aside.
type ofBatches struct {
	Documents int64            `json:"documents"`
	Failed    int64            `json:"failed"`
	Damaged   []archive.Damage `json:"damaged,omitempty"`
}

// RebuildShared is Rebuild by several processes, of which this is one. What it returns
// of the rebuild is set where this one put it together.
func (p *Pipeline) RebuildShared(ctx context.Context, c Crew, progress func(batches, of int)) (out Rebuilt, how Ended, err error) {
	s := p.share("rebuild", c)
	var groups [][]archive.Batch
	var pieces []piece
	from := &remade{}
	how, err = s.run(ctx, []step{
		{"batches", func(context.Context) ([]piece, error) {
			m, err := p.Archive.Manifest()
			if err != nil {
				return nil, err
			}
			groups, pieces = nil, nil
			for g := range slices.Chunk(m.Batches(), cmp.Or(c.Group, usualGroup)) {
				pieces = append(pieces, p.groupPiece(uint64(len(groups)), g))
				groups = append(groups, g)
			}
			return pieces, nil
		}},
		{"months", func(ctx context.Context) ([]piece, error) { return from.gather(ctx, s, groups, pieces) }},
		{"countries", func(ctx context.Context) ([]piece, error) {
			if err := from.take(ctx, s); err != nil {
				return nil, err
			}
			pieces, err = p.countryPieces(&archive.Manifest{Ruleset: verdict.Ruleset, Segments: from.segments})
			return pieces, err
		}},
	}, func(ctx context.Context) error {
		if err := from.takeFindings(ctx, s, pieces); err != nil {
			return err
		}
		out, err = p.rebuild(ctx, progress, from)
		return err
	})
	return out, how, err
}

// groupPiece derives raw batches.
func (p *Pipeline) groupPiece(place uint64, batches []archive.Batch) piece {
	var names []string
	for _, b := range batches {
		names = append(names, b.SHA256)
	}
	return piece{key: hashOf(names...), place: place, make: func(ctx context.Context, u *archive.Update) (any, error) {
		var out Rebuilt
		if err := p.rebuildBatches(ctx, u, batches, &out, func(archive.Batch) {}); err != nil {
			return nil, err
		}
		_, err := p.compact(ctx, u)
		return ofBatches{out.Documents, out.Failed, out.Damaged}, err
	}}
}

// gather reads what was derived of groups of batches, and gives the months that it is of.
func (r *remade) gather(ctx context.Context, s *shared, groups [][]archive.Batch, pieces []piece) ([]piece, error) {
	*r = remade{done: map[string]bool{}}
	byKey := map[string][]archive.Batch{}
	for i, c := range pieces {
		byKey[c.key] = groups[i]
	}
	months := map[string][]archive.Segment{}
	err := s.made(ctx, pieces, func(c piece, made *archive.Aside) error {
		var of ofBatches
		if err := json.Unmarshal(made.Note, &of); err != nil {
			return err
		}
		for _, b := range byKey[c.key] {
			r.done[b.SHA256] = true
		}
		r.rebuilt.Documents, r.rebuilt.Failed = r.rebuilt.Documents+of.Documents, r.rebuilt.Failed+of.Failed
		r.rebuilt.Damaged = append(r.rebuilt.Damaged, of.Damaged...)
		byMonth(months, made.Segments)
		return nil
	})
	r.months = s.p.monthPieces(months, func(ctx context.Context, u *archive.Update) (any, error) {
		superseded := map[string]string{}
		if _, err := s.p.compact(ctx, u); err != nil {
			return nil, err
		}
		if err := s.p.supersedeAll(ctx, u, superseded); err != nil {
			return nil, err
		}
		_, err := s.p.count(ctx, u)
		return superseded, err
	})
	return r.months, err
}

// byMonth sorts segments of days and months by the month.
func byMonth(months map[string][]archive.Segment, segments []archive.Segment) {
	for _, g := range segments {
		m := g.Period[:len("2006-01")]
		months[m] = append(months[m], g)
	}
}

// monthPieces are the pieces of months, each made from its segments.
func (p *Pipeline) monthPieces(months map[string][]archive.Segment, make func(context.Context, *archive.Update) (any, error)) (out []piece) {
	for _, month := range slices.Sorted(maps.Keys(months)) {
		keys := []string{"month"}
		for _, g := range months[month] {
			keys = append(keys, g.Path())
		}
		slices.Sort(keys)
		year, err1 := strconv.ParseUint(month[:4], 10, 64)
		n, err2 := strconv.ParseUint(month[5:], 10, 64)
		if err1 != nil || err2 != nil { // no month: any place
			year, n = 0, 0
		}
		out = append(out, piece{key: hashOf(keys...), place: 12*year + n, given: months[month], make: make})
	}
	return out
}

// take reads what was made of the months. Where nothing was, what it was to be made from
// stands in its place.
func (r *remade) take(ctx context.Context, s *shared) error {
	r.segments, r.superseded = nil, map[string]string{}
	left := map[string]bool{}
	for _, c := range r.months {
		left[c.key] = true
	}
	err := s.made(ctx, r.months, func(c piece, made *archive.Aside) error {
		delete(left, c.key)
		r.segments = append(r.segments, made.Segments...)
		return json.Unmarshal(made.Note, &r.superseded) // adds to it
	})
	for _, c := range r.months {
		if left[c.key] {
			r.segments = append(r.segments, c.given...)
		}
	}
	return err
}

// countryPieces are the findings of the countries of a manifest.
func (p *Pipeline) countryPieces(m *archive.Manifest) (out []piece, err error) {
	f := &p.findings
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := errors.Join(p.readCounts(m), p.readSignals(m)); err != nil {
		return nil, err
	}
	hours := m.Select(archive.Hours, m.Ruleset)
	wanted := f.wanted(m.Ruleset, hours)
	for i, cc := range slices.Sorted(maps.Keys(wanted)) {
		out = append(out, piece{key: hashOf("country", cc, wanted[cc]), place: uint64(i), make: func(_ context.Context, u *archive.Update) (any, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			_, err := p.find(u, cc, wanted[cc], hours)
			return nil, err
		}})
	}
	return out, nil
}

// takeFindings reads what was made of the countries.
func (r *remade) takeFindings(ctx context.Context, s *shared, countries []piece) error {
	return s.made(ctx, countries, func(_ piece, made *archive.Aside) error {
		r.segments = append(r.segments, made.Segments...)
		return nil
	})
}

// RescoreShared is Rescore by several processes, of which this is one.
func (p *Pipeline) RescoreShared(ctx context.Context, c Crew) (out Rescored, how Ended, err error) {
	s := p.share("rescore", c)
	var m *archive.Manifest
	var pieces []piece
	from := &remade{}
	how, err = s.run(ctx, []step{
		{"months", func(context.Context) ([]piece, error) {
			if m, err = p.Archive.Manifest(); err != nil {
				return nil, err
			}
			months := map[string][]archive.Segment{}
			byMonth(months, m.Select(archive.Observations, ""))
			byMonth(months, m.Select(archive.Bodies, ""))
			from.months = p.monthPieces(months, p.rescoreMonth)
			return from.months, nil
		}},
		{"countries", func(ctx context.Context) ([]piece, error) {
			if err := from.takeRescored(ctx, s); err != nil {
				return nil, err
			}
			all := slices.Concat(from.segments, m.Select(archive.Counts, ""), m.Select(archive.Signals, ""))
			pieces, err = p.countryPieces(&archive.Manifest{Ruleset: verdict.Ruleset, Segments: all})
			return pieces, err
		}},
	}, func(ctx context.Context) error {
		if err := from.takeFindings(ctx, s, pieces); err != nil {
			return err
		}
		out, err = p.rescoreFrom(ctx, from)
		return err
	})
	return out, how, err
}

// rescoreMonth judges a month again and counts it.
func (p *Pipeline) rescoreMonth(ctx context.Context, u *archive.Update) (any, error) {
	done := map[string]rescored{}
	if err := p.rescoreDays(ctx, u, done); err != nil {
		return nil, err
	}
	_, err := p.count(ctx, u)
	u.Manifest.Segments = slices.DeleteFunc(u.Manifest.Segments, func(s archive.Segment) bool { return !ofRuleset(s) })
	return done, err
}

// takeRescored reads what was judged again.
func (r *remade) takeRescored(ctx context.Context, s *shared) error {
	r.segments, r.rescored = nil, map[string]rescored{}
	return s.made(ctx, r.months, func(_ piece, made *archive.Aside) error {
		r.segments = append(r.segments, made.Segments...)
		return json.Unmarshal(made.Note, &r.rescored) // adds to it
	})
}

// ImportShared is Import by several processes, each of which takes any part of the sources
// that is free. It returns what this one did. A part whose sources cannot all be read is
// tried by each. asked tells imports apart: those who are asked for the same share it.
func (p *Pipeline) ImportShared(ctx context.Context, c Crew, asked string, sources []intake.Source, want Want, progress func(Progress)) (Summary, error) {
	store, prefix := p.Archive.Works()
	l := &shard.Leases{Store: store, Name: prefix + "import-" + hashOf(asked)[:16], Holder: c.Holder, For: c.Lease, Now: p.Now}
	var sum Summary
	err := l.Each(ctx, c.Shard, shard.Work{
		Sum: func(part shard.Shard) string {
			var parts []string
			for _, s := range intake.Take(slices.Clone(sources), part) {
				parts = append(parts, s.Name, cmp.Or(s.Identity, p.Now().UTC().Format(time.DateOnly))) // what may have changed is read again on another day
			}
			if len(parts) == 0 {
				return ""
			}
			return hashOf(parts...)
		},
		Do: func(ctx context.Context, part shard.Shard) (bool, error) {
			one, err := p.Import(ctx, intake.Take(slices.Clone(sources), part), want, progress)
			sum.add(&one)
			return one.Unreadable == 0, err
		},
		Waiting: c.Waiting,
	})
	return sum, err
}
