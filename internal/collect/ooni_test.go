package collect

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/bandish/bandish/internal/probe"
)

// These tests speak as OONI's probe does: the paths, the fields it sends and
// those it reads, as of probe-cli 3.2x and of 2026 (submit_measurement), from
// its description of the API.

// document is one that OONI's engine sends, with what it cannot do without.
const document = `{"annotations":{"engine_name":"ooniprobe-engine","engine_version":"3.24.0","platform":"linux"},` +
	`"data_format_version":"0.2.0","input":"https://example.org/","measurement_start_time":"2024-02-17 08:00:01",` +
	`"probe_asn":"AS64512","probe_cc":"ZZ","probe_ip":"127.0.0.1","probe_network_name":"Test","report_id":"",` +
	`"resolver_asn":"AS64513","resolver_ip":"198.51.100.53","resolver_network_name":"Resolver",` +
	`"software_name":"ooniprobe-cli","software_version":"3.24.0","test_keys":{},"test_name":"web_connectivity",` +
	`"test_runtime":1.5,"test_start_time":"2024-02-17 08:00:00","test_version":"0.5.28"}`

func ooniServer(t *testing.T) (string, *dir) {
	t.Helper()
	archive := newDir(t)
	list := make([]TestURL, 150)
	for i := range list {
		list[i] = TestURL{URL: fmt.Sprintf("https://example.org/%d", i), Category: "NEWS", CC: "XX"}
	}
	return start(t, Config{
		Archive: archive, BaseURL: "https://bandish.example", Helper: NewHelper(&Guard{}, probe.Wire{Now: time.Now}, 1),
		URLs:   func(string, []string) []TestURL { return list },
		Locate: func(netip.Addr) Place { return Place{CC: "ZZ", ASN: 64513, Network: "Test"} },
	}), archive
}

// call asks as the engine does and reads the answer into out.
func call(t *testing.T, method, url string, in, out any, headers ...string) int {
	t.Helper()
	var body io.Reader
	switch in := in.(type) {
	case nil:
	case []byte:
		body = bytes.NewReader(in)
	default:
		raw, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "ooniprobe-cli/3.24.0 ooniprobe-engine/3.24.0")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		t.Errorf("%s: Content-Type %q", url, resp.Header.Get("Content-Type"))
	}
	if resp.StatusCode == 200 {
		if err := json.Unmarshal(raw, out); err != nil {
			t.Errorf("%s: %v in %s", url, err, raw)
		}
	}
	return resp.StatusCode
}

