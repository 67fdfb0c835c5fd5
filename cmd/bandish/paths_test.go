package main

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/api"
	"github.com/bandish/bandish/internal/assistant"
	"github.com/bandish/bandish/internal/collect"
	"github.com/bandish/bandish/internal/ooniapi"
	"github.com/bandish/bandish/records"
)

// OONI's API and ours stand under one path: no address of ours is one that
// OONI's clients ask for (decision 0013), and all fit into one server.
func TestPathsAreOursAlone(t *testing.T) {
	p, err := openPipeline(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	collector, err := newCollector(p, collect.Config{BaseURL: "http://127.0.0.1", Log: log}, "")
	if err != nil {
		t.Fatal(err)
	}
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	ours := api.New(&api.Server{Desk: newDesk(t.TempDir(), nil, rec, p.Targets), Targets: p.Targets, Records: rec, Now: time.Now, Log: log})
	theirs := map[string]bool{}
	for _, r := range []routes{collector, &ooniapi.Server{Log: log, Now: time.Now}} {
		for _, pattern := range r.Patterns() {
			if _, path, ok := strings.Cut(pattern, " "); ok {
				pattern = path
			}
			theirs[strings.Split(strings.TrimSuffix(pattern, "/"), "{")[0]] = true
		}
	}
	if len(theirs) < 20 || len(ours.Patterns()) < 20 {
		t.Fatalf("%d paths of OONI's, %d of ours", len(theirs), len(ours.Patterns()))
	}
	for _, path := range ours.Patterns() {
		if theirs[strings.Split(path, "{")[0]] || theirs[path] {
			t.Errorf("%s is OONI's", path)
		}
	}
	answers(http.NotFoundHandler(), collector, &ooniapi.Server{Log: log, Now: time.Now}, ours, &assistant.Server{Desk: ours.Desk, Records: rec, Log: log}) // panics where two patterns conflict
}
