package iceberg

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// Avro's object container files, as far as manifests need them. Records are
// map[string]any, arrays []any, int and long int64, bytes and fixed []byte. The same
// values give the same bytes. No library that we know promises that: all of them choose
// the marker between blocks at random.

// avroType is a type of an Avro schema.
type avroType struct {
	kind   string // record, array, map, union, fixed, enum, or the name of a primitive type
	fields []avroField
	of     *avroType   // of an array or a map
	oneOf  []*avroType // of a union
	size   int         // of a fixed
}

type avroField struct {
	name string
	typ  *avroType
}

var avroPrimitives = []string{"null", "boolean", "int", "long", "float", "double", "bytes", "string"}

// parseAvro reads a schema. named holds the types that already have names.
func parseAvro(text json.RawMessage, named map[string]*avroType) (*avroType, error) {
	switch text = bytes.TrimSpace(text); {
	case len(text) == 0:
		return nil, errors.New("a type is missing")
	case text[0] == '"':
		var name string
		if err := json.Unmarshal(text, &name); err != nil {
			return nil, err
		}
		if slices.Contains(avroPrimitives, name) {
			return &avroType{kind: name}, nil
		}
		if t := named[name]; t != nil {
			return t, nil
		}
		return nil, fmt.Errorf("there is no type %q", name)
	case text[0] == '[':
		var list []json.RawMessage
		if err := json.Unmarshal(text, &list); err != nil {
			return nil, err
		}
		t := &avroType{kind: "union"}
		for _, x := range list {
			one, err := parseAvro(x, named)
			if err != nil {
				return nil, err
			}
			t.oneOf = append(t.oneOf, one)
		}
		return t, nil
	}
	return parseAvroObject(text, named)
}

func parseAvroObject(text json.RawMessage, named map[string]*avroType) (*avroType, error) {
	var o struct {
		Type   json.RawMessage
		Name   string
		Items  json.RawMessage
		Values json.RawMessage
		Size   int
		Fields []struct {
			Name string
			Type json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, err
	}
	var kind string
	if json.Unmarshal(o.Type, &kind) != nil {
		return parseAvro(o.Type, named) // a type within an object that says more about it
	}
	t := &avroType{kind: kind, size: o.Size}
	if o.Name != "" {
		named[o.Name] = t
	}
	var err error
	switch kind {
	case "record":
		for _, f := range o.Fields {
			of, err := parseAvro(f.Type, named)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
			t.fields = append(t.fields, avroField{f.Name, of})
		}
	case "array":
		t.of, err = parseAvro(o.Items, named)
	case "map":
		t.of, err = parseAvro(o.Values, named)
	case "fixed", "enum":
		if o.Size < 0 || o.Size > maxAvro {
			err = fmt.Errorf("%s has %d bytes", o.Name, o.Size)
		}
	default:
		return parseAvro(o.Type, named)
	}
	return t, err
}

// encode appends a value to b. If the value does not have the type, this program has a
// defect, and encode panics.
func (t *avroType) encode(b []byte, v any) []byte {
	switch t.kind {
	case "null":
	case "boolean":
		if v.(bool) {
			return append(b, 1)
		}
		return append(b, 0)
	case "int", "long":
		return binary.AppendVarint(b, v.(int64))
	case "float":
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(v.(float32)))
	case "double":
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v.(float64)))
	case "bytes":
		return appendAvroText(b, string(v.([]byte)))
	case "string":
		return appendAvroText(b, v.(string))
	case "record":
		r := v.(map[string]any)
		for _, f := range t.fields {
			b = f.typ.encode(b, r[f.name])
		}
	case "array":
		list := v.([]any)
		if len(list) > 0 {
			b = binary.AppendVarint(b, int64(len(list)))
		}
		for _, x := range list {
			b = t.of.encode(b, x)
		}
		return append(b, 0)
	case "union": // unions in manifests are of null and one other type
		i := slices.IndexFunc(t.oneOf, func(o *avroType) bool { return (o.kind == "null") == (v == nil) })
		return t.oneOf[i].encode(binary.AppendVarint(b, int64(i)), v)
	default:
		panic("iceberg: no manifest has a " + t.kind)
	}
	return b
}

func appendAvroText(b []byte, s string) []byte {
	return append(binary.AppendVarint(b, int64(len(s))), s...)
}

// avroMagic begins a container.
const avroMagic = "Obj\x01"

// writeAvro makes a container of records. The schema is in the metadata, as avro.schema.
func writeAvro(metadata map[string]string, records []map[string]any) ([]byte, error) {
	t, err := parseAvro(json.RawMessage(metadata["avro.schema"]), map[string]*avroType{})
	if err != nil {
		return nil, fmt.Errorf("read the schema of a manifest: %w", err)
	}
	b := binary.AppendVarint([]byte(avroMagic), int64(len(metadata)+1))
	metadata = maps.Clone(metadata)
	metadata["avro.codec"] = "null"
	for _, k := range slices.Sorted(maps.Keys(metadata)) {
		b = appendAvroText(appendAvroText(b, k), metadata[k])
	}
	b = append(b, 0)
	var block []byte
	for _, r := range records {
		block = t.encode(block, r)
	}
	marker := sha256.Sum256(append(slices.Clone(b), block...))
	b = append(b, marker[:16]...)
	if len(records) > 0 {
		b = append(binary.AppendVarint(binary.AppendVarint(b, int64(len(records))), int64(len(block))), block...)
		b = append(b, marker[:16]...)
	}
	return b, nil
}

