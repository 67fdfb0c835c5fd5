package shard

import (
	"fmt"
	"testing"
)

// Each thing is in one part, and parts are about as large as each other.
func TestShards(t *testing.T) {
	t.Parallel()
	var all []string
	for i := range 4000 {
		all = append(all, fmt.Sprintf("s3://bucket/raw/202402%02d/%02d/ZZ/test/%d.jsonl.gz", 1+i%28, i%24, i))
	}
	for _, of := range []int{1, 2, 3, 16} {
		count := map[string]int{}
		for n := 1; n <= of; n++ {
			s, err := Parse(fmt.Sprintf("%d/%d", n, of))
			if err != nil {
				t.Fatal(err)
			}
			some := 0
			for _, name := range all {
				if s.Has(name) {
					count[name]++
					some++
				}
			}
			if least := len(all) / of * 3 / 4; some < least {
				t.Errorf("%d/%d has %d of %d names", n, of, some, len(all))
			}
		}
		for _, name := range all {
			if count[name] != 1 {
				t.Fatalf("of %d parts %d have %s", of, count[name], name)
			}
		}
	}
	for text, want := range map[string]Shard{"0/3": {3, 3}, "3/16": {3, 16}, "auto/16": {0, 16}, "": {}} { // who counts from 0 has the last for the first
		if s, err := Parse(text); err != nil || s != want {
			t.Errorf("%q is %+v, %v, want %+v", text, s, err, want)
		}
	}
	for _, text := range []string{"0/0", "4/3", "3", "/", "a/b", "1/0", "-1/2", "1/1000000", "1/2/3", " 1/2", "auto", "auto/", "auto/0", "auto/x", "AUTO/2"} {
		if s, err := Parse(text); err == nil {
			t.Errorf("%q is %+v", text, s)
		}
	}
	if whole := (Shard{}); !whole.Has("x") || whole.Any() {
		t.Error("no shard is not the whole")
	}
}
