package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/history"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/targets"
)

func eventsOf(t *testing.T, name string) []event.Event {
	t.Helper()
	return eventsWith(t, name, history.Options{})
}

func eventsWith(t *testing.T, name string, opt history.Options) []event.Event {
	t.Helper()
	registry, err := target.Load(targets.FS)
	if err != nil {
		t.Fatal(err)
	}
	options, err := observeOptions(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	opt.Registry, opt.Judge = registry, history.JudgeWith(options)
	c := history.NewCollector(opt)
	if _, err := c.ReadFile(name); err != nil {
		t.Fatal(err)
	}
	found := event.Detect(c.Cells(), time.Time{}).Events
	for _, e := range found {
		for _, f := range e.Flaws {
			t.Errorf("%s breaks a law: %s", e.ID, f)
		}
	}
	return found
}

func minute(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}

// bounds asks that an interval holds a moment between two and reaches beyond
// neither of two wider ones.
func bounds(t *testing.T, what string, i *event.Interval, notBefore, from, to, notAfter string) {
	t.Helper()
	if i == nil || i.Earliest == nil || i.Latest == nil {
		t.Errorf("%s: %v", what, i)
		return
	}
	if i.Earliest.After(minute(to)) || i.Latest.Before(minute(from)) {
		t.Errorf("%s: %s misses %s to %s", what, i, from, to)
	}
	if i.Earliest.Before(minute(notBefore)) || i.Latest.After(minute(notAfter)) {
		t.Errorf("%s: %s is wider than %s to %s", what, i, notBefore, notAfter)
	}
}

func single(t *testing.T, events []event.Event) *event.Event {
	t.Helper()
	if len(events) != 1 {
		t.Fatalf("%d events, want one", len(events))
	}
	return &events[0]
}

func noLulls(t *testing.T, e *event.Event, from, to string) {
	t.Helper()
	for _, p := range e.Phases {
		if p.Kind == event.PhaseLull && p.From.Before(minute(to)) && p.To.After(minute(from)) {
			t.Errorf("%s: access is claimed from %s to %s", e.ID, p.From, p.To)
		}
	}
}

// What is true of histories from outside, as their truth.tsv tells it.
func TestHistories(t *testing.T) {
	for name, check := range map[string]func(*testing.T, []event.Event){
		"zz-simultaneous-20-networks": func(t *testing.T, es []event.Event) {
			e := single(t, es)
			bounds(t, "onset", &e.Onset, "2024-02-17 00:00", "2024-02-17 11:48", "2024-02-17 12:00", "2024-02-17 13:00")
			if len(e.Networks) != 20 || len(e.ByNetwork) != 20 {
				t.Errorf("%d networks", len(e.Networks))
			}
		},
		"zz-8-platforms-2-ok-one-network": func(t *testing.T, es []event.Event) {
			e := single(t, es)
			bounds(t, "onset", &e.Onset, "2026-01-13 15:00", "2026-01-13 15:00", "2026-01-18 09:00", "2026-01-18 09:00")
			bounds(t, "end", e.End, "2026-01-23 00:00", "2026-01-23 00:00", "2026-01-24 23:59", "2026-01-24 23:59")
			if len(e.Targets) != 8 {
				t.Errorf("targets %v", e.Targets)
			}
		},
		"ke24-wc-gap-20-25nov": func(t *testing.T, es []event.Event) {
			e := single(t, es)
			bounds(t, "onset", &e.Onset, "2024-11-06 12:00", "2024-11-07 04:00", "2024-11-07 12:00", "2024-11-07 18:00")
			bounds(t, "end", e.End, "2024-11-19 12:00", "2024-11-22 17:00", "2024-11-23 09:00", "2024-11-25 12:00")
			noLulls(t, e, "2024-11-20 00:00", "2024-11-25 00:00")
		},
		"ir-rambler-lull": func(t *testing.T, es []event.Event) {
			noLulls(t, single(t, es), "2020-01-01 00:00", "2021-01-01 00:00")
		},
		"cu-tremendanota": func(t *testing.T, es []event.Event) {
			e := single(t, es)
			if e.State != event.Ongoing || e.Onset.Latest.Format(time.DateOnly) != "2019-02-24" || !slices.Equal(e.Networks, []string{"AS27725"}) {
				t.Errorf("%s %s on %v", e.State, e.Onset, e.Networks)
			}
		},
		"jo-facebook": func(t *testing.T, es []event.Event) {
			if len(es) != 0 {
				t.Errorf("%d events", len(es))
			}
		},
		"et-2018-unblocking": func(t *testing.T, es []event.Event) {
			nazret := 0
			for _, e := range es {
				if len(e.Targets) > 1 && e.Onset.Earliest == nil {
					t.Errorf("%v have one unknown date", e.Targets)
				}
				if e.Target == "nazret.com" {
					nazret++
					bounds(t, "end of nazret.com", e.End, "2018-04-12 18:14", "2018-04-12 18:14", "2018-06-07 19:21", "2018-06-07 19:30")
				}
			}
			if nazret != 1 {
				t.Errorf("%d events of nazret.com", nazret)
			}
		},
		"ug-2018-porn": func(t *testing.T, es []event.Event) {
			for _, e := range es {
				if len(e.Targets) > 1 && e.Onset.Earliest == nil {
					t.Errorf("%d targets have one unknown date", len(e.Targets))
				}
			}
			if len(es) < 20 {
				t.Errorf("%d events", len(es))
			}
		},
		"mm-2024-tor-counts": func(t *testing.T, es []event.Event) {
			e := single(t, es)
			bounds(t, "onset", &e.Onset, "2024-05-25 00:00", "2024-05-25 00:00", "2024-05-30 23:59", "2024-05-30 23:59")
			for _, p := range e.Phases {
				if p.From.Before(*e.Onset.Earliest) {
					t.Errorf("a phase before the onset: %v", p)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) { check(t, eventsOf(t, sharedPath(t, "cases/histories/"+name+".csv.gz"))) })
	}
}

// With half of its rows removed at random, a history's one event still overlaps
// the onset that all rows give, 19 times of 20.
func TestHalfOfTheRows(t *testing.T) {
	for _, path := range []string{
		"series/kenya-2024-telegram.org-observations.csv.gz",
		"cases/histories/zz-simultaneous-20-networks.csv.gz",
		"cases/histories/mm-2024-tor-counts.csv.gz",
		"ooni/real/detector_query_ww_BR_2018.json",
	} {
		name := sharedPath(t, path)
		whole := single(t, eventsOf(t, name))
		rows := rowsOf(t, name)
		missed := 0
		n := tries(20)
		for seed := range n {
			rng := rand.New(rand.NewPCG(seed, 77))
			half := slices.DeleteFunc(slices.Clone(rows[1:]), func(string) bool { return rng.Float64() >= 0.5 })
			file := filepath.Join(t.TempDir(), "half.csv")
			if err := os.WriteFile(file, []byte(rows[0]+strings.Join(half, "")), 0o600); err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(eventsOf(t, file), func(e event.Event) bool { return overlaps(&e.Onset, &whole.Onset) }) {
				missed++
			}
		}
		t.Logf("%s: %d of %d missed", path, missed, n)
		if missed > 1 {
			t.Errorf("%s: %d of %d halves have an onset apart from that of the whole", path, missed, n)
		}
	}
}

func overlaps(a, b *event.Interval) bool {
	return a.Earliest != nil && b.Earliest != nil && !a.Earliest.After(*b.Latest) && !b.Earliest.After(*a.Latest)
}

// rowsOf are the lines of a file of CSV that gzip packed, the header first; or
// of one that holds a list of JSON, each object on a line.
func rowsOf(t *testing.T, name string) []string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".json") {
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			t.Fatal(err)
		}
		out := []string{""}
		for _, r := range list {
			out = append(out, string(r)+"\n")
		}
		return out
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if raw, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return strings.SplitAfter(string(raw), "\n")
}

