package kit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/measurement"
)

// spool keeps measurements until a collector has acknowledged them:
//
//	pending/20240217T000000.000000000Z.json   not yet acknowledged
//	sent/…                                    acknowledged
//	refused/…                                 the collector will never take it
//	receipts.jsonl                            a line for each that was sent
//
// Names sort in the order in which the measurements were added. A document gets its report
// id before it is first sent, and does not change after that. So if an acknowledgement is
// lost, the document is sent again with the same bytes, and the collector recognises it.
type spool struct{ dir string }

func (o *options) spool() spool { return spool{filepath.Join(o.data, "probe")} }

// writeDurably writes a file so that it is there whole or not at all, also after a loss of
// power.
func writeDurably(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is no such file
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// add keeps a measurement.
func (s spool) add(raw []byte, now time.Time) error {
	for {
		path := filepath.Join(s.dir, "pending", now.UTC().Format("20060102T150405.000000000Z")+".json")
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			if err := writeDurably(path, raw); err != nil {
				return fmt.Errorf("keep measurement: %w", err)
			}
			return nil
		}
		now = now.Add(1) // the clock is too coarse to tell two names apart
	}
}

// pending returns the names of what was not acknowledged, oldest first.
func (s spool) pending() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "pending"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	return names, nil
}

// receipt is the collector's acknowledgement of one measurement.
type receipt struct {
	File     string    `json:"file"`
	At       time.Time `json:"at"`
	ReportID string    `json:"report_id"`
	UID      string    `json:"measurement_uid"`
	SHA256   string    `json:"sha256,omitempty"`
}

// collector is where to submit.
type collector struct {
	site *probe.ControlSite
	wire probe.Wire
	now  func() time.Time
}

// submit sends what is pending, in order. It stops at the first document that the
// collector does not take now, and returns how many it took.
func (s spool) submit(ctx context.Context, c collector) (int, error) {
	names, err := s.pending()
	if err != nil {
		return 0, err
	}
	taken := 0
	for _, name := range names {
		r, err := s.send(ctx, c, name)
		if refusedForGood(err) {
			if err := s.move(name, "refused", err); err != nil {
				return taken, err
			}
			continue
		}
		if err != nil {
			return taken, fmt.Errorf("submit %s: %w; it stays in %s and is sent again", name, err, filepath.Join(s.dir, "pending"))
		}
		if err := s.acknowledge(name, r); err != nil {
			return taken, err
		}
		taken++
	}
	return taken, nil
}

// refusedForGood reports whether an answer refuses the document for ever. Other errors are
// about the server: a mistyped address, a proxy.
func refusedForGood(err error) bool {
	if dropped := (*droppedError)(nil); errors.As(err, &dropped) {
		return true
	}
	var status *probe.StatusError
	if !errors.As(err, &status) {
		return false
	}
	switch status.Status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// send submits one document.
func (s spool) send(ctx context.Context, c collector, name string) (receipt, error) {
	path := filepath.Join(s.dir, "pending", name)
	raw, err := os.ReadFile(path)
	if err != nil {
		return receipt{}, err
	}
	m, err := measurement.Decode(raw)
	if err != nil {
		return receipt{}, fmt.Errorf("read %s: %w", path, err)
	}
	if m.ReportID == "" {
		if m.ReportID, err = c.open(ctx, m); err != nil {
			return receipt{}, err
		}
		if raw, err = withReportID(raw, m.ReportID); err != nil {
			return receipt{}, err
		}
		if err := writeDurably(path, raw); err != nil {
			return receipt{}, fmt.Errorf("keep report id: %w", err)
		}
	}
	r := receipt{File: name, At: c.now().UTC(), ReportID: m.ReportID}
	update := map[string]any{"format": "json", "content": json.RawMessage(raw)}
	if err = c.site.Post(ctx, &c.wire, "report/"+m.ReportID, update, &r); err != nil {
		return r, err
	}
	return r, r.complete(m)
}

// complete returns an error if an answer is not a real acknowledgement: OONI's collector
// says yes to a document without a country or a network, and drops it.
func (r *receipt) complete(m *measurement.Measurement) error {
	switch {
	case r.UID != "" || r.SHA256 != "":
		return nil
	case m.ProbeASN == 0 || m.ProbeCC == "ZZ":
		return &droppedError{"the collector gave no receipt: it keeps nothing whose country or network is unknown; name them with --cc and --asn, or give --geo a database"}
	}
	return errors.New("the collector gave no receipt")
}

// droppedError is the error of a document that the collector took and did not keep.
type droppedError struct{ why string }

func (e *droppedError) Error() string { return e.why }

// open asks the collector for the name of a report.
func (c collector) open(ctx context.Context, m *measurement.Measurement) (string, error) {
	var out struct {
		ReportID string `json:"report_id"`
	}
	err := c.site.Post(ctx, &c.wire, "report", map[string]any{
		"data_format_version": m.DataFormatVersion, "format": "json", "probe_asn": m.ProbeASN.String(), "probe_cc": m.ProbeCC,
		"software_name": m.SoftwareName, "software_version": m.SoftwareVersion, "test_name": m.TestName,
		"test_start_time": m.TestStartTime, "test_version": m.TestVersion,
	}, &out)
	if err == nil && out.ReportID == "" {
		err = errors.New("the collector gave no report id")
	}
	return out.ReportID, err
}

// withReportID sets the report id, and changes no other value.
func withReportID(raw []byte, id string) ([]byte, error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	quoted, err := json.Marshal(id)
	if err != nil {
		return nil, err
	}
	doc["report_id"] = quoted
	return json.Marshal(doc)
}

// acknowledge writes the receipt, and then moves the document. If the program crashes in
// between, the document is sent again, and the collector recognises it.
func (s spool) acknowledge(name string, r receipt) error {
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("keep receipt: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(s.dir, "receipts.jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keep receipt: %w", err)
	}
	defer f.Close()
	if _, err := f.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("keep receipt: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("keep receipt: %w", err)
	}
	return s.move(name, "sent", nil)
}

// move takes a document out of the queue. If it was refused, why is written beside it.
func (s spool) move(name, to string, why error) error {
	dir := filepath.Join(s.dir, to)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if why != nil {
		if err := writeDurably(filepath.Join(dir, name+".reason"), []byte(why.Error()+"\n")); err != nil {
			return err
		}
	}
	if err := os.Rename(filepath.Join(s.dir, "pending", name), filepath.Join(dir, name)); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	return syncDir(filepath.Join(s.dir, "pending"))
}
