package target_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/targets"
)

const exampleYAML = `id: example
name: Example
former_names:
  - name: Sample
    until: 2023-07-23
aliases: [sample]
kind: social
owner: Nobody
hosts:
  - domain: example.com
    except: [pages.example.com]
  - domain: e.example
    from: 2023-07-23
  - host: cdn.example.net
services:
  - name: web
    need: any
    endpoints:
      - https://example.com/
      - https://e.example/
tests: [example_test]
`

// with is the example with one change.
func with(t *testing.T, old, new string) string {
	t.Helper()
	if !strings.Contains(exampleYAML, old) {
		t.Fatalf("the example does not contain %q", old)
	}
	return strings.Replace(exampleYAML, old, new, 1)
}

func load(documents map[string]string) (*target.Registry, error) {
	fsys := fstest.MapFS{}
	for name, text := range documents {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return target.Load(fsys)
}

func TestLoadReportsMistakesWithLine(t *testing.T) {
	if _, err := load(map[string]string{"example.yaml": exampleYAML}); err != nil {
		t.Fatalf("the valid example: %v", err)
	}
	for _, test := range []struct {
		name, old, new, want string
	}{
		{"unknown field", "owner: Nobody", "ownr: Nobody", "example.yaml:8: field ownr is not a field of Platform"},
		{"unknown field in a host", "    from: 2023-07-23", "    frm: 2023-07-23", "example.yaml:13: field frm is not a field of Host"},
		{"bad date", "from: 2023-07-23", "from: 2023-07-32", `example.yaml:13: from: bad date "2023-07-32"`},
		{"dates in the wrong order", "from: 2023-07-23", "from: 2023-07-23\n    until: 2022", "example.yaml:14: until 2022 is before from 2023-07-23"},
		{"bad kind", "kind: social", "kind: sociable", `example.yaml:7: unknown kind "sociable"`},
		{"missing kind", "kind: social\n", "", `example.yaml:1: unknown kind ""`},
		{"missing owner", "owner: Nobody", "owner: ' '", "example.yaml:8: missing owner"},
		{"other file name", "id: example", "id: other", "example.yaml:1: id \"other\" in a file of another name"},
		{"bad id", "id: example", "id: Example", "example.yaml:1: bad id"},
		{"both domain and host", "  - host: cdn.example.net", "  - host: cdn.example.net\n    domain: example.net", "example.yaml:14: hosts[2]: give either"},
		{"upper case host", "host: cdn.example.net", "host: CDN.example.net", "example.yaml:14: hosts[2]: \"CDN.example.net\" is not a host name"},
		{"final dot", "host: cdn.example.net", "host: cdn.example.net.", "example.yaml:14: hosts[2]"},
		{"Unicode host", "host: cdn.example.net", "host: bücher.example", "example.yaml:14: hosts[2]"},
		{"whole top-level domain", "domain: e.example", "domain: example", "example.yaml:12: hosts[1]: \"example\" cannot be claimed"},
		{"exception outside", "pages.example.com", "pages.example.org", "example.yaml:11: hosts[0].except[0]"},
		{"host twice", "host: cdn.example.net", "host: example.com", "example.yaml:14: host example.com is claimed already in example.yaml:10"},
		{"bad need", "need: any", "need: some", `example.yaml:17: services[0].need: "some"`},
		{"endpoint of nobody", "https://e.example/", "https://e.example.org/", "example.yaml:20: services[0].endpoints[1]: example does not claim e.example.org"},
		{"endpoint without port", "https://e.example/", "tcp://e.example", "example.yaml:20: services[0].endpoints[1]: bad endpoint"},
		{"shared with nobody", "need: any", "need: any\n    shared_with: other", `example.yaml:18: services[0].shared_with: no other platform "other"`},
		{"bad test name", "[example_test]", "[Example]", `example.yaml:21: tests[0]: "Example"`},
		{"no hosts", "hosts:", "hosts: []\nnotes: a\nother:", "field other is not a field"},
		{"syntax", "kind: social", "kind: [social", "example.yaml:"},
		{"two documents", "tests: [example_test]\n", "---\nid: two\n", "more than one YAML document"},
		{"not a mapping", exampleYAML, "- id: example\n", "example.yaml:1: a target file holds one mapping"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(map[string]string{"example.yaml": with(t, test.old, test.new)})
			var problems target.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("error %v, want Problems", err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error\n%v\nwant it to contain\n%s", err, test.want)
			}
		})
	}
}

