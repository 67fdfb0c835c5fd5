package answer

import (
	"testing"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/records"
)

// A reader who asks what a statement of the record said gets the answer that
// stands beside the statement.
func TestQuestionAndStatementAreAnsweredAlike(t *testing.T) {
	r, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	alike := 0
	for _, c := range r.Cases {
		answers, err := Claims(t.Context(), r, c, casefile.Date{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, beside := range answers {
			if beside.Access == nil || beside.Access.At.IsZero() || c.Claim(beside.Claim).About == "law" {
				continue
			}
			asked, err := Check(t.Context(), r, *beside.Access, nil)
			if err != nil {
				t.Fatal(err)
			}
			if asked.Verdict != beside.Verdict || asked.Reason != beside.Reason {
				t.Errorf("%s %s: asked it is %s (%s), beside the statement %s (%s)", c.ID, beside.Claim, asked.Verdict, asked.Reason, beside.Verdict, beside.Reason)
				continue
			}
			alike++
		}
	}
	if alike < 10 {
		t.Errorf("only %d statements were asked", alike)
	}
}
