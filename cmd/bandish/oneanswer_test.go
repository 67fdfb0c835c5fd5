package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/internal/web"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/targets"
)

const kenya = "series/kenya-2024-telegram.org-observations.csv.gz"

// sharedPath names a file of real data that the repository may not hold.
func sharedPath(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("BANDISH_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not at hand: name the folder of the real data in BANDISH_SHARED", name)
	}
	return path
}

// bandishDo runs a command.
func bandishDo(t *testing.T, args ...string) {
	t.Helper()
	var errs bytes.Buffer
	env := &environment{stdin: &bytes.Buffer{}, stdout: io.Discard, stderr: &errs, getenv: func(string) string { return "" }}
	if code := run(t.Context(), env, args); code != 0 {
		t.Fatalf("bandish %v: exit %d\n%s", args, code, errs.String())
	}
}

// siteOver serves the pages of a data folder.
func siteOver(t *testing.T, data string) func(path string, into any) {
	t.Helper()
	a, err := archive.OpenExisting(data)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(a, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	reg, err := target.Load(targets.FS)
	if err != nil {
		t.Fatal(err)
	}
	site := &web.Site{Desk: newDesk(data, st, rec, reg), Store: st, Targets: reg, Records: rec, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	srv := httptest.NewServer(site.Handler())
	t.Cleanup(srv.Close)
	return func(path string, into any) {
		t.Helper()
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		resp, err := http.Get(srv.URL + path + sep + "format=json")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %d, %v, %s", path, resp.StatusCode, err, body)
		}
		if err := json.Unmarshal(body, into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
}

// One question has one answer: the page of the target, that of the country,
// the start page, the events, a claim checked and the commands say the same
// state, dates and counts, on days before, within and after a real ban.
func TestEverySurfaceSaysTheSame(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	bandishDo(t, "import", "--data", data, sharedPath(t, kenya))
	get := siteOver(t, data)
	var events []event.Event
	get("/events", &events)
	var listed []event.Event
	bandishJSON(t, &listed, "events", "--data", data)
	if len(events) != 1 || !reflect.DeepEqual(events, listed) {
		t.Fatalf("the page has %d events, the command %d", len(events), len(listed))
	}
	ban := events[0]
	for _, day := range []string{"", "2024-11-01", "2024-11-05", "2024-11-07", "2024-11-08", "2024-11-10", "2024-11-13", "2024-11-20", "2024-11-21", "2024-11-23", "2024-11-25", "2024-11-29"} {
		args, query := []string{"status", "--data", data, "--cc", "KE", "--target", "telegram"}, ""
		if day != "" {
			args, query = append(args, "--at", day), "?at="+day
		}
		var told, shown inquiry.Answered
		bandishJSON(t, &told, args...)
		get("/cc/KE/telegram"+query, &shown)
		if !reflect.DeepEqual(told, shown) {
			t.Errorf("%s: the command says\n%+v\nthe page says\n%+v", day, told, shown)
		}
		var country struct {
			Targets []answer.Answer `json:"targets"`
		}
		get("/cc/KE"+query, &country)
		if len(country.Targets) == 0 || !reflect.DeepEqual(alike(country.Targets, "telegram"), alike([]answer.Answer{shown.Answer}, "telegram")) {
			t.Errorf("%s: the country's page says %+v, the target's %+v", day, country.Targets, shown.Answer)
		}
		if shown.Event != "" && shown.Event != ban.ID {
			t.Errorf("%s: the ban is %s, want %s", day, shown.Event, ban.ID)
		}
		if shown.Event != "" && (!shown.Since.Latest.Equal(*ban.Onset.Latest) || !shown.Until.Earliest.Equal(*ban.End.Earliest)) {
			t.Errorf("%s: since %v until %v, the event has %v and %v", day, shown.Since, shown.Until, ban.Onset, ban.End)
		}
		if day != "" {
			checkClaimOf(t, get, data, day, &shown)
		}
	}
	checkBans(t, data, &ban)
	checkCase(t, get, data, &ban)
}

// checkBans looks for the dated ban among all bans by length.
func checkBans(t *testing.T, data string, e *event.Event) {
	t.Helper()
	var ranked struct {
		Bans []struct {
			Reports []struct {
				Origin     struct{ Dataset, ID string }
				Start, End time.Time
			}
		}
	}
	bandishJSON(t, &ranked, "bans", "--data", data, "--cc", "KE", "--target", "telegram")
	found := 0
	for _, b := range ranked.Bans {
		for _, r := range b.Reports {
			if r.Origin.Dataset != "measured" {
				continue
			}
			found++
			if r.Origin.ID != e.ID || r.Start.Format(time.DateOnly) != e.Onset.Latest.Format(time.DateOnly) || r.End.Format(time.DateOnly) != e.End.Earliest.Format(time.DateOnly) {
				t.Errorf("the bans have %s from %s to %s, the event %v and %v", r.Origin.ID, r.Start, r.End, e.Onset, e.End)
			}
		}
	}
	if found != 1 {
		t.Errorf("the measured ban stands %d times among the bans", found)
	}
}

// checkCase looks at the clock of the case, by page and by command.
func checkCase(t *testing.T, get func(string, any), data string, e *event.Event) {
	t.Helper()
	var shown struct {
		Case casefile.Case `json:"case"`
	}
	var told casefile.Case
	get("/cases/ke-2024-telegram", &shown)
	bandishJSON(t, &told, "record", "show", "ke-2024-telegram", "--data", data)
	if !reflect.DeepEqual(told.Computed, shown.Case.Computed) {
		t.Error("the command and the page show the case otherwise")
	}
	for _, p := range shown.Case.Computed.Clock.Points {
		var want *event.Interval
		switch p.Turn {
		case casefile.Lost:
			want = &e.Onset
		case casefile.Returned:
			want = e.End
		default:
			continue
		}
		from, to := p.Date.Bounds(time.UTC)
		if p.From != casefile.FromMeasurements || p.Ref != e.ID || from.After(want.Latest.Add(time.Second)) || to.Before(*want.Earliest) || to.Sub(from) > 48*time.Hour {
			t.Errorf("the case's clock has %s at %s from %s (%s), the event %v", p.Turn, p.Date, p.From, p.Ref, want)
		}
	}
}

// alike is the answer on a target, for comparing.
func alike(list []answer.Answer, target string) *answer.Answer {
	for i := range list {
		if list[i].Target == target {
			return &list[i]
		}
	}
	return nil
}

// checkClaimOf compares the answer to a claim, by page and by command, with the
// answer for the day.
func checkClaimOf(t *testing.T, get func(string, any), data, day string, a *inquiry.Answered) {
	t.Helper()
	var told, shown casefile.Answer
	bandishJSON(t, &told, "check", "--data", data, "--cc", "KE", "--target", "telegram", "--at", day, "--claim", "accessible")
	get("/check?target=telegram&cc=KE&at="+day+"&claim=accessible", &shown)
	if !reflect.DeepEqual(told, shown) {
		t.Errorf("%s: the command checks %+v, the page %+v", day, told, shown)
	}
	for _, n := range a.Networks {
		for _, m := range shown.Measured.Networks {
			if uint32(m.ASN) == n.ASN && n.State.Accuses() && m.Reading == casefile.ReadOK {
				t.Errorf("%s: %s is %s on the page and ok to a claim", day, m.ASN, n.State)
			}
		}
	}
}

// What was known on a day uses nothing that was received later: it is what an
// archive says that was filled on that day.
func TestKnownOnADay(t *testing.T) {
	whole, then := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "then")
	bandishDo(t, "import", "--data", whole, sharedPath(t, kenya))
	bandishDo(t, "import", "--data", then, rowsBefore(t, sharedPath(t, kenya), "2024-11-11"))
	var known, was inquiry.Answered
	bandishJSON(t, &known, "status", "--data", whole, "--cc", "KE", "--target", "telegram", "--as-of", "2024-11-10")
	bandishJSON(t, &was, "status", "--data", then, "--cc", "KE", "--target", "telegram", "--at", "2024-11-10")
	if known.Clock == "" || known.Known == nil || !strings.Contains(known.Sentence, "what was known at the end of 10 November 2024") {
		t.Errorf("the clock is not said: %+v", known)
	}
	if known.State != was.State || !reflect.DeepEqual(known.Counts, was.Counts) || !reflect.DeepEqual(known.Since, was.Since) || !reflect.DeepEqual(known.Networks, was.Networks) {
		t.Errorf("known is %s\n%+v\nan archive of that day says %s\n%+v", known.Sentence, known.Networks, was.Sentence, was.Networks)
	}
	if known.Until != nil {
		t.Errorf("on 10 November the end was known: %v", known.Until)
	}
	get := siteOver(t, whole)
	var shown inquiry.Answered
	if get("/cc/KE/telegram?as-of=2024-11-10", &shown); !reflect.DeepEqual(shown, known) {
		t.Errorf("the page says %+v, the command %+v", shown, known)
	}
}

// rowsBefore writes the rows of a packed CSV that were made before a day.
func rowsBefore(t *testing.T, path, day string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(z)
	in.Buffer(nil, 1<<20)
	var out []string
	column := -1
	for in.Scan() {
		fields := strings.Split(in.Text(), ",")
		if column < 0 {
			for i, name := range fields {
				if name == "measurement_start_time" {
					column = i
				}
			}
			if column < 0 {
				t.Fatalf("no column of times in %v", fields)
			}
			out = append(out, in.Text())
			continue
		}
		if len(fields) > column && strings.Trim(fields[column], `"`) < day {
			out = append(out, in.Text())
		}
	}
	if len(out) < 100 {
		t.Fatalf("only %d rows before %s", len(out), day)
	}
	name := filepath.Join(t.TempDir(), "before.csv")
	if err := os.WriteFile(name, []byte(strings.Join(out, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// The record and the lists answer where nothing was measured.
func TestAnswersWithoutMeasurements(t *testing.T) {
	data := filepath.Join(t.TempDir(), "none")
	var a inquiry.Answered
	bandishJSON(t, &a, "status", "--data", data, "--cc", "PK", "--target", "x", "--at", "2024-06-01")
	if a.State != "blocked" || a.Basis != answer.Reported || len(a.Cases) != 1 || a.Cases[0].ID != "pk-2024-x" {
		t.Errorf("in the ban: %+v", a)
	}
	bandishJSON(t, &a, "status", "--data", data, "--cc", "PK", "--target", "x")
	want := regexp.MustCompile(`^X was blocked in Pakistan from 17 February 2024 to 7 May 2025, (444 to )?445 days, as sources report \(record pk-2024-x`)
	if a.State != "insufficient" || !want.MatchString(a.Sentence) || !strings.Contains(a.Sentence, "This archive holds no measurements") {
		t.Errorf("today: %s, %s", a.State, a.Sentence)
	}
}
