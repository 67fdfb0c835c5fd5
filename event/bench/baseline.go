package bench

import (
	"cmp"
	"slices"
	"time"

	"github.com/bandish/bandish/verdict"
)

// Found is what a detector says, in the form that is scored. To is zero while the
// event lasts.
type Found struct {
	CC         string
	Targets    []string
	Networks   int       // how many networks; 0: all
	From, To   time.Time // point estimates
	Lo, Hi     time.Time // interval of the onset; zero where there is none
	EndLo      time.Time
	EndHi      time.Time
	Confidence float64
}

// bad reports whether the simple methods count a state as an anomaly.
func bad(s verdict.State) bool {
	return s == verdict.Blocked || s == verdict.LikelyBlocked || s == verdict.Impaired
}

type seriesKey struct {
	cc, target string
	asn        uint32
}

func split(c *Country, byNetwork bool) (map[seriesKey][]verdict.Row, []seriesKey) {
	m := map[seriesKey][]verdict.Row{}
	for _, r := range c.Rows {
		if r.State != verdict.OK && !bad(r.State) {
			continue
		}
		k := seriesKey{r.CC, r.Target, 0}
		if byNetwork {
			k.asn = r.ASN
		}
		m[k] = append(m[k], r)
	}
	var keys []seriesKey
	for k, rows := range m {
		keys = append(keys, k)
		slices.SortFunc(rows, func(a, b verdict.Row) int { return a.Time.Compare(b.Time) })
	}
	slices.SortFunc(keys, func(a, b seriesKey) int {
		return cmp.Or(cmp.Compare(a.cc, b.cc), cmp.Compare(a.target, b.target), cmp.Compare(a.asn, b.asn))
	})
	return m, keys
}

// DailyThreshold is a simple method: an event is a run of days on which more than
// half of at least three measurements are anomalies.
func DailyThreshold(w *World) []Found {
	var out []Found
	for i := range w.Countries {
		m, keys := split(&w.Countries[i], false)
		for _, k := range keys {
			rows := m[k]
			var cur *Found
			for a := 0; a < len(rows); {
				day := rows[a].Time.Truncate(24 * time.Hour)
				n, x, b := 0, 0, a
				for ; b < len(rows) && rows[b].Time.Truncate(24*time.Hour).Equal(day); b++ {
					n++
					if bad(rows[b].State) {
						x++
					}
				}
				a = b
				if n < 3 {
					continue
				}
				switch over := float64(x) > 0.5*float64(n); {
				case over && cur == nil:
					cur = &Found{CC: k.cc, Targets: []string{k.target}, From: day}
				case !over && cur != nil:
					cur.To = day
					out = append(out, *cur)
					cur = nil
				}
			}
			if cur != nil {
				out = append(out, *cur)
			}
		}
	}
	return out
}

// Cusum is a simple method: a two-sided CUSUM over the hourly medians of every
// network, with the fixed means 0 and 0.7 and the threshold 3.5.
func Cusum(w *World) []Found {
	const low, high, threshold = 0.0, 0.7, 3.5
	var out []Found
	for i := range w.Countries {
		m, keys := split(&w.Countries[i], true)
		for _, k := range keys {
			up, down := 0.0, 0.0
			var cur *Found
			for a, rows := 0, m[k]; a < len(rows); {
				hour := rows[a].Time.Truncate(time.Hour)
				n, x := 0, 0
				for ; a < len(rows) && rows[a].Time.Truncate(time.Hour).Equal(hour); a++ {
					n++
					if bad(rows[a].State) {
						x++
					}
				}
				median := 0.0
				switch {
				case 2*x > n:
					median = 1
				case 2*x == n:
					median = 0.5
				}
				step := median - (low+high)/2
				up, down = max(0, up+step), max(0, down-step)
				switch {
				case cur == nil && up > threshold:
					cur = &Found{CC: k.cc, Targets: []string{k.target}, From: hour}
					down = 0
				case cur != nil && down > threshold:
					cur.To = hour
					out = append(out, *cur)
					cur, up = nil, 0
				}
			}
			if cur != nil {
				out = append(out, *cur)
			}
		}
	}
	return out
}