// Real series in which no ban is known hold no event: the counts of eight
// countries of iMAP (Myanmar's bans are known), each a test and a year, and the
// outcomes of three countries over all sites.
func TestQuietSeries(t *testing.T) {
	years := 0
	var found []event.Event
	for _, path := range []string{"series/imap-2023-2024-aggregation.csv", "series/daily-outcomes-pk.csv", "series/daily-outcomes-ru.csv", "series/daily-outcomes-mm.csv"} {
		opt := history.Options{}
		if strings.Contains(path, "daily") {
			opt.Columns = map[string]string{"ok_count": "ok", "anomaly_count": "dns+http+tls", "failure_count": "error", "measurement_start_day": "date", "probe_cc": "=ZZ"}
		}
		for _, e := range eventsWith(t, sharedPath(t, path), opt) {
			if e.CC != "MM" {
				found = append(found, e)
			}
		}
		if strings.Contains(path, "imap") {
			years += 64
		} else {
			years += 2
		}
	}
	t.Logf("%d events in %d series-years", len(found), years)
	for _, e := range found {
		t.Errorf("%s, %s: %s", e.ID, e.Onset, strings.Join(e.Reasons, "; "))
	}
}

// Every history that truth.tsv lists is asked about.
func TestHistoriesAreAll(t *testing.T) {
	raw, err := os.ReadFile(sharedPath(t, "cases/histories/truth.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("histories_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		name, is := strings.CutSuffix(strings.Split(line, "\t")[0], ".csv.gz")
		if is && !strings.Contains(string(source), `"`+name+`"`) {
			t.Errorf("%s is not asked about", name)
		}
	}
}
