package history_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/history"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/targets"
)

// tale is an invented history that has the shape of a known sort of ban: how
// often it is measured, on how many networks, how it begins and ends. The
// country is ZZ and the networks are private; what is true of it is known.
type tale struct {
	name     string
	from, to string // of the window
	host     string
	renamed  string  // what the host is called from the middle of the window
	perDay   float64 // measurements a day in all
	nets     int
	bans     []closure
	wrong    float64 // share of false blocked
	unclear  float64 // share of inconclusive
	trouble  func(t *teller)
	loose    bool // so little is measured that it may be missed
	noCounts bool // daily counts cannot show it
	noBare   bool // nor can rows without report
	noNet    bool // nor can rows without network
}

type closure struct {
	from, to string        // to "": to the end of the window
	nets     int           // the first so many networks; 0: all
	spread   time.Duration // within which the other networks follow
	strength float64       // share of bad; 0: 0.96
	impaired float64       // share of impaired among these
	lulls    [][2]string
	restored int // so many of the networks are restored half-way
	means    string
}

// row is one invented measurement.
type row struct {
	at                 time.Time
	asn                int
	host, report, uid  string
	state, means       string
	dns, tcp, tls, web string
}

type teller struct {
	tale *tale
	rng  *rand.Rand
	from time.Time
	to   time.Time
	rows []row
	n    int
}

func when(s string) time.Time {
	for _, l := range []string{"2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.Parse(l, s); err == nil {
			return t
		}
	}
	panic("no time: " + s)
}

func tell(ta *tale, seed uint64) *teller {
	t := &teller{tale: ta, rng: rand.New(rand.NewPCG(seed, 99)), from: when(ta.from), to: when(ta.to)}
	type course struct{ from, to time.Time }
	courses := make([][]course, len(ta.bans))
	for i, b := range ta.bans {
		n := b.nets
		if n == 0 {
			n = ta.nets
		}
		end := t.to.AddDate(1, 0, 0)
		if b.to != "" {
			end = when(b.to)
		}
		for k := range ta.nets {
			c := course{when(b.from), end}
			if k >= n {
				c.to = c.from
			} else if k > 0 && b.spread > 0 {
				c.from = c.from.Add(time.Duration(t.rng.Float64() * float64(b.spread)))
			}
			if k < b.restored {
				c.to = c.from.Add(min(end.Sub(c.from), t.to.Sub(c.from)) / 2)
			}
			courses[i] = append(courses[i], c)
		}
	}
	weight := func(k int) float64 { return 1 / float64(k+1) }
	total := 0.0
	for k := range ta.nets {
		total += weight(k)
	}
	for day := t.from; day.Before(t.to); day = day.AddDate(0, 0, 1) {
		rate := ta.perDay * math.Exp(0.5*t.rng.NormFloat64()-0.125)
		for range poisson(t.rng, rate) {
			at := day.Add(time.Duration(t.rng.Int64N(86400)) * time.Second)
			if !at.Before(t.to) {
				continue
			}
			x, k := t.rng.Float64()*total, 0
			for x -= weight(k); x > 0 && k < ta.nets-1; x -= weight(k) {
				k++
			}
			r := row{at: at, asn: 64512 + k}
			for i, b := range ta.bans {
				c := courses[i][k]
				if at.Before(c.from) || !at.Before(c.to) || slices.ContainsFunc(b.lulls, func(l [2]string) bool { return !at.Before(when(l[0])) && at.Before(when(l[1])) }) {
					continue
				}
				s := b.strength
				if s == 0 {
					s = 0.96
				}
				if t.rng.Float64() < s {
					r.state, r.means = "blocked", b.means
					if t.rng.Float64() < b.impaired {
						r.state = "impaired"
					}
				}
			}
			if r.state == "" {
				r.state, r.means = t.noise()
			}
			t.add(r)
			for t.rng.Float64() < 0.1 { // one session, several times
				r.at = r.at.Add(20 * time.Second)
				t.n--
				t.add(r)
			}
		}
	}
	if ta.trouble != nil {
		ta.trouble(t)
	}
	return t
}

