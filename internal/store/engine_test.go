package store

import (
	"context"
	"database/sql"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/bucket"
	"github.com/bandish/bandish/internal/chdb"
	"github.com/bandish/bandish/internal/frugal"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

func TestMain(m *testing.M) {
	chdb.Main()
	frugal.Tests()
	os.Exit(m.Run())
}

// odd are texts that a stranger may send, and that SQL reads in its own way.
var odd = []string{"", "it's", `a\'b\`, `\`, "?", "$1 @a {b:String}", "*/ -- #", "100%_", "بندش", "x.com", "a\tb\nc"}

// manyKinds are verdicts of ZZ and of a code of nobody, nothing real: every state, list
// and layer occurs, some at the same moment.
func manyKinds() (out []verdict.Row) {
	states := []verdict.State{verdict.OK, verdict.Blocked, verdict.LikelyBlocked, verdict.Impaired, verdict.Down, verdict.Insufficient}
	mechanisms := [][]string{nil, {"dns.inject"}, {"tcp.reset"}, {"ip.drop"}, {"http.blockpage", "tls.reset"}, {"http.redirect"}, {"tls.reset"}}
	outcomes := []verdict.Outcome{"", verdict.OutcomeOK, verdict.OutcomeBlocked, verdict.OutcomeDown}
	for i := range 120 {
		at := day(0).Add(time.Duration(i/12) * 7 * time.Hour).Add(time.Duration(i%7) * time.Microsecond)
		r := verdict.Row{
			UID: fmt.Sprintf("%s.%06d_ZZ_%016x", at.Format("20060102150405"), i, i), ReportID: fmt.Sprint("r", i%50, odd[i%len(odd)]), Sender: odd[(i+3)%len(odd)], Time: at,
			CC: []string{"ZZ", "ZZ", "XZ"}[i%3], ASN: []uint32{64512, 64513, 4200000001}[i/2%3], ResolverASN: 64512, TestName: []string{"web_connectivity", "telegram"}[i%2],
			Software: []string{"ooniprobe/3.20", "bandish-probe", "x/1.0/2", ""}[i%4], Platform: "linux", Input: "https://x.com/" + odd[i%len(odd)],
			Target: []string{"x", "y", odd[i%len(odd)] + "t"}[i%3], Domain: []string{"x.com", odd[i%len(odd)]}[i%2], State: states[i%len(states)], Ruleset: "test",
			DNS: verdict.Layer{Outcome: outcomes[i%4], Rule: "D1"}, TCP: verdict.Layer{Outcome: outcomes[i/2%4]}, TLS: verdict.Layer{Outcome: outcomes[i/3%4], Rule: "L2"},
			Mechanisms: mechanisms[i%len(mechanisms)], Rules: []string{"D1", odd[i%len(odd)] + "r"}, Line: uint32(i), Raw: strings.Repeat("ab", 32), Channel: "bucket", Content: 1<<63 + uint64(i),
		}
		switch {
		case i%17 == 0:
			r.Invalid = "a defect"
		case i%13 == 0:
			r.Marks = []string{"clock_future"}
		}
		out = append(out, r)
	}
	return out
}

// seen are observations beside verdicts.
func seen(of []verdict.Row) (out []observation.Row) {
	failures := []observation.Result{"", "ok", "timeout", "connection_reset"}
	for i, v := range of {
		out = append(out, observation.Row{UID: v.UID, Time: v.Time, CC: v.CC, ASN: v.ASN, TestName: v.TestName, Target: v.Target, Raw: v.Raw, Line: v.Line, Content: v.Content,
			Name: v.Domain, IP: fmt.Sprint("192.0.2.", i%4), DNS: failures[i%4], TCP: failures[i/4%4], TLS: failures[i/16%4], HTTP: failures[i/2%4]})
	}
	return out
}

// mixed is an archive of manyKinds, in segments of a day; the first lacks the columns
// that came later.
func mixed(t *testing.T) *archive.Archive {
	t.Helper()
	a, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	all := manyKinds()
	byDay := map[string][]verdict.Row{}
	days, hours := series.NewBuilder(series.Day).WithLayers(), series.NewBuilder(series.Hour).WithParts()
	for i := range all {
		days.Add(&all[i])
		hours.Add(&all[i])
		d := all[i].Time.Format(time.DateOnly)
		byDay[d] = append(byDay[d], all[i])
	}
	err = a.Update(t.Context(), func(u *archive.Update) error {
		u.Manifest.Ruleset = "test"
		for d, rows := range byDay {
			slices.SortFunc(rows, func(a, b verdict.Row) int { return derivation.CompareVerdicts(&a, &b) })
			if _, err := archive.AddSegment(u, archive.Segment{Kind: archive.Verdicts, Period: d, Ruleset: "test"}, rows); err != nil {
				return err
			}
			if _, err := archive.AddSegment(u, archive.Segment{Kind: archive.Observations, Period: d}, seen(rows)); err != nil {
				return err
			}
		}
		if _, err := archive.AddSegment(u, archive.Segment{Kind: archive.Hours, Period: "2024-02", Ruleset: "test"}, hours.Cells()); err != nil {
			return err
		}
		return pipeline.AddCells(u, archive.Segment{Period: "2024-02", Ruleset: "test"}, days.Cells())
	})
	if err != nil {
		t.Fatal(err)
	}
	s := opened(t, a)
	m, err := a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	makeOlder(t, s, m.Select(archive.Verdicts, "test")[0])
	return a
}

// question is one that the package answers in SQL.
type question struct {
	name string
	ask  func(ctx context.Context, s *Store) (any, error)
}

// questions are all that the package asks in SQL, with every argument that changes the
// text, and with arguments that no engine may take for a part of it.
func questions() (out []question) {
	add := func(name string, ask func(ctx context.Context, s *Store) (any, error)) {
		out = append(out, question{name, ask})
	}
	since, until := day(0).Add(5*time.Hour), day(2).Add(time.Hour)
	filters := []Filter{{}, {CC: "ZZ"}, {CC: "XZ", Layer: "tls"}, {CC: "ZZ", Target: "x", Layer: "dns"}, {Target: "y"}, {ASNs: []uint32{64512, 4200000001}}, {CC: "ZZ", Since: since}, {CC: "ZZ", Until: until},
		{CC: "ZZ", Target: "y", ASNs: []uint32{64513}, Layer: "tcp", Since: since, Until: until}, {CC: "QM"}}
	for i, o := range odd[1:6] {
		filters = append(filters, Filter{Target: o + "t", CC: odd[i%2]})
	}
	for _, f := range filters {
		add(fmt.Sprintf("cells %+v", f), func(ctx context.Context, s *Store) (any, error) { return s.queryCells(ctx, f) })
		add(fmt.Sprintf("verdicts %+v", f), func(ctx context.Context, s *Store) (any, error) {
			var rows []verdict.Row
			for r, err := range s.Verdicts(ctx, f) {
				if err != nil {
					return nil, err
				}
				rows = append(rows, r)
			}
			return rows, nil
		})
	}
	yes, no := true, false
	selections := []Selection{{}, {CCs: []string{"ZZ", "XZ"}}, {Tests: []string{"telegram"}}, {Domains: odd}, {Versions: []string{"3.20", "1.0", ""}}, {ASNs: []uint32{64512}},
		{Since: since}, {Until: until}, {Since: since, Until: until}, {Confirmed: &yes}, {Anomaly: &yes}, {Anomaly: &no, Failure: &no}, {Failure: &yes}, {Confirmed: &no}}
	for i, r := range manyKinds()[1:6] {
		selections = append(selections, []Selection{{Input: r.Input}, {ReportID: r.ReportID, Tests: odd}, {UID: r.UID}, {CCs: odd, Versions: odd}, {Input: odd[4], UID: odd[2]}}[i])
	}
	for i, f := range selections {
		add(fmt.Sprintf("measurements %+v", f), func(ctx context.Context, s *Store) (any, error) { return s.measurements(ctx, f, i%2 == 0, 3, 40) })
		add(fmt.Sprintf("aggregate %+v", f), func(ctx context.Context, s *Store) (any, error) { return s.Aggregate(ctx, f, nil, "day") })
		add(fmt.Sprintf("failures %+v", f), func(ctx context.Context, s *Store) (any, error) {
			return s.Failures(ctx, f, odd[:i%4], []string{"hostname", "failure"}, "day")
		})
	}
	add("measurements as asked", func(ctx context.Context, s *Store) (any, error) {
		return s.Measurements(ctx, Selection{}, true, 0, 200)
	})
	add("a part of the measurements as asked", func(ctx context.Context, s *Store) (any, error) { return s.Measurements(ctx, Selection{}, true, 0, 10) })
	for i, axis := range Axes() {
		add("aggregate by "+axis, func(ctx context.Context, s *Store) (any, error) {
			return s.Aggregate(ctx, Selection{}, []string{axis, Axes()[(i+1)%len(axes)]}, "day")
		})
	}
	for _, grain := range []string{"hour", "day", "week", "month", "year"} {
		add("aggregate by "+grain, func(ctx context.Context, s *Store) (any, error) {
			return s.Aggregate(ctx, Selection{}, []string{"measurement_start_day"}, grain)
		})
	}
	for axis := range failureAxes {
		add("failures by "+axis, func(ctx context.Context, s *Store) (any, error) {
			return s.Failures(ctx, Selection{}, nil, []string{axis}, "week")
		})
	}
	for _, cc := range []string{"", "ZZ", "QM"} {
		add("totals of "+cc, func(ctx context.Context, s *Store) (any, error) { return s.Totals(ctx, cc) })
		add("last days of "+cc, func(ctx context.Context, s *Store) (any, error) { return s.lastDays(ctx, cc, 7*24*3600) })
	}
	add("places", func(ctx context.Context, s *Store) (any, error) { return s.queryPlaces(ctx, 5) })
	add("on a network", func(ctx context.Context, s *Store) (any, error) { return s.queryNetwork(ctx, 4200000001) })
	add("networks", func(ctx context.Context, s *Store) (any, error) { return s.Networks(ctx) })
	add("countries", func(ctx context.Context, s *Store) (any, error) { return s.Countries(ctx) })
	add("months", func(ctx context.Context, s *Store) (any, error) { return s.Months(ctx, since) })
	return out
}

// TestEnginesGiveTheSameRows asks DuckDB, and ClickHouse over the files of a folder, over
// those of a bucket and over its own tables. Each place is asked a third of the questions,
// another third than the other places, and all with BANDISH_LONG=1.
func TestEnginesGiveTheSameRows(t *testing.T) {
	addr := chdb.Start(t)
	for name, a := range map[string]*archive.Archive{"mixed": mixed(t), "empty": emptyArchive(t)} {
		t.Run(name, func(t *testing.T) {
			duck, all := opened(t, a), questions()
			want := make([]any, len(all))
			for i, q := range all {
				rows, err := q.ask(t.Context(), duck)
				if err != nil {
					t.Fatalf("DuckDB: %s: %v", q.name, err)
				}
				want[i] = rows
			}
			database := "http://" + addr + "/default"
			if _, err := Publish(t.Context(), a, database+"?files="+a.Dir()); err != nil {
				t.Fatal(err)
			}
			places := map[string]string{"a folder": database + "?files=" + a.Dir()}
			if name != "empty" {
				places["a bucket"], places["tables"] = database+"?files="+servedBucket(t, a.Dir()), database
			}
			for nth, place := range slices.Sorted(maps.Keys(places)) {
				s, err := OpenOn(t.Context(), a, places[place])
				if err != nil {
					t.Fatal(err)
				}
				for i, q := range all {
					if (i+nth)%3 != 0 && os.Getenv("BANDISH_LONG") == "" {
						continue
					}
					got, err := q.ask(t.Context(), s)
					if err != nil {
						t.Errorf("ClickHouse, %s: %s: %v", place, q.name, err)
					} else if !reflect.DeepEqual(got, want[i]) {
						t.Errorf("ClickHouse, %s: %s: %s", place, q.name, apart(got, want[i]))
					}
				}
				s.Close()
			}
		})
	}
}

// apart says where two answers differ first.
func apart(got, want any) string {
	a, b := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want)
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	part := func(s string) string { return s[max(0, at-100):min(len(s), at+100)] }
	return fmt.Sprintf("it gives\n…%s…\nand DuckDB\n…%s…", part(a), part(b))
}

func emptyArchive(t *testing.T) *archive.Archive {
	t.Helper()
	a, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func servedBucket(t *testing.T, dir string) string {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	f := &bucket.Folder{Root: root, Log: slog.New(slog.DiscardHandler)}
	mux := http.NewServeMux()
	for _, p := range f.Patterns() {
		mux.Handle(p, f.Handler())
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL + "/ooni-data-eu-fra"
}

// recorder notes from where in this package an engine is asked.
type recorder struct {
	engine
	seen map[string]bool // file:line of each caller
}

func (r recorder) note() {
	pc := make([]uintptr, 64)
	frames := runtime.CallersFrames(pc[:runtime.Callers(3, pc)])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		r.seen[fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)] = true
	}
}

func (r recorder) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	r.note()
	return r.engine.QueryContext(ctx, query, args...)
}

func (r recorder) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	r.note()
	return r.engine.QueryRowContext(ctx, query, args...)
}

// TestQuestionsAreAll fails where the package asks something that questions leaves out:
// it finds each place that hands SQL to an engine, directly or through a function that
// takes a text, and each field of a filter.
func TestQuestionsAreAll(t *testing.T) {
	s := opened(t, mixed(t))
	r := recorder{s.db, map[string]bool{}}
	s.db = r
	for _, q := range questions() {
		if _, err := q.ask(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", q.name, err)
		}
	}
	calls := map[string]bool{"QueryContext": true, "QueryRowContext": true}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset, parsed := token.NewFileSet(), []*ast.File{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "clickhouse.go" || name == "duckdb.go" || name == "publish.go" { // the engines themselves
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
		for _, d := range f.Decls { // functions that hand on a text: their callers write it
			if fn, ok := d.(*ast.FuncDecl); ok && takesSQL(fn) {
				calls[fn.Name.Name] = true
			}
		}
	}
	n := 0
	for _, f := range parsed {
		ast.Inspect(f, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !calls[sel.Sel.Name] {
				return true
			}
			n++
			from, to := fset.Position(call.Pos()), fset.Position(call.End())
			for line := from.Line; line <= to.Line; line++ {
				if r.seen[fmt.Sprintf("%s:%d", from.Filename, line)] {
					return true
				}
			}
			t.Errorf("%s: no question of questions() is asked from here", from)
			return true
		})
	}
	if n < 8 {
		t.Errorf("only %d places that ask were found", n)
	}
}

// takesSQL reports whether a function hands a text among its parameters, named q or
// from, to an engine.
func takesSQL(fn *ast.FuncDecl) bool {
	for _, p := range fn.Type.Params.List {
		for _, name := range p.Names {
			if name.Name == "q" || name.Name == "from" {
				if id, ok := p.Type.(*ast.Ident); ok && id.Name == "string" {
					return true
				}
			}
		}
	}
	return false
}

// TestTablesOfClickHouse holds clickhouse.sql to the row types.
func TestTablesOfClickHouse(t *testing.T) {
	for view, row := range map[string]any{"verdicts": new(verdict.Row), "observations": new(observation.Row), "cells": new(series.Cell), "layers": new(series.Cell), "hours": new(series.Cell)} {
		want := "    " + strings.Join(clickHouseColumns(row), ",\n    ")
		if got := columns(view); got != want {
			t.Errorf("clickhouse.sql declares %s as\n%s\nthe segments have\n%s", view, got, want)
		}
	}
	if len(views) != 5 {
		t.Errorf("%d views; this test looks at 5", len(views))
	}
}

// TestPublish publishes twice, after a process that died between the rows of a segment
// and its listing, and to a server that sees another folder.
func TestPublish(t *testing.T) {
	a := mixed(t)
	database := "http://" + chdb.Start(t) + "/default"
	here := database + "?files=" + a.Dir()
	c, err := openClickHouse(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := Publish(t.Context(), a, database+"?files="+t.TempDir()); err == nil {
		t.Error("a folder without the segments was published")
	}
	if _, err := OpenOn(t.Context(), a, database); err != nil {
		t.Fatal(err)
	}
	m, err := a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	all, rows := 0, int64(0)
	for view := range views {
		for _, g := range segmentsOf(m, view) {
			all++
			rows += g.Rows
		}
	}
	first, err := Publish(t.Context(), a, here)
	if err != nil || first != (Published{Segments: int64(all), Rows: rows}) {
		t.Fatalf("it published %+v, %v, want %d segments with %d rows", first, err, all, rows)
	}
	again, err := Publish(t.Context(), a, here)
	if err != nil || again != (Published{There: int64(all)}) {
		t.Errorf("the second time it published %+v, %v", again, err)
	}

	lost := segmentsOf(m, "cells")[0]
	if _, err := c.db.ExecContext(t.Context(), "DELETE FROM segments WHERE segment = "+literal(lost.Path())); err != nil {
		t.Fatal(err)
	}
	s, err := OpenOn(t.Context(), a, database)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got, err := s.queryPlaces(t.Context(), 10); err == nil || !strings.Contains(err.Error(), "bandish publish clickhouse") {
		t.Errorf("without a whole segment of cells the places are %v, %v", got, err)
	}
	if _, err := Publish(t.Context(), a, here); err != nil {
		t.Fatal(err)
	}
	got, err := s.queryPlaces(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	want, err := opened(t, a).queryPlaces(t.Context(), 10)
	if err != nil || len(want) == 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("after a segment was published twice the places are\n%v, and DuckDB's\n%v, %v", got, want, err)
	}
}

// Addresses that name no ClickHouse get an answer that says how one is named, and no
// password stands in it.
func TestAddressesOfClickHouse(t *testing.T) {
	for _, where := range []string{"", "clickhouse", "mysql://u:secret@host/db", "clickhouse://u:secret@127.0.0.1:1/db", "clickhouse://u:secret@host:port/db", "http://u:secret@127.0.0.1:1/db?dial_timeout=x"} {
		_, err := OpenOn(t.Context(), nil, where)
		if err == nil || !strings.Contains(err.Error(), "lickHouse") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", where, err)
		}
	}
}
