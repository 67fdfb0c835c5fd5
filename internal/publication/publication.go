// Package publication keeps the rows of an archive as tables of Apache Iceberg, in a
// folder or a bucket, for engines that know nothing of Bandish.
//
// The package guarantees:
//
//   - A table shows the rows of one manifest of the archive: all of them, and no others.
//   - Readers see the version before or the new one, never a part. What a reader has begun to read stays, since all snapshots do.
//   - If two processes publish at one time, both succeed, one after the other. A process that was killed can be run again.
//   - The same archive, published at the same moments of its life, gives the same bytes.
//
// The tables have their own files, which are made from segments: see
// docs/decisions/0020-tables-of-iceberg.md.
package publication

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/iceberg"
	"github.com/bandish/bandish/internal/object"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/signal"
	"github.com/bandish/bandish/verdict"
)

// kind is a kind of segment that becomes a table of the same name.
type kind struct {
	name  string
	ruled bool // its segments depend on the ruleset
	// layout makes the layout of its rows; write makes a data file of a segment.
	layout func(*iceberg.Table) (*iceberg.Layout, error)
	write  func(io.Writer, *iceberg.Layout, *archive.Archive, archive.Segment) error
}

func of[T any](name string, ruled bool, raw ...string) kind {
	return kind{name, ruled,
		func(t *iceberg.Table) (*iceberg.Layout, error) { return iceberg.LayoutOf(*new(T), t, raw...) },
		func(w io.Writer, l *iceberg.Layout, a *archive.Archive, s archive.Segment) error {
			return iceberg.WriteFile(w, l, func(yield func([]T) error) error { return archive.ReadSegment(a, s, yield) })
		}}
}

// tables lists the kinds of segments that become tables. Findings do not: they are the
// detector's memory, and events say what it found.
func tables() []kind {
	return []kind{
		of[verdict.Row](archive.Verdicts, true),
		of[observation.Row](archive.Observations, false),
		of[observation.Body](archive.Bodies, false, "text"), // what servers sent may be any bytes
		of[series.Cell](archive.Cells, true),
		of[series.Cell](archive.Layers, true),
		of[series.Cell](archive.Hours, true),
		of[derivation.PublishedCount](archive.Counts, false),
		of[signal.Series](archive.Signals, false),
		of[event.Row](archive.Events, true),
	}
}

// Table says what was published of one table.
type Table struct {
	Name     string `json:"table"`
	Location string `json:"location"`
	Metadata string `json:"metadata"` // the file that engines must be given to read the table
	Rows     int64  `json:"rows"`
	Files    int    `json:"files"`
	Added    int    `json:"added"`   // data files that this run added
	Removed  int    `json:"removed"` // data files that no longer belong to the table
}

