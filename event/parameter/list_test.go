package parameter_test

import (
	"flag"
	"os"
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

// Each parameter says what it is, where it comes from and what needs it.
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
		if strings.Contains(e.Is+e.From+e.Needs, "|") {
			t.Errorf("%s breaks the table", e.Name)
		}
	}
}
