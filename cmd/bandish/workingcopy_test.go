package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/internal/object/objecttest"
	"github.com/bandish/bandish/internal/pipeline"
)

// served runs `bandish serve` until the test ends, and gives its address.
func served(t *testing.T, args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	env := &environment{stdin: strings.NewReader(""), stdout: in, stderr: io.Discard, getenv: os.Getenv}
	var done sync.WaitGroup
	done.Go(func() {
		if code := run(ctx, env, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)); code != 0 && ctx.Err() == nil {
			t.Errorf("serve %v ended with %d", args, code)
		}
		in.Close()
	})
	t.Cleanup(func() { stop(); done.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, at, ok := strings.Cut(lines.Text(), " on http://"); ok {
			done.Go(func() { io.Copy(io.Discard, out) })
			return "http://" + at
		}
	}
	t.Fatalf("serve %v did not start", args)
	return ""
}

// Servers over a bucket, each with an empty folder for copies, answer as one over the
// folder with the same measurements; and see what another commits.
func TestServersOverABucket(t *testing.T) {
	at, access := objecttest.Bucket(t)
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://"+access.Endpoint)
	t.Setenv("AWS_ACCESS_KEY_ID", access.Key)
	t.Setenv("AWS_SECRET_ACCESS_KEY", access.Secret)
	base := t.TempDir()
	folder, bucket, keys := filepath.Join(base, "folder"), at+"/archive", filepath.Join(base, "keys")
	copyIn := func(name string) []string {
		return []string{"--data", bucket, "--cache", filepath.Join(base, name), "--keys", keys}
	}
	said := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		env := &environment{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: os.Getenv}
		if code := run(t.Context(), env, args); code != 0 {
			t.Fatalf("%v: %d: %s", args, code, &errs)
		}
		return out.String()
	}
	said(append([]string{"status", "--cc", "ZZ", "--target", "x"}, copyIn("first")...)...) // makes the folder a working copy

	var docs [][]byte
	for d := range 14 {
		for i := range 8 {
			s := seen{host: "x.com", asn: 64512 + i%2, at: time.Date(2024, 2, 1+d, 3*i, 0, 0, 0, time.UTC), who: "1", blocked: d >= 8}
			s.report = fmt.Sprintf("%s_webconnectivity_ZZ_64512_n1_B%015d", s.at.Format("20060102T150405Z"), 10*d+i)
			docs = append(docs, s.json())
		}
	}
	path := filepath.Join(base, "measurements.jsonl")
	if err := os.WriteFile(path, bytes.Join(docs, []byte("\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2024, 2, 20, 0, 0, 0, 0, time.UTC)
	for _, dir := range []string{folder, filepath.Join(base, "first")} {
		p, err := openPipeline(dir)
		if err != nil {
			t.Fatal(err)
		}
		p.Now = func() time.Time { return now }
		sources, err := intake.List(t.Context(), path, intake.Filter{}, intake.Buckets{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Import(t.Context(), sources, pipeline.Want{}, nil); err != nil {
			t.Fatal(err)
		}
		if err := settle(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}

	one, two := served(t, copyIn("one")...), served(t, copyIn("two")...)
	alone := served(t, "--data", folder)
	// A bucket notes the record with a commit of its own, and no two answers take the same time.
	varies := regexp.MustCompile(`(generation(": ?| )|"elapsed_seconds":|"query_time":)[0-9.e-]+`)
	get := func(server, path string) string {
		t.Helper()
		req, err := http.NewRequest("GET", server+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "bandish.example" // pages name the address that they were asked for at
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s%s: %s %s %v", server, path, resp.Status, body, err)
		}
		return varies.ReplaceAllString(string(body), "$1 N")
	}
	same := func(page, server string) {
		t.Helper()
		got, want := strings.Split(get(server, page), "\n"), strings.Split(get(alone, page), "\n")
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Errorf("%s, line %d: over the bucket\n%s\nover the folder\n%s", page, i, strings.Join(got[min(i, len(got)):min(i+1, len(got))], ""), want[i])
				return
			}
		}
	}
	pages := []string{"/cc/ZZ", "/cc/ZZ/x", "/cc/ZZ/x/days", "/cc/ZZ/x/measurements", "/events", "/bans", "/networks/AS64512", "/platforms/x", "/feed.json",
		"/api/v1/answer?country=ZZ&target=x", "/api/v1/cells?country=ZZ&target=x", "/api/v1/aggregation?probe_cc=ZZ&axis_x=measurement_start_day&since=2024-02-01&until=2024-02-28", "/api/v1/measurements?probe_cc=ZZ&limit=200"}
	m := regexp.MustCompile(`/m/[0-9A-Za-z_.]+`).FindStringSubmatch(get(alone, "/cc/ZZ/x/measurements"))
	if m == nil {
		t.Fatal("no page names a measurement")
	}
	for _, page := range append(pages, m[0]) {
		same(page, one)
		same(page, two)
	}

	more := filepath.Join(base, "more.jsonl")
	late := seen{host: "x.com", asn: 64513, at: time.Date(2024, 2, 15, 0, 0, 0, 0, time.UTC), who: "2", report: "20240215T000000Z_webconnectivity_ZZ_64513_n1_CCCCCCCCCCCCCCCC"}
	if err := os.WriteFile(more, late.json(), 0o644); err != nil {
		t.Fatal(err)
	}
	said(append([]string{"import", more}, copyIn("third")...)...)
	count := "/api/v1/measurements?probe_cc=ZZ&limit=200&since=2024-02-15&until=2024-02-16"
	for _, server := range []string{one, two} {
		for try := 0; !strings.Contains(get(server, count), "CCCCCCCCCCCCCCCC"); try++ {
			if try > 200 {
				t.Fatalf("%s does not see what was committed: %s", server, get(server, count))
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}
