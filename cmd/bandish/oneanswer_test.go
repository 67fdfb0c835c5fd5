package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/api"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/assistant"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/internal/web"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/targets"
)

const kenya = "series/kenya-2024-telegram.org-observations.csv.gz"

// sharedDir is the folder of the real data that the repository may not hold.
func sharedDir() string {
	if dir := os.Getenv("BANDISH_SHARED"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared")
}

// sharedPath names a file of real data that the repository may not hold.
func sharedPath(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(sharedDir(), name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not at hand: name the folder of the real data in BANDISH_SHARED", name)
	}
	return path
}

// kenyaData is an archive with a real ban, made once for all tests that only ask it.
var kenyaData = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(made, "kenya")
	var errs bytes.Buffer
	env := &environment{stdin: &bytes.Buffer{}, stdout: io.Discard, stderr: &errs, getenv: func(string) string { return "" }}
	if code := run(context.Background(), env, []string{"import", "--data", dir, filepath.Join(sharedDir(), kenya)}); code != 0 {
		return "", fmt.Errorf("import: exit %d: %s", code, &errs)
	}
	return dir, nil
})

func kenyaArchive(t *testing.T) string {
	t.Helper()
	sharedPath(t, kenya) // skips where it is not at hand
	dir, err := kenyaData()
	if err != nil {
		t.Fatal(err)
	}
	return dir
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

// serverOver serves a data folder as `bandish serve` does, and gives its address.
func serverOver(t *testing.T, data string) string {
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
	log, desk := slog.New(slog.DiscardHandler), newDesk(data, st, rec, reg)
	site := &web.Site{Desk: desk, Store: st, Targets: reg, Records: rec, Now: time.Now, Log: log}
	programs := api.New(&api.Server{Desk: desk, Store: st, Targets: reg, Records: rec, Now: time.Now, Log: log})
	helper := &assistant.Server{Desk: desk, Records: rec, BaseURL: "https://bandish.example", Log: log}
	srv := httptest.NewServer(answers(site.Handler(), programs, helper))
	t.Cleanup(srv.Close)
	return srv.URL
}

// siteOver asks the pages of a data folder.
func siteOver(t *testing.T, data string) func(path string, into any) {
	t.Helper()
	ask := asking(t, serverOver(t, data))
	return func(path string, into any) {
		t.Helper()
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		ask(path+sep+"format=json", into)
	}
}

// asking reads JSON from a server.
func asking(t *testing.T, base string) func(path string, into any) {
	return func(path string, into any) {
		t.Helper()
		resp, err := http.Get(base + path)
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
	data := kenyaArchive(t)
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
		if shown.State.Accuses() && (!shown.Since.Latest.Equal(*ban.Onset.Latest) || !shown.Until.Earliest.Equal(*ban.End.Earliest)) {
			t.Errorf("%s: since %v until %v, the event has %v and %v", day, shown.Since, shown.Until, ban.Onset, ban.End)
		}
		if day != "" {
			checkClaimOf(t, get, data, day, &shown)
		}
	}
	checkBans(t, data, &ban)
	checkCase(t, get, data, &ban)
}

// Programs and assistants get what pages and commands say: the same state, dates
// and counts by the API, by MCP over both ways, by the command and by the feeds.
func TestProgramsAndAssistantsSayTheSame(t *testing.T) {
	data := kenyaArchive(t)
	base := serverOver(t, data)
	get := asking(t, base)
	sessions := map[string]*mcp.ClientSession{"HTTP": sessionOver(t, &mcp.StreamableClientTransport{Endpoint: base + "/mcp", DisableStandaloneSSE: true}), "stdio": sessionOver(t, stdio(t, data))}
	for _, day := range []string{"", "2024-11-05", "2024-11-08", "2024-11-20", "2024-11-22", "2024-11-29"} {
		args, q, asked := []string{"status", "--data", data, "--cc", "KE", "--target", "telegram"}, url.Values{"country": {"KE"}, "target": {"telegram"}}, map[string]any{"country": "KE", "target": "telegram"}
		page := "/cc/KE/telegram?format=json"
		if day != "" {
			args, page = append(args, "--at", day), page+"&at="+day
			q.Set("at", day)
			asked["at"] = day
		}
		var told, shown, given inquiry.Answered
		bandishJSON(t, &told, args...)
		get(page, &shown)
		get("/api/v1/answer?"+q.Encode(), &given)
		if !reflect.DeepEqual(told, shown) || !reflect.DeepEqual(told, given) {
			t.Errorf("%s: the command says\n%+v\nthe page says\n%+v\nthe API says\n%+v", day, told, shown, given)
		}
		for way, s := range sessions {
			var said struct {
				assistant.Said
				Value answer.Answer `json:"value"`
			}
			callTool(t, s, "is_blocked", asked, &said)
			if !reflect.DeepEqual(said.Value, told.Answer) || said.State != told.State || !reflect.DeepEqual(*said.Counts, told.Counts) || said.Text != told.Sentence {
				t.Errorf("%s: the assistant says by %s\n%+v\nthe command says\n%+v", day, way, said, told.Answer)
			}
			for _, uid := range told.Evidence[:min(1, len(told.Evidence))] {
				var one struct {
					Value inquiry.Measurement `json:"value"`
				}
				var row inquiry.Measurement
				callTool(t, s, "evidence_for", map[string]any{"measurement_uid": uid}, &one)
				if get("/api/v1/verdicts/"+url.PathEscape(uid), &row); !reflect.DeepEqual(one.Value, row) {
					t.Errorf("the evidence of %s by %s is %+v, by the API %+v", uid, way, one.Value, row)
				}
			}
		}
	}
	var events struct{ Results []event.Event }
	get("/api/v1/events?country=KE", &events)
	var listed []event.Event
	bandishJSON(t, &listed, "events", "--data", data)
	if len(listed) != 1 || !reflect.DeepEqual(events.Results, listed) {
		t.Fatalf("the API has the events %+v, the command %+v", events.Results, listed)
	}
	feedOf(t, get, &listed[0])
}

// feedOf looks for the beginning and the end of a dated ban in the feeds, in the
// API's changes and in the history that an assistant gets.
func feedOf(t *testing.T, get func(string, any), e *event.Event) {
	t.Helper()
	var feed struct {
		Items []struct {
			Title     string
			Published time.Time `json:"date_published"`
			URL       string
		}
	}
	var changes struct{ Results []inquiry.Change }
	get("/cc/KE/telegram/feed.json", &feed)
	get("/api/v1/changes?country=KE&target=telegram", &changes)
	for kind, at := range map[string]time.Time{inquiry.BanBegins: *e.Onset.Latest, inquiry.BanEnds: *e.End.Latest} {
		found := 0
		for _, c := range changes.Results {
			if c.Kind != kind {
				continue
			}
			found++
			if !c.At.Equal(at) || c.Event != e.ID {
				t.Errorf("%s of %s is at %s, the event's at %s", kind, c.Event, c.At, at)
			}
			for _, item := range feed.Items {
				if strings.HasPrefix(item.Title, map[string]string{inquiry.BanBegins: "Ban begins", inquiry.BanEnds: "Ban ends"}[kind]) && strings.HasSuffix(item.URL, c.Path) && item.Published.Equal(at) {
					found++
				}
			}
		}
		if found != 2 {
			t.Errorf("%s stands %d times in changes and feed, want once in each", kind, found)
		}
	}
}

// sessionOver is an assistant's session.
func sessionOver(t *testing.T, by mcp.Transport) *mcp.ClientSession {
	t.Helper()
	s, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), by, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// stdio runs `bandish mcp` and is the way to it.
func stdio(t *testing.T, data string) mcp.Transport {
	t.Helper()
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		env := &environment{stdin: in, stdout: out, stderr: io.Discard, getenv: func(string) string { return "" }}
		ended <- run(t.Context(), env, []string{"mcp", "--data", data, "--base-url", "https://bandish.example"})
		out.Close()
	}()
	t.Cleanup(func() {
		toServer.Close()
		if code := <-ended; code != 0 {
			t.Errorf("bandish mcp: exit %d", code)
		}
	})
	return &mcp.IOTransport{Reader: fromServer, Writer: toServer}
}