func (t *teller) noise() (state, means string) {
	switch x := t.rng.Float64(); {
	case x < t.tale.wrong:
		return "blocked", "http.diff"
	case x < t.tale.wrong+t.tale.unclear*0.6:
		return "impaired", ""
	case x < t.tale.wrong+t.tale.unclear:
		return "insufficient", ""
	}
	return "ok", ""
}

// add completes a row: host, report, uid, layers.
func (t *teller) add(r row) {
	t.n++
	if r.report == "" {
		r.report = fmt.Sprintf("%sZZ_AS%d_%d", r.at.Format("20060102T"), r.asn, t.n)
	}
	r.uid = fmt.Sprintf("%s.%06d_ZZ_webconnectivity_%016x", r.at.Format("20060102150405"), len(t.rows), t.rng.Uint64())
	r.host = t.tale.host
	if t.tale.renamed != "" && r.at.After(t.from.Add(t.to.Sub(t.from)/2)) {
		r.host = t.tale.renamed
	}
	r.dns, r.tcp, r.tls, r.web = "ok", "ok", "ok", "ok"
	switch r.state {
	case "blocked":
		switch {
		case strings.HasPrefix(r.means, "dns"):
			r.dns, r.tcp, r.tls, r.web = "blocked", "", "", ""
		case strings.HasPrefix(r.means, "tcp"):
			r.tcp, r.tls, r.web = "blocked", "", ""
		case strings.HasPrefix(r.means, "tls"):
			r.tls, r.web = "blocked", ""
		default:
			r.web = "blocked"
		}
	case "impaired":
		r.web = "unknown"
	case "down":
		r.tcp, r.tls, r.web = "down", "", ""
	case "insufficient":
		r.dns, r.tcp, r.tls, r.web = "", "", "", ""
	}
	t.rows = append(t.rows, r)
}

func poisson(rng *rand.Rand, mean float64) int {
	n, l := 0, math.Exp(-math.Min(mean, 500))
	for p := rng.Float64(); p > l; p *= rng.Float64() {
		n++
	}
	return n
}

