package measurement

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
	"unsafe"
)

// read decodes a document as encoding/json does, in one pass. It returns false
// where a closer look is needed: the document is not JSON, a part has another type,
// or a member occurs twice or in other letters. It exists because libraries go over
// the bodies, which are most of a document, three times: to find their end, to copy
// them and to decode them. The strings of m share memory with line.
func read(line []byte, m *Measurement) bool {
	r := &reader{text: unsafe.String(unsafe.SliceData(line), len(line))}
	measurementPlan()(r, reflect.ValueOf(m).Elem())
	r.space()
	return !r.odd && r.at == len(r.text)
}

// reader goes through the text of a document. When something is odd it moves to the
// end.
type reader struct {
	text  string
	at    int
	depth int
	odd   bool
}

// plan reads a value of one type into to.
type plan func(r *reader, to reflect.Value)

func (r *reader) giveUp() { r.odd, r.at = true, len(r.text) }

func (r *reader) space() {
	for r.at < len(r.text) && (r.text[r.at] == ' ' || r.text[r.at] == '\n' || r.text[r.at] == '\t' || r.text[r.at] == '\r') {
		r.at++
	}
}

// next returns the byte with which the next value begins, 0 at the end.
func (r *reader) next() byte {
	r.space()
	if r.at == len(r.text) {
		return 0
	}
	return r.text[r.at]
}

// take skips a byte that must be there.
func (r *reader) take(b byte) {
	if r.next() != b {
		r.giveUp()
		return
	}
	r.at++
}

// word skips null, true or false.
func (r *reader) word(w string) {
	if !strings.HasPrefix(r.text[r.at:], w) {
		r.giveUp()
		return
	}
	r.at += len(w)
}

// null skips null and reports whether it was there.
func (r *reader) null() bool {
	if r.next() != 'n' {
		return false
	}
	r.word("null")
	return true
}

// members calls fn at the value of each member of an object.
func (r *reader) members(fn func(name string)) {
	r.take('{')
	if r.depth++; r.depth > 100 {
		r.giveUp()
	}
	for n := 0; r.next() != '}'; n++ {
		if n > 0 {
			r.take(',')
		}
		name := r.string()
		r.take(':')
		if r.odd {
			return
		}
		fn(name)
	}
	r.at++
	r.depth--
}

// elements calls fn at each element of a list.
func (r *reader) elements(fn func()) {
	r.take('[')
	if r.depth++; r.depth > 100 {
		r.giveUp()
	}
	for n := 0; r.next() != ']'; n++ {
		if n > 0 {
			r.take(',')
		}
		if r.odd {
			return
		}
		fn()
	}
	r.at++
	r.depth--
}

const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// special returns the place of the first byte from at on that ends a simple part of
// a string: a quote, a backslash or a control character. plain is false where a
// byte up to there, or shortly after, is not ASCII.
func special(s string, at int) (end int, plain bool) {
	var high uint64
	for at+8 <= len(s) {
		x := uint64(s[at]) | uint64(s[at+1])<<8 | uint64(s[at+2])<<16 | uint64(s[at+3])<<24 |
			uint64(s[at+4])<<32 | uint64(s[at+5])<<40 | uint64(s[at+6])<<48 | uint64(s[at+7])<<56
		high |= x
		quote, slash := x^ones*'"', x^ones*'\\'
		found := ((x-ones*' ')&^x | (quote-ones)&^quote | (slash-ones)&^slash) & tops
		if found != 0 {
			return at + bits.TrailingZeros64(found)/8, high&tops == 0
		}
		at += 8
	}
	for at < len(s) && s[at] != '"' && s[at] != '\\' && s[at] >= ' ' {
		high |= uint64(s[at])
		at++
	}
	return at, high&tops == 0
}

// token skips a string and returns it with its quotes. clean is true where the text
// between the quotes needs no decoding.
func (r *reader) token() (s string, clean bool) {
	r.take('"')
	start := r.at
	clean = true
	for !r.odd {
		end, plain := special(r.text, r.at)
		clean = clean && plain
		if end == len(r.text) || r.text[end] < ' ' {
			break
		}
		r.at = end + 1
		if r.text[end] == '"' {
			return r.text[start-1 : r.at], clean
		}
		clean = false
		if r.at == len(r.text) {
			break
		}
		r.at++
		switch r.text[end+1] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			if r.at+4 > len(r.text) || hexRune(r.text[end:r.at+4]) < 0 {
				r.giveUp()
			}
			r.at += 4
		default:
			r.giveUp()
		}
	}
	r.giveUp()
	return `""`, true
}

func (r *reader) string() string {
	s, clean := r.token()
	if clean {
		return s[1 : len(s)-1]
	}
	return unquoteText(s[1 : len(s)-1])
}