// callTool reads what a tool answers.
func callTool(t *testing.T, s *mcp.ClientSession, name string, arguments map[string]any, into any) {
	t.Helper()
	r, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: arguments})
	if err != nil || r.IsError {
		t.Fatalf("%s %v: %v %+v", name, arguments, err, r)
	}
	b, err := json.Marshal(r.StructuredContent)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatalf("%s %v: %v", name, arguments, err)
	}
}

// checkBans looks for the dated ban among all bans by length.
func checkBans(t *testing.T, data string, e *event.Event) {
	t.Helper()
	var ranked struct {
		Bans []struct {
			Ban struct {
				Reports []struct {
					Origin  struct{ Dataset, ID string }
					Start   string
					StartBy string `json:"start_by"`
					EndFrom string `json:"end_from"`
					End     string
				}
			}
		}
	}
	bandishJSON(t, &ranked, "bans", "--data", data, "--cc", "KE", "--target", "telegram")
	found := 0
	for _, b := range ranked.Bans {
		for _, r := range b.Ban.Reports {
			if r.Origin.Dataset != "measured" {
				continue
			}
			found++
			if r.Origin.ID != e.ID || [2]string{r.Start, cmp.Or(r.StartBy, r.Start)} != days(&e.Onset) || [2]string{cmp.Or(r.EndFrom, r.End), r.End} != days(e.End) {
				t.Errorf("the bans have %+v, the event %v and %v", r, e.Onset, e.End)
			}
		}
	}
	if found != 1 {
		t.Errorf("the measured ban stands %d times among the bans", found)
	}
}

