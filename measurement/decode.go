package measurement

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	fast "github.com/goccy/go-json"
)

// Reason says why a document is not a measurement.
type Reason string

// The reasons.
const (
	NotJSON          Reason = "not_json"
	NotObject        Reason = "not_object"
	MissingTestName  Reason = "missing_test_name"
	MissingStartTime Reason = "missing_measurement_start_time"
)

// DecodeError says why a document is not a measurement.
type DecodeError struct {
	Reason Reason
	Hint   string // how to mend it
	Err    error  // the parser's error, or what is wrong with a field
}

func (e *DecodeError) Error() string {
	if e.Err != nil && e.Reason != NotJSON {
		return fmt.Sprintf("decode measurement: %v", e.Err)
	}
	if e.Err != nil {
		return fmt.Sprintf("decode measurement: %s: %v", strings.ReplaceAll(string(e.Reason), "_", " "), e.Err)
	}
	return "decode measurement: " + strings.ReplaceAll(string(e.Reason), "_", " ")
}

func (e *DecodeError) Unwrap() error { return e.Err }

// Decode reads one document. Parts of the wrong type are left out and named in
// Defects. An error is a *DecodeError: the document is not JSON, is not an object,
// exceeds the limits of Budget, or lacks its test's name or its start time. Strings
// of the measurement may share memory with line, which must not change while they
// are in use.
func Decode(line []byte) (*Measurement, error) {
	line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	if err := Budget(line); err != nil {
		return nil, err
	}
	m := new(Measurement)
	if err := decodeFast(line, m); err != nil {
		m = new(Measurement)
		if err := decodeTolerant(line, m); err != nil {
			return nil, err
		}
	}
	if bytes.Equal(bytes.TrimSpace(line), []byte("null")) {
		return nil, notObject()
	}
	if m.TestName == "" {
		return nil, &DecodeError{Reason: MissingTestName, Err: unreadable(line, "test_name", m.Defects), Hint: `every measurement says its test: "test_name": "web_connectivity"`}
	}
	if m.StartTime.IsZero() {
		return nil, &DecodeError{Reason: MissingStartTime, Err: unreadable(line, "measurement_start_time", m.Defects), Hint: `want "measurement_start_time": "YYYY-MM-DD hh:mm:ss" in UTC`}
	}
	m.ProbeCC = country(m.ProbeCC)
	m.TestKeys.together()
	return m, nil
}

// unreadable returns an error that says what is in a field that could not be read;
// nil where the field is empty.
func unreadable(line []byte, field string, defects []string) error {
	var fields map[string]json.RawMessage
	if !slices.Contains(defects, field) || json.Unmarshal(line, &fields) != nil || len(fields[field]) == 0 {
		return nil
	}
	kinds := map[byte]string{'{': "an object", '[': "a list", 't': "true", 'f': "false"}
	raw := fields[field]
	shown := []rune(strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, string(raw)))
	if len(shown) > 60 {
		shown = append(shown[:60], '…')
	}
	if raw[0] == '"' {
		return fmt.Errorf("%s is %s, which is no time", field, string(shown))
	}
	return fmt.Errorf("%s has the wrong type: it is %s, %s, and must be text", field, string(shown), cmp.Or(kinds[raw[0]], "a number"))
}

func notObject() error {
	return &DecodeError{Reason: NotObject, Hint: "one measurement is one JSON object; a list of them goes one a line"}
}

// country returns the code in upper case, or ZZ where it is not a code.
func country(cc string) string {
	cc = strings.ToUpper(strings.TrimSpace(cc))
	if len(cc) != 2 || cc[0] < 'A' || cc[0] > 'Z' || cc[1] < 'A' || cc[1] > 'Z' {
		return "ZZ"
	}
	return cc
}

// decodeFast decodes a document whose parts all have the right types. The parser
// has had bugs on hostile input; a panic of the parser counts as an error.
func decodeFast(line []byte, m *Measurement) error {
	if !read(line, m) {
		*m = Measurement{}
		if err := quick(line, m); err != nil {
			return err
		}
	}
	if m.TestName == "echcheck" {
		return decodeECH(line, m)
	}
	return nil
}