// TestOONIProbeRun is a run of OONI's probe from its first request to its last.
func TestOONIProbeRun(t *testing.T) {
	t.Parallel()
	base, archive := ooniServer(t)

	// It asks for the helpers to learn whether the server is there at all.
	var helpers map[string][]struct {
		Address string `json:"address"`
		Type    string `json:"type"`
	}
	if code := call(t, "GET", base+"/api/v1/test-helpers", nil, &helpers); code != 200 || len(helpers["web-connectivity"]) == 0 ||
		helpers["web-connectivity"][0].Type != "https" {
		t.Fatalf("test-helpers: %d %v", code, helpers)
	}

	type checkIn struct {
		Conf struct {
			Features map[string]bool `json:"features"`
			Helpers  map[string][]struct {
				Address string `json:"address"`
				Type    string `json:"type"`
			} `json:"test_helpers"`
		} `json:"conf"`
		ASN   string `json:"probe_asn"`
		CC    string `json:"probe_cc"`
		Tests struct {
			Web *struct {
				ReportID string `json:"report_id"`
				URLs     []struct {
					Category string `json:"category_code"`
					CC       string `json:"country_code"`
					URL      string `json:"url"`
				} `json:"urls"`
			} `json:"web_connectivity"`
		} `json:"tests"`
		UTC time.Time `json:"utc_time"`
		V   int64     `json:"v"`
	}
	for _, c := range []struct {
		runType  string
		charging bool
		urls     int
	}{{"manual", false, 150}, {"timed", true, 100}, {"timed", false, 20}} {
		var in checkIn
		code := call(t, "POST", base+"/api/v1/check-in", map[string]any{
			"charging": c.charging, "on_wifi": true, "platform": "linux", "probe_asn": "AS64512", "probe_cc": "ZZ", "run_type": c.runType,
			"software_name": "ooniprobe-cli", "software_version": "3.24.0", "web_connectivity": map[string]any{"category_codes": []string{}},
		}, &in)
		if code != 200 || in.Tests.Web == nil || len(in.Tests.Web.URLs) != c.urls || in.V != 1 || in.UTC.IsZero() || in.CC != "ZZ" ||
			!in.Conf.Features["webconnectivity_0.5"] || in.Conf.Features["psiphon_enabled"] || in.Conf.Features["tor_enabled"] || len(in.Conf.Features) < 3 || in.Conf.Helpers["web-connectivity"][0].Address != helpers["web-connectivity"][0].Address {
			t.Errorf("check-in %s %v: %d %+v", c.runType, c.charging, code, in)
		}
	}

	var open struct {
		Version string   `json:"backend_version"`
		ID      string   `json:"report_id"`
		Formats []string `json:"supported_formats"`
	}
	template := map[string]string{
		"data_format_version": "0.2.0", "format": "json", "probe_asn": "AS64512", "probe_cc": "ZZ", "software_name": "ooniprobe-cli",
		"software_version": "3.24.0", "test_name": "web_connectivity", "test_start_time": "2024-02-17 08:00:00", "test_version": "0.5.28",
	}
	if code := call(t, "POST", base+"/report", template, &open); code != 200 || open.ID == "" || open.Formats[0] != "json" || open.Version == "" {
		t.Fatalf("open: %d %+v", code, open)
	}
	var update struct {
		UID string `json:"measurement_uid"`
	}
	content := json.RawMessage(strings.Replace(document, `"report_id":""`, `"report_id":"`+open.ID+`"`, 1))
	if code := call(t, "POST", base+"/report/"+open.ID, map[string]any{"format": "json", "content": content}, &update); code != 200 || update.UID == "" {
		t.Fatalf("update: %d %+v", code, update)
	}
	var check struct {
		Found bool   `json:"found"`
		Error string `json:"error"`
		V     int64  `json:"v"`
	}
	if code := call(t, "GET", base+"/api/v1/check-report-id?report_id="+open.ID, nil, &check); code != 200 || !check.Found || check.V != 1 {
		t.Errorf("check-report-id: %d %+v", code, check)
	}
	if code := call(t, "POST", base+"/report/"+open.ID+"/close", nil, &struct{}{}); code != 200 {
		t.Errorf("close: %d", code)
	}
	if docs := archive.docs(t); len(docs) != 1 || !strings.Contains(docs[0], `"resolver_asn":"AS64513"`) {
		t.Errorf("kept: %q", docs)
	}
}

