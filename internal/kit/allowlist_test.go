package kit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bandish/bandish/internal/lab"
	"github.com/bandish/bandish/internal/trial"
	"github.com/bandish/bandish/verdict"
)

// A network that lets through only what is approved is told as such, from one
// run of a list; a network that blocks most of the list, and nothing else, is
// not, and neither is one on which all is well. Where packets are dropped, a run waits
// half a minute: BANDISH_LONG=1.
func TestAllowList(t *testing.T) {
	t.Parallel()
	var sites []lab.Site
	var listed, others []string
	for i := range 11 {
		name := fmt.Sprintf("site%d.test", i)
		sites, listed = append(sites, lab.Site{Name: name}), append(listed, name)
		if i >= 2 {
			others = append(others, name)
		}
	}
	var innocents []string
	for _, i := range verdict.Innocents() {
		sites, innocents = append(sites, lab.Site{Name: i.Site}), append(innocents, i.Site)
	}
	l, err := lab.New(sites...)
	if err != nil {
		t.Fatal(err)
	}
	f, err := trial.NewField(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	list := filepath.Join(t.TempDir(), "list.csv")
	text := "url,category_code,category_description,date_added,source,notes\n"
	for _, name := range listed {
		text += "https://" + name + "/,NEWS,News,2024-01-01,test,\n"
	}
	if err := os.WriteFile(list, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	drop := func(names ...string) lab.Rule {
		return lab.Rule{When: lab.When{Sites: names, Transport: "tcp"}, Do: lab.Drop{}}
	}
	byName := lab.Rule{When: lab.When{Names: slices.Concat(others, innocents), Ports: []uint16{53}}, Do: lab.Forge{RCode: 3}}
	for _, c := range []struct {
		name  string
		rules []lab.Rule
		says  bool
	}{
		{"by address, the helper too", []lab.Rule{drop(slices.Concat(others, innocents, []string{lab.HelperName, lab.ResolverName, lab.Resolver2Name})...)}, true},
		{"by name", []lab.Rule{byName}, true},
		{"a long list of blocked sites", []lab.Rule{drop(others...)}, false},
		{"nothing", nil, false},
		{"everything", []lab.Rule{{When: lab.When{Transport: "tcp"}, Do: lab.Drop{}}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dropped := slices.ContainsFunc(c.rules, func(r lab.Rule) bool { _, drops := r.Do.(lab.Drop); return drops })
			if dropped && os.Getenv("BANDISH_LONG") == "" {
				t.Skip("takes half a minute: set BANDISH_LONG=1")
			}
			client, err := l.Client(lab.Line{Rules: c.rules})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			p := &person{t: t, data: t.TempDir(), resolver: l.Addrs(lab.ResolverName)[0].String()}
			p.env = p.envOf(client, l)
			p.run(Probe, "--yes", "--passive", "--country-list", list)
			if said := strings.Contains(p.out.String(), "let through only what is approved"); said != c.says {
				t.Errorf("said %v, want %v:\n%s", said, c.says, &p.out)
			}
			if !c.says && !strings.Contains(p.out.String(), "Of 11 from") {
				t.Errorf("no summary:\n%s", &p.out)
			}
		})
	}
}
