package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/alert"
)

// A reader asks for alerts, confirms them by the link in the mail and stops them;
// opening a link alone does neither.
func TestAlertsPages(t *testing.T) {
	var mails []string
	who := &alert.Subscribers{Dir: t.TempDir(), BaseURL: "", Now: time.Now, SendMail: func(_ context.Context, to, _, text, stop string) error {
		mails = append(mails, text+"\n"+stop)
		return nil
	}}
	s := serve(t)
	s.site.Alerts = who
	post := func(path string, form url.Values, header ...string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, s.url+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	for field, value := range map[string]string{"country": "Pakistan", "target": "nonesuch", "network": "ten", "case": "none", "mail": "no address"} {
		form := url.Values{"mail": {"a@mail.example"}}
		form.Set(field, value)
		if status, page := post("/alerts", form); status != http.StatusBadRequest || !strings.Contains(page, `role="alert"`) {
			t.Errorf("%s %q: %d", field, value, status)
		}
	}
	if status, _ := post("/alerts", url.Values{"mail": {"a@mail.example"}}, "Sec-Fetch-Site", "cross-site"); status != http.StatusBadRequest {
		t.Errorf("from another site: %d", status)
	}
	if status, page := post("/alerts", url.Values{"mail": {"a@mail.example"}, "country": {"pk"}, "target": {"twitter"}}); status != http.StatusOK || !strings.Contains(page, "A mail is on its way") || len(mails) != 1 || strings.Contains(page, "a@mail.example") {
		t.Fatalf("asked: %d, mails %q\n%s", status, mails, page)
	}
	link := regexp.MustCompile(`/alerts/confirm\?\S+`).FindString(mails[0])
	confirmed := func() int {
		list, err := who.Channels()
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if status, page := s.get(link); status != http.StatusOK || !strings.Contains(page, "<button>Yes") || confirmed() != 0 {
		t.Errorf("the link: %d, %d confirmed", status, confirmed())
	}
	if status, page := post(link, nil); status != http.StatusOK || !strings.Contains(page, "sent from now on") || confirmed() != 1 {
		t.Errorf("the button: %d, %d confirmed\n%s", status, confirmed(), page)
	}
	stop := strings.Replace(link, "confirm", "stop", 1)
	if _, page := s.get(stop); confirmed() != 1 {
		t.Errorf("the link alone stopped them: %s", page)
	}
	if status, page := post(stop, url.Values{"List-Unsubscribe": {"One-Click"}}); status != http.StatusOK || !strings.Contains(page, "the address was deleted") || confirmed() != 0 {
		t.Errorf("stopped: %d\n%s", status, page)
	}
	if status, _ := post(stop, nil); status != http.StatusBadRequest {
		t.Errorf("stopped again: %d", status)
	}
}
