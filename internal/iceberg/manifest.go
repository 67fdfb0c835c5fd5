package iceberg

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// DataFile is what a manifest says of a data file.
type DataFile struct {
	Path    string // the table's location, and the name below it
	Rows    int64
	Size    int64
	Columns map[int]ColumnFacts // by the id of the field
	Offsets []int64             // of its row groups
}

// ColumnFacts is what a manifest says of a column in a data file.
type ColumnFacts struct {
	Bytes, Values, Nulls int64
	Least, Most          []byte // nil if they are not known
}

// Entry is a line of a manifest: a data file, and the snapshot that added it.
type Entry struct {
	Path string
	Rows int64
	Size int64

	added    int64          // the snapshot that added it
	sequence int64          // sequence number of that snapshot
	file     int64          // sequence number of the snapshot that added the file itself
	data     map[string]any // what the manifest says of the file
}

// The statuses of an entry.
const (
	existing = int64(0)
	added    = int64(1)
	deleted  = int64(2)
)

// ManifestFile is a line in the list of manifests.
type ManifestFile struct {
	Path string
	line map[string]any
}

// The Avro schemas of manifests and of their lists. Names and ids are those of the
// specification.
const (
	manifestSchema = `{"type":"record","name":"manifest_entry","fields":[
{"name":"status","type":"int","field-id":0},
{"name":"snapshot_id","type":["null","long"],"default":null,"field-id":1},
{"name":"sequence_number","type":["null","long"],"default":null,"field-id":3},
{"name":"file_sequence_number","type":["null","long"],"default":null,"field-id":4},
{"name":"data_file","field-id":2,"type":{"type":"record","name":"r2","fields":[
{"name":"content","type":"int","field-id":134},
{"name":"file_path","type":"string","field-id":100},
{"name":"file_format","type":"string","field-id":101},
{"name":"partition","field-id":102,"type":{"type":"record","name":"r102","fields":[]}},
{"name":"record_count","type":"long","field-id":103},
{"name":"file_size_in_bytes","type":"long","field-id":104},
{"name":"column_sizes","default":null,"field-id":108,"type":["null",{"type":"array","logicalType":"map","items":{"type":"record","name":"k117_v118","fields":[{"name":"key","type":"int","field-id":117},{"name":"value","type":"long","field-id":118}]}}]},
{"name":"value_counts","default":null,"field-id":109,"type":["null",{"type":"array","logicalType":"map","items":{"type":"record","name":"k119_v120","fields":[{"name":"key","type":"int","field-id":119},{"name":"value","type":"long","field-id":120}]}}]},
{"name":"null_value_counts","default":null,"field-id":110,"type":["null",{"type":"array","logicalType":"map","items":{"type":"record","name":"k121_v122","fields":[{"name":"key","type":"int","field-id":121},{"name":"value","type":"long","field-id":122}]}}]},
{"name":"nan_value_counts","default":null,"field-id":137,"type":["null",{"type":"array","logicalType":"map","items":{"type":"record","name":"k138_v139","fields":[{"name":"key","type":"int","field-id":138},{"name":"value","type":"long","field-id":139}]}}]},
{"name":"lower_bounds","default":null,"field-id":125,"type":["null",{"type":"array","logicalType":"map","items":{"type":"record","name":"k126_v127","fields":[{"name":"key","type":"int","field-id":126},{"name":"value","type":"bytes","field-id":127}]}}]},
{"name":"upper_bounds","default":null,"field-id":128,"type":["null",{"type":"array","logicalType":"map","items":{"type":"record","name":"k129_v130","fields":[{"name":"key","type":"int","field-id":129},{"name":"value","type":"bytes","field-id":130}]}}]},
{"name":"key_metadata","type":["null","bytes"],"default":null,"field-id":131},
{"name":"split_offsets","default":null,"field-id":132,"type":["null",{"type":"array","items":"long","element-id":133}]},
{"name":"equality_ids","default":null,"field-id":135,"type":["null",{"type":"array","items":"int","element-id":136}]},
{"name":"sort_order_id","type":["null","int"],"default":null,"field-id":140}]}}]}`

	listSchema = `{"type":"record","name":"manifest_file","fields":[
{"name":"manifest_path","type":"string","field-id":500},
{"name":"manifest_length","type":"long","field-id":501},
{"name":"partition_spec_id","type":"int","field-id":502},
{"name":"content","type":"int","field-id":517},
{"name":"sequence_number","type":"long","field-id":515},
{"name":"min_sequence_number","type":"long","field-id":516},
{"name":"added_snapshot_id","type":"long","field-id":503},
{"name":"added_files_count","type":"int","field-id":504},
{"name":"existing_files_count","type":"int","field-id":505},
{"name":"deleted_files_count","type":"int","field-id":506},
{"name":"added_rows_count","type":"long","field-id":512},
{"name":"existing_rows_count","type":"long","field-id":513},
{"name":"deleted_rows_count","type":"long","field-id":514},
{"name":"partitions","default":null,"field-id":507,"type":["null",{"type":"array","element-id":508,"items":{"type":"record","name":"r508","fields":[
{"name":"contains_null","type":"boolean","field-id":509},
{"name":"contains_nan","type":["null","boolean"],"default":null,"field-id":518},
{"name":"lower_bound","type":["null","bytes"],"default":null,"field-id":510},
{"name":"upper_bound","type":["null","bytes"],"default":null,"field-id":511}]}}]},
{"name":"key_metadata","type":["null","bytes"],"default":null,"field-id":519}]}`
)