var tales = []tale{
	{name: "long ban with half an hour of access on the second day", from: "2024-01-01", to: "2025-06-30", host: "twitter.com", renamed: "x.com", perDay: 12, nets: 12,
		bans:  []closure{{from: "2024-02-17 16:00", to: "2025-05-07 09:00", impaired: 0.3, means: "tls.timeout", lulls: [][2]string{{"2024-02-18 18:00", "2024-02-18 18:30"}}}},
		wrong: 0.02, unclear: 0.08},
	{name: "court order, small networks follow", from: "2024-07-01", to: "2024-11-30", host: "x.com", perDay: 25, nets: 20,
		bans:  []closure{{from: "2024-08-31 03:00", to: "2024-10-08 21:00", spread: 96 * time.Hour, means: "dns.nxdomain", lulls: [][2]string{{"2024-09-18 08:00", "2024-09-19 12:00"}}}},
		wrong: 0.02, unclear: 0.08, noNet: true},
	{name: "ongoing at the end", from: "2024-06-01", to: "2024-12-01", host: "x.com", perDay: 10, nets: 6,
		bans: []closure{{from: "2024-08-08 22:00", means: "dns.inconsistent"}}, wrong: 0.02, unclear: 0.08},
	{name: "messenger on forty networks, gradually", from: "2024-06-01", to: "2024-10-15", host: "signal.org", perDay: 40, nets: 40,
		bans: []closure{{from: "2024-08-09 08:00", spread: 24 * time.Hour, strength: 0.85, impaired: 0.3, means: "tls.timeout"}}, wrong: 0.03, unclear: 0.1, noNet: true},
	{name: "blocked before anybody measured, and still", from: "2021-02-01", to: "2024-02-01", host: "www.facebook.com", perDay: 2, nets: 5,
		bans: []closure{{from: "2021-01-10", impaired: 0.1, means: "tcp.timeout"}}, wrong: 0.02, unclear: 0.08},
	{name: "blocked before anybody measured, and restored", from: "2021-02-01", to: "2022-02-01", host: "twitter.com", perDay: 6, nets: 5,
		bans: []closure{{from: "2021-01-10", to: "2021-08-01 10:00", impaired: 0.1, means: "tcp.timeout"}}, wrong: 0.02, unclear: 0.08},
	{name: "seven months on four networks", from: "2021-05-01", to: "2022-03-01", host: "twitter.com", perDay: 10, nets: 4,
		bans: []closure{{from: "2021-06-04 23:00", to: "2022-01-12 23:00", impaired: 0.1, means: "tcp.timeout"}}, wrong: 0.02, unclear: 0.08},
	{name: "an election's two weeks", from: "2020-09-01", to: "2020-12-31", host: "twitter.com", perDay: 5, nets: 5,
		bans: []closure{{from: "2020-10-27 09:00", to: "2020-11-11 09:00", impaired: 0.2, means: "tls.reset"}}, wrong: 0.02, unclear: 0.08},
	{name: "twelve hours after an earthquake", from: "2023-01-15", to: "2023-03-01", host: "twitter.com", perDay: 50, nets: 6,
		bans: []closure{{from: "2023-02-08 13:00", to: "2023-02-09 00:30", strength: 0.85, impaired: 0.4, means: "tls.timeout"}}, wrong: 0.02, unclear: 0.08, noCounts: true},
	{name: "half a day, and little measured", from: "2023-01-01", to: "2023-05-01", host: "www.whatsapp.com", perDay: 24, nets: 5,
		bans: []closure{{from: "2023-03-14 06:00", to: "2023-03-14 18:00", means: "tcp.reset"}}, wrong: 0.02, unclear: 0.08, loose: true},
	{name: "three days on some networks by order", from: "2023-03-01", to: "2023-06-01", host: "web.telegram.org", perDay: 30, nets: 20,
		bans: []closure{{from: "2023-04-26 22:00", to: "2023-04-29 20:00", nets: 4, means: "dns.nxdomain"}}, wrong: 0.02, unclear: 0.08},
	{name: "three of twenty networks", from: "2024-01-01", to: "2024-12-31", host: "x.com", perDay: 30, nets: 20,
		bans: []closure{{from: "2024-05-03 10:00", to: "2024-09-01 10:00", nets: 3, means: "http.blockpage"}}, wrong: 0.02, unclear: 0.08},
	{name: "some networks are restored", from: "2024-01-01", to: "2024-12-31", host: "x.com", perDay: 20, nets: 6,
		bans: []closure{{from: "2024-05-03 10:00", restored: 3, means: "http.blockpage"}}, wrong: 0.02, unclear: 0.08, noNet: true},
	{name: "three weeks without a control, impaired only", from: "2023-09-01", to: "2024-01-15", host: "web.telegram.org", perDay: 30, nets: 6,
		bans: []closure{{from: "2023-11-08 05:00", to: "2023-11-24 15:00", strength: 0.95, impaired: 1}}, wrong: 0.0, unclear: 0.1},
	{name: "throttling", from: "2022-01-01", to: "2022-08-01", host: "twitter.com", perDay: 25, nets: 8,
		bans: []closure{{from: "2022-02-26 09:00", to: "2022-05-20", strength: 0.65, impaired: 1}}, wrong: 0.01, unclear: 0.1},
	{name: "sparse, some a week", from: "2022-07-01", to: "2025-06-30", host: "twitter.com", renamed: "x.com", perDay: 0.5, nets: 3,
		bans: []closure{{from: "2023-02-01 12:00", to: "2024-05-01 12:00", means: "tcp.timeout"}}, wrong: 0.02, unclear: 0.05, noCounts: true},
	{name: "blocked on every day there is", from: "2024-03-01", to: "2024-03-15", host: "x.com", perDay: 15, nets: 4,
		bans: []closure{{from: "2024-01-01", means: "dns.nxdomain"}}, wrong: 0.02, unclear: 0.08},
	{name: "one day, blocked", from: "2024-03-01", to: "2024-03-02", host: "x.com", perDay: 60, nets: 5,
		bans: []closure{{from: "2024-01-01", means: "dns.nxdomain"}}, wrong: 0.02, unclear: 0.08, noCounts: true},
	{name: "one day, from noon", from: "2024-03-01", to: "2024-03-02", host: "x.com", perDay: 150, nets: 5,
		bans: []closure{{from: "2024-03-01 12:00", means: "dns.nxdomain"}}, wrong: 0.02, unclear: 0.08, noCounts: true, noNet: true},
	{name: "ten years, two bans", from: "2014-01-01", to: "2024-01-01", host: "twitter.com", perDay: 5, nets: 6,
		bans:  []closure{{from: "2016-07-15 20:00", to: "2016-08-20 06:00", means: "tls.reset"}, {from: "2021-03-10 07:00", to: "2021-12-01 12:00", means: "dns.nxdomain"}},
		wrong: 0.02, unclear: 0.08},
	{name: "names tampered with, much unknown", from: "2024-01-01", to: "2024-07-01", host: "x.com", perDay: 15, nets: 5,
		bans: []closure{{from: "2024-03-10 10:00", to: "2024-05-20 10:00", impaired: 0.6, means: "dns.inconsistent"}}, wrong: 0.03, unclear: 0.15},
	{name: "quiet and noisy", from: "2023-01-01", to: "2025-01-01", host: "www.facebook.com", perDay: 20, nets: 8, wrong: 0.05, unclear: 0.1},
	{name: "quiet and noisy, sparse", from: "2015-01-01", to: "2025-01-01", host: "www.facebook.com", perDay: 1, nets: 3, wrong: 0.05, unclear: 0.1},
	{name: "quiet, a defective probe for three weeks", from: "2024-01-01", to: "2024-12-31", host: "x.com", perDay: 20, nets: 6, wrong: 0.03, unclear: 0.1,
		trouble: func(t *teller) {
			for d := range 21 {
				for h := 0; h < 24; h += 6 {
					t.add(row{at: when("2024-06-03").AddDate(0, 0, d).Add(time.Duration(h) * time.Hour), asn: 64513, state: "blocked", means: "dns.nxdomain", report: fmt.Sprint("defect-", d, "-", h)})
				}
			}
		}},
	{name: "quiet, one report of a thousand rows a day", from: "2024-01-01", to: "2024-12-31", host: "x.com", perDay: 10, nets: 6, wrong: 0.03, unclear: 0.1, noBare: true, noCounts: true,
		trouble: func(t *teller) {
			for d := range 20 {
				for k := range 1000 {
					t.add(row{at: when("2024-06-03").AddDate(0, 0, d).Add(time.Duration(k*80) * time.Second), asn: 64513, state: "blocked", means: "dns.nxdomain", report: "loud"})
				}
			}
		}},
	{name: "quiet, down for everybody for two days", from: "2024-01-01", to: "2024-12-31", host: "x.com", perDay: 20, nets: 6, wrong: 0.03, unclear: 0.1, noCounts: true,
		trouble: func(t *teller) {
			for i := range t.rows {
				if r := &t.rows[i]; r.at.After(when("2024-06-03")) && r.at.Before(when("2024-06-05")) {
					r.state, r.means, r.dns, r.tcp, r.tls, r.web = "down", "", "ok", "down", "", ""
				}
			}
		}},
}

