package iceberg

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Table is one version of the metadata of a table.
type Table struct {
	members map[string]json.RawMessage // all members, also those that this package does not know
	head    head
}

// head is the part of the metadata that this package reads.
type head struct {
	Format        int               `json:"format-version"`
	UUID          string            `json:"table-uuid"`
	Location      string            `json:"location"`
	LastSequence  int64             `json:"last-sequence-number"`
	LastUpdated   int64             `json:"last-updated-ms"`
	LastColumn    int               `json:"last-column-id"`
	Schemas       []Schema          `json:"schemas"`
	CurrentSchema int               `json:"current-schema-id"`
	DefaultSpec   int               `json:"default-spec-id"`
	Properties    map[string]string `json:"properties"`
	Current       *int64            `json:"current-snapshot-id"`
	Snapshots     []json.RawMessage `json:"snapshots"`
	SnapshotLog   []json.RawMessage `json:"snapshot-log"`
	MetadataLog   []json.RawMessage `json:"metadata-log"`
}

type jsonSnapshot struct {
	ID       int64             `json:"snapshot-id"`
	Parent   *int64            `json:"parent-snapshot-id,omitempty"`
	Sequence int64             `json:"sequence-number"`
	Time     int64             `json:"timestamp-ms"`
	List     string            `json:"manifest-list"`
	Summary  map[string]string `json:"summary"`
	Schema   int               `json:"schema-id"`
}

// Parse reads the metadata of a table, which another program may have changed.
func Parse(text []byte) (*Table, error) {
	t := &Table{}
	if err := errors.Join(json.Unmarshal(text, &t.members), json.Unmarshal(text, &t.head)); err != nil {
		return nil, fmt.Errorf("read the metadata of a table: %w", err)
	}
	if t.head.Format != 2 {
		return nil, fmt.Errorf("the table has format %d: 2 is what is written here", t.head.Format)
	}
	if t.head.DefaultSpec != 0 {
		return nil, errors.New("another program has partitioned the table: publish to another place")
	}
	if _, ok := t.schemaOf(t.head.CurrentSchema); !ok {
		return nil, errors.New("the metadata of the table lacks its current schema")
	}
	return t, nil
}

// Location returns where the table lies.
func (t *Table) Location() string { return t.head.Location }

// Property returns one of the table's properties, "" if it has none of this name.
func (t *Table) Property(name string) string { return t.head.Properties[name] }

func (t *Table) schemaOf(id int) (Schema, bool) {
	i := slices.IndexFunc(t.head.Schemas, func(s Schema) bool { return s.ID == id })
	if i < 0 {
		return Schema{}, false
	}
	return t.head.Schemas[i], true
}

// schema returns the current schema, and the greatest field id that was ever given.
func (t *Table) schema() (Schema, int) {
	s, _ := t.schemaOf(t.head.CurrentSchema)
	return s, t.head.LastColumn
}

// allIDs returns the ids of all fields that the table ever had, by their paths.
func (t *Table) allIDs() map[string]int {
	out := map[string]int{}
	for _, s := range t.head.Schemas {
		maps.Copy(out, s.ids())
	}
	return out
}

func (t *Table) nextSchema() int {
	next := 0
	for _, s := range t.head.Schemas {
		next = max(next, s.ID+1)
	}
	return next
}

// SchemaID returns the id of the current schema.
func (t *Table) SchemaID() int { return t.head.CurrentSchema }

// List returns where the list of manifests of the current snapshot lies, "" if there is
// none.
func (t *Table) List() (string, error) {
	if t.head.Current == nil || *t.head.Current == -1 {
		return "", nil
	}
	for _, text := range t.head.Snapshots {
		var s jsonSnapshot
		if err := json.Unmarshal(text, &s); err != nil {
			return "", fmt.Errorf("read a snapshot: %w", err)
		}
		if s.ID == *t.head.Current {
			return s.List, nil
		}
	}
	return "", errors.New("the metadata of the table lacks its current snapshot")
}

