package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/object/objecttest"
)

// batchesADay is how many batches an archive of many gets on a day.
const batchesADay = 500

// manyFiles are the files of an archive with so many batches, added over the days, and
// of the segments of each day.
func manyFiles(batches int) []keptFile {
	var files []keptFile
	begin := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range batches {
		sum := sha256.Sum256(fmt.Append(nil, i))
		sha := hex.EncodeToString(sum[:])
		day := begin.AddDate(0, 0, i/batchesADay).Format(time.DateOnly)
		files = append(files, keptFile{rawPath(sha), sha, 1 << 20, rawDir + "/" + day})
		if i%batchesADay == 0 {
			for _, kind := range []string{Observations, Verdicts, Bodies} {
				s := Segment{Kind: kind, Period: day, SHA256: sha}
				files = append(files, keptFile{s.Path(), sha, 1 << 20, kind + "/" + day[:7]})
			}
		}
	}
	return files
}

// sentFor is what a snapshot sends of its list when one batch was added after another
// snapshot was taken.
func sentFor(t testing.TB, batches int) (objects int, bytes int64) {
	t.Helper()
	k := &keeper{store: &objecttest.Memory{}, there: map[string]int64{}, out: new(BackedUp)}
	files := manyFiles(batches + 1)
	if _, err := k.writeList(t.Context(), append([]keptFile(nil), files[:len(files)-1]...)); err != nil {
		t.Fatal(err)
	}
	*k.out = BackedUp{}
	s, err := k.writeList(t.Context(), append([]keptFile(nil), files...))
	if err != nil {
		t.Fatal(err)
	}
	list, err := readList(t.Context(), k.store, s)
	if err != nil || len(list) != len(files) || s.Files != len(files) {
		t.Fatalf("of %d files %d are listed, %+v, %v", len(files), len(list), s, err)
	}
	return k.out.Copied, k.out.Bytes
}

// A snapshot after one more batch sends the part of its day and the names of the parts,
// however many batches there are.
func TestSnapshotListGrowsByItsParts(t *testing.T) {
	t.Parallel()
	few, fewBytes := sentFor(t, 1_100)
	many, manyBytes := sentFor(t, 10*batchesADay+100)
	if few != 2 || many != 2 {
		t.Errorf("%d and %d objects are sent, want the part and the list of parts", few, many)
	}
	// Of a part each file costs some 75 bytes packed, and of the list each part some 130.
	const slack = 2_000
	if manyBytes > fewBytes+8*150+slack {
		t.Errorf("%d bytes are sent of few batches, %d of many", fewBytes, manyBytes)
	}
}

// What a snapshot sends of its list after one more batch, and what that takes.
func BenchmarkSnapshotList(b *testing.B) {
	for _, n := range []int{1_100, 10_100, 100_100, 1_000_100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var objects int
			var bytes int64
			for b.Loop() {
				objects, bytes = sentFor(b, n)
			}
			b.ReportMetric(float64(objects), "objects")
			b.ReportMetric(float64(bytes), "B-sent")
		})
	}
}
