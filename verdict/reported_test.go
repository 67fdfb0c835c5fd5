package verdict_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// The reported cases are measurements of which somebody else said what is
// right: recorded ones, and bug reports built anew. Each is judged with the
// fingerprints that come with Bandish and with OONI's.
func TestReported(t *testing.T) {
	dir := filepath.Join(filepath.Dir(shared(t, "expected.csv")), "..", "cases", "verdicts")
	truth, err := os.ReadFile(filepath.Join(dir, "truth.tsv"))
	if err != nil {
		t.Skipf("no reported cases: %v", err)
	}
	sets := map[string]*fingerprint.Set{"embedded": fingerprint.Embedded(), "upstream": upstream(t)}
	for line := range strings.Lines(string(truth)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 3 {
			continue
		}
		for name, set := range sets {
			t.Run(f[0]+"/"+name, func(t *testing.T) {
				raw, err := os.ReadFile(filepath.Join(dir, f[0]+".json"))
				if err != nil {
					t.Fatal(err)
				}
				m, err := measurement.Decode(raw)
				if err != nil {
					t.Fatal(err)
				}
				rows := observation.Observe(m, observation.Options{Verifier: verifier, Fingerprints: set}).Rows
				v := verdict.Judge(rows)
				if !slices.Contains(strings.Split(f[1], "|"), string(v.State)) {
					t.Errorf("%s %s, want %s (%s); rules %v", m.TestName, v.State, f[1], f[2], v.Rules)
					for _, r := range rows {
						b, _ := json.Marshal(r)
						t.Logf("%s", b)
					}
				}
			})
		}
	}
}

// upstream are OONI's fingerprints beside those that come with Bandish.
func upstream(t *testing.T) *fingerprint.Set {
	all := fingerprint.EmbeddedList()
	for _, name := range []string{"fingerprints_dns.csv", "fingerprints_http.csv"} {
		f, err := os.Open(shared(t, "fingerprints", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		list, err := fingerprint.ReadCSV(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
	}
	set, err := fingerprint.New(all)
	if err != nil {
		t.Fatal(err)
	}
	return set
}
