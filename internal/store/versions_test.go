package store

import (
	"slices"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// A stranger's document under the uid of a published measurement, of whatever
// day, is shown beside it and not in its place.
func TestVersionsOfOneUID(t *testing.T) {
	const uid = "20240217235959.000000_ZZ_webconnectivity_0011223344556677"
	a, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	row := func(channel string, content uint64, at time.Time) verdict.Row {
		return verdict.Row{UID: uid, CC: "ZZ", ASN: 64512, Target: "x", TestName: "web_connectivity", Time: at, State: verdict.OK, Ruleset: "r", Raw: channel, Channel: channel, Content: content}
	}
	night := time.Date(2024, 2, 18, 0, 0, 1, 0, time.UTC) // the collector named it before midnight
	rows := []verdict.Row{
		row(verdict.Submitted, 1, night.Add(-time.Hour)), row(verdict.Bucket, 2, night), row(verdict.File, 3, night), row(verdict.Submitted, 4, night.AddDate(0, 1, 0)),
	}
	err = a.Update(t.Context(), func(u *archive.Update) error {
		u.Manifest.Ruleset = "r"
		for _, r := range rows {
			day := r.Time.Format(time.DateOnly)
			if _, err := archive.AddSegment(u, archive.Segment{Kind: archive.Verdicts, Period: day, Ruleset: "r"}, []verdict.Row{r}); err != nil {
				return err
			}
			o := observation.Row{UID: uid, Time: r.Time, Raw: r.Raw, Content: r.Content, Name: r.Channel}
			if _, err := archive.AddSegment(u, archive.Segment{Kind: archive.Observations, Period: day}, []observation.Row{o}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(a, "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if none, err := s.Versions(t.Context(), uid+"x"); err != nil || len(none) > 0 || len(s.open.files) > 0 {
		t.Errorf("a uid that nobody has: %d rows, %d files opened, %v", len(none), len(s.open.files), err)
	}
	looked, err := s.Versions(t.Context(), uid)
	if err != nil {
		t.Fatal(err)
	}
	var got []uint64
	for _, v := range looked {
		got = append(got, v.Content)
		o, err := s.Observations(t.Context(), v)
		if err != nil || len(o) != 1 || o[0].Name != v.Channel {
			t.Errorf("the observations of %d are %+v, %v", v.Content, o, err)
		}
	}
	if want := []uint64{2, 3, 1, 4}; len(got) != 4 || [4]uint64(got) != [4]uint64(want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
	err = a.Update(t.Context(), func(u *archive.Update) error { // one segment goes, another comes
		u.Manifest.Segments = slices.DeleteFunc(u.Manifest.Segments, func(g archive.Segment) bool {
			return g.Kind == archive.Verdicts && g.Period == "2024-03-18"
		})
		late := row(verdict.Web, 5, night.AddDate(0, 2, 0))
		_, err := archive.AddSegment(u, archive.Segment{Kind: archive.Verdicts, Period: "2024-04-18", Ruleset: "r"}, []verdict.Row{late})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if now, err := s.Versions(t.Context(), uid); err != nil || len(now) != 4 || now[3].Content != 1 || s.uids.rows != 4 {
		t.Errorf("after a change %d rows, %d known, %v", len(now), s.uids.rows, err)
	}
	if v, ok, err := s.Verdict(t.Context(), uid); err != nil || !ok || v.Channel != verdict.Bucket {
		t.Errorf("%s speaks (%v)", v.Channel, err)
	}
}
