package verdict_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/bandish/bandish/verdict"
)

func TestInnocents(t *testing.T) {
	all := verdict.Innocents()
	if len(all) < 20 || len(all) > 64 {
		t.Errorf("%d innocent sites, want 20 to 64", len(all))
	}
	sites, owners, countries := map[string]bool{}, map[string]bool{}, map[string]int{}
	for _, i := range all {
		if own, err := publicsuffix.EffectiveTLDPlusOne(i.Site); err != nil || own != i.Site {
			t.Errorf("%s is not what one owner holds: %s, %v", i.Site, own, err)
		}
		if sites[i.Site] || owners[i.Owner] || i.Owner == "" {
			t.Errorf("%s of %q: a site or an owner stands there twice, or not at all", i.Site, i.Owner)
		}
		sites[i.Site], owners[i.Owner] = true, true
		countries[i.CC]++
	}
	if len(countries) < 8 {
		t.Errorf("owners in %d countries, want 8 and more", len(countries))
	}
}

// theRun is one run of a list: the innocent sites, of which so many fail, then
// so many others that fail and so many that work.
func theRun(report string, innocentFail, otherFail, otherWork int, edit ...func(*verdict.Row)) []verdict.Row {
	var all []verdict.Row
	add := func(domain string, works bool) {
		r := verdict.Row{UID: fmt.Sprint(report, domain), ReportID: report, TestName: "web_connectivity", CC: "ZZ", ASN: 64512, Domain: domain, Target: domain,
			Time: time.Date(2024, 2, 17, 0, len(all), 0, 0, time.UTC), State: verdict.Insufficient,
			DNS: verdict.Layer{Outcome: verdict.OutcomeUnknown, Rule: "dns_open"}, TCP: verdict.Layer{Outcome: verdict.OutcomeUnknown, Rule: "tcp_failed_alone"}}
		if works {
			r.State, r.HTTP = verdict.OK, verdict.Layer{Outcome: verdict.OutcomeOK, Rule: "http_page_verified"}
		}
		for _, e := range edit {
			e(&r)
		}
		all = append(all, r)
	}
	for i, x := range verdict.Innocents() {
		add("www."+x.Site, i >= innocentFail)
	}
	for i := range otherFail {
		add(fmt.Sprintf("fails%d.example", i), false)
	}
	for i := range otherWork {
		add(fmt.Sprintf("works%d.example", i), true)
	}
	return all
}

func TestAllowLists(t *testing.T) {
	n := len(verdict.Innocents())
	for _, c := range []struct {
		name string
		rows []verdict.Row
		want bool
	}{
		{"an allow-list", theRun("r", n, 30, 5), true},
		{"with one innocent site on it", theRun("r", n-1, 30, 5), true},
		{"blocked, with a control that answers", theRun("r", n, 30, 5, func(r *verdict.Row) {
			if r.State != verdict.OK {
				r.State, r.TCP = verdict.LikelyBlocked, verdict.Layer{Outcome: verdict.OutcomeBlocked, Rule: "tcp_contrast"}
			}
		}), true},
		{"by name", theRun("r", n, 30, 5, func(r *verdict.Row) {
			if r.State != verdict.OK {
				r.TCP, r.DNS = verdict.Layer{}, verdict.Layer{Outcome: verdict.OutcomeUnknown, Rule: "dns_failed"}
			}
		}), true},

		{"a heavy censor of a list of what is often blocked", theRun("r", 0, 200, 5), false},
		{"no network: nothing works", theRun("r", n, 30, 0), false},
		{"half of the innocent sites", theRun("r", n/2, 30, 5), false},
		{"too many work", theRun("r", n, 0, 20), false},
		{"sites that are down", theRun("r", n, 30, 5, func(r *verdict.Row) {
			if r.State != verdict.OK {
				r.State = verdict.Down
			}
		}), false},
		{"a portal before the login", theRun("r", n, 30, 5, func(r *verdict.Row) {
			if r.Domain == "fails3.example" {
				r.Invalid = "captive_portal"
			}
		}), false},
		{"marked rows", theRun("r", n, 30, 5, func(r *verdict.Row) { r.Marks = []string{"clock_future"} }), false},
		{"pages that differ", theRun("r", n, 30, 5, func(r *verdict.Row) {
			if r.State != verdict.OK {
				r.State, r.HTTP = verdict.Impaired, verdict.Layer{Outcome: verdict.OutcomeUnknown, Rule: "http_page_uncertain"}
			}
		}), false},
		{"each in a report of its own", func() []verdict.Row {
			rows := theRun("r", n, 30, 5)
			for i := range rows {
				rows[i].ReportID = fmt.Sprint("r", i)
			}
			return rows
		}(), false},
	} {
		found := verdict.AllowLists(c.rows)
		if (len(found) == 1) != c.want {
			t.Errorf("%s: found %+v", c.name, found)
			continue
		}
		var f verdict.AllowListFinder
		for i := range c.rows {
			f.Add(&c.rows[i])
		}
		explained := 0
		for i := range c.rows {
			if f.Explains(&c.rows[i]) {
				explained++
				if c.rows[i].State == verdict.OK {
					t.Errorf("%s: it explains what works", c.name)
				}
			}
		}
		if !c.want && explained > 0 || c.want && explained != found[0].Failed {
			t.Errorf("%s: %d rows explained of %+v", c.name, explained, found)
		}
	}
}

// One run says nothing of another, the order of rows does not matter, and a run
// without a report is a day of a network.
func TestAllowListsAreOfOneRun(t *testing.T) {
	n := len(verdict.Innocents())
	bad, good := theRun("bad", n, 30, 5), theRun("good", 0, 10, 30)
	all := append(slices.Clone(bad), good...)
	want := verdict.AllowLists(all)
	if len(want) != 1 || want[0].ReportID != "bad" || want[0].Innocents != n || want[0].InnocentsFailed != n || want[0].Failed != n+30 || want[0].Worked != 5 {
		t.Fatalf("found %+v", want)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if got := verdict.AllowLists(all); !reflect.DeepEqual(got, want) {
		t.Errorf("in another order %+v, want %+v", got, want)
	}
	for i := range bad {
		bad[i].ReportID = ""
	}
	if got := verdict.AllowLists(bad); len(got) != 1 {
		t.Errorf("without a report: %+v", got)
	}
}
