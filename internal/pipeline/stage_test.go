package pipeline

import (
	"fmt"
	"maps"
	"testing"
	"time"
)

// What is handed in while a rebuild derives is committed at once and stands in
// what the rebuild makes, which is what one without company makes.
func TestSubmissionDuringRebuild(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Patience = 20 * time.Second
	for i := range 3 {
		if _, err := p.Submit(t.Context(), zz(fmt.Sprint("before", i), i), Sender{}); err != nil {
			t.Fatal(err)
		}
	}
	came := 0
	out, err := p.Rebuild(t.Context(), func(done, of int) {
		if done == 2 && of == 3 {
			if _, err := p.Submit(t.Context(), zz("meanwhile", 9), Sender{}); err != nil {
				t.Errorf("while a rebuild derives: %v", err)
			}
			came++
		}
	})
	if err != nil || came != 1 {
		t.Fatalf("%v; %d submissions came meanwhile", err, came)
	}
	if out.Batches != 4 || out.Documents != 4 {
		t.Errorf("rebuilt %d batches, %d documents, want 4 and 4", out.Batches, out.Documents)
	}
	alone, err := p.Rebuild(t.Context(), nil)
	if err != nil || !maps.Equal(alone.Segments, out.Segments) {
		t.Errorf("a rebuild without company makes %v (%v), want %v", alone.Segments, err, out.Segments)
	}
	if n, err := p.Count(t.Context()); n != 0 || err != nil {
		t.Errorf("%d months were to be counted again after a rebuild (%v)", n, err)
	}
	if s, err := p.Submit(t.Context(), zz("meanwhile", 9), Sender{}); err != nil || s.New {
		t.Errorf("the one that came meanwhile is taken again: %+v, %v", s, err)
	}
}

// The same of a rescore, whenever within it submissions come.
func TestSubmissionsDuringRescore(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Patience = 20 * time.Second
	const sent = 9
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range sent {
			if _, err := p.Submit(t.Context(), zz(fmt.Sprint("doc", i), i%3), Sender{}); err != nil {
				t.Errorf("while it is judged again: %v", err)
				return
			}
			if i%4 == 3 {
				if _, err := p.Compact(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
			if _, err := p.Rescore(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	last, err := p.Rescore(t.Context())
	if err != nil || last.Verdicts != sent {
		t.Fatalf("%d verdicts of %d documents (%v)", last.Verdicts, sent, err)
	}
	if _, err := p.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]string{}
	for _, s := range m.Segments {
		have[s.Path()] = s.SHA256
	}
	rebuilt, err := p.Rebuild(t.Context(), nil)
	if err != nil || !maps.Equal(rebuilt.Segments, have) {
		t.Errorf("after rescores the archive holds %v, a rebuild makes %v (%v)", have, rebuilt.Segments, err)
	}
}