// Iceberg publishes an archive as tables below a store. It returns the tables that have
// rows or had some before.
func Iceberg(ctx context.Context, a *archive.Archive, store object.Store) ([]Table, error) {
	if err := object.Probe(ctx, store); err != nil {
		return nil, err
	}
	m, err := a.Manifest()
	if err != nil {
		return nil, err
	}
	var out []Table
	for _, k := range tables() {
		p := &publisher{a: a, store: store, kind: k, made: map[string]iceberg.DataFile{}}
		t, err := p.publish(ctx, m)
		if errors.Is(err, errReplaced) { // the segment was replaced more than an hour ago
			if m, err = a.Manifest(); err == nil {
				t, err = p.publish(ctx, m)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("publish the table of %s in %s: %w", k.name, store, err)
		}
		if t != nil {
			out = append(out, *t)
		}
	}
	return out, nil
}

// publisher publishes one table.
type publisher struct {
	a     *archive.Archive
	store object.Store
	kind  kind
	made  map[string]iceberg.DataFile // data files that were written, by schema and segment
}

// location is where the table lies, as its own files name it.
func (p *publisher) location() string { return p.store.String() + "/" + p.kind.name }

// name returns the name of an object of the table.
func (p *publisher) name(rest string) string { return p.kind.name + "/" + rest }

// errReplaced means that a segment was removed after another took its place.
var errReplaced = errors.New("the archive has changed meanwhile: publish again")

// publish makes the table show the segments of a manifest. It returns nil if there are no
// segments and never was a table.
func (p *publisher) publish(ctx context.Context, m *archive.Manifest) (*Table, error) {
	ruleset := ""
	if p.kind.ruled {
		ruleset = m.Ruleset
	}
	segments := m.Select(p.kind.name, ruleset)
	for {
		now, err := p.read(ctx)
		if err != nil {
			return nil, err
		}
		if now.table == nil && len(segments) == 0 {
			return nil, nil
		}
		if err := p.mine(m, now.table); err != nil {
			return nil, err
		}
		done, err := p.advance(ctx, m, segments, now)
		if errors.Is(err, object.ErrExists) { // another process was first
			continue
		}
		if err != nil {
			return nil, err
		}
		return done, p.hint(ctx, done.Metadata)
	}
}

// origin is the property of a table that names the archive it comes from.
const origin = "bandish.ledger"

func ledgerOf(m *archive.Manifest) string {
	if m.Ledger == nil {
		return ""
	}
	return m.Ledger.Origin
}

// mine returns an error if a table belongs to another archive, or was moved.
func (p *publisher) mine(m *archive.Manifest, t *iceberg.Table) error {
	if t == nil {
		return nil
	}
	if is := t.Property(origin); is != ledgerOf(m) {
		return fmt.Errorf("it is of another archive, whose ledger is %q, and this one's is %q: name another place", is, ledgerOf(m))
	}
	if t.Location() != p.location() {
		return fmt.Errorf("its files name the place %s, where it was before: name that, or another one", t.Location())
	}
	return nil
}

// state is a table as it is now.
type state struct {
	version int
	file    string         // name of its metadata object, below the table
	table   *iceberg.Table // nil if there is no table
	groups  map[string]*group
}

// group holds the data files of a month or of a country. One manifest lists them.
type group struct {
	manifests []iceberg.ManifestFile
	live      []iceberg.Entry
	foreign   bool // another program has regrouped them
}

var versionName = regexp.MustCompile(`^metadata/v([0-9]{1,9})\.metadata\.json$`)

// metadataName is the name of a version's metadata object, below the table. Catalogs in
// folders agree on such names: whoever creates the object makes the version.
func metadataName(version int) string { return fmt.Sprintf("metadata/v%d.metadata.json", version) }

// read reads the newest version of the table.
func (p *publisher) read(ctx context.Context) (*state, error) {
	s := &state{groups: map[string]*group{}}
	for o, err := range p.store.List(ctx, p.name("metadata/")) {
		if err != nil {
			return nil, err
		}
		found := versionName.FindStringSubmatch(strings.TrimPrefix(o.Name, p.kind.name+"/"))
		if found == nil {
			if strings.HasSuffix(o.Name, ".metadata.json") {
				return nil, fmt.Errorf("%s was written by a program with its own catalog: publish to another place", o.Name)
			}
			continue
		}
		if n, err := strconv.Atoi(found[1]); err == nil && n > s.version {
			s.version, s.file = n, metadataName(n)
		}
	}
	if s.version == 0 {
		return s, nil
	}
	text, _, err := p.store.Read(ctx, p.name(s.file))
	if err != nil {
		return nil, err
	}
	if s.table, err = iceberg.Parse(text); err != nil {
		return nil, fmt.Errorf("%s: %w", s.file, err)
	}
	return s, p.readGroups(ctx, s)
}

// readAt reads a file that a table names by its location.
func (p *publisher) readAt(ctx context.Context, s *state, at string) ([]byte, error) {
	rest, ok := strings.CutPrefix(at, s.table.Location()+"/")
	if !ok {
		return nil, fmt.Errorf("the table names %s, which is not in its folder", at)
	}
	text, _, err := p.store.Read(ctx, p.name(rest))
	return text, err
}

func (p *publisher) readGroups(ctx context.Context, s *state) error {
	at, err := s.table.List()
	if err != nil || at == "" || s.table.Location() != p.location() {
		return err
	}
	text, err := p.readAt(ctx, s, at)
	if err != nil {
		return err
	}
	manifests, err := iceberg.ReadList(text)
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	for _, m := range manifests {
		if text, err = p.readAt(ctx, s, m.Path); err != nil {
			return err
		}
		live, err := iceberg.ReadManifest(text, m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Path, err)
		}
		g := s.group(groupOfManifest(m.Path))
		g.manifests = append(g.manifests, m)
		g.live = append(g.live, live...)
		g.foreign = g.foreign || len(g.manifests) > 1 || slices.ContainsFunc(live, func(e iceberg.Entry) bool {
			period, _ := segmentOf(e.Path)
			return groupOf(period) != groupOfManifest(m.Path)
		})
	}
	return nil
}

