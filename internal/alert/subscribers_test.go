package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/dial"
)

// post keeps what subscribers were sent.
type post struct {
	mu    sync.Mutex
	mails []string // "to\nsubject\ntext"
}

func (p *post) send(_ context.Context, to, subject, text, stop string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stop == "" {
		return errors.New("a mail without a way to stop")
	}
	p.mails = append(p.mails, to+"\n"+subject+"\n"+text)
	return nil
}

var linkIn = regexp.MustCompile(`https://site\.example/alerts/(confirm|stop)\?\S+`)

// linkOf is what the last mail's link leads to.
func linkOf(t *testing.T, mail string) (what, id, token string) {
	t.Helper()
	u, err := url.Parse(linkIn.FindString(mail))
	if err != nil || u.Path == "" {
		t.Fatalf("no link in %q", mail)
	}
	return strings.TrimPrefix(u.Path, "/alerts/"), u.Query().Get("id"), u.Query().Get("token")
}

func events(ids ...string) []event.Event {
	var out []event.Event
	for _, id := range ids {
		e := revision(id, event.Announced).Event
		e.Kind, e.Target, e.Targets, e.Networks = event.Block, id, []string{id}, []string{"AS64512"}
		out = append(out, e)
	}
	return out
}

func round(t *testing.T, s *Subscribers, found []event.Event) {
	t.Helper()
	channels, err := s.Channels()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Round(t.Context(), s.Dir, found, channels, false, -1, s.Now, noSleep); err != nil {
		t.Fatal(err)
	}
}

// Who asks by mail gets nothing before they confirm, then what they asked for
// and no more, and nothing after they stopped; their address is then nowhere.
func TestSubscriberByMail(t *testing.T) {
	const address = "reader@mail.example"
	p := &post{}
	s := &Subscribers{Dir: t.TempDir(), BaseURL: "https://site.example", Now: clock, SendMail: p.send}
	round(t, s, events("old"))
	if _, token, err := s.Ask(t.Context(), Subscriber{Mail: address, Topic: Topic{CC: "ZZ", Target: "x", Network: "AS64512"}}); err != nil || token != "" {
		t.Fatalf("%v, token %q: only the mail may hold it", err, token)
	}
	if _, _, err := s.Ask(t.Context(), Subscriber{Mail: address}); !errors.Is(err, ErrRefused) {
		t.Errorf("a second mail to confirm: %v", err)
	}
	round(t, s, events("old", "x-before"))
	what, id, token := linkOf(t, p.mails[0])
	if len(p.mails) != 1 || what != "confirm" {
		t.Fatalf("before it was confirmed: %q", p.mails)
	}
	if err := s.Confirm(id, token+"0"); !errors.Is(err, ErrRefused) {
		t.Errorf("a wrong token: %v", err)
	}
	if err := s.Confirm(id, token); err != nil {
		t.Fatal(err)
	}
	round(t, s, events("old", "x-before", "y"))
	round(t, s, events("old", "x-before", "y", "x"))
	if len(p.mails) != 2 || !strings.Contains(p.mails[1], "(x)") {
		t.Fatalf("mails: %q", p.mails)
	}
	for _, name := range []string{"ledger.jsonl", "deliveries.jsonl"} {
		if b, err := os.ReadFile(filepath.Join(s.Dir, name)); err != nil || strings.Contains(string(b), "mail.example") || len(b) == 0 {
			t.Errorf("%s: %v\n%s", name, err, b)
		}
	}
	if st, err := os.Stat(s.file()); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("others may read the addresses: %v %v", st.Mode(), err)
	}
	what, id, token = linkOf(t, p.mails[1])
	if what != "stop" {
		t.Fatalf("an alert without a way to stop: %q", p.mails[1])
	}
	if err := s.Stop(id, token); err != nil {
		t.Fatal(err)
	}
	round(t, s, events("old", "x-before", "y", "x", "x2"))
	if len(p.mails) != 2 {
		t.Errorf("mail after the stop: %q", p.mails[2:])
	}
	filepath.WalkDir(s.Dir, func(path string, d os.DirEntry, err error) error {
		if b, rerr := os.ReadFile(path); rerr == nil && strings.Contains(string(b), "mail.example") {
			t.Errorf("%s still holds the address", path)
		}
		return err
	})
}

