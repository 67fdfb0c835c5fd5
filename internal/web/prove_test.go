package web

import (
	"bytes"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/bundle"
	"github.com/bandish/bandish/ledger"
)

// A correction is shown on the page of what it corrects, also where the page was
// made before, and nowhere else.
func TestCorrectionOnItsPage(t *testing.T) {
	s := serveAt(t, time.Date(2024, 12, 2, 12, 0, 0, 0, time.UTC))
	s.load(filepath.Join(shared(t), "series", "kenya-2024-telegram.org-observations.csv.gz"))
	_, page := s.get("/events/ke-telegram-2024q4")
	_, uid, _ := strings.Cut(page, `href="/m/`)
	uid, _, _ = strings.Cut(uid, `"`)
	claim := s.site.Records.Case("pk-2024-x").Claims[0].ID
	pages := map[string]string{"pk-2024-x/" + claim: "/cases/pk-2024-x/claim/" + claim, "KE/telegram": "/cc/KE/telegram", "ke-telegram-2024q4": "/events/ke-telegram-2024q4", "pk-2024-x": "/cases/pk-2024-x", uid: "/m/" + uid}
	for _, path := range pages {
		if code, text := s.get(path); code != 200 || strings.Contains(text, "Correction of") {
			t.Errorf("%s: %d, and a correction before there is one", path, code)
		}
	}
	for of := range pages {
		if _, err := s.p.Archive.Append(t.Context(), ledger.Entry{Type: ledger.TypeCorrection, Correction: &ledger.Correction{Of: of, Text: "Wrong was <what> we said of " + of + "."}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.p.Archive.ReadLedger(t.Context()); err != nil { // as the server does from time to time
		t.Fatal(err)
	}
	for of, path := range pages {
		want := 1
		if strings.HasPrefix(of, "pk-2024-x") { // a case shows those of its statements, and these that of the case
			want = 2
		}
		_, text := s.get(path)
		if !strings.Contains(text, "Wrong was &lt;what&gt; we said of "+of+".") || strings.Count(text, "Correction of") != want {
			t.Errorf("%s does not show its correction, or others", path)
		}
		if _, urdu := s.get("/ur" + path); !strings.Contains(urdu, "Wrong was &lt;what&gt; we said of "+of+".") {
			t.Errorf("/ur%s does not show its correction", path)
		}
	}
	s.site.Ledger = s.p.Archive.Log()
	_, entries := s.get("/ledger")
	for of, path := range pages {
		if !strings.Contains(entries, `href="`+path+`">This server takes back what it said: Wrong was &lt;what&gt; we said of `+of) {
			t.Errorf("the correction of %s does not lead to %s", of, path)
		}
	}
}

// Each page of something that can be proved leads to its evidence, which holds.
func TestEvidenceOfAPage(t *testing.T) {
	dir := shared(t)
	s := serveAt(t, time.Date(2024, 12, 2, 12, 0, 0, 0, time.UTC))
	s.load(filepath.Join(dir, "series", "kenya-2024-telegram.org-observations.csv.gz"))
	key, err := s.p.Archive.Log().Key()
	if err != nil {
		t.Fatal(err)
	}
	_, event := s.get("/events/ke-telegram-2024q4")
	_, uid, _ := strings.Cut(event, `href="/m/`)
	uid, _, _ = strings.Cut(uid, `"`)
	for path, proves := range map[string]string{"/events/ke-telegram-2024q4": "the dated ban ke-telegram-2024q4 follows", "/cc/KE/telegram": "the counts of telegram in KE follow", "/cases/pk-2024-x": "", "/m/" + uid: "verdicts follow"} {
		_, page := s.get(path)
		_, of, ok := strings.Cut(page, `name="of" value="`)
		of, _, _ = strings.Cut(of, `"`)
		if !ok {
			t.Errorf("%s leads to no evidence", path)
			continue
		}
		resp, text := s.answerOf("/bundle?of=" + url.QueryEscape(of))
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/zip" {
			t.Errorf("%s: %s: %.200s", path, resp.Status, text)
			continue
		}
		r := bundle.Verify(bytes.NewReader([]byte(text)), int64(len(text)), bundle.Options{Key: key})
		if r.False() || !strings.Contains(r.Text(), "PROVED      ") || !strings.Contains(r.Text(), proves) {
			t.Errorf("%s: %s", path, r.Text())
		}
	}
	for path, want := range map[string]int{"/bundle": 400, "/bundle?of=no-such": 404, "/bundle?of=" + strings.Repeat("x", 400): 400} {
		if code, _ := s.get(path); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
}