// TestOONISubmitMeasurement: a measurement without a report, its content a
// string or the document itself, plain or packed.
func TestOONISubmitMeasurement(t *testing.T) {
	t.Parallel()
	base, archive := ooniServer(t)
	asString, err := json.Marshal(map[string]any{"format": "json", "content": document})
	if err != nil {
		t.Fatal(err)
	}
	asObject := []byte(`{"format":"json","nym":"x","zkp_request":"y","manifest_version":"1","protocol_version":"1.0.0","content":` + document + `}`)
	var gz, zs bytes.Buffer
	for w, buf := range map[io.WriteCloser]*bytes.Buffer{gzip.NewWriter(&gz): &gz, zstdWriter(t, &zs): &zs} {
		if _, err := w.Write(asString); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil || buf.Len() == 0 {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		body    []byte
		headers []string
	}{
		"string": {asString, nil}, "object": {asObject, nil},
		"gzip": {gz.Bytes(), []string{"Content-Encoding", "gzip"}}, "zstd": {zs.Bytes(), []string{"Content-Encoding", "zstd"}},
	} {
		var out struct {
			UID      string  `json:"measurement_uid"`
			Verified *bool   `json:"is_verified"`
			Status   string  `json:"verification_status"`
			Protocol string  `json:"protocol_version"`
			ReportID string  `json:"report_id"`
			Error    *string `json:"error"`
		}
		if code := call(t, "POST", base+"/api/v1/submit_measurement", c.body, &out, c.headers...); code != 200 || out.UID == "" || out.Verified == nil || *out.Verified || out.Error != nil ||
			out.Status != "unverified" || out.Protocol == "" || !reportIDForm.MatchString(out.ReportID) {
			t.Errorf("%s: %d %+v", name, code, out)
		}
	}
	if docs := archive.docs(t); len(docs) != 1 {
		t.Errorf("%d documents kept of the same one", len(docs))
	}
	for _, bad := range []string{`{"format":"yaml","content":"x"}`, `{"format":"json"}`, `{"format":"json","content":"nonsense"}`, `{"format":"json","content":""}`, `{"format":"json","content":7}`} {
		if code := call(t, "POST", base+"/api/v1/submit_measurement", []byte(bad), nil); code != 400 {
			t.Errorf("%s: %d", bad, code)
		}
	}
	if code := call(t, "POST", base+"/api/v1/submit_measurement", []byte("no zstd"), nil, "Content-Encoding", "zstd"); code != 400 {
		t.Errorf("not zstd: %d", code)
	}
	if docs := archive.docs(t); len(docs) != 1 {
		t.Errorf("bad submissions were kept: %q", docs)
	}
}

func zstdWriter(t *testing.T, w io.Writer) io.WriteCloser {
	t.Helper()
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestZstdBomb: what unpacks to more than the limit is refused as that.
func TestZstdBomb(t *testing.T) {
	t.Parallel()
	archive := newDir(t)
	base := start(t, Config{Archive: archive, MaxBody: 1 << 20})
	var packed bytes.Buffer
	z := zstdWriter(t, &packed)
	for range 64 {
		if _, err := z.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if code := call(t, "POST", base+"/api/v1/measurement", packed.Bytes(), nil, "Content-Encoding", "zstd"); code != 413 {
		t.Errorf("%d bytes that unpack to 64 MiB: %d", packed.Len(), code)
	}
}

// TestOONIAccount: a probe that registers and logs in goes on to its targets.
func TestOONIAccount(t *testing.T) {
	t.Parallel()
	base, _ := ooniServer(t)
	var registered struct {
		ID string `json:"client_id"`
	}
	code := call(t, "POST", base+"/api/v1/register", map[string]any{
		"platform": "linux", "probe_asn": "AS64512", "probe_cc": "ZZ", "software_name": "ooniprobe-cli", "software_version": "3.24.0",
		"supported_tests": []string{"tor"}, "password": "made-up",
	}, &registered)
	if code != 200 || registered.ID == "" {
		t.Fatalf("register: %d %+v", code, registered)
	}
	var auth struct {
		Expire time.Time `json:"expire"`
		Token  string    `json:"token"`
	}
	if code := call(t, "POST", base+"/api/v1/login", map[string]string{"username": registered.ID, "password": "made-up"}, &auth); code != 200 || auth.Token == "" || time.Until(auth.Expire) < time.Hour {
		t.Fatalf("login: %d %+v", code, auth)
	}
	var targets map[string]struct {
		Address     string `json:"address"`
		Fingerprint string `json:"fingerprint"`
		Name        string `json:"name"`
		Protocol    string `json:"protocol"`
		Source      string `json:"source"`
	}
	if code := call(t, "GET", base+"/api/v1/test-list/tor-targets?country_code=ZZ", nil, &targets, "Authorization", "Bearer "+auth.Token); code != 200 || len(targets) < 16 {
		t.Errorf("tor-targets: %d %v", code, targets)
	}
	for name, to := range targets {
		if to.Address != name || to.Fingerprint == "" || to.Name == "" || to.Source != "" || to.Protocol != "dir_port" && to.Protocol != "or_port_dirauth" {
			t.Errorf("tor-targets: %s %+v", name, to)
		}
	}
	var updated struct {
		Status string `json:"status"`
	}
	if code := call(t, "PUT", base+"/api/v1/update/"+registered.ID, map[string]string{"probe_cc": "ZZ"}, &updated); code != 200 || updated.Status != "ok" {
		t.Errorf("update: %d %+v", code, updated)
	}
	for path, body := range map[string]string{"register": `{}`, "login": `{"username":"x"}`} {
		if code := call(t, "POST", base+"/api/v1/"+path, []byte(body), nil); code/100 != 4 {
			t.Errorf("%s %s: %d", path, body, code)
		}
	}
}