func (s *state) group(name string) *group {
	if s.groups[name] == nil {
		s.groups[name] = new(group)
	}
	return s.groups[name]
}

// groupOf returns the group of a period: its month, or its country.
func groupOf(period string) string { return period[:min(len(period), 7)] }

// groupOfManifest returns the group in the name of a manifest: 2024-02-<SHA-256>.avro.
func groupOfManifest(at string) string {
	name := strings.TrimSuffix(path.Base(at), ".avro")
	return name[:max(0, strings.LastIndexByte(name, '-'))]
}

// dataName is the name of a data file's object, below the table: its period, its segment's
// SHA-256, and the beginning of its own.
func dataName(g archive.Segment, sum []byte) string {
	return path.Join("data", g.Period, g.SHA256+"-"+hex.EncodeToString(sum[:8])+".parquet")
}

// segmentOf returns the period and the SHA-256 of the segment from which a data file was
// made; "" if another program wrote it.
func segmentOf(at string) (period, sha string) {
	dir, name := path.Split(at)
	if sha, _, _ = strings.Cut(name, "-"); len(sha) != 64 {
		return "", ""
	}
	return path.Base(dir), sha
}

// advance makes the next version of the table, if it differs from now.
func (p *publisher) advance(ctx context.Context, m *archive.Manifest, segments []archive.Segment, now *state) (*Table, error) {
	layout, err := p.kind.layout(now.table)
	if err != nil {
		return nil, err
	}
	c := &iceberg.Change{Layout: layout, Location: p.location(), Before: now.file, Time: m.Totals().Last, Properties: p.properties(m)}
	out := &Table{Name: p.kind.name, Location: c.Location, Metadata: c.Location + "/" + now.file, Files: len(segments)}
	want := map[string]map[string]archive.Segment{} // by group, then by SHA-256
	for _, g := range segments {
		name := groupOf(g.Period)
		if want[name] == nil {
			want[name] = map[string]archive.Segment{}
		}
		want[name][g.SHA256] = g
		out.Rows += g.Rows
	}
	all := now.table == nil || now.table.SchemaID() != layout.Schema.ID // write all files again, so that every file has all columns
	names := maps.Clone(want)
	for name := range now.groups {
		names[name] = nil
	}
	done := 0
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old := now.group(name)
		g := iceberg.Group{Name: name}
		missing := maps.Clone(want[name])
		for _, e := range old.live {
			_, sha := segmentOf(e.Path)
			if _, wanted := missing[sha]; wanted && !all {
				delete(missing, sha)
				g.Kept = append(g.Kept, e)
				c.TotalBytes += e.Size
			} else {
				g.Removed = append(g.Removed, e)
			}
		}
		done += len(g.Kept)
		for _, sha := range slices.Sorted(maps.Keys(missing)) {
			d, err := p.file(ctx, layout, missing[sha])
			if err != nil {
				return nil, err
			}
			g.Added = append(g.Added, d)
			c.TotalBytes += d.Size
			done++
			p.a.Did("file of "+p.kind.name, done, len(segments))
		}
		if len(g.Added)+len(g.Removed) == 0 && !old.foreign {
			c.Untouched = append(c.Untouched, old.manifests...)
			continue
		}
		out.Added += len(g.Added)
		out.Removed += len(g.Removed)
		c.Groups = append(c.Groups, g)
	}
	if out.Added+out.Removed == 0 && now.table != nil {
		return out, nil
	}
	c.Total, c.TotalRows = len(segments), out.Rows
	out.Metadata = c.Location + "/" + metadataName(now.version+1)
	return out, p.commit(ctx, now, c)
}

