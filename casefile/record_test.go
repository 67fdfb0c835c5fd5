package casefile_test

import (
	"testing"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/records"
)

func load(t testing.TB) *casefile.Records {
	t.Helper()
	r, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Cases) == 0 {
		t.Fatal("the record holds no case")
	}
	return r
}

// Every file of the record is in order.
func TestRecordIsInOrder(t *testing.T) {
	for _, p := range load(t).Lint(casefile.Checks{}) {
		t.Error(p)
	}
}
