package archive

import (
	"bytes"
	"testing"

	"github.com/bandish/bandish/verdict"
	"github.com/parquet-go/parquet-go"
)

// Columns that a segment of an older program lacks are read as zero.
func TestSegmentsOfOlderPrograms(t *testing.T) {
	type row struct {
		UID   string        `parquet:"measurement_uid"`
		State verdict.State `parquet:"state,dict"`
	}
	var b bytes.Buffer
	if err := parquet.Write(&b, []row{{"u1", verdict.OK}, {"u2", verdict.Down}}); err != nil {
		t.Fatal(err)
	}
	r := parquet.NewGenericReader[verdict.Row](bytes.NewReader(b.Bytes()))
	defer r.Close()
	rows := make([]verdict.Row, 2)
	if n, err := r.Read(rows); n != 2 {
		t.Fatal(n, err)
	}
	if rows[1].UID != "u2" || rows[1].State != verdict.Down || rows[1].BytesPerSecond != 0 {
		t.Errorf("%+v", rows[1])
	}
}
