package web

import (
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/event"
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
	c := chartOf(a, nil, parseDay("2024-02-01"), parseDay("2024-02-04"), false, nil)
	if len(c.Rows) != 3 || c.Rows[1].Label != "AS64513" || c.Rows[2].Label != "AS64512" {
		t.Fatalf("the rows are %+v", c.Rows)
	}
	together, blocking, well := string(c.Rows[0].Drawing), string(c.Rows[2].Drawing), string(c.Rows[1].Drawing)
	for want, n := range map[string]int{
		"1 February 2024: works; 0 blocked": 1, "2 February 2024": 0, "3 February 2024: works (likely blocked on some networks); 3 blocked, 6 ok": 1,
		`class="s-likely_blocked gap"`: 1, `class="s-ok gap"`: 2, `fill="url(#nodata)"`: 1,
	} {
		if got := strings.Count(together, want); got != n {
			t.Errorf("all together: %d times %q, want %d\n%s", got, want, n, together)
		}
	}
	if strings.Contains(blocking, "on some networks") || strings.Count(blocking, `class="s-likely_blocked gap"`) != 1 || strings.Count(well, `class="s-ok gap"`) != 2 {
		t.Errorf("the networks: %s\n%s", blocking, well)
	}
}

// A dated ban is shaded, and fades where its edges are not certain; only the
// networks that it names have it.
func TestBansAreShaded(t *testing.T) {
	at := func(s string) *time.Time { d := parseDay(s); return &d }
	a := &inquiry.Answered{
		Answer: answer.Answer{Target: "x"},
		Days:   []answer.Day{{Date: "2024-02-01", State: verdict.OK, OK: 3, Measurements: 3}, {Date: "2024-02-10", State: verdict.OK, OK: 3, Measurements: 3}},
		ByASN:  map[uint32][]answer.Day{64512: {{Date: "2024-02-01", State: verdict.OK, Measurements: 3}}, 64513: {{Date: "2024-02-01", State: verdict.OK, Measurements: 2}}},
	}
	e := event.Event{Target: "x", Networks: []string{"AS64512"}, Onset: event.Interval{Earliest: at("2024-02-03"), Latest: at("2024-02-04")}, End: &event.Interval{Earliest: at("2024-02-06"), Latest: at("2024-02-08")}}
	c := chartOf(a, []event.Event{e}, parseDay("2024-02-01"), parseDay("2024-02-11"), false, nil)
	for _, want := range []string{`<rect x="20.000%" width="10.000%" height="22" fill="url(#ban-in)"/>`, `<rect x="30.000%" width="20.000%" height="22" class="ban"/>`, `<rect x="50.000%" width="20.000%" height="22" fill="url(#ban-out)"/>`} {
		if !strings.Contains(string(c.Rows[1].Drawing), want) {
			t.Errorf("AS64512 has no %s\n%s", want, c.Rows[1].Drawing)
		}
	}
	e.Networks = []string{"AS64512", "AS64513"}
	e.Phases = []event.Phase{{Kind: event.PhaseRestored, From: parseDay("2024-02-05"), Networks: []string{"AS64513"}}}
	early := chartOf(a, []event.Event{e}, parseDay("2024-02-01"), parseDay("2024-02-11"), false, nil)
	if !strings.Contains(string(early.Rows[2].Drawing), `<rect x="30.000%" width="10.000%" height="22" class="ban"/>`) {
		t.Errorf("AS64513 was restored before the others: %s", early.Rows[2].Drawing)
	}
	if strings.Contains(string(c.Rows[2].Drawing), "ban") {
		t.Errorf("a network that the ban does not name has it: %s", c.Rows[2].Drawing)
	}
}

// The days on which a ban can have held hold those on which it did: a start of which
// only the decade is known begins with that decade, and goes on as long as is known.
func TestCertainDays(t *testing.T) {
	day := func(y, d int) time.Time { return time.Date(y, 1, d, 0, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		r    ban.Ranked
		want [4]time.Time // certain from and to, possible from and to
	}{
		"exact":             {ban.Ranked{Ban: ban.Ban{Start: day(2024, 1)}, Length: ban.Length{Days: 5, AtMost: 5}}, [4]time.Time{day(2024, 1), day(2024, 6), day(2024, 1), day(2024, 6)}},
		"an end in a span":  {ban.Ranked{Ban: ban.Ban{Start: day(2024, 1)}, Length: ban.Length{Days: 5, AtMost: 9}}, [4]time.Time{day(2024, 1), day(2024, 6), day(2024, 1), day(2024, 10)}},
		"a decade, no end":  {ban.Ranked{Ban: ban.Ban{Start: day(2010, 1), StartBy: day(2020, 1)}, Length: ban.Length{Days: 9, AtLeast: true}}, [4]time.Time{day(2020, 1), day(2020, 10), day(2010, 1), day(2020, 10)}},
		"less than one day": {ban.Ranked{Ban: ban.Ban{Start: day(2024, 1)}}, [4]time.Time{day(2024, 1), day(2024, 2), day(2024, 1), day(2024, 2)}},
	} {
		var got [4]time.Time
		if got[0], got[1], got[2], got[3] = certain(&c.r); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