// oneLine removes the line breaks of a schema, which would else be in every file.
func oneLine(schema string) string { return strings.ReplaceAll(schema, "\n", "") }

// line makes what a manifest says of a data file.
func (d *DataFile) line() map[string]any {
	ids := slices.Sorted(maps.Keys(d.Columns))
	numbers := func(of func(ColumnFacts) int64) any {
		list := []any{}
		for _, id := range ids {
			list = append(list, map[string]any{"key": int64(id), "value": of(d.Columns[id])})
		}
		return list
	}
	texts := func(of func(ColumnFacts) []byte) any {
		list := []any{}
		for _, id := range ids {
			if b := of(d.Columns[id]); b != nil {
				list = append(list, map[string]any{"key": int64(id), "value": b})
			}
		}
		return list
	}
	offsets := []any{}
	for _, o := range d.Offsets {
		offsets = append(offsets, o)
	}
	return map[string]any{
		"content": int64(0), "file_path": d.Path, "file_format": "PARQUET", "partition": map[string]any{},
		"record_count": d.Rows, "file_size_in_bytes": d.Size,
		"column_sizes":      numbers(func(c ColumnFacts) int64 { return c.Bytes }),
		"value_counts":      numbers(func(c ColumnFacts) int64 { return c.Values }),
		"null_value_counts": numbers(func(c ColumnFacts) int64 { return c.Nulls }),
		"lower_bounds":      texts(func(c ColumnFacts) []byte { return c.Least }),
		"upper_bounds":      texts(func(c ColumnFacts) []byte { return c.Most }),
		"split_offsets":     offsets,
	}
}

// ReadManifest returns the entries of a manifest that are not deleted.
func ReadManifest(text []byte, m ManifestFile) ([]Entry, error) {
	_, records, err := readAvro(text)
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, r := range records {
		d, _ := r["data_file"].(map[string]any)
		e := Entry{data: d}
		var status int64
		if err := errors.Join(take(r, "status", &status), take(d, "file_path", &e.Path), take(d, "record_count", &e.Rows), take(d, "file_size_in_bytes", &e.Size)); err != nil {
			return nil, err
		}
		if status == deleted {
			continue
		}
		// An entry takes what it leaves out from its manifest.
		e.added, e.sequence = number(r["snapshot_id"], number(m.line["added_snapshot_id"], 0)), number(r["sequence_number"], number(m.line["sequence_number"], 0))
		e.file = number(r["file_sequence_number"], e.sequence)
		out = append(out, e)
	}
	return out, nil
}

// take reads a member that must exist.
func take[T any](r map[string]any, name string, into *T) error {
	v, ok := r[name].(T)
	if !ok {
		return fmt.Errorf("%w: it lacks %s", errAvro, name)
	}
	*into = v
	return nil
}

