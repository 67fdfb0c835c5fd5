package ban

import (
	"encoding/json"
	"time"
)

// dayText writes a day as "2024-02-17", and the zero time as null.
func dayText(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.Format(time.DateOnly)
	return &s
}

// MarshalJSON writes the report with each day as "2024-02-17".
func (r Report) MarshalJSON() ([]byte, error) {
	type plain Report
	return json.Marshal(struct {
		plain
		Start   *string `json:"start"`
		StartBy *string `json:"start_by,omitempty"`
		End     *string `json:"end"`
		EndFrom *string `json:"end_from,omitempty"`
		Known   *string `json:"known"`
	}{plain(r), dayText(r.Start), dayText(r.StartBy), dayText(r.End), dayText(r.EndFrom), dayText(r.Known)})
}

// MarshalJSON writes the ban with each day as "2024-02-17".
func (b Ban) MarshalJSON() ([]byte, error) {
	type plain Ban
	return json.Marshal(struct {
		plain
		Start   *string `json:"start"`
		StartBy *string `json:"start_by,omitempty"`
		End     *string `json:"end"`
		EndFrom *string `json:"end_from,omitempty"`
		Known   *string `json:"known"`
	}{plain(b), dayText(b.Start), dayText(b.StartBy), dayText(b.End), dayText(b.EndFrom), dayText(b.Known)})
}

// MarshalJSON writes the rank and lengths, and the ban itself under "ban".
func (r Ranked) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Rank     int     `json:"rank"`
		Length   Length  `json:"length"`
		Measured *Length `json:"measured"`
		Shortest int     `json:"shortest_days"`
		Longest  int     `json:"longest_days"`
		Ban      Ban     `json:"ban"`
	}{r.Rank, r.Length, r.Measured, r.Shortest, r.Longest, r.Ban})
}
