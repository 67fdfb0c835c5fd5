package publication

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/ClickHouse/clickhouse-go/v2"
	_ "github.com/duckdb/duckdb-go/v2"

	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/chdb"
	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/internal/frugal"
	"github.com/bandish/bandish/internal/iceberg"
	"github.com/bandish/bandish/internal/object"
	"github.com/bandish/bandish/internal/object/objecttest"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/signal"
	"github.com/bandish/bandish/verdict"
)

func TestMain(m *testing.M) {
	chdb.Main()
	frugal.Tests()
	os.Exit(m.Run())
}

var began = time.Date(2026, 1, 30, 0, 0, 0, 0, time.UTC)

// verdicts are of ZZ and private networks, nothing real, with the values that are hard:
// numbers beyond the signed ones, empty lists and long ones, odd texts.
func verdicts(day, n int) (out []verdict.Row) {
	for i := range n {
		at := began.AddDate(0, 0, day).Add(time.Duration(i)*7*time.Minute + time.Duration(i)*time.Microsecond)
		r := verdict.Row{
			UID: fmt.Sprintf("%s.%06d_ZZ_%d", at.Format("20060102150405"), i, day), ReportID: fmt.Sprint("r", i%5), Time: at, CC: []string{"ZZ", "XZ"}[i%2],
			ASN: []uint32{64512, 64513, math.MaxUint32}[i%3], ResolverASN: uint32(i), TestName: "web_connectivity", Input: "https://x.com/" + []string{"", "it's", "بندش", `\"`, "a\tb\nc"}[i%5],
			Target: "x", Domain: "x.com", State: []verdict.State{verdict.OK, verdict.Blocked, verdict.Impaired}[i%3], Ruleset: "test", DNS: verdict.Layer{Outcome: verdict.OutcomeBlocked, Rule: "D1"},
			Mechanisms: [][]string{nil, {"dns.inject"}, {"http.blockpage", "tls.reset"}}[i%3], Rules: []string{"D1"}, BytesPerSecond: float32(i) / 3,
			Raw: strings.Repeat("ab", 32), Line: uint32(i), Channel: "bucket", Content: math.MaxUint64 - uint64(i),
		}
		if i%7 == 0 {
			r.Marks = []string{"clock_future"}
		}
		out = append(out, r)
	}
	return out
}

// signals are of a country and of a network, with moments that have no value, and one
// series of none.
func signals(day int) (out []signal.Series) {
	for i, source := range []string{"bgp", "ping-slash24", "merit-nt"} {
		out = append(out, signal.Series{CC: "ZZ", ASN: []uint32{0, 64512, math.MaxUint32}[i], DataSource: source, From: began.AddDate(0, 0, day).Unix(), Step: 300,
			Values: [][]float64{{0, 1.25, signal.None, 1 << 52}, {signal.None}, {}}[i], Document: strings.Repeat("cd", 32), Raw: strings.Repeat("ab", 32), Line: uint32(day)})
	}
	return out
}

