package api

import (
	"context"
	"io"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/verdict"
)

// receipt says what became of a measurement that was handed in.
type receipt struct {
	UID        string        `json:"measurement_uid"`
	Received   *time.Time    `json:"received" doc:"When a collector received it; null where that is not known."`
	Channel    string        `json:"channel" doc:"How it came into the archive: submitted, bucket, web, file, table."`
	Batch      string        `json:"batch,omitempty" doc:"SHA-256 of the raw batch that keeps it for ever."`
	Line       uint32        `json:"line" doc:"Line in the batch, from 0."`
	State      verdict.State `json:"state"`
	Rules      []string      `json:"rules"`
	Ruleset    string        `json:"ruleset"`
	Votes      bool          `json:"votes" doc:"Whether it counts in answers."`
	Reason     string        `json:"reason,omitempty" doc:"Why it does not."`
	Target     string        `json:"target"`
	CC         string        `json:"probe_cc"`
	ASN        uint32        `json:"probe_asn"`
	Time       time.Time     `json:"measurement_start_time"`
	Page       string        `json:"page" doc:"Its page on this server."`
	Answer     string        `json:"answer" doc:"The answer that it is part of."`
	Ledger     string        `json:"ledger,omitempty" doc:"Name of the ledger that has the batch."`
	Entry      *int64        `json:"ledger_entry,omitempty" doc:"Index of the batch's entry in the ledger; absent until it has one."`
	Proof      string        `json:"proof,omitempty" doc:"Where its proof is, a file of C2SP tlog-proof."`
	OtherCount int           `json:"others" doc:"How many more documents came under this uid: anyone may write one."`
}

func (s *Server) receipt(ctx context.Context, in *struct {
	UID string `path:"uid" maxLength:"200"`
}) (receipt, error) {
	m, ok, err := s.Desk.Measurement(ctx, in.UID, "")
	if err != nil {
		return receipt{}, err
	}
	if !ok {
		return receipt{}, huma.Error404NotFound("No measurement of this uid is in the archive. The collector answers a submission only when it is on the disk, and says why when it refuses one: without that answer it did not arrive, and it is safe to submit it again.")
	}
	v := &m.Verdict
	r := receipt{UID: v.UID, Channel: v.Channel, Batch: m.Raw, Line: m.RawLine, State: v.State, Rules: append([]string{}, v.Rules...), Ruleset: v.Ruleset, Votes: v.Votes(),
		Target: v.Target, CC: v.CC, ASN: v.ASN, Time: v.Time, Page: pathOf("m", v.UID), Answer: pathOf("cc", v.CC, v.Target), OtherCount: len(m.Others)}
	if !m.Uploaded.IsZero() {
		r.Received = &m.Uploaded
	}
	if s.EntryOf != nil {
		if origin, at, err := s.EntryOf(m.Raw); err == nil {
			r.Ledger, r.Entry, r.Proof = origin, &at, pathOf("ledger", "receipts", v.UID)
		}
	}
	switch {
	case v.Invalid != "":
		r.Reason = v.Invalid
	case len(v.Marks) > 0:
		r.Reason = "marked " + v.Marks[0]
	}
	return r, nil
}

// eventsParquet writes events with the columns of the archive's segments.
func eventsParquet(ctx context.Context, r *reading[event.Event], w io.Writer) error {
	list := make([]event.Row, 0, len(r.list))
	for i := range r.list {
		row, err := r.list[i].Row()
		if err != nil {
			return err
		}
		list = append(list, row)
	}
	as := reading[event.Row]{rows: rows[event.Row]{list: list}, s: r.s, from: r.from}
	return as.write(ctx, w, "parquet", nil)
}
