package source

import (
	"bytes"
	"testing"
	"time"
)

// A WARC file that is cut off within a record is an error, wherever the cut is.
func TestWARCCutOff(t *testing.T) {
	page := Page{Content: []byte("The ministry wrote to the regulator of the lab."), MediaType: "text/plain", Fetch: Fetch{Time: time.Date(2024, 2, 17, 12, 0, 0, 0, time.UTC), How: "file"}}
	second := page
	second.Content = []byte("The regulator did as it was told.")
	ends := map[int]bool{}
	var whole bytes.Buffer
	for _, pages := range [][]Page{nil, {page}, {page, second}} {
		whole.Reset()
		if err := WriteWARC(&whole, pages); err != nil {
			t.Fatal(err)
		}
		ends[whole.Len()] = len(pages) > 0
	}
	for n := 1; n <= whole.Len(); n++ {
		pages := 0
		_, err := ReadWARC(bytes.NewReader(whole.Bytes()[:n]), "cut.warc.gz", func(Page) error { pages++; return nil },
			func(record int, reason string) { t.Errorf("cut at %d: record %d set aside: %s", n, record, reason) })
		if ends[n] && err != nil {
			t.Errorf("whole at %d: %v", n, err)
		}
		if err == nil && !ends[n] && pages > 0 {
			t.Errorf("cut at %d of %d: no error, %d pages", n, whole.Len(), pages)
		}
	}
}