func TestLoadReportsEverythingAtOnce(t *testing.T) {
	_, err := load(map[string]string{
		"a.yaml": "id: a\nname: A\nkind: odd\nowner: O\nhosts:\n  - domain: same.example\ntests: [same]\naliases: [b]\n",
		"b.yaml": "id: b\nname: B\nkind: news\nowner: O\nhosts:\n  - domain: same.example\n    from: never\ntests: [same]\n",
	})
	var problems target.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("error %v, want Problems", err)
	}
	for _, want := range []string{
		"a.yaml:3: unknown kind", "a.yaml:8: alias \"b\" is taken by b.yaml", "b.yaml:6: host same.example is claimed already in a.yaml:6",
		"b.yaml:7: from: bad date", "b.yaml:8: test \"same\" already speaks for a",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in\n%v", want, err)
		}
	}
	if len(problems) != 5 {
		t.Errorf("%d problems, want 5:\n%v", len(problems), err)
	}
}

func TestLoadNeedsDocuments(t *testing.T) {
	if _, err := load(nil); err == nil {
		t.Error("an empty registry loads")
	}
}

// A name may pass from one platform to another.
func TestHostChangesHands(t *testing.T) {
	r, err := load(map[string]string{
		"a.yaml": "id: a\nname: A\nkind: news\nowner: O\nhosts:\n  - domain: same.example\n    until: 2020-06\n",
		"b.yaml": "id: b\nname: B\nkind: news\nowner: O\nhosts:\n  - domain: same.example\n    from: 2020-07\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{"2020-06-30T23:59:59Z": "a", "2020-07-01T00:00:00Z": "b", "2001-01-01T00:00:00Z": "a"} {
		when, _ := time.Parse(time.RFC3339, at)
		if got := r.OfHost("www.same.example", when); got != want {
			t.Errorf("OfHost at %s = %q, want %q", at, got, want)
		}
	}
	if got := r.OfHost("same.example", time.Time{}); got != "b" {
		t.Errorf("OfHost at no time = %q, want the latest, b", got)
	}
}

func TestHashFollowsContent(t *testing.T) {
	hash := func(text string) string {
		t.Helper()
		r, err := load(map[string]string{"example.yaml": text})
		if err != nil {
			t.Fatal(err)
		}
		return r.Hash()
	}
	base := hash(exampleYAML)
	if got := hash("# reviewed\n" + exampleYAML); got != base {
		t.Error("a comment changes the hash")
	}
	if got := hash(with(t, "owner: Nobody", "owner: Somebody")); got == base {
		t.Error("another owner does not change the hash")
	}
}

// The reviewed documents.
func TestRegistry(t *testing.T) {
	r := registry(t)
	platforms := r.Platforms()
	if len(platforms) < 60 {
		t.Errorf("%d platforms, want at least 60", len(platforms))
	}
	kinds := make(map[target.Kind]int)
	for _, p := range platforms {
		kinds[p.Kind]++
		if len(p.Services) == 0 {
			t.Errorf("%s: no service", p.ID)
		}
		for _, h := range p.Hosts {
			if got := r.OfHost(h.Name(), time.Time{}); got != p.ID {
				t.Errorf("%s claims %s, which answers %q", p.ID, h.Name(), got)
			}
			if h.Domain != "" {
				if got := r.OfHost("a.b."+h.Domain, time.Time{}); got != p.ID {
					t.Errorf("%s claims all under %s; a name there answers %q", p.ID, h.Domain, got)
				}
			}
			for _, e := range h.Except {
				if got := r.OfHost(e, time.Time{}); got == p.ID {
					t.Errorf("%s excepts %s and still answers for it", p.ID, e)
				}
			}
		}
		for _, a := range append([]string{p.ID}, p.Aliases...) {
			if id, _, err := r.Resolve(a); id != p.ID || err != nil {
				t.Errorf("Resolve(%q) = %q, %v, want %s", a, id, err, p.ID)
			}
		}
	}
	for _, k := range target.Kinds {
		if kinds[k] == 0 {
			t.Errorf("no platform of kind %s", k)
		}
	}
}

func registry(t testing.TB) *target.Registry {
	t.Helper()
	r, err := target.Load(targets.FS)
	if err != nil {
		t.Fatalf("the reviewed registry:\n%v", err)
	}
	return r
}
