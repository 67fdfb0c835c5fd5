package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A page is fetched from a real server and its passage found in the copy.
func TestSourceAddURL(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusMovedPermanently)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<html><head><title>A letter</title></head><body><article><p>" + strings.Repeat("The ministry wrote to the regulator of the lab, which did as it was told. ", 8) + "</p><p>The letter carried last year's number.</p></article></body></html>"))
	}))
	defer server.Close()
	data := t.TempDir()
	bandish := func(args ...string) (code int, out, errs string) {
		var stdout, stderr bytes.Buffer
		env := &environment{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}
		code = run(t.Context(), env, append(args, "--data", data))
		return code, stdout.String(), stderr.String()
	}
	if code, _, errs := bandish("source", "add", server.URL+"/old"); code != 1 || !strings.Contains(errs, "port") {
		t.Errorf("a private server without permission: %d, %s", code, errs)
	}
	code, out, errs := bandish("source", "add", "--allow-private", server.URL+"/old")
	if code != 0 || !strings.Contains(out, "text/html") || !strings.Contains(out, "archived  A letter") {
		t.Fatalf("%d, %s, %s", code, out, errs)
	}
	sha := out[:12]
	if code, out, _ := bandish("source", "show", sha); code != 0 || !strings.Contains(out, "redirected to "+server.URL+"/new") || !strings.Contains(out, "by http") {
		t.Errorf("%d, %s", code, out)
	}
	if code, out, _ := bandish("source", "check", sha, "--passage", "carried LAST year’s number"); code != 0 || !strings.Contains(out, "found at paragraph") {
		t.Errorf("%d, %s", code, out)
	}
	if code, out, _ := bandish("source", "check", sha, "--passage", "carried this year's number"); code != 1 || !strings.Contains(out, "only as far as") {
		t.Errorf("%d, %s", code, out)
	}
}