// quick decodes with the fast parser. v shares no memory with b.
func quick(b []byte, v any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("parser: %v", p)
		}
	}()
	return fast.Unmarshal(b, v)
}

// decodeECH reads the two handshakes of echcheck 0.1. Their names mean something
// else in other tests.
func decodeECH(line []byte, m *Measurement) error {
	var doc struct {
		TestKeys struct {
			Control *TLSHandshake `json:"control"`
			Target  *TLSHandshake `json:"target"`
		} `json:"test_keys"`
	}
	if err := quick(line, &doc); err != nil {
		return err
	}
	m.TestKeys.Control = nil
	m.TestKeys.ECHControl, m.TestKeys.ECHTarget = doc.TestKeys.Control, doc.TestKeys.Target
	return nil
}

func decodeTolerant(line []byte, m *Measurement) error {
	var fields map[string]json.RawMessage
	err := json.Unmarshal(line, &fields)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		return notObject()
	case err != nil:
		return &DecodeError{Reason: NotJSON, Err: err, Hint: "the line may be cut short, or hold more than one document; JSON Lines has one document a line"}
	}
	keep(line, reflect.ValueOf(m).Elem(), "", &m.Defects)
	if m.TestName == "echcheck" {
		if err := decodeECH(line, m); err != nil {
			m.Defects = append(m.Defects, "test_keys.control")
		}
	}
	return nil
}

var failureType = reflect.TypeFor[Failure]()

// keep decodes into v what can be decoded of raw, and adds the paths of the rest to
// defects. v must be zero.
func keep(raw []byte, v reflect.Value, path string, defects *[]string) {
	if json.Unmarshal(raw, v.Addr().Interface()) == nil {
		return
	}
	v.SetZero()
	if _, whole := v.Addr().Interface().(json.Unmarshaler); whole {
		*defects = append(*defects, path)
		return
	}
	raw = bytes.TrimSpace(raw)
	object, list := raw[0] == '{', raw[0] == '['
	switch {
	case v.Type() == failureType && string(raw) == "false":
		return // the probes of 2016 to 2019 write it for "no failure"
	case v.Type() == failureType:
		v.SetString(string(Unreadable))
	case v.Kind() == reflect.Struct && object:
		keepFields(raw, v, path, defects)
		return
	case v.Kind() == reflect.Pointer && object:
		v.Set(reflect.New(v.Type().Elem()))
		keep(raw, v.Elem(), path, defects)
		return
	case v.Kind() == reflect.Slice && list:
		keepItems(raw, v, path, defects)
		return
	case v.Kind() == reflect.Slice && object && v.Type().Elem().Kind() == reflect.Struct:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1)) // one object where a list is usual
		keep(raw, v.Index(0), path, defects)
		return
	case v.Kind() == reflect.Map && object:
		keepEntries(raw, v, path, defects)
		return
	}
	*defects = append(*defects, path)
}

func keepFields(raw []byte, v reflect.Value, path string, defects *[]string) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		*defects = append(*defects, path)
		return
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			keepFields(raw, v.Field(i), path, defects)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		value, given := fields[name]
		if !given || name == "-" {
			continue
		}
		keep(value, v.Field(i), strings.TrimPrefix(path+"."+name, "."), defects)
	}
}

func keepItems(raw []byte, v reflect.Value, path string, defects *[]string) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		*defects = append(*defects, path)
		return
	}
	for i, item := range items {
		one := reflect.New(v.Type().Elem()).Elem()
		at := path + "[" + strconv.Itoa(i) + "]"
		n := len(*defects)
		keep(item, one, at, defects)
		if len(*defects) > n && (*defects)[n] == at {
			continue // nothing in it could be read
		}
		v.Set(reflect.Append(v, one))
	}
}

func keepEntries(raw []byte, v reflect.Value, path string, defects *[]string) {
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		*defects = append(*defects, path)
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(entries)))
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		one := reflect.New(v.Type().Elem()).Elem()
		at := path + "." + name
		n := len(*defects)
		keep(entries[name], one, at, defects)
		if len(*defects) > n && (*defects)[n] == at {
			continue
		}
		v.SetMapIndex(reflect.ValueOf(name), one)
	}
}