func (p *publisher) properties(m *archive.Manifest) map[string]string {
	return map[string]string{origin: ledgerOf(m), "bandish.kind": p.kind.name, "write.format.default": "parquet"}
}

// commit writes the manifests, their list, and at last the metadata, which makes the
// version. The error is object.ErrExists if another process made that version.
func (p *publisher) commit(ctx context.Context, now *state, c *iceberg.Change) error {
	files, metadata, err := iceberg.Next(now.table, c)
	if err != nil {
		return err
	}
	for _, f := range files {
		err := p.store.Create(ctx, p.name(f.Name), bytes.NewReader(f.Content))
		if err != nil && !errors.Is(err, object.ErrExists) { // an object of the same name has the same content
			return err
		}
	}
	name := p.name(metadataName(now.version + 1))
	err = p.store.Create(ctx, name, bytes.NewReader(metadata))
	if errors.Is(err, object.ErrExists) { // this process may have made it, and the answer was lost
		if there, _, e := p.store.Read(ctx, name); e == nil && bytes.Equal(there, metadata) {
			return nil
		}
	}
	return err
}

// hint writes which version is the newest, for engines that do not list the folder. If it
// is out of date, they read an older version, which is whole too.
func (p *publisher) hint(ctx context.Context, metadata string) error {
	found := versionName.FindStringSubmatch(strings.TrimPrefix(metadata, p.location()+"/"))
	if found == nil {
		return nil
	}
	version, err := strconv.Atoi(found[1])
	if err != nil {
		return err
	}
	return object.Update(ctx, p.store, p.name("metadata/version-hint.text"), func(old []byte) ([]byte, error) {
		if had, err := strconv.Atoi(strings.TrimSpace(string(old))); err == nil && had >= version {
			return nil, object.ErrDone
		}
		return []byte(strconv.Itoa(version)), nil
	})
}

// file writes the data file of a segment.
func (p *publisher) file(ctx context.Context, l *iceberg.Layout, g archive.Segment) (d iceberg.DataFile, err error) {
	key := fmt.Sprint(l.Schema.ID, " ", g.SHA256)
	if d, made := p.made[key]; made {
		return d, ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return d, err
	}
	f, err := os.CreateTemp("", "bandish-table-*")
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	h := sha256.New()
	if err := p.kind.write(io.MultiWriter(f, h), l, p.a, g); err != nil {
		if m, e := p.a.Manifest(); e == nil && !slices.ContainsFunc(m.Segments, func(s archive.Segment) bool { return s.Path() == g.Path() }) {
			return d, errReplaced
		}
		return d, err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return d, err
	}
	if d, err = iceberg.Measure(f, size); err != nil {
		return d, err
	}
	if d.Rows != g.Rows {
		return d, fmt.Errorf("%s has %d rows, and %d were written", g.Path(), g.Rows, d.Rows)
	}
	name := dataName(g, h.Sum(nil))
	d.Path = p.location() + "/" + name
	if err := p.store.Create(ctx, p.name(name), f); err != nil && !errors.Is(err, object.ErrExists) {
		return d, err
	}
	p.made[key] = d
	return d, nil
}
