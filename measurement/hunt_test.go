package measurement

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What only looks like the client's address stays, byte for byte.
func TestScrubLeavesOthers(t *testing.T) {
	for _, c := range []struct{ client, name, text string }{
		{"203.0.113.77", "other addresses", "203.0.113.78 203.0.113.7 203.0.113.770 1203.0.113.77 203.0.113.77.8 8.8.203.0.113.77 77.113.0.204 ::ffff:203.0.113.78"},
		{"203.0.113.77", "a digest", "sha256:9fcb00714d1c8a7dcb00714de3 cb00714d0 0cb00714d acb00714d cb00714d_1"},
		{"203.0.113.77", "a fingerprint", "8f:cb:00:71:4d:aa cb:00:71:4d:aa 8f:cb:00:71:4d 8f-cb-00-71-4d-aa"},
		{"203.0.113.77", "longer numbers", "13405803853 34058038530 3405803853.25 0.3405803853 x3405803853 3405803853e5 3405803853_1"},
		{"203.0.113.77", "longer lists", "[1,203,0,113,77] [203,0,113,77,5] [203, 0, 113, 77, 5] 203,0,113,770"},
		{"203.0.113.77", "other subnets", "203.0.112.0/24 203.0.0.0/15 203.0.113.0/240 203.0.113.0"},
		{"203.0.113.77", "base64", "eyJhIjoiMjAzLjAuMTEzLjc4In0= iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ MjAzLjAuMTEzLjc4"},
		{"203.0.113.77", "other IPv6", "2001:db8::1 64:ff9b::cb00:714e 2002:cb00:714e::1 10:11:12 a::b"},
		{"203.0.113.77", "escapes", `\u003cp\u003e 100%25 &#65; =20 \n\t\\ \/ é ü ۲۰۳ % & %zz &# \\u00`},
		{"105.92.20.233", "another second", "1767642344 1767642346 1767642345.5 2026-01-05T19:45:45Z"},
		{"18.52.86.126", "digits that may be a number with an exponent", "1234567e 1234567E"},
		{"18.52.86.120", "digits that may be a number", "12345678"},
		{"0.1.2.3", "small numbers", "66051 010203 00010203"},
		{"2001:db8:5:6:a:b:c:d", "other addresses", "2001:db8:5:7:a:b:c:d 2001:db8:5::1 2001:db8::/31 2001-db8-5-7-a 2001:db8:5:60::1 2001:db8:5"},
		{"2001:db8:5:6:a:b:c:d", "digests", "20010db8000500061 f20010db800050006 20010db800050006000a000b000c000d00"},
		{"2001:db8:5:6:a:b:c:d", "names", "0.0.0.0.5.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa 6.0.0.0.5.0.0.0.8.b.d.0.1.0.0.3.ip6.arpa"},
		{"2400:1234:5678:9012::1", "numbers", "2400123456789012 24001234567890120 2400:1234 10:20:30"},
	} {
		doc := []byte(`{"annotations":{"n":12345,"t":1708423200},"x":"` + c.text + `","y":"plain text"}`)
		if got, n := Scrub(doc, netip.MustParseAddr(c.client)); n > 0 || !bytes.Equal(got, doc) {
			t.Errorf("%s, %s: %d places changed\n%s\n%s", c.client, c.name, n, doc, got)
		}
		if got, n := Scrub(doc); n > 0 || &got[0] != &doc[0] {
			t.Errorf("%s: a document that names no client is changed or copied", c.name)
		}
	}
}

// The value of the member that holds the address is read in other notations,
// too, so that the address is known where it stands plainly.
func TestScrubReadsTheMember(t *testing.T) {
	for _, value := range []string{`3405803853`, `"3405803853"`, `"0xcb00714d"`, `"0313.0.0161.0115"`, `"203.000.113.077"`, `"203%2E0%2E113%2E77"`, `"203&#46;0&#46;113&#46;77"`, `"::ffff:cb00:714d"`, `"203.0.113.77:5060"`, `["203.0.113.77"]`, `"۲۰۳.۰.۱۱۳.۷۷"`} {
		got, _ := Scrub([]byte(`{"probe_ip":` + value + `,"x":"at 203.0.113.77"}`))
		if want := `{"probe_ip":"127.0.0.1","x":"at 127.0.0.1"}`; string(got) != want {
			t.Errorf("probe_ip of %s: %s", value, got)
		}
	}
}