// maxAvro is how many bytes of a container are read at most.
const maxAvro = 256 << 20

// errAvro means that the bytes are not a container.
var errAvro = errors.New("it is damaged, or no Avro file")

// avroReader reads values from bytes. After the first error it reads nothing more.
type avroReader struct {
	b    []byte
	left int // how many values may still be read: a few bytes can stand for very many
	err  error
}

func (r *avroReader) fail() { r.b, r.err = nil, errAvro }

func (r *avroReader) long() int64 {
	v, n := binary.Varint(r.b)
	if r.left--; n <= 0 || r.left < 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *avroReader) take(n int64) []byte {
	if n < 0 || n > int64(len(r.b)) {
		r.fail()
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *avroReader) text() string { return string(r.take(r.long())) }

// blocks calls fn for each value of an array or a map.
func (r *avroReader) blocks(fn func()) {
	for r.err == nil {
		n := r.long()
		if n < 0 {
			n = -n
			r.long() // its size in bytes
		}
		if n <= 0 {
			return
		}
		for ; n > 0 && r.err == nil; n-- {
			if r.left--; r.left < 0 {
				r.fail()
				return
			}
			fn()
		}
	}
}

// maxDepth is how deep values may be nested.
const maxDepth = 32

func (t *avroType) decode(r *avroReader, depth int) any {
	if depth > maxDepth {
		r.fail()
	}
	if r.err != nil {
		return nil
	}
	switch t.kind {
	case "null":
		return nil
	case "boolean":
		b := r.take(1)
		return len(b) == 1 && b[0] != 0
	case "int", "long", "enum":
		return r.long()
	case "float":
		if b := r.take(4); b != nil {
			return math.Float32frombits(binary.LittleEndian.Uint32(b))
		}
	case "double":
		if b := r.take(8); b != nil {
			return math.Float64frombits(binary.LittleEndian.Uint64(b))
		}
	case "bytes":
		return bytes.Clone(r.take(r.long()))
	case "fixed":
		return bytes.Clone(r.take(int64(t.size)))
	case "string":
		return r.text()
	case "record":
		out := make(map[string]any, len(t.fields))
		for _, f := range t.fields {
			out[f.name] = f.typ.decode(r, depth+1)
		}
		return out
	case "array":
		list := []any{}
		r.blocks(func() { list = append(list, t.of.decode(r, depth+1)) })
		return list
	case "map":
		out := map[string]any{}
		r.blocks(func() { k := r.text(); out[k] = t.of.decode(r, depth+1) })
		return out
	case "union":
		if i := r.long(); i >= 0 && i < int64(len(t.oneOf)) {
			return t.oneOf[i].decode(r, depth+1)
		}
		r.fail()
	}
	return nil
}

// readAvro reads a container that this or another program wrote.
func readAvro(text []byte) (metadata map[string]string, records []map[string]any, err error) {
	rest, ok := bytes.CutPrefix(text, []byte(avroMagic))
	if !ok || len(text) > maxAvro {
		return nil, nil, errAvro
	}
	r := &avroReader{b: rest, left: maxAvro}
	metadata = map[string]string{}
	r.blocks(func() { k := r.text(); metadata[k] = r.text() })
	marker := r.take(16)
	if r.err != nil {
		return nil, nil, r.err
	}
	t, err := parseAvro(json.RawMessage(metadata["avro.schema"]), map[string]*avroType{})
	if err != nil {
		return nil, nil, fmt.Errorf("%w: its schema: %w", errAvro, err)
	}
	if t.kind != "record" {
		return nil, nil, fmt.Errorf("%w: it holds no records", errAvro)
	}
	for len(r.b) > 0 {
		n := r.long()
		block := r.take(r.long())
		if end := r.take(16); r.err != nil || !bytes.Equal(end, marker) {
			return nil, nil, errAvro
		}
		if block, err = unpackAvro(metadata["avro.codec"], block); err != nil {
			return nil, nil, err
		}
		in := &avroReader{b: block, left: 64 + 16*len(block)}
		for ; n > 0 && in.err == nil; n-- {
			if in.left--; in.left < 0 {
				in.fail()
				break
			}
			if one, ok := t.decode(in, 0).(map[string]any); ok {
				records = append(records, one)
			}
		}
		if in.err != nil || len(in.b) > 0 {
			return nil, nil, errAvro
		}
	}
	return metadata, records, nil
}

func unpackAvro(codec string, block []byte) ([]byte, error) {
	switch codec {
	case "", "null":
		return block, nil
	case "deflate":
		out, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(block)), maxAvro))
		if err != nil || len(out) == maxAvro {
			return nil, errAvro
		}
		return out, nil
	}
	return nil, fmt.Errorf("it is packed by %q, which is not known here", codec)
}