// number skips a number and returns its text.
func (r *reader) number() string {
	r.space()
	start := r.at
	digits := func() {
		from := r.at
		for r.at < len(r.text) && r.text[r.at] >= '0' && r.text[r.at] <= '9' {
			r.at++
		}
		if r.at == from {
			r.giveUp()
		}
	}
	is := func(set string) bool {
		if r.at < len(r.text) && strings.IndexByte(set, r.text[r.at]) >= 0 {
			r.at++
			return true
		}
		return false
	}
	is("-")
	if !is("0") {
		digits()
	}
	if is(".") {
		digits()
	}
	if is("eE") {
		is("+-")
		digits()
	}
	return r.text[start:r.at]
}

// skip skips a value.
func (r *reader) skip() {
	switch r.next() {
	case '"':
		r.token()
	case '{':
		r.members(func(string) { r.skip() })
	case '[':
		r.elements(r.skip)
	case 'n':
		r.word("null")
	case 't':
		r.word("true")
	case 'f':
		r.word("false")
	default:
		r.number()
	}
}

// value skips a value and returns its text.
func (r *reader) value() string {
	r.space()
	start := r.at
	r.skip()
	if r.odd {
		return "null"
	}
	return r.text[start:r.at]
}

// measurementPlan is made when first used: it costs milliseconds, and most commands
// read no measurement.
var measurementPlan = sync.OnceValue(func() plan {
	return planOf(reflect.TypeFor[Measurement](), map[reflect.Type]*plan{})
})

// planOf makes the plan of a type. A type that contains itself is read by the plan
// that is being made.
func planOf(t reflect.Type, made map[reflect.Type]*plan) plan {
	if p := made[t]; p != nil {
		return func(r *reader, to reflect.Value) { (*p)(r, to) }
	}
	p := new(plan)
	made[t] = p
	switch {
	case t == reflect.TypeFor[Text]():
		*p = func(r *reader, to reflect.Value) { to.SetString(string(r.body())) }
	case t == reflect.TypeFor[HeaderList]():
		*p = readHeaderList
	case t == reflect.TypeFor[HeaderMap]():
		*p = readHeaderMap
	case t == reflect.TypeFor[Withheld]():
		*p = func(r *reader, _ reflect.Value) { r.skip() }
	case reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()):
		*p = func(r *reader, to reflect.Value) {
			if to.Addr().Interface().(json.Unmarshaler).UnmarshalJSON([]byte(r.value())) != nil {
				r.giveUp()
			}
		}
	default:
		*p = plainPlan(t, made)
	}
	return *p
}

func plainPlan(t reflect.Type, made map[reflect.Type]*plan) plan {
	var p plan
	switch t.Kind() {
	case reflect.String:
		p = func(r *reader, to reflect.Value) { to.SetString(r.string()) }
	case reflect.Bool:
		p = func(r *reader, to reflect.Value) {
			to.SetBool(r.next() == 't')
			if r.next() == 't' {
				r.word("true")
			} else {
				r.word("false")
			}
		}
	case reflect.Int, reflect.Int64, reflect.Uint32:
		p = readInteger
	case reflect.Float64:
		p = func(r *reader, to reflect.Value) {
			f, err := strconv.ParseFloat(r.number(), 64)
			if err != nil {
				r.giveUp()
			}
			to.SetFloat(f)
		}
	case reflect.Pointer:
		of := planOf(t.Elem(), made)
		p = func(r *reader, to reflect.Value) {
			to.Set(reflect.New(t.Elem()))
			of(r, to.Elem())
		}
	case reflect.Slice:
		p = slicePlan(t, planOf(t.Elem(), made))
	case reflect.Map:
		of := planOf(t.Elem(), made)
		p = func(r *reader, to reflect.Value) {
			to.Set(reflect.MakeMap(t))
			r.members(func(name string) {
				one := reflect.New(t.Elem()).Elem()
				of(r, one)
				to.SetMapIndex(reflect.ValueOf(name), one)
			})
		}
	case reflect.Struct:
		p = structPlan(t, made)
	default:
		panic(fmt.Sprintf("measurement: no plan to read a %s", t))
	}
	return func(r *reader, to reflect.Value) {
		if !r.null() {
			p(r, to)
		}
	}
}

func readInteger(r *reader, to reflect.Value) {
	text := r.number()
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		r.giveUp()
	case to.CanInt():
		to.SetInt(n)
	case text[0] == '-' || to.OverflowUint(uint64(n)):
		r.giveUp()
	default:
		to.SetUint(uint64(n))
	}
}

func slicePlan(t reflect.Type, of plan) plan {
	return func(r *reader, to reflect.Value) {
		n := 0
		r.elements(func() {
			if n == to.Cap() {
				to.Grow(max(4, n))
			}
			n++
			to.SetLen(n)
			of(r, to.Index(n-1))
		})
		if n == 0 {
			to.Set(reflect.MakeSlice(t, 0, 0))
		}
	}
}