// days are the first and the last day of an interval.
func days(i *event.Interval) [2]string {
	return [2]string{i.Earliest.Format(time.DateOnly), i.Latest.Add(-time.Second).Format(time.DateOnly)}
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
	whole, then := kenyaArchive(t), filepath.Join(t.TempDir(), "then")
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
	want := regexp.MustCompile(`^X was blocked in Pakistan from 17 February 2024 to 7 May 2025, (444 to )?445 days, as sources report \(the case record`)
	if a.State != "insufficient" || !want.MatchString(a.Sentence) || !strings.Contains(a.Sentence, "This archive holds no measurements") {
		t.Errorf("today: %s, %s", a.State, a.Sentence)
	}
}

// The bans of a day are the same for the command and on the page.
func TestBansOfADay(t *testing.T) {
	data := filepath.Join(t.TempDir(), "archive")
	bandishDo(t, "import", "--data", data, sharedPath(t, kenya))
	get := siteOver(t, data)
	for _, day := range []string{"2024-11-06", "2024-11-07", "2024-11-15", "2024-11-23", "2024-12-31"} {
		type one struct {
			Length ban.Length
			Ban    struct{ ID string }
		}
		var listed struct{ Bans []one }
		var shown []one
		bandishJSON(t, &listed, "bans", "--data", data, "--target", "telegram", "--as-of", day)
		get("/bans?at="+day, &shown)
		shown = slices.DeleteFunc(shown, func(b one) bool { return !strings.Contains(b.Ban.ID, "-telegram-") })
		told := listed.Bans
		if len(told) == 0 || len(told) != len(shown) {
			t.Fatalf("%s: the command lists %d bans, the page %d", day, len(told), len(shown))
		}
		for i := range told { // their ranks are among other bans
			if told[i] != shown[i] {
				t.Errorf("%s: the command says %+v, the page %+v", day, told[i], shown[i])
			}
		}
	}
}
