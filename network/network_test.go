package network

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestParseASN(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want ASN
		bad  bool
	}{
		{"AS17557", 17557, false}, {"as17557", 17557, false}, {"17557", 17557, false}, {"AS0", 0, false}, {"AS4294967295", 4294967295, false},
		{"", 0, true}, {"AS", 0, true}, {"AS-1", 0, true}, {"AS4294967296", 0, true}, {"AS17557x", 0, true}, {" AS17557", 0, true}, {"ASAS1", 0, true}, {"AS+1", 0, true},
	} {
		got, err := ParseASN(tt.in)
		if got != tt.want || err != nil != tt.bad {
			t.Errorf("%q: %v, %v; want %v", tt.in, got, err, tt.want)
		}
		if back, err := ParseASN(got.String()); err != nil || back != got {
			t.Errorf("%v is read back as %v, %v", got, back, err)
		}
	}
}

func TestParseList(t *testing.T) {
	for in, want := range map[string][]uint32{"": nil, " ": nil, "AS1": {1}, "AS1,as2, 3": {1, 2, 3}} {
		if got, err := ParseList(in); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", in, got, err, want)
		}
	}
	if _, err := ParseList("AS1,two"); err == nil {
		t.Error("a word is taken for a number")
	}
	if got := Numbers([]string{"AS3", "elsewhere", "AS1"}); !slices.Equal(got, []uint32{3, 1}) {
		t.Errorf("%v", got)
	}
}

// Measurements are read kindly, the record strictly; both are written alike.
func TestJSONAndText(t *testing.T) {
	for in, want := range map[string]ASN{`"AS17557"`: 17557, `"17557"`: 17557, `17557`: 17557, `null`: 0, `""`: 0, `"\u0041S7"`: 7} {
		var a ASN
		if err := json.Unmarshal([]byte(in), &a); err != nil || a != want {
			t.Errorf("%s: %v, %v; want %v", in, a, err, want)
		}
	}
	for _, in := range []string{`"x"`, `-1`, `1.5`, `{}`, `true`} {
		var a ASN
		if err := json.Unmarshal([]byte(in), &a); err == nil {
			t.Errorf("%s is read as %v", in, a)
		}
	}
	if b, err := json.Marshal(ASN(17557)); err != nil || string(b) != `"AS17557"` {
		t.Errorf("%s, %v", b, err)
	}
	for _, in := range []string{"as17557", "17557", "AS0", "AS017557", ""} {
		var a ASN
		if err := a.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("the record may write %q", in)
		}
	}
	var a ASN
	if err := a.UnmarshalText([]byte("AS17557")); err != nil || a != 17557 {
		t.Error(a, err)
	}
}