// Change is what the next snapshot changes in a table.
type Change struct {
	Layout     *Layout
	Location   string // of the table, without a slash at the end
	Before     string // name of the current metadata file
	Time       time.Time
	Properties map[string]string
	Groups     []Group        // whose manifests are written again
	Untouched  []ManifestFile // manifests that stay as they are
	Total      int            // number of data files of the snapshot
	TotalRows  int64
	TotalBytes int64
}

// Group holds the data files of one manifest.
type Group struct {
	Name    string
	Kept    []Entry
	Removed []Entry
	Added   []DataFile
}

// File is a file to write: a name below the table's location, and its content.
type File struct {
	Name    string
	Content []byte
}

// snapshot holds the numbers of a new snapshot.
type snapshot struct {
	id, parent, sequence, time int64
}

// Next makes the next version of a table; t is nil for the first. files are the manifests
// and their list. They must be written before the metadata.
func Next(t *Table, c *Change) (files []File, metadata []byte, err error) {
	if t == nil {
		t = first(c)
	}
	s := t.begin(c)
	var lines []map[string]any
	for _, m := range c.Untouched {
		lines = append(lines, m.line)
	}
	for _, g := range c.Groups {
		if len(g.Kept)+len(g.Removed)+len(g.Added) == 0 {
			continue
		}
		text, line, err := s.manifest(c, g)
		if err != nil {
			return nil, nil, err
		}
		sum := sha256.Sum256(text)
		f := File{path.Join(metadataDir, g.Name+"-"+hex.EncodeToString(sum[:])+".avro"), text}
		line["manifest_path"] = c.Location + "/" + f.Name
		files = append(files, f)
		lines = append(lines, line)
	}
	slices.SortFunc(lines, func(a, b map[string]any) int {
		return strings.Compare(a["manifest_path"].(string), b["manifest_path"].(string))
	})
	text, err := s.list(lines)
	if err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256(text)
	list := File{path.Join(metadataDir, "snap-"+strconv.FormatInt(s.id, 10)+"-"+hex.EncodeToString(sum[:8])+".avro"), text}
	metadata, err = t.with(c, s, list.Name)
	return append(files, list), metadata, err
}

const metadataDir = "metadata"

// first makes a table without snapshots.
func first(c *Change) *Table {
	names, _ := json.Marshal(c.Properties) // its keys are sorted
	sum := sha256.Sum256([]byte("bandish table " + c.Location + string(names)))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // this makes it a UUID of version 8
	h := hex.EncodeToString(sum[:16])
	t := &Table{members: map[string]json.RawMessage{}}
	t.head = head{Format: 2, UUID: h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], Location: c.Location, CurrentSchema: -1}
	return t
}

// begin makes the numbers of the next snapshot.
func (t *Table) begin(c *Change) *snapshot {
	s := &snapshot{sequence: t.head.LastSequence + 1, time: max(c.Time.UnixMilli(), t.head.LastUpdated+1)}
	if t.head.Current != nil && *t.head.Current != -1 {
		s.parent = *t.head.Current
	}
	h := sha256.New()
	fmt.Fprintln(h, t.head.UUID, s.parent, s.sequence, s.time)
	for _, m := range c.Untouched {
		fmt.Fprintln(h, m.Path)
	}
	for _, g := range c.Groups {
		for _, e := range g.Kept {
			fmt.Fprintln(h, "kept", e.Path)
		}
		for _, d := range g.Added {
			fmt.Fprintln(h, "added", d.Path)
		}
	}
	s.id = int64(binary.BigEndian.Uint64(h.Sum(nil))>>2 | 1)
	return s
}