// shapes are the files that a history may come in.
var shapes = map[string]func(t *teller) string{
	"all columns": func(t *teller) string {
		return t.csv("measurement_uid,measurement_start_time,probe_cc,probe_asn,resolver_asn,test_name,input,domain,dns,tcp,tls,http,state,mechanisms,report_id")
	},
	"no state": func(t *teller) string {
		return t.csv("http,tls,tcp,dns,domain,report_id,probe_asn,probe_cc,measurement_start_time,measurement_uid")
	},
	"no report, no uid": func(t *teller) string { return t.csv("state,input,probe_cc,probe_asn,measurement_start_time") },
	"no network":        func(t *teller) string { return t.csv("measurement_start_time,report_id,state,domain") },
	"lines":             (*teller).jsonl,
	"counts":            (*teller).counts,
	"list":              (*teller).list,
}

func (t *teller) value(r *row, column string) string {
	switch column {
	case "measurement_uid":
		return r.uid
	case "measurement_start_time":
		return r.at.Format("2006-01-02 15:04:05")
	case "probe_cc":
		return "ZZ"
	case "probe_asn":
		return fmt.Sprintf("AS%d", r.asn)
	case "resolver_asn":
		return fmt.Sprint(r.asn)
	case "test_name":
		return "web_connectivity"
	case "input":
		return "https://" + r.host + "/"
	case "domain":
		return r.host
	case "state":
		return r.state
	case "mechanisms":
		return r.means
	case "report_id":
		return r.report
	case "dns":
		return r.dns
	case "tcp":
		return r.tcp
	case "tls":
		return r.tls
	case "http":
		return r.web
	}
	panic(column)
}

