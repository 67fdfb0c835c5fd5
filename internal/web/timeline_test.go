package web

import (
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/verdict"
)

// What most networks say does not hide that one of them blocks; a day without
// data is neither of them.
func TestTimelineShowsTheNetworkThatBlocks(t *testing.T) {
	day := func(date string, s verdict.State, blocked, ok uint32) answer.Day {
		return answer.Day{Date: date, State: s, Blocked: blocked, OK: ok, Measurements: blocked + ok}
	}
	a := &inquiry.Answered{
		Answer: answer.Answer{Sentence: "A sentence."},
		Days:   []answer.Day{day("2024-02-01", verdict.OK, 0, 9), day("2024-02-03", verdict.OK, 3, 6)},
		ByASN: map[uint32][]answer.Day{
			64512: {day("2024-02-01", verdict.OK, 0, 3), day("2024-02-03", verdict.LikelyBlocked, 3, 0)},
			64513: {day("2024-02-01", verdict.OK, 0, 6), day("2024-02-03", verdict.OK, 0, 6)},
		},
	}
	svg := string(timeline(a, time.Time{}, time.Time{}))
	together, apart, found := strings.Cut(svg, ">AS64513<")
	if !found {
		t.Fatal(svg)
	}
	for want, n := range map[string]int{
		"2024-02-01: works; 0 blocked": 1, "2024-02-02": 0, "2024-02-03: works (likely blocked on some networks); 3 blocked, 6 ok": 1,
		`class="s-likely_blocked apart"`: 1, `class="s-ok apart"`: 2, `fill="url(#nodata)"`: 1,
	} {
		if got := strings.Count(together, want); got != n {
			t.Errorf("all together: %d times %q, want %d\n%s", got, want, n, together)
		}
	}
	if strings.Contains(apart, "on some networks") || strings.Count(apart, `class="s-likely_blocked apart"`) != 1 {
		t.Errorf("the networks: %s", apart)
	}
}
