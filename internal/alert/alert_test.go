package alert

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/event"
)

var noon = time.Date(2024, 2, 17, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

func noSleep(context.Context, time.Duration) error { return nil }

func revision(id string, action event.Action) event.Revision {
	latest := noon
	return event.Revision{Action: action, ID: id, Why: "because",
		Event: event.Event{ID: id, Target: "x", Targets: []string{"x"}, Scope: "x on 2 networks", CC: "ZZ", State: event.Ongoing, Onset: event.Interval{Latest: &latest}}}
}

func open(t *testing.T, dir string) *Journal {
	t.Helper()
	l, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func announce(t *testing.T, l *Journal, r event.Revision) Alert {
	t.Helper()
	a, err := l.Append(noon, r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestJournalKeepsWhatWasAnnounced(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	announce(t, l, revision("a", event.Announced))
	announce(t, l, revision("b", event.Announced))
	announce(t, l, revision("a", event.Withdrawn))
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("opened twice: %v", err)
	}
	l.Close()
	l = open(t, dir)
	if n := len(l.Alerts()); n != 3 {
		t.Fatalf("%d alerts", n)
	}
	if got := l.Announced(); len(got) != 1 || got["b"].Scope != "x on 2 networks" {
		t.Errorf("announced %v", got)
	}
	if a := announce(t, l, revision("c", event.Announced)); a.Seq != 4 || a.Prev == "" {
		t.Errorf("%+v", a)
	}
}

func TestJournalDamage(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "ledger.jsonl")
	l := open(t, dir)
	announce(t, l, revision("a", event.Announced))
	announce(t, l, revision("b", event.Announced))
	l.Close()
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	// Cut off in the middle of a line: the rest stands, and goes on.
	if err := os.WriteFile(name, append(whole, `{"seq":3,"ti`...), 0o644); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	announce(t, l, revision("c", event.Announced))
	l.Close()
	l = open(t, dir)
	if n := len(l.Alerts()); n != 3 {
		t.Errorf("%d alerts, want 3", n)
	}
	l.Close()
	// Changed: refused.
	if err := os.WriteFile(name, []byte(strings.Replace(string(whole), "because", "becausE", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a changed journal: %v", err)
	}
}

// A write that fails announces nothing and leaves the file as it was.
func TestAppendFails(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	announce(t, l, revision("a", event.Announced))
	good := l.alerts
	broken, err := os.Open(filepath.Join(dir, "ledger.jsonl")) // cannot be written
	if err != nil {
		t.Fatal(err)
	}
	l.alerts = broken
	if _, err := l.Append(noon, revision("b", event.Announced)); err == nil {
		t.Error("no error")
	}
	broken.Close()
	l.alerts = good
	if a := announce(t, l, revision("b", event.Announced)); a.Seq != 2 {
		t.Errorf("seq %d", a.Seq)
	}
}

// fake is a channel that fails as often as it is told.
type fake struct {
	fails int
	got   []int
	lost  bool // it takes the alert and yet reports failure
}

func (f *fake) Name() string { return "fake" }

func (f *fake) Send(_ context.Context, a Alert) (string, error) {
	if f.fails > 0 {
		f.fails--
		if f.lost {
			f.got = append(f.got, a.Seq)
		}
		return "", errors.New("out of order")
	}
	f.got = append(f.got, a.Seq)
	return "fine", nil
}

func deliveries(t *testing.T, dir string) []Delivery {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "deliveries.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []Delivery
	for s := bufio.NewScanner(f); s.Scan(); {
		var d Delivery
		if err := json.Unmarshal(s.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		out = append(out, d)
	}
	return out
}

func TestDeliverRetriesInOrderAndOnce(t *testing.T) {
	for _, lost := range []bool{false, true} {
		dir := t.TempDir()
		l := open(t, dir)
		announce(t, l, revision("before", event.Announced))
		f := &fake{fails: 2, lost: lost}
		if err := l.Subscribe(f, false, noon); err != nil {
			t.Fatal(err)
		}
		announce(t, l, revision("a", event.Announced))
		announce(t, l, revision("b", event.Announced))
		if err := l.Deliver(t.Context(), []Channel{f}, clock, noSleep); err != nil {
			t.Fatal(err)
		}
		want := "[2 3]"
		if lost { // at least once: the receiver tells by the seq
			want = "[2 2 2 3]"
		}
		if got := fmt.Sprint(f.got); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if n := len(deliveries(t, dir)); n != 5 { // subscribed, three attempts, one
			t.Errorf("%d lines", n)
		}
		l.Close()
		l = open(t, dir) // what was delivered is remembered
		if err := l.Deliver(t.Context(), []Channel{f}, clock, noSleep); err != nil || fmt.Sprint(f.got) != want {
			t.Errorf("again: %v, %v", f.got, err)
		}
	}
}

// A round that fails is tried again in the next, after a restart too, and
// holds up what comes later.
func TestDeliverLater(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	f := &fake{fails: attemptsARound + 1}
	if err := l.Subscribe(f, false, noon); err != nil {
		t.Fatal(err)
	}
	announce(t, l, revision("a", event.Announced))
	announce(t, l, revision("b", event.Announced))
	if err := l.Deliver(t.Context(), []Channel{f}, clock, noSleep); err == nil || len(f.got) > 0 {
		t.Fatalf("got %v, %v", f.got, err)
	}
	l.Close()
	l = open(t, dir)
	if err := l.Deliver(t.Context(), []Channel{f}, clock, noSleep); err != nil || fmt.Sprint(f.got) != "[1 2]" {
		t.Errorf("got %v, %v", f.got, err)
	}
}

func TestWebhookSigns(t *testing.T) {
	secret := []byte("a secret of some length")
	var body []byte
	var header http.Header
	status := http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		header = r.Header
		w.WriteHeader(status)
	}))
	defer srv.Close()
	h, err := NewWebhook(srv.URL+"/hook?token=hidden", secret, false, clock)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(h.Name(), "hidden") {
		t.Errorf("the name shows the token: %s", h.Name())
	}
	a := Alert{Seq: 7, Time: noon, Revision: revision("a", event.Announced)}
	if _, err := h.Send(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if got := header.Get("Bandish-Signature"); got != Sign(secret, body, noon) || got == Sign([]byte("another"), body, noon) {
		t.Errorf("signature %q", got)
	}
	var back Alert
	if err := json.Unmarshal(body, &back); err != nil || back.Seq != 7 || back.Event.Scope != "x on 2 networks" || back.Action != event.Announced {
		t.Errorf("body %s: %v", body, err)
	}
	status = http.StatusFound // redirects are not followed
	if _, err := h.Send(t.Context(), a); err == nil {
		t.Error("a redirect was taken for success")
	}
	srv.Close()
	if _, err := h.Send(t.Context(), a); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("error %v", err)
	}
	for _, bad := range []string{"", "ftp://h/", "file:///etc/passwd", "hook"} {
		if _, err := NewWebhook(bad, nil, false, clock); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// TestMail speaks SMTP with a server that takes one message.
func TestMail(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	got := make(chan string, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		got <- smtpServer(c)
	}()
	m, err := NewMail(ln.Addr().String(), "Bandish <bandish@example.org>", "reader@example.org", "", "", false, clock)
	if err != nil {
		t.Fatal(err)
	}
	r := revision("zz-x-2024-1", event.Over)
	r.Event.Scope = "x\r\nBcc: all@example.org"
	if _, err := m.Send(t.Context(), Alert{Seq: 3, Time: noon, Revision: r}); err != nil {
		t.Fatal(err)
	}
	text := <-got
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	if !strings.Contains(head, "To: <reader@example.org>") || !strings.Contains(head, "Subject: ") || strings.Contains(head, "\r\nBcc:") {
		t.Errorf("header:\n%s", head)
	}
	if !strings.Contains(body, "Unblocked") || !strings.Contains(body, "Why: because") {
		t.Errorf("body:\n%s", body)
	}
	for _, bad := range [][3]string{{"localhost", "a@b.c", "a@b.c"}, {"h:25", "", "a@b.c"}, {"h:25", "a@b.c", "nobody"}} {
		if _, err := NewMail(bad[0], bad[1], bad[2], "", "", false, clock); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

func smtpServer(c net.Conn) string {
	r := bufio.NewReader(c)
	say := func(s string) { fmt.Fprintf(c, "%s\r\n", s) }
	say("220 test")
	var text strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return text.String()
		}
		switch verb := strings.ToUpper(strings.TrimSpace(line)); {
		case verb == "DATA":
			say("354 go on")
			for {
				line, err := r.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				text.WriteString(line)
			}
			say("250 taken")
		case verb == "QUIT":
			say("221 bye")
			return text.String()
		default:
			say("250 ok")
		}
	}
}
