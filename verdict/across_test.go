package verdict_test

import (
	"testing"

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