// An address that is not confirmed in time is deleted.
func TestUnconfirmedAddressesAreDeleted(t *testing.T) {
	now := noon
	s := &Subscribers{Dir: t.TempDir(), BaseURL: "https://site.example", Now: func() time.Time { return now }, SendMail: (&post{}).send}
	for i, to := range []string{"a@mail.example", "b@mail.example"} {
		now = noon.AddDate(0, 0, 4*i)
		if _, _, err := s.Ask(t.Context(), Subscriber{Mail: to}); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(s.file()); err != nil || strings.Contains(string(b), "a@mail") || !strings.Contains(string(b), "b@mail") {
		t.Errorf("%v %s", err, b)
	}
}

// A webhook must show that it is its owner who asks, gets signed alerts, again
// until it takes them, and never leads into the server's own network.
func TestSubscriberByWebhook(t *testing.T) {
	var mu sync.Mutex
	var got []Alert
	var fail int
	var secret string
	repeat := true
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		b, _ := io.ReadAll(r.Body)
		var v struct{ Type, Challenge, Secret string }
		if json.Unmarshal(b, &v); v.Type == "verify" {
			if secret = v.Secret; repeat {
				fmt.Fprint(w, v.Challenge)
			}
			return
		}
		if r.Header.Get("Bandish-Signature") != Sign([]byte(secret), b, noon) {
			t.Errorf("signature %q", r.Header.Get("Bandish-Signature"))
		}
		if fail--; fail >= 0 {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		var a Alert
		if err := json.Unmarshal(b, &a); err != nil {
			t.Error(err)
		}
		got = append(got, a)
	}))
	defer hook.Close()
	s := &Subscribers{Dir: t.TempDir(), BaseURL: "https://site.example", Now: clock, Dial: &dial.Policy{Private: true}}
	round(t, s, nil)
	repeat = false
	if _, _, err := s.Ask(t.Context(), Subscriber{Webhook: hook.URL + "/?key=secret-in-it"}); !errors.Is(err, ErrRefused) {
		t.Errorf("a webhook that does not repeat the word: %v", err)
	}
	repeat = true
	to, token, err := s.Ask(t.Context(), Subscriber{Webhook: hook.URL + "/?key=secret-in-it", Topic: Topic{Case: "zz-x", CC: "ZZ", Targets: []string{"x"}}})
	if err != nil || token == "" || to.Secret != secret {
		t.Fatalf("%v, token %q, secret %q", err, token, to.Secret)
	}
	round(t, s, nil)
	fail = 2
	round(t, s, events("x", "y"))
	if len(got) != 1 || got[0].ID != "x" {
		t.Fatalf("alerts %+v", got)
	}
	b, err := os.ReadFile(filepath.Join(s.Dir, "deliveries.jsonl"))
	if err != nil || strings.Contains(string(b), "secret-in-it") || strings.Count(string(b), `"ok":false`) != 2 {
		t.Errorf("deliveries: %v\n%s", err, b)
	}
	s.Dial = nil
	if _, _, err := s.Ask(t.Context(), Subscriber{Webhook: strings.Replace(hook.URL, "http:", "https:", 1)}); !errors.Is(err, ErrRefused) {
		t.Errorf("a webhook of the server's own network: %v", err)
	}
	if err := s.Stop(to.ID, token); err != nil {
		t.Fatal(err)
	}
}

// Several processes share one journal: each change is announced once, and each
// sees what the others announced.
func TestOneLedgerForAll(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, _, err := Round(t.Context(), dir, events("a", "b", "c"), nil, false, -1, clock, noSleep); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	l := open(t, dir)
	if n := len(l.Alerts()); n != 3 {
		t.Errorf("%d alerts, want 3", n)
	}
	l.Close()
	news, last, err := Round(t.Context(), dir, events("a", "b", "c", "d"), nil, false, 2, clock, noSleep)
	if err != nil || last != 4 || len(news) != 2 || news[0].ID != "c" || news[1].ID != "d" {
		t.Errorf("since alert 2: %+v, last %d, %v", news, last, err)
	}
}
