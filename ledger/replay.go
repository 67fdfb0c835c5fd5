package ledger

import (
	"fmt"
	"time"
)

// Replay is the state to which the entries of a ledger lead, read from the first
// on.
type Replay struct {
	Next     int64 // the index of the next entry
	Batches  map[string]Batch
	Segments map[string]Segment // segments that are listed now, by Key
	Files    map[string]File    // files that exist now, by name
	Gone     map[string]File    // tombstones, by name
	Events   map[string]Event   // by id, with withdrawn ones
	State    *State             // the last one; nil before the first
	Software Software           // the last one
	Keys     []string           // verifier strings; the log's first key is first
	Last     time.Time          // the latest time of an entry
}

// NewReplay returns the state of no entries.
func NewReplay() *Replay {
	return &Replay{Batches: map[string]Batch{}, Segments: map[string]Segment{}, Files: map[string]File{}, Gone: map[string]File{}, Events: map[string]Event{}}
}

// maxBack is how far a server's clock may go back without a fault.
const maxBack = 10 * time.Minute

// Apply applies the next entry. It returns the entry, and in words what is wrong
// with it; nil for nothing.
func (h *Replay) Apply(text []byte) (Entry, []string) {
	i := h.Next
	h.Next++
	e, err := Parse(text)
	if err != nil {
		return e, []string{fmt.Sprintf("entry %d: %v", i, err)}
	}
	var wrong []string
	say := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("entry %d (%s): ", i, e.Type)+fmt.Sprintf(format, args...))
	}
	if e.Time.Before(h.Last.Add(-maxBack)) {
		say("it is dated %s, before the entry before it (%s): it is back-dated, or the server's clock was put back", e.Time.Format(time.RFC3339), h.Last.Format(time.RFC3339))
	}
	if e.Time.After(h.Last) {
		h.Last = e.Time
	}
	if i == 0 && e.Type != TypeKey {
		say("a ledger begins with its key")
	}
	switch e.Type {
	case TypeBatch:
		if old, have := h.Batches[e.Batch.SHA256]; have && old.Root != e.Batch.Root {
			say("batch %s stands in the ledger twice, with two contents", e.Batch.SHA256)
		}
		h.Batches[e.Batch.SHA256] = *e.Batch
		delete(h.Gone, BatchName(e.Batch.SHA256))
	case TypeSegments:
		for _, k := range e.Segments.Removed {
			if _, have := h.Segments[k]; !have {
				say("it removes %s, which was not there", k)
			}
			delete(h.Segments, k)
		}
		for _, s := range e.Segments.Added {
			h.Segments[s.Key()] = s
		}
	case TypeState:
		if h.State != nil && e.State.Generation < h.State.Generation {
			say("the archive went back from generation %d to %d", h.State.Generation, e.State.Generation)
		}
		h.State = e.State
		if n := len(h.Batches); e.State.Batches.Count != n {
			say("it says that there are %d batches, and the entries before it name %d", e.State.Batches.Count, n)
		}
		if n := len(h.Segments); e.State.Segments.Count != n {
			say("it says that there are %d segments, and the entries before it name %d", e.State.Segments.Count, n)
		}
	case TypeRecord, TypeSource, TypeList, TypeFile:
		h.Files[e.File.Name] = *e.File
		delete(h.Gone, e.File.Name)
	case TypeTombstone:
		delete(h.Files, e.File.Name)
		h.Gone[e.File.Name] = *e.File
		if sha, raw := batchOf(e.File.Name); raw {
			delete(h.Batches, sha)
			say("raw batch %s is gone (%s): raw input is to be kept for ever", sha, e.File.Reason)
		}
	case TypeSoftware:
		h.Software = *e.Software
	case TypeEvent:
		h.Events[e.Event.ID] = *e.Event
	case TypeKey:
		_, old, next, err := OpenKeyNote(e.Key.Note)
		switch {
		case err != nil:
			say("%v", err)
		case len(h.Keys) == 0 && old != "", len(h.Keys) > 0 && old != h.Keys[len(h.Keys)-1]:
			say("the key that it follows is not the log's")
		default:
			h.Keys = append(h.Keys, next)
		}
	}
	return e, wrong
}

// Holds returns an error where the last state is not what the entries lead to.
func (h *Replay) Holds() error {
	if h.State == nil {
		return nil
	}
	sums := make([]string, 0, len(h.Batches))
	for sum := range h.Batches {
		sums = append(sums, sum)
	}
	for _, set := range []Set{h.State.Batches, h.State.Segments} {
		if set.Form != "" && set.Form != Grouped {
			return fmt.Errorf("the last state (generation %d) names a set in the form %q, which this program does not know: use a newer one", h.State.Generation, set.Form)
		}
	}
	if SetOfBatches(sums, h.State.Batches.Form) != h.State.Batches {
		return fmt.Errorf("the last state (generation %d) names other batches than the entries before it", h.State.Generation)
	}
	list := make([]Segment, 0, len(h.Segments))
	for _, s := range h.Segments {
		list = append(list, s)
	}
	if SetOfSegments(list, h.State.Segments.Form) != h.State.Segments {
		return fmt.Errorf("the last state (generation %d) names other segments than the entries before it", h.State.Generation)
	}
	return nil
}

// BatchName returns the name under which a tombstone names a raw batch.
func BatchName(sha string) string { return "raw/" + sha[:2] + "/" + sha + ".jsonl.zst" }

func batchOf(name string) (sha string, ok bool) {
	const tail = len(".jsonl.zst")
	if len(name) != len("raw/ab/")+64+tail {
		return "", false
	}
	sha = name[len("raw/ab/") : len(name)-tail]
	return sha, BatchName(sha) == name
}
