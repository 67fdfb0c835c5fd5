package ledger

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// key makes a log's key.
func key(t testing.TB, name string) (note.Signer, note.Verifier, string) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewLogVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return s, v, public
}

func sign(t testing.TB, text string, signers ...note.Signer) []byte {
	t.Helper()
	out, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func leavesOf(n int) []Hash {
	out := make([]Hash, n)
	for i := range out {
		out[i] = LeafHash(fmt.Appendf(nil, "leaf %d", i))
	}
	return out
}

// The root, and the paths to it, are those of the package that serves Go's own
// log, for every size up to 70.
func TestTreeIsThatOfRFC6962(t *testing.T) {
	for n := range 70 {
		leaves := leavesOf(n)
		root := Root(leaves)
		for i := range n {
			p, err := Prove(leaves, int64(i))
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckRecord(p, int64(n), root, int64(i), leaves[i]); err != nil {
				t.Fatalf("leaf %d of %d: %v", i, n, err)
			}
			if err := CheckInclusion(p, int64(n), root, int64(i), LeafHash([]byte("other"))); err == nil {
				t.Fatalf("another leaf is proved at %d of %d", i, n)
			}
			if n > 1 {
				if err := CheckInclusion(p, int64(n), root, int64((i+1)%n), leaves[i]); err == nil {
					t.Fatalf("leaf %d of %d is proved elsewhere", i, n)
				}
			}
		}
	}
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if h := Root(nil); fmt.Sprintf("%x", h[:]) != empty {
		t.Errorf("the root of no leaves is %x", h[:])
	}
}

func TestConsistencyIsChecked(t *testing.T) {
	a, b := leavesOf(5), leavesOf(5)
	b[2] = LeafHash([]byte("changed"))
	if err := CheckConsistency(nil, 5, Root(a), 5, Root(a)); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"the same size, another root": CheckConsistency(nil, 5, Root(a), 5, Root(b)),
		"a smaller tree":              CheckConsistency(nil, 4, Root(a[:4]), 5, Root(a)),
		"no proof":                    CheckConsistency(nil, 5, Root(a), 4, Root(a[:4])),
	} {
		if err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestCanonicalJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{"b":1,"a":[true,null,"x"]}`: `{"a":[true,null,"x"],"b":1}`,
		`"\u00e9\u2028<\/\b\u000b"`:   "\"é\u2028</\\b\\u000b\"",
		`{"a":{"z":0,"y":-5}}`:        `{"a":{"y":-5,"z":0}}`,
		"\"\U0001F600\"":              "\"\U0001F600\"",
	} {
		got, err := canonicalText([]byte(in))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{`1.5`, `1e3`, `9007199254740993`, `{"a":1} 2`, "\"\xff\""} {
		if got, err := canonicalText([]byte(in)); err == nil {
			t.Errorf("%s is taken as %s", in, got)
		}
	}
}

// entries has one entry of each type.
func entries() []Entry {
	return []Entry{
		{Type: TypeBatch, Time: noon, Batch: &Batch{SHA256: strings.Repeat("a", 64), Kind: "measurements", Documents: 2, Root: strings.Repeat("b", 64), Received: noon, Channels: map[string]int{"submitted": 2}}},
		{Type: TypeSegments, Time: noon, Segments: &Segments{Generation: 3, Why: "rebuild", Added: []Segment{{Kind: "cells", Period: "2024-02", SHA256: strings.Repeat("c", 64)}}, Removed: []string{"cells/2024-02//" + strings.Repeat("d", 64)}}},
		{Type: TypeState, Time: noon, State: &State{Generation: 3, Why: "import", Batches: SetOfBatches([]string{"b", "a"}, Grouped)}},
		{Type: TypeRecord, Time: noon, File: &File{Name: "zz-2024-example", SHA256: strings.Repeat("a", 64)}},
		{Type: TypeSource, Time: noon, File: &File{Name: "sources/aa/" + strings.Repeat("a", 64)}},
		{Type: TypeList, Time: noon, File: &File{Name: "fingerprints/x.csv"}},
		{Type: TypeFile, Time: noon, File: &File{Name: "sources-read.jsonl", Grows: true}},
		{Type: TypeTombstone, Time: noon, File: &File{Name: "sources/aa/x", Reason: "court order"}},
		{Type: TypeEvent, Time: noon, Event: &Event{ID: "zz-x-2024", Action: Announced, CC: "ZZ", Target: "x"}},
		{Type: TypeCorrection, Time: noon, Correction: &Correction{Of: "/cc/ZZ/x", Text: "the onset was a day later"}},
		{Type: TypeKey, Time: noon, Key: &Key{Note: "…"}},
		{Type: TypeSoftware, Time: noon, Software: &Software{Version: "v0"}},
	}
}

func TestEveryEntryIsReadBack(t *testing.T) {
	for _, e := range entries() {
		text, err := e.Encode()
		if err != nil {
			t.Fatalf("%s: %v", e.Type, err)
		}
		back, err := Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", e.Type, err)
		}
		again, err := back.Encode()
		if err != nil || !bytes.Equal(again, text) {
			t.Errorf("%s: %s, and read back %s, %v", e.Type, text, again, err)
		}
		if _, err := Parse(append([]byte(" "), text...)); err == nil {
			t.Errorf("%s: a second text is taken for the same entry", e.Type)
		}
		e.Type = TypeBatch
		if e.Batch == nil {
			if _, err := e.Encode(); err == nil {
				t.Error("an entry without its body is taken")
			}
		}
	}
	if _, err := Parse([]byte(`{"time":"2030-01-01T00:00:00Z","type":"of a later program"}`)); err != nil {
		t.Errorf("an entry of a later program: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, e := range entries() {
		text, err := e.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := Parse(text); err != nil {
			return
		}
		if again, err := canonicalText(text); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%q is taken and is not canonical: %v", text, err)
		}
	})
}

func FuzzParseProof(f *testing.F) {
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra eA==\nindex 5\n\nx\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— x AAAA\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParseProof(text)
		if err != nil {
			return
		}
		again, err := ParseProof(p.Marshal())
		if err != nil || again.Index != p.Index || len(again.Hashes) != len(p.Hashes) {
			t.Errorf("%q is read back as another proof: %v", text, err)
		}
	})
}

// A checkpoint is what the log's key signed, whoever else signed it, and a
// witness counts when its signature is right.
func TestCheckpointWithWitnesses(t *testing.T) {
	signer, v, _ := key(t, "log.example")
	c := Checkpoint{Origin: "log.example", Size: 3, Root: Root(leavesOf(3))}
	private, public, err := note.GenerateKey(rand.Reader, "witness.example")
	if err != nil {
		t.Fatal(err)
	}
	classic, err := fnote.NewSignerForCosignatureV1(private)
	if err != nil {
		t.Fatal(err)
	}
	pqPrivate, pqPublic, err := fnote.GenerateMLDSAKey("pq.example")
	if err != nil {
		t.Fatal(err)
	}
	pq, err := fnote.NewMLDSASigner(pqPrivate)
	if err != nil {
		t.Fatal(err)
	}
	var witnesses []note.Verifier
	for _, k := range []string{public, pqPublic} {
		w, err := NewCosigner(k)
		if err != nil {
			t.Fatal(err)
		}
		witnesses = append(witnesses, w)
	}
	signed := sign(t, c.String(), signer, classic, pq)
	got, cosigned, err := OpenCheckpoint(signed, v, witnesses...)
	if err != nil || got != c || len(cosigned) != 2 || time.Since(cosigned[1].Time) > time.Minute {
		t.Fatalf("%v, %v, %v", got, cosigned, err)
	}
	if _, cosigned, err := OpenCheckpoint(signed, v); err != nil || len(cosigned) > 0 {
		t.Errorf("without known witnesses: %v, %v", cosigned, err)
	}
	other, _, _ := key(t, "log.example")
	for name, text := range map[string][]byte{
		"another key":     sign(t, c.String(), other),
		"only witnesses":  sign(t, c.String(), classic, pq),
		"another text":    bytes.Replace(signed, []byte("\n3\n"), []byte("\n4\n"), 1),
		"another origin":  sign(t, Checkpoint{"else.example", 3, c.Root}.String(), signer),
		"no checkpoint":   sign(t, "hello\n", signer),
		"no signature":    []byte(c.String() + "\n"),
		"nothing":         nil,
		"a cut signature": signed[:len(signed)-40],
	} {
		if _, _, err := OpenCheckpoint(text, v, witnesses...); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestKeyNoteNeedsBothKeys(t *testing.T) {
	a, _, aKey := key(t, "log.example")
	b, _, bKey := key(t, "log.example")
	text := KeyNote("log.example", aKey, bKey)
	if origin, old, next, err := OpenKeyNote(string(sign(t, text, a, b))); err != nil || origin != "log.example" || old != aKey || next != bKey {
		t.Errorf("%s %s %s %v", origin, old, next, err)
	}
	for _, s := range []note.Signer{a, b} {
		if _, _, _, err := OpenKeyNote(string(sign(t, text, s))); err == nil {
			t.Error("one signature is enough")
		}
	}
	if _, _, next, err := OpenKeyNote(string(sign(t, KeyNote("log.example", "", aKey), a))); err != nil || next != aKey {
		t.Errorf("the first key: %s, %v", next, err)
	}
}

// line is a line of a raw batch: an example, no real measurement.
func line(n int) []byte {
	return fmt.Appendf(nil, `{"source":"collector","line":1,"offset":0,"uploaded":"2026-11-27T12:00:00Z","uid":"2026112712.%d_ZZ_example","document":{"probe_cc":"ZZ","n":%d}}`, n, n)
}

// A receipt is a proof for every tool that reads tlog-proof, and whatever in it
// is changed shows.
func TestReceipt(t *testing.T) {
	signer, v, _ := key(t, "log.example")
	var leaves []Hash
	var texts [][]byte
	for i := range 5 {
		leaf, err := DocumentLeaf(line(i))
		if err != nil {
			t.Fatal(err)
		}
		texts, leaves = append(texts, leaf), append(leaves, LeafHash(leaf))
	}
	root := Root(leaves)
	e := Entry{Type: TypeBatch, Time: noon, Batch: &Batch{SHA256: strings.Repeat("a", 64), Kind: "measurements", Documents: 5, Root: fmt.Sprintf("%x", root[:]), Received: noon}}
	entry, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	tree := append(leavesOf(6), LeafHash(entry))
	path, err := Prove(tree, 6)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReceipt(entry, leaves, 3, texts[3])
	if err != nil {
		t.Fatal(err)
	}
	file, err := r.Marshal(Proof{Index: 6, Hashes: path, Checkpoint: sign(t, Checkpoint{"log.example", 7, Root(tree)}.String(), signer)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := CheckReceipt(file, v)
	if err != nil || got.Index != 6 || got.Receipt.UID != "2026112712.3_ZZ_example" || got.Checkpoint.Size != 7 {
		t.Fatalf("%+v, %v", got, err)
	}
	for name, change := range map[string]func(*Receipt){
		"uid":   func(r *Receipt) { r.UID = "other" },
		"hash":  func(r *Receipt) { r.SHA256 = strings.Repeat("0", 64) },
		"leaf":  func(r *Receipt) { r.Leaf = string(texts[2]); r.UID = "2026112712.2_ZZ_example" },
		"line":  func(r *Receipt) { r.Line = 2 },
		"entry": func(r *Receipt) { r.Entry = strings.Replace(r.Entry, `"documents":5`, `"documents":6`, 1) },
		"path":  func(r *Receipt) { r.Path = r.Path[1:] },
	} {
		c := *r
		change(&c)
		p, err := ParseProof(file)
		if err != nil {
			t.Fatal(err)
		}
		changed, err := c.Marshal(*p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := CheckReceipt(changed, v); err == nil {
			t.Errorf("a receipt with another %s passes", name)
		}
	}
	for i := range file {
		changed := bytes.Clone(file)
		changed[i] ^= 1
		if p, err := CheckReceipt(changed, v); err == nil && !same(p, got) {
			t.Fatalf("byte %d (%q) changed what the receipt says", i, file[i])
		}
	}
}

func same(a, b *Proved) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}