// summary says what a snapshot changes, in the words of the specification.
func (c *Change) summary() map[string]string {
	var files, rows, bytes [2]int64 // index 0: added, index 1: removed
	for _, g := range c.Groups {
		for _, d := range g.Added {
			files[0]++
			rows[0] += d.Rows
			bytes[0] += d.Size
		}
		for _, e := range g.Removed {
			files[1]++
			rows[1] += e.Rows
			bytes[1] += e.Size
		}
	}
	out := map[string]string{"operation": "append"}
	switch {
	case files[1] > 0 && files[0] > 0:
		out["operation"] = "overwrite"
	case files[1] > 0:
		out["operation"] = "delete"
	}
	set := func(name string, n int64) { out[name] = strconv.FormatInt(n, 10) }
	set("added-data-files", files[0])
	set("added-records", rows[0])
	set("added-files-size", bytes[0])
	set("deleted-data-files", files[1])
	set("deleted-records", rows[1])
	set("removed-files-size", bytes[1])
	set("total-data-files", int64(c.Total))
	set("total-records", c.TotalRows)
	set("total-files-size", c.TotalBytes)
	set("total-delete-files", 0)
	set("total-position-deletes", 0)
	set("total-equality-deletes", 0)
	return out
}

// with makes the metadata with one more snapshot. Members that this package does not know
// stay.
func (t *Table) with(c *Change, s *snapshot, list string) ([]byte, error) {
	h := t.head
	snap := jsonSnapshot{ID: s.id, Sequence: s.sequence, Time: s.time, List: c.Location + "/" + list, Summary: c.summary(), Schema: c.Layout.Schema.ID}
	if s.parent != 0 {
		snap.Parent = &s.parent
	}
	logged, err := appended(h.SnapshotLog, map[string]int64{"snapshot-id": s.id, "timestamp-ms": s.time})
	if err != nil {
		return nil, err
	}
	snapshots, err := appended(h.Snapshots, snap)
	if err != nil {
		return nil, err
	}
	versions := h.MetadataLog
	if c.Before != "" {
		versions, err = appended(versions, map[string]any{"metadata-file": c.Location + "/" + c.Before, "timestamp-ms": h.LastUpdated})
		if err != nil {
			return nil, err
		}
	}
	versions = versions[max(0, len(versions)-maxVersions):]
	schemas := slices.Clone(h.Schemas)
	if _, there := t.schemaOf(c.Layout.Schema.ID); !there {
		schemas = append(schemas, c.Layout.Schema)
	}
	properties := maps.Clone(c.Properties)
	if h.Properties != nil {
		properties = maps.Clone(h.Properties)
	}
	refs := map[string]json.RawMessage{}
	if old := t.members["refs"]; old != nil {
		if err := json.Unmarshal(old, &refs); err != nil {
			return nil, fmt.Errorf("read the branches of a table: %w", err)
		}
	}
	if refs["main"], err = json.Marshal(map[string]any{"snapshot-id": s.id, "type": "branch"}); err != nil {
		return nil, err
	}
	set := map[string]any{
		"format-version": 2, "table-uuid": h.UUID, "location": c.Location, "last-sequence-number": s.sequence, "last-updated-ms": s.time,
		"last-column-id": max(h.LastColumn, c.Layout.LastID), "schemas": schemas, "current-schema-id": c.Layout.Schema.ID,
		"properties": properties, "current-snapshot-id": s.id, "refs": refs, "snapshots": snapshots, "snapshot-log": logged, "metadata-log": versions,
	}
	out := map[string]any{
		"partition-specs": []any{map[string]any{"spec-id": 0, "fields": []any{}}}, "default-spec-id": 0, "last-partition-id": 999,
		"sort-orders": []any{map[string]any{"order-id": 0, "fields": []any{}}}, "default-sort-order-id": 0,
	}
	for k, v := range t.members {
		out[k] = v
	}
	maps.Copy(out, set)
	return json.Marshal(out)
}

// maxVersions is how many earlier versions the metadata lists.
const maxVersions = 100

func appended(list []json.RawMessage, v any) ([]json.RawMessage, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = []json.RawMessage{}
	}
	return append(slices.Clone(list), text), nil
}
