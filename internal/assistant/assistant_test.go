package assistant

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/search"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/targets"
)

// server answers from the record alone: nothing was measured.
func server(t *testing.T) *httptest.Server {
	t.Helper()
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	reg, err := target.Load(targets.FS)
	if err != nil {
		t.Fatal(err)
	}
	index, err := search.Open(t.Context(), t.TempDir(), append(search.RecordDocuments(rec), search.PlaceDocuments(reg)...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { index.Close() })
	desk := &inquiry.Desk{Records: rec, Targets: reg, Now: func() time.Time { return time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC) }}
	s := &Server{Desk: desk, Records: rec, Search: index, BaseURL: "https://bandish.example", Log: slog.New(slog.DiscardHandler)}
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return srv
}

func session(t *testing.T, url string) *mcp.ClientSession {
	t.Helper()
	c := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	s, err := c.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: url, DisableStandaloneSSE: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// call calls a tool; the text of a refusal comes in place of an answer.
func call(t *testing.T, s *mcp.ClientSession, tool string, arguments map[string]any) (Said, string) {
	t.Helper()
	r, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s %v: %v", tool, arguments, err)
	}
	if r.IsError {
		return Said{}, r.Content[0].(*mcp.TextContent).Text
	}
	b, err := json.Marshal(r.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	var said Said
	if err := json.Unmarshal(b, &said); err != nil {
		t.Fatal(err)
	}
	return said, ""
}

// Every tool answers with a text, an address, a day and a basis.
func TestTools(t *testing.T) {
	s := session(t, server(t).URL)
	listed, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range listed.Tools {
		names = append(names, tool.Name)
		if !tool.Annotations.ReadOnlyHint || tool.OutputSchema == nil {
			t.Errorf("%s: read-only %v, schema %v", tool.Name, tool.Annotations.ReadOnlyHint, tool.OutputSchema)
		}
	}
	cases := []struct {
		tool            string
		arguments       map[string]any
		state           string
		basis           string
		address, within string
	}{
		{"is_blocked", map[string]any{"country": "pk", "target": "twitter", "at": "2024-03-14"}, "blocked", "reported", "https://bandish.example/cc/PK/x?at=2024-03-14", "sources report"},
		{"is_blocked", map[string]any{"country": "PK", "target": "x"}, "insufficient", "nothing", "https://bandish.example/cc/PK/x", "This archive holds no measurements"},
		{"is_blocked", map[string]any{"country": "ZZ", "target": "example.com"}, "insufficient", "nothing", "https://bandish.example/cc/ZZ/example.com", ""},
		{"ban_history", map[string]any{"country": "PK", "target": "x"}, "", "reported", "https://bandish.example/cc/PK/x", "0 bans dated from measurements"},
		{"ban_history", map[string]any{"country": "ZZ"}, "", "nothing", "https://bandish.example/cc/ZZ", "too little may have been measured"},
		{"check_claim", map[string]any{"country": "PK", "target": "x", "at": "2024-03-13", "claim": "accessible"}, "", "sources", "https://bandish.example/check?", "contradicted"},
		{"find_case", map[string]any{"country": "PK", "words": "high court"}, "", "record", "https://bandish.example/cases", "match"},
		{"case_chronology", map[string]any{"case": "pk-2024-x"}, "", "record", "https://bandish.example/cases/pk-2024-x", "Pakistan: access to X"},
		{"case_chronology", map[string]any{"case": "pk-2024-x", "as_of": "2024-03-01"}, "", "record", "https://bandish.example/cases/pk-2024-x?as-of=2024-03-01", "acts"},
		{"search", map[string]any{"query": "high court", "limit": 5}, "", "record", "https://bandish.example/search?q=high+court", "entries match"},
		{"cite", map[string]any{"case": "pk-2024-x"}, "", "record", "https://bandish.example/cases/pk-2024-x?as-of=2026-01-10", "Bandish, “Pakistan: access to X"},
		{"cite", map[string]any{"country": "PK", "target": "x", "at": "2024-03-14"}, "", "reported", "https://bandish.example/cc/PK/x?as-of=2026-01-10&at=2024-03-14", "as known on 10 January 2026"},
	}
	asked := map[string]bool{"evidence_for": true} // needs measurements: cmd/bandish asks it
	for _, c := range cases {
		said, refused := call(t, s, c.tool, c.arguments)
		if refused != "" || string(said.State) != c.state || said.Basis != c.basis || !strings.HasPrefix(said.Address, c.address) || !strings.Contains(said.Text, c.within) || said.Date == "" || said.Value == nil {
			t.Errorf("%s %v: %q, state %q, basis %q, %s, date %s: %s", c.tool, c.arguments, refused, said.State, said.Basis, said.Address, said.Date, said.Text)
		}
		asked[c.tool] = true
	}
	for _, name := range names {
		if !asked[name] {
			t.Errorf("nothing asks %s", name)
		}
	}
}

// What cannot be answered is refused in words that say how to ask.
func TestRefusals(t *testing.T) {
	s := session(t, server(t).URL)
	for _, c := range []struct {
		tool      string
		arguments map[string]any
		want      string
	}{
		{"is_blocked", map[string]any{"country": "Pakistan", "target": "x"}, "two letters"},
		{"is_blocked", map[string]any{"country": "PK"}, "both needed"},
		{"is_blocked", map[string]any{"country": "PK", "target": "nonesuch"}, "nonesuch"},
		{"is_blocked", map[string]any{"country": "PK", "target": "x", "at": "March"}, "want a day"},
		{"is_blocked", map[string]any{"country": "PK", "target": "x", "colour": "red"}, "colour"},
		{"ban_history", map[string]any{}, "a country or a target"},
		{"check_claim", map[string]any{"country": "PK", "target": "x", "at": "2024-03-13", "claim": "fine"}, "claim"},
		{"case_chronology", map[string]any{"case": "none"}, "find_case"},
		{"evidence_for", map[string]any{}, "measurement_uid or event"},
		{"evidence_for", map[string]any{"event": "none"}, "ban_history"},
		{"search", map[string]any{"query": "\"\""}, "query"},
		{"cite", map[string]any{}, "both needed"},
	} {
		if said, refused := call(t, s, c.tool, c.arguments); !strings.Contains(refused, c.want) {
			t.Errorf("%s %v: %q, %+v", c.tool, c.arguments, refused, said)
		}
	}
}

// The rules and the cases are resources.
func TestResources(t *testing.T) {
	s := session(t, server(t).URL)
	list, err := s.ListResources(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var uris []string
	for _, r := range list.Resources {
		uris = append(uris, r.URI)
		got, err := s.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: r.URI})
		if err != nil || len(got.Contents) != 1 || !json.Valid([]byte(got.Contents[0].Text)) {
			t.Errorf("%s: %v", r.URI, err)
		}
	}
	if !slices.Contains(uris, "bandish://rules") || !slices.Contains(uris, "bandish://cases/pk-2024-x") {
		t.Errorf("resources are %v", uris)
	}
	if _, err := s.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "bandish://cases/none"}); err == nil {
		t.Error("a case that is not there is a resource")
	}
}

// A page of another site cannot make a reader's browser ask.
func TestOtherSitesAreTurnedAway(t *testing.T) {
	srv := server(t)
	for header, want := range map[string]int{"cross-site": http.StatusForbidden, "same-origin": http.StatusOK} {
		req, err := http.NewRequest(http.MethodPost, srv.URL, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
		req.Header.Set("Sec-Fetch-Site", header)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", header, resp.StatusCode, want)
		}
	}
}
