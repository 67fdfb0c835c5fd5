package casefile

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// many is the lab's case n times over, under n ids.
func many(n int) fstest.MapFS {
	fsys := fstest.MapFS{"shared/all.yaml": {Data: []byte(labShared)}}
	for i := range n {
		id := fmt.Sprintf("zz-2024-%05d", i)
		text := strings.Replace(labCase, "zz-2024-x", id, 1)
		fsys[id+"/case.yaml"] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func BenchmarkLoad10k(b *testing.B) {
	fsys := many(10_000)
	b.SetBytes(int64(10_000 * len(labCase)))
	for b.Loop() {
		r, err := Load(fsys, "records")
		if err != nil || len(r.Cases) != 10_000 {
			b.Fatal(err, len(r.Cases))
		}
	}
}