func add(t *testing.T, a *archive.Archive, day, n int) {
	t.Helper()
	at := began.AddDate(0, 0, day)
	of, rows := at.Format(time.DateOnly), verdicts(day, n)
	var seen []observation.Row
	for _, v := range rows {
		seen = append(seen, observation.Row{UID: v.UID, Time: v.Time, CC: v.CC, ASN: v.ASN, Target: v.Target, Content: v.Content, Hop: 255, Port: 65535, Literal: v.Line%2 == 0,
			DNSEngines: []string{"udp 9.9.9.9:53"}, DNSSeconds: float64(v.Line) / 7, ControlASNs: []uint32{64512, math.MaxUint32}[:v.Line%3], BodyBytes: -1})
	}
	earliest := at
	err := a.Update(t.Context(), func(u *archive.Update) error {
		u.Manifest.Ruleset = "test"
		_, err := archive.AddSegment(u, archive.Segment{Kind: archive.Verdicts, Period: of, Ruleset: "test"}, rows)
		_, err1 := archive.AddSegment(u, archive.Segment{Kind: archive.Observations, Period: of}, seen)
		_, err2 := archive.AddSegment(u, archive.Segment{Kind: archive.Bodies, Period: of}, []observation.Body{{SHA256: "aa", Text: "\xff\x00 no UTF-8"}, {SHA256: "bb", Text: "text"}})
		_, err3 := archive.AddSegment(u, archive.Segment{Kind: archive.Counts, Period: of[:7]}, []derivation.PublishedCount{{Day: at, CC: "ZZ", ASN: 64512, OK: uint32(day)}})
		_, err4 := archive.AddSegment(u, archive.Segment{Kind: archive.Events, Period: "ZZ", Ruleset: "test"}, []event.Row{{ID: fmt.Sprint("e", day), CC: "ZZ", Networks: []string{"AS64512"}, OnsetEarliest: &earliest, Document: "{}"}})
		_, err5 := archive.AddSegment(u, archive.Segment{Kind: archive.Signals, Period: of[:7]}, signals(day))
		return errors.Join(err, err1, err2, err3, err4, err5)
	})
	if err == nil {
		_, err = (&pipeline.Pipeline{Archive: a}).Count(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func newArchive(t *testing.T) *archive.Archive {
	t.Helper()
	a, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	add(t, a, 0, 40)
	add(t, a, 1, 30) // day 2 is of another month
	add(t, a, 2, 20)
	return a
}

func publish(t *testing.T, a *archive.Archive, s object.Store) map[string]Table {
	t.Helper()
	list, err := Iceberg(t.Context(), a, s)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Table{}
	for _, x := range list {
		out[x.Name] = x
	}
	return out
}

func folder(t *testing.T) (*object.Folder, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "lake")
	return object.NewFolder(disk.OS{}, dir), dir
}

// TestOtherEngineReadsTheSameRows compares what ClickHouse reads of the tables with what
// DuckDB reads of the archive's segments, after a first commit and after another.
func TestOtherEngineReadsTheSameRows(t *testing.T) {
	engine, err := sql.Open("clickhouse", "http://"+chdb.Start(t)+"/default")
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	duck, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer duck.Close()
	a := newArchive(t)
	store, dir := folder(t)
	for step := range 2 {
		compareEngines(t, a, publish(t, a, store), engine, duck, func(table string) string { return "icebergLocal('" + filepath.Join(dir, table) + "')" })
		if step == 0 {
			add(t, a, 3, 25)
		}
	}
	at, access := objecttest.Bucket(t)
	bucket, err := object.OpenS3(at+"/lake", access)
	if err != nil {
		t.Fatal(err)
	}
	compareEngines(t, a, publish(t, a, bucket), engine, duck, func(table string) string {
		return fmt.Sprintf("icebergS3('http://%s/%s/lake/%s', '%s', '%s')", access.Endpoint, strings.TrimPrefix(at, "s3://"), table, access.Key, access.Secret)
	})
}

// compareEngines compares all tables, from being ClickHouse's words for one.
func compareEngines(t *testing.T, a *archive.Archive, tables map[string]Table, clickhouse, duck *sql.DB, from func(table string) string) {
	t.Helper()
	m, err := a.Manifest()
	if err != nil || len(tables) != 9 {
		t.Fatalf("tables: %v, %v", tables, err)
	}
	for _, k := range types(t) {
		ruleset := ""
		if k.ruled {
			ruleset = m.Ruleset
		}
		var paths []string
		rows := int64(0)
		for _, g := range m.Select(k.name, ruleset) {
			paths = append(paths, "'"+filepath.Join(a.Dir(), g.Path())+"'")
			rows += g.Rows
		}
		if tables[k.name].Rows != rows || rows == 0 {
			t.Errorf("%s: %d rows were published of %d", k.name, tables[k.name].Rows, rows)
		}
		theirs, ours := k.columns()
		got := rowsOf(t, clickhouse, "SELECT formatRowNoNewline('JSONCompactEachRow', "+theirs+") FROM "+from(k.name))
		var want []string
		if k.name == archive.Bodies { // DuckDB refuses text that is not UTF-8
			want = bodies(t, a, m)
		} else {
			want = rowsOf(t, duck, "SELECT json_array("+ours+")::VARCHAR FROM read_parquet(["+strings.Join(paths, ", ")+"])")
		}
		if int64(len(want)) != rows {
			t.Fatalf("%s: DuckDB reads %d rows of %d", k.name, len(want), rows)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: ClickHouse reads %d rows, DuckDB %d; the first of each:\n%s\n%s", from(k.name), len(got), len(want), first(got), first(want))
		}
	}
}

// bodies are the rows of the bodies, as rowsOf gives them.
func bodies(t *testing.T, a *archive.Archive, m *archive.Manifest) (out []string) {
	t.Helper()
	for _, g := range m.Select(archive.Bodies, "") {
		err := archive.ReadSegment(a, g, func(rows []observation.Body) error {
			for _, r := range rows {
				out = append(out, fmt.Sprintf("[%q,%q]", r.SHA256, fmt.Sprintf("%X", r.Text)))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(out)
	return out
}

func first(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return list[0]
}

// compared is a kind of table and the type of its rows.
type compared struct {
	kind
	row reflect.Type
}

func types(t *testing.T) (out []compared) {
	rows := map[string]any{archive.Verdicts: verdict.Row{}, archive.Observations: observation.Row{}, archive.Bodies: observation.Body{},
		archive.Cells: series.Cell{}, archive.Layers: series.Cell{}, archive.Hours: series.Cell{}, archive.Counts: derivation.PublishedCount{}, archive.Signals: signal.Series{}, archive.Events: event.Row{}}
	for _, k := range tables() {
		if rows[k.name] == nil {
			t.Fatalf("the test knows no table of %s", k.name)
		}
		out = append(out, compared{k, reflect.TypeOf(rows[k.name])})
	}
	return out
}

// columns are the columns of a kind in the words of ClickHouse and of DuckDB, so that both
// say the same value with the same text.
func (k compared) columns() (clickhouse, duckdb string) {
	var a, b []string
	for i := range k.row.NumField() {
		column, _, _ := strings.Cut(k.row.Field(i).Tag.Get("parquet"), ",")
		name := `"` + column + `"` // of signals one is named from
		switch k.row.Field(i).Type {
		case reflect.TypeFor[time.Time](), reflect.TypeFor[*time.Time]():
			a, b = append(a, "toUnixTimestamp64Micro("+name+")"), append(b, "epoch_us("+name+")")
		default:
			a, b = append(a, name), append(b, name)
		}
		if k.name == archive.Bodies && column == "text" {
			a[len(a)-1] = "hex(" + name + ")"
		}
	}
	return strings.Join(a, ", "), strings.Join(b, ", ")
}

// rowsOf are the rows of a question, each as JSON in one form, sorted.
func rowsOf(t *testing.T, db *sql.DB, question string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), question)
	if err != nil {
		t.Fatalf("%v\n%.300s", err, question)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var b string
		if err := rows.Scan(&b); err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(strings.NewReader(b))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		again, err := json.Marshal(oneForm(v))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(again))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

// oneForm writes numbers with a point in one way.
func oneForm(v any) any {
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			f, _ := v.Float64()
			if f == math.Trunc(f) && math.Abs(f) < 1<<53 { // the one leaves the point out
				return json.Number(fmt.Sprintf("%.0f", f))
			}
			return float32(f) // a float32 is told with its own digits by the one and as a double by the other
		}
	case []any:
		for i := range v {
			v[i] = oneForm(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = oneForm(v[k])
		}
	}
	return v
}

// contents are the files of a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		b, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		out[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSameArchiveSameBytes publishes twice into one place, which was emptied in between,
// and after nothing has changed.
func TestSameArchiveSameBytes(t *testing.T) {
	a := newArchive(t)
	store, dir := folder(t)
	publish(t, a, store)
	once := contents(t, dir)
	for name, x := range publish(t, a, store) {
		if x.Added+x.Removed != 0 {
			t.Errorf("%s has changed although the archive has not: %+v", name, x)
		}
	}
	if again := contents(t, dir); !reflect.DeepEqual(once, again) {
		t.Error("a publication of nothing new has changed files")
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	publish(t, a, object.NewFolder(disk.OS{}, dir))
	if again := contents(t, dir); !reflect.DeepEqual(once, again) || len(again) < 30 {
		t.Errorf("the same archive gave other bytes: %d files and %d", len(once), len(again))
	}
}

// TestNewSnapshot publishes after another commit: what was written stays as it was, the
// manifests of months that nothing touched are used again, and the older snapshot still
// shows its rows.
func TestNewSnapshot(t *testing.T) {
	a := newArchive(t)
	store, dir := folder(t)
	publish(t, a, store)
	before := contents(t, dir)
	add(t, a, 3, 25)
	done := publish(t, a, store)
	if x := done[archive.Verdicts]; x.Added != 1 || x.Removed != 0 || x.Rows != 115 {
		t.Errorf("verdicts: %+v", x)
	}
	if x := done[archive.Cells]; x.Removed == 0 || x.Added == 0 {
		t.Errorf("the cells of a month were counted again, and the table says %+v", x)
	}
	after := contents(t, dir)
	for name, text := range before {
		if after[name] != text && filepath.Base(name) != "version-hint.text" {
			t.Errorf("%s was changed or removed", name)
		}
	}
	if hint := after["verdicts/metadata/version-hint.text"]; hint != "2" {
		t.Errorf("the hint is %q", hint)
	}
	for version, want := range map[int]int64{1: 90, 2: 115} {
		s := stateOf(t, store, version)
		rows, manifests := int64(0), 0
		for _, g := range s.groups {
			manifests += len(g.manifests)
			for _, e := range g.live {
				rows += e.Rows
			}
		}
		if rows != want || manifests != 2 {
			t.Errorf("version %d of the verdicts has %d rows in %d manifests, want %d in 2", version, rows, manifests, want)
		}
	}
	var january []string
	for name := range after {
		if strings.HasPrefix(name, "verdicts/metadata/2026-01-") {
			january = append(january, name)
		}
	}
	if len(january) != 1 {
		t.Errorf("the manifest of January was written again: %v", january)
	}
}

// stateOf reads a version of the verdicts.
func stateOf(t *testing.T, store object.Store, version int) *state {
	t.Helper()
	p := &publisher{store: store, kind: tables()[0]}
	text, _, err := store.Read(t.Context(), p.name(metadataName(version)))
	if err != nil {
		t.Fatal(err)
	}
	s := &state{version: version, groups: map[string]*group{}}
	if s.table, err = iceberg.Parse(text); err == nil {
		err = p.readGroups(t.Context(), s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var errCut = errors.New("the process was killed")

// held are the objects of a store.
func held(t *testing.T, s object.Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	for o, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		text, _, err := s.Read(t.Context(), o.Name)
		if err != nil {
			t.Fatal(err)
		}
		out[o.Name] = string(text)
	}
	return out
}

// memory is a store that holds these objects.
func memory(t *testing.T, objects map[string]string) *objecttest.Memory {
	t.Helper()
	m := new(objecttest.Memory)
	for name, text := range objects {
		if err := m.Create(t.Context(), name, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// cut lets a store fail from its n-th write on: before that one is done, or after.
func cut(m *objecttest.Memory, n int, after bool) {
	m.Before = func(call, _ string) error {
		if call != "create" && call != "swap" {
			return nil
		}
		if n--; n < 0 || n == 0 && !after {
			return errCut
		}
		return nil
	}
	m.After = func(call, _ string) error {
		if n == 0 && (call == "create" || call == "swap") {
			return errCut
		}
		return nil
	}
}

// TestKilledPublication is cut short at each of its writes. Whatever version is there then
// is whole, and another publication ends as one that was never cut short.
func TestKilledPublication(t *testing.T) {
	a := newArchive(t)
	store := memory(t, nil)
	publish(t, a, store)
	base := held(t, store)
	add(t, a, 3, 5)
	publish(t, a, store)
	want := held(t, store)
	cuts := 0
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			fresh := memory(t, base)
			cut(fresh, n, after)
			_, err := Iceberg(t.Context(), a, fresh)
			fresh.Before, fresh.After = nil, nil
			if err == nil {
				break
			}
			if !errors.Is(err, errCut) {
				t.Fatal(err)
			}
			cuts++
			now := held(t, fresh)
			for v := 1; v <= 2; v++ {
				if _, there := now["verdicts/"+metadataName(v)]; !there {
					continue
				}
				for _, g := range stateOf(t, fresh, v).groups {
					for _, e := range g.live {
						if text := now[strings.TrimPrefix(e.Path, fresh.String()+"/")]; int64(len(text)) != e.Size {
							t.Errorf("cut %d: version %d names %s, which has %d bytes", n, v, e.Path, len(text))
						}
					}
				}
			}
			publish(t, a, fresh)
			got := held(t, fresh)
			maps.DeleteFunc(got, func(name, _ string) bool { return strings.HasPrefix(name, "probe-") }) // see object.Probe
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("cut at write %d (after: %v), another publication ends otherwise", n, after)
			}
		}
	}
	if cuts < 40 {
		t.Errorf("it was cut short %d times only", cuts)
	}
}

// TestPublishersRace lets several publish at one time, while the archive grows.
func TestPublishersRace(t *testing.T) {
	a := newArchive(t)
	store, _ := folder(t)
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			if _, err := Iceberg(t.Context(), a, store); err != nil {
				t.Error(err)
			}
		})
	}
	add(t, a, 3, 5)
	group.Wait()
	done := publish(t, a, store)
	if done[archive.Verdicts].Rows != 95 {
		t.Errorf("%+v", done[archive.Verdicts])
	}
}

// TestNotOurs refuses what belongs to another archive, lies elsewhere than it says, or is of
// another catalog.
func TestNotOurs(t *testing.T) {
	a := newArchive(t)
	store, dir := folder(t)
	publish(t, a, store)
	if _, err := Iceberg(t.Context(), newArchive(t), store); err == nil || !strings.Contains(err.Error(), "another archive") {
		t.Errorf("another archive: %v", err)
	}
	moved := dir + "-moved"
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	if _, err := Iceberg(t.Context(), a, object.NewFolder(disk.OS{}, moved)); err == nil || !strings.Contains(err.Error(), "another one") {
		t.Errorf("moved: %v", err)
	}
	other, _ := folder(t)
	if err := other.Create(t.Context(), "verdicts/metadata/00001-abc.metadata.json", bytes.NewReader(nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := Iceberg(t.Context(), a, other); err == nil || !strings.Contains(err.Error(), "catalog") {
		t.Errorf("another catalog: %v", err)
	}
}
