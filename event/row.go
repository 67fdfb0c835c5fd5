package event

import (
	"encoding/json"
	"fmt"
	"time"
)

// Row is an event as the archive keeps it: columns to filter by, and the whole
// event as JSON.
type Row struct {
	ID         string   `json:"id" parquet:"id"`
	CC         string   `json:"probe_cc" parquet:"probe_cc,dict"`
	Targets    []string `json:"targets" parquet:"targets,list"`
	Networks   []string `json:"networks" parquet:"networks,list"`
	Kind       Kind     `json:"kind" parquet:"kind,dict"`
	State      State    `json:"state" parquet:"state,dict"`
	Mechanisms []string `json:"mechanisms" parquet:"mechanisms,list"`

	// The bounds of onset and end; nil where there are none.
	OnsetEarliest *time.Time `json:"onset_earliest" parquet:"onset_earliest,optional,timestamp(microsecond)"`
	OnsetLatest   *time.Time `json:"onset_latest" parquet:"onset_latest,optional,timestamp(microsecond)"`
	EndEarliest   *time.Time `json:"end_earliest" parquet:"end_earliest,optional,timestamp(microsecond)"`
	EndLatest     *time.Time `json:"end_latest" parquet:"end_latest,optional,timestamp(microsecond)"`

	Confidence float64 `json:"confidence" parquet:"confidence"`
	Artefact   string  `json:"artefact" parquet:"artefact,dict"` // why it is not an event after all; empty for an event
	Detector   string  `json:"detector" parquet:"detector,dict"`
	InputHash  string  `json:"input_hash" parquet:"input_hash"`
	Document   string  `json:"document" parquet:"document"` // the event as JSON
}

// Row returns the row of an event.
func (e *Event) Row() (Row, error) {
	doc, err := json.Marshal(e)
	if err != nil {
		return Row{}, fmt.Errorf("write event %s: %w", e.ID, err)
	}
	r := Row{ID: e.ID, CC: e.CC, Targets: e.Targets, Networks: e.Networks, Kind: e.Kind, State: e.State, Mechanisms: e.Mechanisms,
		OnsetEarliest: e.Onset.Earliest, OnsetLatest: e.Onset.Latest,
		Confidence: e.Confidence, Artefact: e.Artefact, Detector: e.Detector, InputHash: e.InputHash, Document: string(doc)}
	if e.End != nil {
		r.EndEarliest, r.EndLatest = e.End.Earliest, e.End.Latest
	}
	return r, nil
}

// Event returns the event of a row. An error means that Document is no event.
func (r *Row) Event() (Event, error) {
	var e Event
	if err := json.Unmarshal([]byte(r.Document), &e); err != nil {
		return Event{}, fmt.Errorf("read event %s: %w", r.ID, err)
	}
	return e, nil
}
