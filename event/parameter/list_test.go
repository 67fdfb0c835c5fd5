package parameter_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bandish/bandish/event/parameter"
)

var update = flag.Bool("update", false, "write the list of docs/DETECTION.md anew")

// docs/DETECTION.md lists the parameters as they are.
func TestListInDocs(t *testing.T) {
	const name = "../../docs/DETECTION.md"
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- parameters: made by go test ./event/parameter -update -->\n", "<!-- end of parameters -->"
	head, rest, ok := strings.Cut(string(raw), begin)
	list, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the list", name)
	}
	want := parameter.Standard.Markdown()
	if *update {
		if err := os.WriteFile(name, []byte(head+begin+want+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if list != want {
		t.Errorf("%s lists other parameters: go test ./event/parameter -update", name)
	}
}

// Each parameter says what it is, where it comes from and what needs it, and each
// number is above 0: of some, nothing would divide by it or never end.
func TestEveryParameterIsExplained(t *testing.T) {
	list := parameter.Standard.List()
	if len(list) < 100 {
		t.Errorf("only %d", len(list))
	}
	for _, e := range list {
		source, _, _ := strings.Cut(e.From, ":")
		if e.Is == "" || e.Needs == "" || source != "derived" && source != "fitted" && source != "chosen" {
			t.Errorf("%+v", e)
		}
		if v, err := strconv.ParseFloat(e.Value, 64); err == nil && !(v > 0) {
			t.Errorf("%s is %s", e.Name, e.Value)
		}
		if strings.Contains(e.Is+e.From+e.Needs, "|") {
			t.Errorf("%s breaks the table", e.Name)
		}
	}
}

func TestSet(t *testing.T) {
	p := parameter.Standard
	for _, c := range []struct {
		name  string
		value float64
		err   string // part of it
	}{
		{"Candidate.MinRise", 0.5, ""},
		{"Candidate.MinReports", 5, ""},
		{"Candidate.LoudVotes", 5, ""},
		{"Candidate.MinReports", 0.5, "at least 1"},
		{"Darkness.Enter", 0, "above 0"},
		{"Darkness.Enter", math.NaN(), "above 0"},
		{"Darkness.Enter", math.Inf(1), "above 0"},
		{"Chain.Strengths", 1, "no parameter"},
		{"Date.Model", 1, "no parameter"},
		{"Candidate", 1, "no parameter"},
		{"Candidate.Luck", 1, "no parameter"},
		{"Luck.MinRise", 1, "no parameter"},
		{"", 1, "no parameter"},
	} {
		restore, err := p.Set(c.name, c.value)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s = %v: %v, want %q", c.name, c.value, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(p.List(), func(e parameter.Entry) bool { return e.Name == c.name && e.Value == fmt.Sprint(c.value) }) {
			t.Errorf("%s is not %v", c.name, c.value)
		}
		restore()
	}
	if !reflect.DeepEqual(p, parameter.Standard) {
		t.Error("restored, they differ")
	}
}