// What is put in the place of a number is a number.
func TestScrubKeepsJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":3405803853}`: `{"a":2130706433}`, `{"a":-889163443}`: `{"a":2130706433}`, `{"a":[203,0,113,77]}`: `{"a":[127,0,0,1]}`, `{"a":203000113077}`: `{"a":127000000001}`,
		`{"a":"0xCB00714D"}`: `{"a":"0x7f000001"}`,
	} {
		got, _ := Scrub([]byte(in), netip.MustParseAddr("203.0.113.77"))
		if string(got) != want || !json.Valid(got) {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}

// A long document is looked through in little time, whatever it holds.
func TestScrubIsQuick(t *testing.T) {
	for name, piece := range map[string]string{
		"words": "The quick brown fox jumps over the lazy dog ", "colons": "a:b:c:1:2:3:::", "stops": "1.0.0.0x3.", "percents": "%25%32%35", "escapes": `\\u0031\\\\u0032`, "base64": "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA/",
		"nearly": "203.0.113.7 203.0.113. ", "the address": "203.0.113.77 ", "the address in base64": b64ed + "\n", "references": "&#x32;&#46;", "other scripts": "۲۰۳.۰ ",
	} {
		doc := []byte(`{"probe_ip":"203.0.113.77","x":"` + strings.Repeat(piece, (8<<20)/len(piece)) + `"}`)
		start := cpu(t)
		got, _ := Scrub(doc, netip.MustParseAddr("2001:db8:5:6:a:b:c:d"))
		took := cpu(t) - start
		t.Logf("%-22s %3.0f MB/s", name, float64(len(doc))/1e6/took.Seconds())
		if took > 10*time.Second {
			t.Errorf("%s: %v for %d MB", name, took, len(doc)>>20)
		}
		if bytes.Contains(got, []byte("203.0.113.77")) || bytes.Contains(got, []byte(b64ed)) {
			t.Errorf("%s: the address is left", name)
		}
	}
}

// cpu is the processor time that this process has taken.
func cpu(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const b64ed = "eW91IGFyZSAyMDMuMC4xMTMuNzc="

// FuzzScrubKeepsJSON holds that a document stays JSON whatever was removed, that
// nothing is left to remove, and that the address stands nowhere plainly.
func FuzzScrubKeepsJSON(f *testing.F) {
	for _, s := range []string{`{"a":3405803853,"b":[203,0,113,77],"c":-889163443}`, `{"a":"cb00714d 0xCB00714D 12e45678 \u0032\u00303.0.113.77 %32%30%33.0.113.77\\n"}`,
		`{"a":"MjAzLjAuMTEzLjc3","b":"eW91IGFyZSAyMDMuMC4xMTMuNzc=","c":"\/\\\/203.0.113.77\\"}`, `{"a":"2001:db8:5:6::1%eth0 ::ffff:203.0.113.77/120 [2001:db8:5:6:a:b:c:d]:443"}`,
		`{"a":203000113077,"b":42540766411288637596685337336797200397,"c":"203[.]0[.]113[.]77 (203,0,113,77,1,2) 0313.0.0161.0115"}`, `{"\u0032":"&#50;&#x30;3.0.113.77=2E ２０３．０．１１３．７７ 203.\u200b0.113.77"}`} {
		f.Add([]byte(s))
	}
	clients := []netip.Addr{netip.MustParseAddr("203.0.113.77"), netip.MustParseAddr("2001:db8:5:6:a:b:c:d")}
	f.Fuzz(func(t *testing.T, doc []byte) {
		in := bytes.Clone(doc)
		got, n := Scrub(doc, clients...)
		if !bytes.Equal(doc, in) {
			t.Fatal("Scrub changed its input")
		}
		if n == 0 && !bytes.Equal(got, in) {
			t.Fatal("Scrub changed the document and counted nothing")
		}
		if json.Valid(in) && !json.Valid(got) {
			t.Fatalf("%q was JSON and %q is not", in, got)
		}
		if bytes.Contains(got, []byte(" 203.0.113.77 ")) || bytes.Contains(got, []byte(" 2001:db8:5:6:a:b:c:d ")) {
			t.Fatalf("the address is left in %q", got)
		}
	})
}