func (t *teller) csv(columns string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	names := strings.Split(columns, ",")
	w.Write(names)
	for i := range t.rows {
		line := make([]string, len(names))
		for k, n := range names {
			line[k] = t.value(&t.rows[i], n)
		}
		w.Write(line)
	}
	w.Flush()
	return b.String()
}

func (t *teller) jsonl() string {
	var b strings.Builder
	for i := range t.rows {
		r := &t.rows[i]
		m := map[string]any{"measurement_uid": r.uid, "measurement_start_time": r.at.Format(time.RFC3339), "probe_cc": "ZZ", "probe_asn": r.asn,
			"input": "https://" + r.host + "/", "state": r.state, "mechanisms": []string{r.means}, "report_id": r.report, "tls": nil}
		if r.means == "" {
			m["mechanisms"] = nil
		}
		j, _ := json.Marshal(m)
		b.Write(append(j, '\n'))
	}
	return b.String()
}

// counts are OONI's aggregation counts, by day and network.
func (t *teller) counts() string {
	type key struct {
		day  string
		asn  int
		host string
	}
	n := map[key]*[4]int{}
	var keys []key
	for i := range t.rows {
		r := &t.rows[i]
		k := key{r.at.Format(time.DateOnly), r.asn, r.host}
		if n[k] == nil {
			n[k] = &[4]int{}
			keys = append(keys, k)
		}
		switch r.state {
		case "ok":
			n[k][0]++
		case "blocked", "impaired":
			n[k][1]++
		default:
			n[k][3]++
		}
	}
	var b strings.Builder
	b.WriteString("anomaly_count,confirmed_count,domain,failure_count,measurement_count,measurement_start_day,ok_count,probe_asn,probe_cc\n")
	for _, k := range keys {
		c := n[k]
		fmt.Fprintf(&b, "%d,%d,%s,%d,%d,%s,%d,AS%d,ZZ\n", c[1], c[2], k.host, c[3], c[0]+c[1]+c[2]+c[3], k.day, c[0], k.asn)
	}
	return b.String()
}

// list is OONI's list of measurements.
func (t *teller) list() string {
	type item struct {
		Anomaly   bool    `json:"anomaly"`
		Confirmed bool    `json:"confirmed"`
		Failure   bool    `json:"failure"`
		Input     string  `json:"input"`
		UID       string  `json:"measurement_uid"`
		At        string  `json:"measurement_start_time"`
		ASN       string  `json:"probe_asn"`
		CC        string  `json:"probe_cc"`
		Report    string  `json:"report_id"`
		Test      string  `json:"test_name"`
		Scores    *string `json:"scores"`
	}
	out := struct {
		Results []item `json:"results"`
	}{}
	for i := range t.rows {
		r := &t.rows[i]
		out.Results = append(out.Results, item{Anomaly: r.state == "blocked" || r.state == "impaired", Failure: r.state == "insufficient" || r.state == "down",
			Input: "https://" + r.host + "/", UID: r.uid, At: r.at.Format("2006-01-02T15:04:05Z"), ASN: fmt.Sprintf("AS%d", r.asn), CC: "ZZ", Report: r.report, Test: "web_connectivity"})
	}
	b, _ := json.Marshal(out)
	return string(b)
}

