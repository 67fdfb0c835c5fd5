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

// Several processes may share a rebuild or a rescore, without knowing of each other. The
// costly work is cut into pieces, and the result of each follows from its inputs: the
// segments of some raw batches, the merged segments and counts of a month, the findings of
// a country. A result is kept aside under the hash of these inputs, so each is made once,
// by the process that comes first. When all results are there, one process does an
// ordinary rebuild, and takes the results instead of making them.

// Crew says how this process takes part in a shared work.
type Crew struct {
	Shard   shard.Shard
	Lease   time.Duration // how long a part waits for a process that died
	Holder  string        // this process; each process has its own name
	Program string        // the build; only processes of the same build share a work
	Group   int           // raw batches in a piece; 0 stands for usualGroup
	// Waiting is called with the part that the process waits for. It may be nil.
	Waiting func(*shard.HeldError)
}

// usualGroup is the usual number of raw batches in a piece.
const usualGroup = 32

// lateBy is how long after its end a process that comes late still learns that a work is
// done. After that it begins the work again.
const lateBy = time.Hour

// ending is the only part of the last step, which puts everything together.
var ending = shard.Shard{Number: 1, Of: 1}

// Ended says how far a shared work is when a process leaves it.
type Ended struct {
	Here   bool      `json:"here"`            // this process put the results together
	Before time.Time `json:"before,omitzero"` // when another process had put them together; zero if none had
	Left   int       `json:"left,omitempty"`  // parts that other processes still have to do
}

// shared is a work that several processes share.
type shared struct {
	p    *Pipeline
	crew Crew
	name string // of the work and of the program that does it, with a hash of the rules
}

// piece is a piece of a work. Its result follows from key.
type piece struct {
	key   string
	place uint64            // by which pieces are divided among the parts
	given []archive.Segment // the segments that it is made from
	make  func(context.Context, *archive.Update) (note any, err error)
}

func (p *Pipeline) share(what string, c Crew) *shared {
	return &shared{p, c, what + "-" + hashOf(c.Program, verdict.Ruleset, p.fingerprints().ID(), p.defects().ID())[:16]}
}

// leases returns the leases of a step.
func (s *shared) leases(step string) *shard.Leases {
	store, prefix := s.p.Archive.Works()
	return &shard.Leases{Store: store, Name: prefix + s.name + "/" + step, Holder: s.crew.Holder, For: s.crew.Lease, Now: s.p.Now}
}

// over reports whether the whole work was ended less than lateBy ago, and when it was
// ended.
func (s *shared) over(ctx context.Context) (bool, time.Time, error) {
	done, at, err := s.leases("end").Ended(ctx, ending)
	return done && s.p.Now().Sub(at) < lateBy, at, err
}

// sumOfPart returns the function that gives a part a hash of the keys of its pieces; ""
// for a part without pieces.
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

// do returns when the pieces of a step are made, by this process or another: all pieces
// for any part (Shard.Any), else those of the part. left is the number of parts that are
// not done by then.
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

// make makes the pieces of a part that have no result yet.
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

// made calls note for each piece that has a result.
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

// step is a step of a work. Its pieces follow from the results of the steps before.
type step struct {
	name   string
	pieces func(context.Context) ([]piece, error)
}

