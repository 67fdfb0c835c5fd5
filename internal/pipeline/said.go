package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/ledger"
)

// noteEvents enters in the ledger which events a commit announces, revises and withdraws.
func (p *Pipeline) noteEvents(u *archive.Update) error {
	before, err := p.saidIn(u.Before, u.Manifest)
	if err != nil {
		return err
	}
	now, err := p.saidIn(u.Manifest, u.Before)
	if err != nil {
		return err
	}
	ids := maps.Clone(before)
	maps.Copy(ids, now)
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		was, had := before[id]
		is, has := now[id]
		e := ledger.Event{ID: id, CC: ids[id].CC, Target: ids[id].Target, SHA256: is.SHA256, Replaces: was.SHA256, Generation: u.Before.Generation + 1}
		switch {
		case !had:
			e.Action = ledger.Announced
		case !has:
			e.Action, e.SHA256 = ledger.Withdrawn, was.SHA256
		case was.SHA256 != is.SHA256:
			e.Action = ledger.Revised
		default:
			continue
		}
		u.Note(ledger.Entry{Type: ledger.TypeEvent, Event: &e})
	}
	return nil
}

// saidIn returns, by id, the events in the segments that m lists and other does not.
func (p *Pipeline) saidIn(m, other *archive.Manifest) (map[string]ledger.Event, error) {
	listed := map[string]bool{}
	for _, s := range other.Select(archive.Events, other.Ruleset) {
		listed[s.Path()] = true
	}
	out := map[string]ledger.Event{}
	for _, s := range m.Select(archive.Events, m.Ruleset) {
		if listed[s.Path()] {
			continue
		}
		err := archive.ReadSegment(p.Archive, s, func(rows []event.Row) error {
			for i := range rows {
				e, err := saidOf(&rows[i])
				if err != nil {
					return err
				}
				if e.ID != "" {
					out[e.ID] = e
				}
			}
			return nil
		})
		if damagedOnly(err) {
			continue // the check reports it; what it said stands in earlier entries
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// saidOf returns the ledger's entry of an event. It is empty for an event that was set
// aside as an artefact.
func saidOf(r *event.Row) (ledger.Event, error) {
	var e event.Event
	if err := json.Unmarshal([]byte(r.Document), &e); err != nil {
		return ledger.Event{}, fmt.Errorf("read an event: %w", err)
	}
	if e.Artefact != "" {
		return ledger.Event{}, nil
	}
	text, err := ledger.Canonical(e.Statement())
	if err != nil {
		return ledger.Event{}, fmt.Errorf("enter event %s in the ledger: %w", e.ID, err)
	}
	sum := sha256.Sum256(text)
	return ledger.Event{ID: e.ID, CC: e.CC, Target: e.Target, SHA256: hex.EncodeToString(sum[:])}, nil
}
