package collect

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/probe"
)

// wanted are the fields that OONI's clients decode of each answer, as paths;
// "*" is any member or element. An answer that they take for "not here" and go
// on has the status alone.
var wanted = map[string]struct {
	status int
	fields []string
}{
	"GET /api/v1/test-helpers":             {200, []string{"web-connectivity/*/address", "web-connectivity/*/type"}},
	"GET /api/v1/manifest":                 {404, []string{"error"}},
	"POST /api/v1/test-helper":             {200, []string{"tcp_connect", "quic_handshake", "http_request/body_length", "http_request/title", "http_request/headers", "http_request/status_code", "http_request/discovered_h3_endpoint", "dns/addrs", "http3_request"}},
	"POST /":                               {200, []string{"tcp_connect", "quic_handshake", "http_request/body_length", "http_request/title", "http_request/headers", "http_request/status_code", "dns/addrs"}},
	"POST /api/v1/submit_measurement":      {200, []string{"measurement_uid", "report_id", "verification_status", "protocol_version", "is_verified", "error", "submit_response"}},
	"POST /api/v1/register":                {200, []string{"client_id"}},
	"POST /api/v1/login":                   {200, []string{"expire", "token"}},
	"GET /api/v1/test-list/tor-targets":    {200, []string{"*/address", "*/protocol", "*/name", "*/params", "*/source"}},
	"GET /api/v1/test-list/psiphon-config": {404, []string{"error"}},
	"POST /api/v1/check-in": {200, []string{"v", "utc_time", "probe_cc", "probe_asn", "probe_network_name", "conf/features/webconnectivity_0.5", "conf/test_helpers/web-connectivity/*/address",
		"tests/web_connectivity/report_id", "tests/web_connectivity/urls/*/url", "tests/web_connectivity/urls/*/category_code", "tests/web_connectivity/urls/*/country_code"}},
	"POST /report":        {200, []string{"report_id", "backend_version", "supported_formats/*"}},
	"POST /report/REPORT": {200, []string{"measurement_uid"}},
}

// TestTranscript makes the calls that OONI's own clients made, and looks for
// what they read in the answers.
func TestTranscript(t *testing.T) {
	t.Parallel()
	shared := os.Getenv("BANDISH_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	f, err := os.Open(filepath.Join(shared, "ooni", "clients", "calls.jsonl"))
	if err != nil {
		t.Skipf("the calls of OONI's clients are not here: %v", err)
	}
	defer f.Close()
	network, roots := newSites(t)
	base := start(t, Config{
		Archive: newDir(t), BaseURL: "https://bandish.example", Helper: NewHelper(&Guard{Network: network}, probe.Wire{Now: time.Now, Roots: roots}, 8),
		URLs: func(string, []string) []TestURL {
			return []TestURL{{URL: "https://example.org/", Category: "NEWS", CC: "ZZ"}}
		},
	})
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	calls := 0
	for lines.Scan() {
		var c struct{ Method, Path, Request, Client string }
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		path, _, _ := strings.Cut(c.Path, "?")
		want, ok := wanted[c.Method+" "+path]
		if !ok {
			t.Errorf("nothing is known of %s %s", c.Method, path)
			continue
		}
		body := c.Request
		if !json.Valid([]byte(body)) && strings.HasPrefix(body, `{"format":"json","content":`) { // the transcript cuts long requests
			content := any(json.RawMessage(document))
			if strings.HasPrefix(body, `{"format":"json","content":"`) {
				content = document
			}
			raw, err := json.Marshal(map[string]any{"format": "json", "content": content})
			if err != nil {
				t.Fatal(err)
			}
			body = string(raw)
		}
		url := base + strings.Replace(c.Path, "REPORT", "20261126T204945Z_webconnectivity_PK_17557_n1_ABCDEFGHIJKLMNOP", 1)
		var answer any
		status := ask(t, c.Method, url, body, c.Client, &answer)
		if status != want.status {
			t.Errorf("%s %s: %d %v", c.Method, c.Path, status, answer)
		}
		for _, field := range want.fields {
			if !has(answer, strings.Split(field, "/")) {
				t.Errorf("%s %s: no %s in %v", c.Method, c.Path, field, answer)
			}
		}
		calls++
	}
	if err := lines.Err(); err != nil || calls < 20 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

// ask makes a request as a client does and reads the answer.
func ask(t *testing.T, method, url, body, agent string, answer any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("User-Agent", agent)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		t.Errorf("%s %s: %s, %v", method, url, resp.Header.Get("Content-Type"), err)
	}
	return resp.StatusCode
}

// has reports whether a JSON value has a member at a path.
func has(v any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	switch v := v.(type) {
	case map[string]any:
		if path[0] != "*" {
			w, ok := v[path[0]]
			return ok && has(w, path[1:])
		}
		for _, w := range v {
			if !has(w, path[1:]) {
				return false
			}
		}
		return len(v) > 0
	case []any:
		for _, w := range v {
			if !has(w, path[1:]) {
				return false
			}
		}
		return path[0] == "*" && len(v) > 0
	}
	return false
}

func TestHas(t *testing.T) {
	var v any
	if err := json.Unmarshal([]byte(`{"a":[{"b":1},{"b":null}],"c":{}}`), &v); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"a/*/b": true, "a/*/x": false, "c": true, "c/*": false, "x": false, "a/b": false} {
		if has(v, strings.Split(path, "/")) != want {
			t.Errorf("%s is wrong", path)
		}
	}
}
