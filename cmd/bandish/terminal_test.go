package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/pipeline"
)

// hostile steers a terminal in every way that harmless knows.
const hostile = "x\x1b]0;owned\x07\x1b[2J\r\u009b31m\u202eevil\u2066\x7f\x00\xff.com"

func TestTextDoesNotSteerTheTerminal(t *testing.T) {
	var out bytes.Buffer
	w := terminal{terminal{&out}}
	if n, err := w.Write([]byte("a\tb\n" + hostile)); err != nil || n != len(hostile)+4 {
		t.Fatalf("%d, %v", n, err)
	}
	if !strings.HasPrefix(out.String(), "a\tb\nx\ufffd]0;owned\ufffd\ufffd[2J") {
		t.Errorf("printed %q", out.String())
	}
	for _, r := range out.String() {
		if r != '\n' && r != '\t' && steers(r) {
			t.Errorf("%q is printed", r)
		}
	}
}

// JSON does not steer it either, and reads as what it was.
func TestJSONIsLossless(t *testing.T) {
	var out bytes.Buffer
	in := strings.ToValidUTF8(hostile, "")
	if err := printJSON(terminal{&out}, map[string]string{"v": in}); err != nil {
		t.Fatal(err)
	}
	for _, r := range out.String() {
		if r != '\n' && steers(r) {
			t.Errorf("%q is printed", r)
		}
	}
	var back map[string]string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["v"] != in {
		t.Errorf("%q came back as %q, %v", in, back["v"], err)
	}
}

func TestMeterTellsRateAndTimeLeft(t *testing.T) {
	now := time.Unix(0, 0)
	var out bytes.Buffer
	m := newMeter(terminal{&out}, func() time.Time { return now })
	now = now.Add(10 * time.Second)
	m.tell(pipeline.Progress{Bytes: 4e6, BytesDone: 1e6, Read: 500, Quarantined: 2})
	m.end()
	if got, want := out.String(), " 25 % of 4.0 MB, 500 documents, 50/s, 2 set aside, about 30s left\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Long tasks tell how far they are, every five seconds where nobody looks.
func TestMeterTellsSteps(t *testing.T) {
	now := time.Unix(0, 0)
	var out bytes.Buffer
	m := newMeter(terminal{&out}, func() time.Time { return now })
	for done := range 11 {
		m.step("day", done, 10)
		now = now.Add(2 * time.Second)
	}
	now = now.Add(5 * time.Second)
	m.step("file", 7, 0)
	if got, want := out.String(), "day 3 of 10, about 14s left\nday 6 of 10, about 8s left\nday 9 of 10, about 2s left\nfile 7\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
