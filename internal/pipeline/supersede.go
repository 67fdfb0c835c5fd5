package pipeline

import (
	"cmp"
	"context"
	"hash/maphash"
	"maps"
	"slices"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/verdict"
)

// A uid proves nothing: anybody may write one that another measurement has. All documents
// under a uid are kept and shown. If some of them come from a better source, for instance
// OONI's bucket, only those vote; the others are marked. Documents from the same kind of
// source stand side by side.

// provenance is the part of a verdict row that tells from where a document came, and under
// which uid.
type provenance struct {
	UID     string   `parquet:"measurement_uid"`
	Channel string   `parquet:"channel,dict"`
	Marks   []string `parquet:"marks,dict"`
}

// ranks holds the best provenance under each uid of a day.
type ranks struct {
	seed maphash.Seed
	best map[uint64]int
}

// supersede marks the verdicts of a day that have the uid of a document from a better
// source.
func (p *Pipeline) supersede(u *archive.Update, day string) error {
	segments := slices.DeleteFunc(u.Manifest.Select(archive.Verdicts, u.Manifest.Ruleset), func(s archive.Segment) bool { return s.Period != day })
	r := ranks{maphash.MakeSeed(), map[uint64]int{}}
	differ := false
	err := eachProvenance(p.Archive, segments, func(_ int, uid string, rank int, _ []string) {
		k := maphash.String(r.seed, uid)
		old, had := r.best[k]
		differ = differ || had && old != rank
		r.best[k] = max(old, rank)
	})
	if err != nil || !differ {
		return err
	}
	stale := map[int]bool{}
	err = eachProvenance(p.Archive, segments, func(i int, uid string, rank int, marks []string) {
		if r.beats(uid, rank) && !slices.Contains(marks, verdict.Superseded) {
			stale[i] = true
		}
	})
	if err != nil {
		return err
	}
	for _, i := range slices.Sorted(maps.Keys(stale)) {
		_, err := archive.Rewrite(u, segments[i], func(v *verdict.Row) {
			if r.beats(v.UID, v.Provenance()) && !slices.Contains(v.Marks, verdict.Superseded) {
				v.Marks = append(slices.Clone(v.Marks), verdict.Superseded)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// beats reports whether something better than rank came under a uid.
func (r *ranks) beats(uid string, rank int) bool {
	return rank > 0 && rank < r.best[maphash.String(r.seed, uid)]
}

// eachProvenance calls fn with the rows whose provenance is known; segment is the index of
// their segment.
func eachProvenance(a *archive.Archive, segments []archive.Segment, fn func(segment int, uid string, rank int, marks []string)) error {
	for i, s := range segments {
		err := archive.ReadSegment(a, s, func(rows []provenance) error {
			for _, r := range rows {
				v := verdict.Row{Channel: r.Channel}
				if rank := v.Provenance(); rank > 0 {
					fn(i, r.UID, rank, r.Marks)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// supersedeAll is supersede for every day whose verdicts differ from what done says. done
// maps days to the hash of their segments.
func (p *Pipeline) supersedeAll(ctx context.Context, u *archive.Update, done map[string]string) error {
	days := map[string][]archive.Segment{}
	for _, s := range u.Manifest.Select(archive.Verdicts, u.Manifest.Ruleset) {
		days[s.Period] = append(days[s.Period], s)
	}
	for _, day := range slices.SortedFunc(maps.Keys(days), cmp.Compare) {
		if done[day] == inputsOf(days[day]) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.supersede(u, day); err != nil {
			return err
		}
		after := slices.DeleteFunc(u.Manifest.Select(archive.Verdicts, u.Manifest.Ruleset), func(s archive.Segment) bool { return s.Period != day })
		done[day] = inputsOf(after)
	}
	return nil
}
