package verdict_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// A failure that follows a version is a defect of it; one that follows a
// network is not.
func TestDefects(t *testing.T) {
	var all []verdict.Row
	add := func(asn uint32, software string, state verdict.State, n int) {
		for range n {
			all = append(all, verdict.Row{CC: []string{"XA", "XB", "XC"}[asn%3], ASN: asn, TestName: "signal", Target: "signal", Software: software, Platform: "android", State: state})
		}
	}
	for asn := uint32(64512); asn < 64517; asn++ {
		add(asn, "probe/1.0", verdict.Impaired, 4)
		add(asn, "probe/2.0", verdict.OK, 6)
	}
	add(64520, "probe/2.0", verdict.Impaired, 20) // a network that blocks
	add(64520, "probe/1.0", verdict.Impaired, 5)
	found := verdict.Defects(all)
	if len(found) != 1 || found[0].Software != "probe/1.0" || found[0].Networks != 5 || found[0].Measured != 20 || found[0].Others != 30 {
		t.Fatalf("%+v", found)
	}
	if n := found[0].Mark(all); n != 25 || all[0].Votes() || !all[4].Votes() {
		t.Errorf("%d rows are marked", n)
	}
	// A ban on every network follows no version.
	all = nil
	for asn := uint32(64512); asn < 64520; asn++ {
		add(asn, "probe/1.0", verdict.LikelyBlocked, 5)
		add(asn, "probe/2.0", verdict.LikelyBlocked, 5)
	}
	if found := verdict.Defects(all); len(found) != 0 {
		t.Errorf("a ban is called a defect: %+v", found)
	}
	// In one country it may be a ban, and the successes made up.
	all = nil
	for asn := uint32(64512); asn < 64530; asn += 3 {
		add(asn, "probe/1.0", verdict.Impaired, 20)
		add(asn, "probe/2.0", verdict.OK, 20)
	}
	if found := verdict.Defects(all); len(found) != 0 {
		t.Errorf("one country is enough: %+v", found)
	}
}

func TestThrottleIsSlownessOfOneTarget(t *testing.T) {
	paces := func(rate float64, n int) []verdict.Pace {
		var all []verdict.Pace
		for i := range n {
			all = append(all, verdict.Pace{BytesPerSecond: rate * (0.8 + 0.1*float64(i%5))})
		}
		return all
	}
	for _, c := range []struct {
		name           string
		target, others []verdict.Pace
		want           bool
	}{
		{"held to 100 kB/s where others keep 12 MB/s", paces(100e3, 6), paces(12e6, 20), true},
		{"held to 16 kB/s where others keep 300 kB/s", paces(16e3, 6), paces(300e3, 20), true},
		{"a slow line", paces(20e3, 20), paces(30e3, 20), false},
		{"a fast line and a slower server", paces(900e3, 20), paces(12e6, 20), false},
		{"too few", paces(16e3, 3), paces(12e6, 20), false},
		{"nothing to compare with", paces(16e3, 20), nil, false},
	} {
		if got := verdict.CompareThrottle(c.target, c.others); got.Throttled != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// slowLoads are rows of six targets on four networks of four countries, where
// only www.slow.example on AS64512 is slow. Edit changes one before it counts.
func slowLoads(edit func(*verdict.Row)) []verdict.Row {
	var all []verdict.Row
	for n, cc := range []string{"ZZ", "QM", "QN", "QO"} {
		for _, target := range []string{"www.slow.example", "a.example", "b.example", "c.example", "d.example", "e.example"} {
			for i := range 6 {
				r := verdict.Row{Time: time.Unix(int64(1700000000+i*7200), 0), CC: cc, ASN: 64512 + uint32(n), TestName: "web_connectivity", Target: target,
					ReportID: fmt.Sprint(cc, i), State: verdict.OK, BytesPerSecond: 4e6 + float32(i)*1e5}
				if n == 0 && target == "www.slow.example" {
					r.State, r.Mechanisms, r.BytesPerSecond = verdict.Impaired, []string{"http.throttle"}, 16e3
					r.HTTP = verdict.Layer{Outcome: verdict.OutcomeUnknown, Rule: "http_slow"}
				}
				edit(&r)
				all = append(all, r)
			}
		}
	}
	return all
}

// A target is throttled that is slow on one network, on which the others are
// fast, and fast in other countries. One report shows nothing.
func TestThrottleFinder(t *testing.T) {
	find := func(edit func(*verdict.Row)) ([]verdict.Throttle, []verdict.Row) {
		rows := slowLoads(edit)
		rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		var f verdict.ThrottleFinder
		for i := range rows {
			f.Add(&rows[i])
		}
		return f.Found(), rows
	}
	found, rows := find(func(*verdict.Row) {})
	if len(found) != 1 || found[0].Target != "www.slow.example" || found[0].ASN != 64512 || found[0].Networks != 3 || found[0].Reference != 5 {
		t.Fatalf("%+v", found)
	}
	raised := 0
	for i := range rows {
		if found[0].Explains(&rows[i]) {
			found[0].Raise(&rows[i])
			raised++
			if r := rows[i]; r.State != verdict.LikelyBlocked || r.HTTP.Outcome != verdict.OutcomeBlocked {
				t.Errorf("raised to %+v", r)
			}
		}
	}
	if raised != 6 {
		t.Errorf("%d rows raised, want 6", raised)
	}
	for name, edit := range map[string]func(*verdict.Row){
		"slow everywhere": func(r *verdict.Row) {
			if r.Target == "www.slow.example" {
				r.BytesPerSecond = 16e3
			}
		},
		"a slow line": func(r *verdict.Row) {
			if r.CC == "ZZ" {
				r.BytesPerSecond = 16e3 + r.BytesPerSecond/1000
			}
		},
		"one report": func(r *verdict.Row) {
			if r.CC == "ZZ" {
				r.ReportID = "one"
			}
		},
		"nobody else measured": func(r *verdict.Row) {
			if r.Target != "www.slow.example" {
				r.BytesPerSecond = 0
			}
		},
		"no other country":      func(r *verdict.Row) { r.CC = "ZZ" },
		"marked and not voting": func(r *verdict.Row) { r.Marks = []string{"clock_future"} },
	} {
		if found, _ := find(edit); len(found) != 0 {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

func TestPaceOf(t *testing.T) {
	fast := observation.Row{ReadBytes: 1e6, ReadSeconds: 0.5, TCPSeconds: 0.02, TLS: observation.Done, TLSSeconds: 0.05}
	short := observation.Row{ReadBytes: 900, ReadSeconds: 0.1}
	if p, ok := verdict.PaceOf([]observation.Row{short, fast}); !ok || p.BytesPerSecond != 2e6 || p.Handshake < 2.49 || p.Handshake > 2.51 {
		t.Errorf("%+v %v", p, ok)
	}
	if _, ok := verdict.PaceOf([]observation.Row{short}); ok {
		t.Error("a page of 900 bytes has no pace")
	}
}