func TestTales(t *testing.T) {
	registry, err := target.Load(targets.FS)
	if err != nil {
		t.Fatal(err)
	}
	seeds := uint64(1)
	if n, err := strconv.ParseUint(os.Getenv("BANDISH_SEEDS"), 10, 16); err == nil {
		seeds = n
	}
	names := make([]string, 0, len(shapes))
	for n := range shapes {
		names = append(names, n)
	}
	slices.Sort(names)
	for i := range tales {
		ta := &tales[i]
		t.Run(ta.name, func(t *testing.T) {
			t.Parallel()
			bad := map[string]int{}
			for seed := range seeds {
				told := tell(ta, seed+1)
				for k, shape := range names {
					if seeds == 1 && os.Getenv("BANDISH_LONG") == "" && k%5 != i%5 { // each shape has its turn
						continue
					}
					if ta.noCounts && shape == "counts" || ta.noBare && shape == "no report, no uid" ||
						(ta.noBare || ta.noNet) && shape == "no network" {
						continue
					}
					c := history.NewCollector(history.Options{Registry: registry, CC: "ZZ"})
					rep, err := c.Read(strings.NewReader(shapes[shape](told)))
					if err != nil || rep.Bad > 0 {
						t.Fatalf("%s: %+v, %v", shape, rep, err)
					}
					r := event.Detect(c.Cells(), time.Time{})
					if why := ta.compare(r); why != "" {
						bad[shape]++
						if bad[shape] <= 2 {
							t.Logf("%s, seed %d, %s: %s", ta.name, seed+1, shape, why)
						}
					}
				}
			}
			for _, s := range names {
				if bad[s] > 0 {
					t.Errorf("%s: %d of %d wrong", s, bad[s], seeds)
				}
			}
		})
	}
}

func (ta *tale) compare(r event.Result) string {
	if ta.loose && len(r.Events) == 0 {
		return ""
	}
	if len(r.Events) != len(ta.bans) {
		var b strings.Builder
		for _, e := range r.Events {
			fmt.Fprintf(&b, "\n      event %s – %v %s %v %.2f", e.Onset, e.End, e.State, e.Networks, e.Confidence)
		}
		for _, e := range r.Artefacts {
			fmt.Fprintf(&b, "\n      artefact %s – %v %s", e.Onset, e.End, e.Artefact)
		}
		return fmt.Sprintf("%d events, want %d%s", len(r.Events), len(ta.bans), b.String())
	}
	for i, b := range ta.bans {
		e := r.Events[i]
		if why := wrongly(&e.Onset, when(b.from)); why != "" && !when(b.from).Before(when(ta.from)) {
			return "onset " + why
		}
		if when(b.from).Before(when(ta.from)) && e.Onset.Earliest != nil {
			return "onset has an earliest: " + e.Onset.String()
		}
		if b.to == "" && e.End != nil {
			return "it did not end: " + e.End.String()
		}
		if b.to == "" {
			want := event.Ongoing
			if b.restored > 0 {
				want = event.Fading
			}
			if e.State != want {
				return "state " + string(e.State)
			}
		}
		if b.to != "" {
			if e.End == nil {
				return fmt.Sprintf("no end; state %s", e.State)
			}
			if why := wrongly(e.End, when(b.to)); why != "" {
				return "end " + why
			}
		}
	}
	return ""
}

// wrongly says how far an interval of 95 % is from the truth, when it is
// farther than chance allows in a test with one seed.
func wrongly(i *event.Interval, truth time.Time) string {
	if i.Earliest == nil || i.Latest == nil {
		return "unbounded: " + i.String()
	}
	slack := max(i.Latest.Sub(*i.Earliest)/2, 3*time.Hour)
	if truth.Before(i.Earliest.Add(-slack)) || truth.After(i.Latest.Add(slack)) {
		return fmt.Sprintf("%s, in truth %s", i, truth.Format("2006-01-02 15:04"))
	}
	return ""
}
