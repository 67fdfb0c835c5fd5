package intake

import (
	"fmt"
	"slices"
	"testing"
)

// Each source is in one shard, and shards are about as large as each other.
func TestShards(t *testing.T) {
	t.Parallel()
	var all []Source
	for i := range 4000 {
		all = append(all, Source{Name: fmt.Sprintf("s3://bucket/raw/202402%02d/%02d/ZZ/test/%d.jsonl.gz", 1+i%28, i%24, i)})
	}
	for _, of := range []int{1, 2, 3, 16} {
		count := map[string]int{}
		for n := 1; n <= of; n++ {
			s, err := ParseShard(fmt.Sprintf("%d/%d", n, of))
			if err != nil {
				t.Fatal(err)
			}
			some := s.Take(slices.Clone(all))
			if least := len(all) / of * 3 / 4; len(some) < least {
				t.Errorf("%d/%d has %d of %d sources", n, of, len(some), len(all))
			}
			for _, o := range some {
				count[o.Name]++
			}
		}
		for _, o := range all {
			if count[o.Name] != 1 {
				t.Fatalf("of %d shards %d have %s", of, count[o.Name], o.Name)
			}
		}
	}
	if s, err := ParseShard("0/3"); err != nil || s != (Shard{3, 3}) {
		t.Errorf("for who counts from 0 the last of three is %v, %v", s, err)
	}
	for _, text := range []string{"0/0", "4/3", "3", "/", "a/b", "1/0", "-1/2", "1/1000000", "1/2/3", " 1/2"} {
		if s, err := ParseShard(text); err == nil {
			t.Errorf("%q is %+v", text, s)
		}
	}
	if s, err := ParseShard(""); err != nil || len(s.Take(slices.Clone(all))) != len(all) {
		t.Errorf("no shard: %+v, %v", s, err)
	}
}
