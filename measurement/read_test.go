package measurement

import (
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
)

// The quick reader reads nearly all real documents, as encoding/json does.
func TestReadTakesRealDocuments(t *testing.T) {
	n, odd := 0, 0
	for _, path := range realDocuments(t) {
		line, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !readsAlike(t, line) {
			odd++
			continue
		}
		n++
	}
	if n < 10*odd {
		t.Errorf("%d documents were read, and %d left to others", n, odd)
	}
}

// readsAlike holds a document against encoding/json, and reports whether the quick
// reader takes it.
func readsAlike(t *testing.T, line []byte) bool {
	t.Helper()
	got := new(Measurement)
	if !read(line, got) {
		return false
	}
	want, err := oracle(line)
	if err != nil {
		t.Fatalf("%q is read, and encoding/json says %v", line, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q is read otherwise than encoding/json does:\n%+v\n%+v", line, got, want)
	}
	return true
}

// One change to a sound document, and whether the quick reader takes it.
func TestReadGivesUp(t *testing.T) {
	if !readsAlike(t, []byte(sample)) {
		t.Fatal("the sample is not read")
	}
	for _, c := range []struct {
		old, new string
		taken    bool
	}{
		{`"queries":[`, `"x":{"a":[1,-0.5e+3,true,false,null,"\u00e9\n",{}],"QUERIES":[]},"queries":[`, true},
		{`"queries":[`, `"queries":null,"was":[`, true},
		{`"queries":[`, `"queries":[],"was":[`, true},
		{`"queries":[`, ` "queries" : [ null , `, true},
		{`"hostname":"www.example.org"`, `"hostname":"www.\u0065xample.org\ud83d\ude00\ud83d"`, true},
		{`"hostname":"www.example.org"`, "\"hostname\":\"www.ex\xffample.org\"", true},
		{`"queries":[`, `"queries":[],"queries":[`, false},
		{`"queries":[`, `"Queries":[`, false},
		{`"queries":[`, `"querie\u0073":[`, true},
		{`"queries":[`, `"querieſ":[`, false},
		{`"queries":[`, `"queries":{},"was":[`, false},
		{`"hostname":"www.example.org"`, `"hostname":7`, false},
		{`"hostname":"www.example.org"`, "\"hostname\":\"www.\nexample.org\"", false},
		{`"hostname":"www.example.org"`, `"hostname":"www.\example.org"`, false},
		{`"hostname":"www.example.org"`, `"hostname":"www.example.org",`, false},
		{`"hostname":"www.example.org"`, `"hostname":"www.example.org" "x":1`, false},
		{`"hostname":"www.example.org"`, `"hostname":"www.example.org","x":01`, false},
		{`"hostname":"www.example.org"`, `"hostname":"www.example.org","x":1.`, false},
		{`"hostname":"www.example.org"`, `"hostname":"www.example.org","x":nul`, false},
		{`"port":443`, `"port":443.5`, false},
		{`"port":443`, `"port":99999999999999999999`, false},
		{`"ttl":null`, `"ttl":-1`, false},
		{`"ttl":null`, `"ttl":-0`, false},
		{`"ttl":null`, `"ttl":4294967296`, false},
	} {
		doc := strings.Replace(sample, c.old, c.new, 1)
		if doc == sample && c.old != c.new {
			t.Errorf("the sample has no %s", c.old)
			continue
		}
		if taken := readsAlike(t, []byte(doc)); taken != c.taken {
			t.Errorf("with %s: taken is %v", c.new, taken)
		}
	}
	for _, doc := range []string{"", "{", "[]", sample + "x", sample[:len(sample)-1], strings.Repeat(`{"test_keys":`, 5000), strings.Repeat("[", 5000)} {
		if readsAlike(t, []byte(doc)) {
			t.Errorf("%.50q is taken", doc)
		}
	}
}

// FuzzRead holds that what the quick reader reads is what encoding/json reads.
func FuzzRead(f *testing.F) {
	f.Add([]byte(sample))
	for _, s := range []string{
		`{"test_keys":{"requests":[{"response":{"body":{"format":"base64","data":"/w=="},"headers_list":[["a","b"],["c",{"format":"base64","data":"/w=="}],null,["x"]],"headers":{"A":"b","B":["c",null],"C":7,"D":null}}}]}}`,
		`{"test_keys":{"targets":{"x":{"failure":null,"tcp_connect":[{}]}},"success":true,"tor_logs":["a"],"bootstrap_time":1.5e1}}`,
		`{"test_keys":{"lookups":{"https://a.example/":{"queries":[],"failure":"x"}},"tls_handshakes":[{"peer_certificates":[{"format":"base64","data":"eA=="}]}]}}`,
		`{"probe_asn":17557,"resolver_asn":"AS1","measurement_start_time":"2022-11-21T17:22:49Z","extensions":{"a":1},"test_helpers":{"backend":{"address":"a","type":"b"}},"options":["x"],"probe_ip":[7]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) { readsAlike(t, line) })
}

// Whatever is put into a sound document anywhere, what is read is what
// encoding/json reads.
func TestReadOfChangedDocuments(t *testing.T) {
	rnd := rand.New(rand.NewPCG(22, 1))
	put := []string{"null", "true", "1", "-0", "1e5", `""`, `"\u00e9"`, `"\ud800"`, "[]", "{}", "\xff", "\\", `\"`, `"a":`, ",", ":", "{", "}", "[", "]",
		`"`, " ", "\n", "0", `{"format":"base64","data":"eA=="}`, `[["a","b"]]`, `"probe_cc":`, "K", "ſ", "1.5", "99999999999"}
	taken := 0
	for range 5000 {
		doc := sample
		for range 1 + rnd.IntN(3) {
			i := rnd.IntN(len(doc))
			j := min(len(doc), i+rnd.IntN(12))
			if colon := strings.IndexByte(doc[i:], ':'); colon >= 0 && rnd.IntN(2) == 0 { // in the place of a value, or before it
				i += colon + 1
				j = i + max(0, strings.IndexAny(doc[i:], ",}]"))*rnd.IntN(2)
			}
			doc = doc[:i] + put[rnd.IntN(len(put))] + doc[j:]
		}
		if readsAlike(t, []byte(doc)) {
			taken++
		}
	}
	if taken < 100 {
		t.Errorf("only %d were taken", taken)
	}
}
