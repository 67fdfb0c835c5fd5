package web

import (
	"encoding/csv"
	"encoding/xml"
	"strings"
	"testing"
)

// The chain of the Pakistan case is drawn from the bureau to the platform, twice,
// and each arrow leads to the step that it stands for.
func TestChainIsDrawn(t *testing.T) {
	s := serve(t)
	for _, path := range []string{"/cases/pk-2024-x", "/cc/PK/x"} {
		_, page := s.get(path)
		a, e := strings.Index(page, `<svg class="graph across"`), strings.Index(page, `<svg class="graph down"`)
		if a < 0 || e < a {
			t.Fatalf("%s has no graph", path)
		}
		across := page[a:e]
		if err := xml.Unmarshal([]byte(across), new(struct{})); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		at := 0
		for _, want := range []string{">IB<", "recommendation", ">MoI<", "request", ">PTA<", "implementation", ">X<"} {
			i := strings.Index(across[at:], want)
			if i < 0 {
				t.Fatalf("%s: %q does not follow in\n%s", path, want, across)
			}
			at += i
		}
		if !strings.Contains(across, `href="/cases/pk-2024-x/act/moi-letter"`) {
			t.Errorf("%s: no arrow leads to the letter", path)
		}
	}
	if _, page := s.get("/cases/ve-2024-x"); strings.Contains(page, `class="graph`) {
		t.Error("a case without a chain has a drawing of one")
	}
}

func TestNamesInTwoLines(t *testing.T) {
	for name, want := range map[string]string{
		"PTA": "PTA", "Safaricom, Airtel Kenya, Telkom Kenya, Jamii Telecommunications": "Safaricom, Airtel|Kenya, Telkom …",
		"Pneumonoultramicroscopic": "Pneumonoultramicr…", "": "",
	} {
		if got := strings.Join(twoLines(name, 18), "|"); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// Behind every drawing is a table as CSV with a head and rows of one length.
func TestDrawingsAsCSV(t *testing.T) {
	s := serve(t)
	for path, head := range map[string]string{
		"/bans?format=csv": "country", "/platforms/x?format=csv": "probe_cc", "/cc/PK?format=csv": "probe_cc",
		"/cases/pk-2024-x/requests.csv": "id", "/cases/pk-2024-x/chain.csv": "id", "/cc/PK/x/days?format=csv": "date",
	} {
		resp, text := s.answerOf(path)
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/csv") || rows[0][0] != head || len(rows) < 2 && !strings.Contains(path, "days") {
			t.Errorf("%s: %d, %d rows, %v\n%.200s", path, resp.StatusCode, len(rows), err, text)
		}
	}
	for _, none := range []string{"/cases/none/requests.csv", "/cases/none/chain.csv"} {
		if code, _ := s.get(none); code != 404 {
			t.Errorf("%s: %d", none, code)
		}
	}
}