// field is a member of a struct type.
type field struct {
	name string
	path []int // within the struct
	plan plan
}

// structPlan reads objects. Names are found by their length and two of their
// letters; no two names of one type may have all three in common.
func structPlan(t reflect.Type, made map[reflect.Type]*plan) plan {
	fields := fieldsOf(t, nil, made)
	table := newNames(fields)
	return func(r *reader, to reflect.Value) {
		var had uint64
		r.members(func(name string) {
			i := table.find(name)
			if i < 0 || fields[i].name != name {
				if strings.ContainsFunc(name, func(c rune) bool { return c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf }) {
					r.giveUp() // it could be one of the names in other letters
				}
				r.skip()
				return
			}
			if had>>i&1 != 0 {
				r.giveUp()
				return
			}
			had |= 1 << i
			f := &fields[i]
			v := to.Field(f.path[0])
			for _, k := range f.path[1:] {
				v = v.Field(k)
			}
			f.plan(r, v)
		})
	}
}

// fieldsOf lists the members of a struct. Members of an embedded struct count,
// unless the struct has a member of the same name.
func fieldsOf(t reflect.Type, path []int, made map[reflect.Type]*plan) []field {
	var own, embedded []field
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(path[:len(path):len(path)], i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			embedded = append(embedded, fieldsOf(f.Type, at, made)...)
		case name == "-":
		case name == "" || name != strings.ToLower(name):
			panic(fmt.Sprintf("measurement: field %s of %s has no name in small letters", f.Name, t))
		default:
			own = append(own, field{name, at, planOf(f.Type, made)})
		}
	}
	for _, e := range embedded {
		if !has(own, e.name) {
			own = append(own, e)
		}
	}
	return own
}

func has(fields []field, name string) bool {
	for i := range fields {
		if fields[i].name == name {
			return true
		}
	}
	return false
}

// names maps names to their places in a list.
type names struct {
	factor uint32
	at     [256]int8
}

func newNames(fields []field) *names {
	if len(fields) > 64 {
		panic("measurement: a type of more than 64 members")
	}
next:
	for factor := uint32(1); factor < 1<<20; factor += 2 {
		t := &names{factor: factor}
		for i := range t.at {
			t.at[i] = -1
		}
		for i := range fields {
			h := t.hash(fields[i].name)
			if t.at[h] >= 0 {
				continue next
			}
			t.at[h] = int8(i)
		}
		return t
	}
	panic("measurement: names of a type that cannot be told apart")
}

func (t *names) hash(name string) uint8 {
	n := len(name)
	x := uint32(n) | uint32(name[0])<<8 | uint32(name[n-1])<<16 | uint32(name[n/2])<<24
	return uint8(x * t.factor >> 24)
}

func (t *names) find(name string) int {
	if name == "" {
		return -1
	}
	return int(t.at[t.hash(name)])
}

// body reads a Text.
func (r *reader) body() Text {
	switch r.next() {
	case '"':
		return Text(r.string())
	case 'n':
		r.word("null")
	case '{':
		raw, err := r.binary().Bytes()
		if err != nil {
			r.giveUp()
		}
		return Text(unsafe.String(unsafe.SliceData(raw), len(raw))) // nobody else holds raw
	default:
		r.giveUp()
	}
	return ""
}

// binary reads wrapped bytes that have no other members.
func (r *reader) binary() (b Binary) {
	had := [2]bool{}
	r.members(func(name string) {
		to, i := &b.Data, 0
		if name == "format" {
			to, i = &b.Format, 1
		}
		if had[i] || i == 0 && name != "data" {
			r.giveUp()
			return
		}
		*to, had[i] = r.string(), true
	})
	return b
}

func readHeaderList(r *reader, to reflect.Value) {
	if r.null() {
		return
	}
	list := HeaderList{}
	r.elements(func() {
		if r.null() {
			return
		}
		var pair [2]Text
		n := 0
		r.elements(func() {
			t := r.body()
			if n < 2 {
				pair[n] = t
			}
			n++
		})
		if n == 2 {
			list = append(list, Header{string(pair[0]), pair[1]})
		}
	})
	to.Set(reflect.ValueOf(list))
}

// maxHeaders is how many headers are read without a closer look.
const maxHeaders = 200

func readHeaderMap(r *reader, to reflect.Value) {
	if r.null() {
		return
	}
	list := HeaderMap{}
	r.members(func(name string) {
		for i := range list {
			if list[i].Name == name || len(list) > maxHeaders {
				r.giveUp()
			}
		}
		switch r.next() {
		case '"', '{', 'n':
			list = append(list, Header{name, r.body()})
		case '[':
			r.elements(func() { list = append(list, Header{name, r.body()}) })
		default:
			list = append(list, Header{name, Text(r.value())})
		}
	})
	sort.SliceStable(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	to.Set(reflect.ValueOf(list))
}