// run does the steps of a work and the end. A process with a numbered part does only that
// part of the first step. It goes on with the later steps, as any free part, if then no
// part of the first step is left.
func (s *shared) run(ctx context.Context, steps []step, end func(context.Context) error) (out Ended, err error) {
	which := s.crew.Shard
	for _, st := range steps {
		all, err := st.pieces(ctx)
		if err != nil {
			return out, err
		}
		left, err := s.do(ctx, st.name, which, all)
		if over, at, e := s.over(ctx); over || e != nil { // if it was ended, its inputs may be gone, and an error is no wonder
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
		Sum: func(shard.Shard) string { return s.crew.Holder }, // never a sum of old: a work that was ended long ago begins again
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

// remade holds the results that a rebuild or a rescore takes instead of making them.
type remade struct {
	done     map[string]bool // the raw batches that they come from, by SHA-256
	rebuilt  Rebuilt         // the counts of those batches
	months   []piece
	segments []archive.Segment // of the months, and of what spans months

	superseded map[string]string
	rescored   map[string]rescored
}

// ofBatches is the note of a piece of raw batches.
type ofBatches struct {
	Documents int64            `json:"documents"`
	Failed    int64            `json:"failed"`
	Damaged   []archive.Damage `json:"damaged,omitempty"`
}

// RebuildShared is Rebuild by several processes, of which this is one. out is set only if
// this process put the results together (how.Here). progress is called only in that
// process.
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

// groupPiece returns the piece that derives some raw batches.
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

// gather reads the results of groups of batches, and returns the pieces of the months in
// them.
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

// byMonth adds segments of days and months to the lists of their months, "2006-01".
func byMonth(months map[string][]archive.Segment, segments []archive.Segment) {
	for _, g := range segments {
		m := g.Period[:len("2006-01")]
		months[m] = append(months[m], g)
	}
}

// monthPieces returns one piece for each month, made from the segments of that month.
func (p *Pipeline) monthPieces(months map[string][]archive.Segment, make func(context.Context, *archive.Update) (any, error)) (out []piece) {
	for _, month := range slices.Sorted(maps.Keys(months)) {
		keys := []string{"month"}
		for _, g := range months[month] {
			keys = append(keys, g.Path())
		}
		slices.Sort(keys)
		year, err1 := strconv.ParseUint(month[:4], 10, 64)
		n, err2 := strconv.ParseUint(month[5:], 10, 64)
		if err1 != nil || err2 != nil { // not a month: any place will do
			year, n = 0, 0
		}
		out = append(out, piece{key: hashOf(keys...), place: 12*year + n, given: months[month], make: make})
	}
	return out
}

// take reads the results of the months. For a month without a result, it takes the
// segments from which that would be made.
func (r *remade) take(ctx context.Context, s *shared) error {
	r.segments, r.superseded = nil, map[string]string{}
	left := map[string]bool{}
	for _, c := range r.months {
		left[c.key] = true
	}
	err := s.made(ctx, r.months, func(c piece, made *archive.Aside) error {
		delete(left, c.key)
		r.segments = append(r.segments, made.Segments...)
		return json.Unmarshal(made.Note, &r.superseded) // adds to the map
	})
	for _, c := range r.months {
		if left[c.key] {
			r.segments = append(r.segments, c.given...)
		}
	}
	return err
}

// countryPieces returns the pieces that make the findings of each country of a manifest.
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

// takeFindings reads the results of the countries.
func (r *remade) takeFindings(ctx context.Context, s *shared, countries []piece) error {
	return s.made(ctx, countries, func(_ piece, made *archive.Aside) error {
		r.segments = append(r.segments, made.Segments...)
		return nil
	})
}

// RescoreShared is Rescore by several processes, of which this is one. out is set only if
// this process put the results together (how.Here).
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

// rescoreMonth judges the measurements of a month again, and counts the verdicts.
func (p *Pipeline) rescoreMonth(ctx context.Context, u *archive.Update) (any, error) {
	done := map[string]rescored{}
	if err := p.rescoreDays(ctx, u, done); err != nil {
		return nil, err
	}
	_, err := p.count(ctx, u)
	u.Manifest.Segments = slices.DeleteFunc(u.Manifest.Segments, func(s archive.Segment) bool { return !ofRuleset(s) })
	return done, err
}

// takeRescored reads the results of the months.
func (r *remade) takeRescored(ctx context.Context, s *shared) error {
	r.segments, r.rescored = nil, map[string]rescored{}
	return s.made(ctx, r.months, func(_ piece, made *archive.Aside) error {
		r.segments = append(r.segments, made.Segments...)
		return json.Unmarshal(made.Note, &r.rescored) // adds to the map
	})
}

// ImportShared is Import by several processes, of which this is one. It returns what this
// process imported. A part with sources that cannot be read stays open, so each process
// tries it. Processes share an import if asked, which stands for all that was asked for,
// is the same.
func (p *Pipeline) ImportShared(ctx context.Context, c Crew, asked string, sources []intake.Source, want Want, progress func(Progress)) (Summary, error) {
	store, prefix := p.Archive.Works()
	l := &shard.Leases{Store: store, Name: prefix + "import-" + hashOf(asked)[:16], Holder: c.Holder, For: c.Lease, Now: p.Now}
	var sum Summary
	err := l.Each(ctx, c.Shard, shard.Work{
		Sum: func(part shard.Shard) string {
			var parts []string
			for _, s := range intake.Take(slices.Clone(sources), part) {
				parts = append(parts, s.Name, cmp.Or(s.Identity, p.Now().UTC().Format(time.DateOnly))) // a source that may have changed is read again on another day
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