func number(v any, otherwise int64) int64 {
	if n, ok := v.(int64); ok {
		return n
	}
	return otherwise
}

// ReadList reads the list of manifests. It is an error if there are files of deletions.
// This package writes none, and would bring back the rows that another program deleted.
func ReadList(text []byte) ([]ManifestFile, error) {
	_, records, err := readAvro(text)
	if err != nil {
		return nil, err
	}
	var out []ManifestFile
	for _, r := range records {
		m := ManifestFile{line: r}
		if err := take(r, "manifest_path", &m.Path); err != nil {
			return nil, err
		}
		if number(r["content"], 0) != 0 {
			return nil, errors.New("another program has deleted single rows of the table")
		}
		out = append(out, m)
	}
	return out, nil
}

// manifest makes one manifest, and its line in the list, without its path.
func (s *snapshot) manifest(c *Change, g Group) ([]byte, map[string]any, error) {
	line := map[string]any{"partition_spec_id": int64(0), "content": int64(0), "sequence_number": s.sequence, "added_snapshot_id": s.id, "partitions": nil, "key_metadata": nil}
	counts := map[string]int64{}
	least := s.sequence
	var records []map[string]any
	add := func(status int64, what string, e *Entry) {
		records = append(records, map[string]any{"status": status, "snapshot_id": e.added, "sequence_number": e.sequence, "file_sequence_number": e.file, "data_file": whole(e.data)})
		counts[what+"_files_count"]++
		counts[what+"_rows_count"] += e.Rows
		if status != deleted {
			least = min(least, e.sequence)
		}
	}
	for i := range g.Kept {
		add(existing, "existing", &g.Kept[i])
	}
	for i := range g.Removed {
		gone := g.Removed[i]
		gone.added = s.id // for a removed file, this is the snapshot that removed it
		add(deleted, "deleted", &gone)
	}
	for i := range g.Added {
		d := &g.Added[i]
		add(added, "added", &Entry{Path: d.Path, Rows: d.Rows, added: s.id, sequence: s.sequence, file: s.sequence, data: d.line()})
	}
	slices.SortFunc(records, func(a, b map[string]any) int {
		return cmp.Or(cmp.Compare(pathOf(a), pathOf(b)), cmp.Compare(a["status"].(int64), b["status"].(int64)))
	})
	for _, what := range []string{"added", "existing", "deleted"} {
		line[what+"_files_count"], line[what+"_rows_count"] = counts[what+"_files_count"], counts[what+"_rows_count"]
	}
	line["min_sequence_number"] = least
	schema, err := json.Marshal(c.Layout.Schema)
	if err != nil {
		return nil, nil, err
	}
	text, err := writeAvro(map[string]string{
		"avro.schema": oneLine(manifestSchema), "schema": string(schema), "schema-id": strconv.Itoa(c.Layout.Schema.ID),
		"partition-spec": "[]", "partition-spec-id": "0", "format-version": "2", "content": "data",
	}, records)
	line["manifest_length"] = int64(len(text))
	return text, line, err
}

func pathOf(r map[string]any) string {
	p, _ := r["data_file"].(map[string]any)["file_path"].(string)
	return p
}

// whole adds to what a manifest says of a file the members that format 2 demands. Another
// program may have left them out.
func whole(d map[string]any) map[string]any {
	if d["content"] == nil || d["partition"] == nil {
		d = maps.Clone(d)
		d["content"], d["partition"] = number(d["content"], 0), map[string]any{}
	}
	return d
}

// list makes the list of the manifests of a snapshot.
func (s *snapshot) list(lines []map[string]any) ([]byte, error) {
	parent := "null"
	if s.parent != 0 {
		parent = strconv.FormatInt(s.parent, 10)
	}
	return writeAvro(map[string]string{
		"avro.schema": oneLine(listSchema), "snapshot-id": strconv.FormatInt(s.id, 10), "parent-snapshot-id": parent,
		"sequence-number": strconv.FormatInt(s.sequence, 10), "format-version": "2",
	}, lines)
}
