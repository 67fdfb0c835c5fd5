package event_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/signal"
)

// outsideBegin is when the signals of these tests begin.
var outsideBegin = time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC)

// dip is a signal's fall to a share of what it usually is, from one hour since the
// beginning to another; silent: it has no values then.
type dip struct {
	from, to float64
	share    float64
	silent   bool
}

// outside is a signal of country ZZ, or of one of its networks, over so many days,
// with the course that such signals have by the hour of the day. Nothing real.
func outside(cc string, asn uint32, source string, usual float64, days int, dips ...dip) signal.Series {
	s := signal.Series{CC: cc, ASN: asn, DataSource: source, From: outsideBegin.Unix(), Step: 600, Document: source}
	for k := range days * 144 {
		h := float64(k) / 6
		v := usual * (1 + 0.2*math.Sin(h*math.Pi/12) + 0.02*math.Sin(float64(k)))
		for _, d := range dips {
			if h >= d.from && h < d.to {
				if v *= d.share; d.silent {
					v = signal.None
				}
			}
		}
		s.Values = append(s.Values, v)
	}
	return s
}

// dark are the events and what was set aside, in lines.
func dark(t *testing.T, countries ...event.Findings) string {
	t.Helper()
	d := event.NewDetector(time.Time{})
	for _, f := range countries {
		text, err := json.Marshal(f) // as the archive keeps them
		if err != nil {
			t.Fatal(err)
		}
		var back event.Findings
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		d.Add(back)
	}
	found := d.Finish()
	var b strings.Builder
	for _, e := range slices.Concat(found.Events, found.Artefacts) {
		hour := func(t *time.Time) string { return fmt.Sprintf("%.0f", t.Sub(outsideBegin).Hours()) }
		end := "no end"
		if e.End != nil {
			end = hour(e.End.Earliest) + "-" + hour(e.End.Latest)
		}
		fmt.Fprintf(&b, "%s %s %s-%s, %s, %d signals, %.2f", e.ID, e.State, hour(e.Onset.Earliest), hour(e.Onset.Latest), end, len(e.Signals), e.Confidence)
		if e.Artefact != "" {
			fmt.Fprintf(&b, " (%.40s)", e.Artefact)
		}
		if len(e.Flaws) > 0 {
			t.Errorf("%s: %v", e.ID, e.Flaws)
		}
		b.WriteString("; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}

// probes are the cells of a country that is heard on three networks each second
// hour, but from one hour to another.
func probes(days int, silent ...float64) []series.Cell {
	var out []series.Cell
	for hour := 0; hour < days*24; hour += 2 {
		if len(silent) == 2 && float64(hour) >= silent[0] && float64(hour) < silent[1] {
			continue
		}
		for n := range uint32(3) {
			for target := range 2 {
				at := outsideBegin.Unix() + int64(hour)*3600
				out = append(out, series.Cell{CC: "ZZ", Target: fmt.Sprint("site-", target), ASN: 64512 + n, Start: at, Span: 3600,
					Measurements: 1, OK: 1, VoteOK: series.Vote, FirstOK: at + 60, LastOK: at + 60, FirstOKUID: fmt.Sprint(n, "-", hour)})
			}
		}
	}
	series.Sort(out)
	return out
}

func TestDarkFromOutside(t *testing.T) {
	night := dip{from: 30 * 24, to: 30*24 + 12, share: 0.05}
	mute := dip{from: 30 * 24, to: 30*24 + 12, silent: true}
	one := func(s ...signal.Series) event.Findings { return event.Find(nil, s) }
	bgp := func(cc string, d ...dip) signal.Series { return outside(cc, 0, "bgp", 400, 40, d...) }
	ping := func(cc string, d ...dip) signal.Series { return outside(cc, 0, "ping-slash24", 300, 40, d...) }
	ear := func(cc string, d ...dip) signal.Series { return outside(cc, 0, "merit-nt", 50, 40, d...) }
	for _, c := range []struct {
		name      string
		countries []event.Findings
		want      string
	}{
		{"nothing", []event.Findings{one(bgp("ZZ"), ping("ZZ"), ear("ZZ"))}, ""},
		{"two fall", []event.Findings{one(bgp("ZZ", night), ping("ZZ", night), ear("ZZ"))},
			"zz-shutdown-2024q1 dark 719-720, 732-733, 2 signals, 0.80"},
		{"three fall", []event.Findings{one(bgp("ZZ", night), ping("ZZ", night), ear("ZZ", night))},
			"zz-shutdown-2024q1 dark 719-720, 732-733, 3 signals, 0.91"},
		{"one falls alone", []event.Findings{one(bgp("ZZ"), ping("ZZ", night), ear("ZZ"))},
			"artefact-zz-shutdown-2024q1 dark 719-720, 732-733, 1 signals, 0.55 (only one observer saw it, and a signal a)"},
		{"two telescopes are one observer", []event.Findings{one(ear("ZZ", night), outside("ZZ", 0, "ucsd-nt", 50, 40, night))},
			"artefact-zz-shutdown-2024q1 dark 719-720, 732-733, 2 signals, 0.55 (only one observer saw it, and a signal a)"},
		{"silence of signals is no darkness", []event.Findings{one(bgp("ZZ", mute), ping("ZZ", mute), ear("ZZ", mute))}, ""},
		{"a fall by half is none", []event.Findings{one(bgp("ZZ", dip{720, 732, 0.5, false}), ping("ZZ", dip{720, 732, 0.5, false}))}, ""},
		{"an hour is none", []event.Findings{one(bgp("ZZ", dip{720, 721, 0, false}), ping("ZZ", dip{720, 721, 0, false}))}, ""},
		{"to the end of the data", []event.Findings{one(bgp("ZZ", dip{720, 9999, 0, false}), ping("ZZ", dip{720, 9999, 0, false}))},
			"zz-shutdown-2024q1 dark 719-720, no end, 2 signals, 0.80"},
		{"signals end while they are low", []event.Findings{one(bgp("ZZ", night, dip{732, 9999, 1, true}), ping("ZZ", night, dip{732, 9999, 1, true}))},
			"zz-shutdown-2024q1 dark 719-720, no end, 2 signals, 0.80"},
		{"too little before", []event.Findings{one(bgp("ZZ", dip{72, 84, 0, false}), ping("ZZ", dip{72, 84, 0, false}))}, ""},
		{"signals of next to nothing", []event.Findings{one(outside("ZZ", 0, "bgp", 8, 40, night), outside("ZZ", 0, "ping-slash24", 8, 40, night))}, ""},
		{"all countries at once", []event.Findings{one(bgp("AA", night), ping("AA", night)), one(bgp("XX", night), ping("XX", night)), one(bgp("ZZ", night), ping("ZZ", night))},
			"artefact-aa-shutdown-2024q1 dark 719-720, 732-733, 2 signals, 0.80 (the same signals of other countries fell); artefact-xx-shutdown-2024q1 dark 719-720, 732-733, 2 signals, 0.80 (the same signals of other countries fell); artefact-zz-shutdown-2024q1 dark 719-720, 732-733, 2 signals, 0.80 (the same signals of other countries fell)"},
		{"other countries stand", []event.Findings{one(bgp("AA"), ping("AA")), one(bgp("XX"), ping("XX")), one(bgp("ZZ", night), ping("ZZ", night))},
			"zz-shutdown-2024q1 dark 719-720, 732-733, 2 signals, 0.80"},
		{"a network", []event.Findings{one(outside("ZZ", 64512, "bgp", 400, 40, night), outside("ZZ", 64512, "ping-slash24", 400, 40, night), bgp("ZZ"))},
			"zz-shutdown-as64512-2024q1 dark 719-720, 732-733, 2 signals, 0.80"},
		{"a network of a dark country", []event.Findings{one(outside("ZZ", 64512, "bgp", 400, 40, night), outside("ZZ", 64512, "ping-slash24", 400, 40, night), bgp("ZZ", night), ear("ZZ", night))},
			"zz-shutdown-2024q1 dark 719-720, 732-733, 4 signals, 0.80"},
		{"heard meanwhile", []event.Findings{event.Find(probes(40), []signal.Series{bgp("ZZ", night), ping("ZZ", night)})},
			"artefact-zz-shutdown-2024q1 dark 719-720, 732-733, 2 signals, 0.80 (meanwhile its networks were heard 15 tim)"},
		{"a silence here, seen from outside", []event.Findings{event.Find(probes(60, 720, 768), []signal.Series{bgp("ZZ", dip{720, 768, 0, false}), ping("ZZ", dip{720, 768, 0, false})})},
			"zz-shutdown-2024q1 dark 719-720, 768-768, 2 signals, 0.93"},
		{"a silence here, seen by one", []event.Findings{event.Find(probes(60, 720, 768), []signal.Series{ping("ZZ", dip{720, 768, 0, false})})},
			"zz-shutdown-2024q1 dark 718-721, 764-768, 1 signals, 0.85"},
	} {
		if got := dark(t, c.countries...); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// A document more, or one given twice, changes nothing, and of two that differ the
// higher value counts.
func TestSignalsGivenTwice(t *testing.T) {
	night := dip{from: 720, to: 732, share: 0.05}
	bgp, ping := outside("ZZ", 0, "bgp", 400, 40, night), outside("ZZ", 0, "ping-slash24", 300, 40, night)
	once := dark(t, event.Find(nil, []signal.Series{bgp, ping}))
	half := bgp
	half.Values, half.Document = bgp.Values[:2000], "half"
	if got := dark(t, event.Find(nil, []signal.Series{ping, half, bgp, ping, bgp})); got != once {
		t.Errorf("given twice: %s, and once: %s", got, once)
	}
	later := outside("ZZ", 0, "bgp", 400, 40)
	if got := dark(t, event.Find(nil, []signal.Series{bgp, later, ping})); strings.Contains(got, "2 signals") {
		t.Errorf("one document says that nothing fell: %s", got)
	}
}
