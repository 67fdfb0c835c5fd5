package verdict_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// scenario is the truth of a simulated network.
type scenario struct{ truth, layer, mechanism string }

// fits says what of a verdict is against the truth, "" for nothing.
func (s scenario) fits(v verdict.Row) string {
	state := string(v.State)
	ok := false
	for want := range strings.SplitSeq(s.truth, "|") {
		switch want {
		case "blocked":
			ok = ok || state == "blocked" || state == "likely_blocked"
		case "not-blocked":
			ok = ok || state != "blocked" && state != "likely_blocked"
		case "not-ok":
			ok = ok || state != "ok"
		default:
			ok = ok || state == want
		}
	}
	if !ok {
		return "state " + state + ", want " + s.truth
	}
	if s.truth != "blocked" {
		return ""
	}
	if s.layer != "" && !slices.ContainsFunc(strings.Split(s.layer, "|"), func(l string) bool { return layerOf(v, l).Outcome == verdict.OutcomeBlocked }) {
		return "no blocked layer among " + s.layer
	}
	if s.mechanism != "" && !slices.ContainsFunc(strings.Split(s.mechanism, "|"), func(m string) bool {
		return slices.ContainsFunc(v.Mechanisms, func(got string) bool { return got == m || strings.HasPrefix(got, m+".") })
	}) {
		return "mechanisms " + strings.Join(v.Mechanisms, " ") + ", want " + s.mechanism
	}
	return ""
}

func layerOf(v verdict.Row, name string) verdict.Layer {
	return map[string]verdict.Layer{"dns": v.DNS, "tcp": v.TCP, "tls": v.TLS, "http": v.HTTP}[name]
}

func shared(t testing.TB, path ...string) string {
	dir := os.Getenv("BANDISH_SHARED")
	if dir == "" {
		dir = "../../shared"
	}
	full := filepath.Join(append([]string{dir, "ooni"}, path...)...)
	if _, err := os.Stat(full); err != nil {
		t.Skipf("no shared data: %v; set BANDISH_SHARED", err)
	}
	return full
}

func truths(t testing.TB) map[string]scenario {
	f, err := os.Open(shared(t, "expected.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]scenario{}
	for _, r := range rows[1:] {
		all[r[0]] = scenario{r[1], r[2], r[3]}
	}
	return all
}

var verifier = observation.NewVerifier()

func judgeFile(t testing.TB, path string) (verdict.Row, []observation.Row) {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := measurement.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	rows := observation.Observe(m, observation.Options{Verifier: verifier}).Rows
	return verdict.Judge(rows), rows
}

// eachScenario calls f with every file of a scenario whose truth is known.
func eachScenario(t *testing.T, f func(name, path string, truth scenario)) {
	want := truths(t)
	n := 0
	for _, dir := range []string{"scenarios", "scenarios-full"} {
		files, err := filepath.Glob(filepath.Join(shared(t, dir), "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			name := strings.TrimSuffix(filepath.Base(path), ".json")
			if truth, known := want[strings.TrimPrefix(strings.TrimPrefix(name, "lte-"), "v04-")]; known {
				n++
				f(name, path, truth)
			}
		}
	}
	if n == 0 {
		t.Fatal("no scenario has a known truth")
	}
}

// Every scenario with a known truth, in each shape it was measured in.
func TestScenarios(t *testing.T) {
	eachScenario(t, func(name, path string, truth scenario) {
		t.Run(name, func(t *testing.T) {
			v, rows := judgeFile(t, path)
			if fault := truth.fits(v); fault != "" {
				t.Errorf("%s\n%+v", fault, v)
				for _, r := range rows {
					t.Logf("%+v", r)
				}
			}
		})
	})
}
