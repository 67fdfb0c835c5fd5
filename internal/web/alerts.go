package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/alert"
)

// alertsView is the form for those who want alerts, and the pages behind the
// links that they get.
type alertsView struct {
	Closed, NoMail                 bool
	Country, Target, Network, Case string // what was filled in; the address is not shown again
	Wrong                          string
	Done                           string // what was done, in a sentence
	Secret, Stop                   string // of a webhook, shown once
	Ask                            string // a question to be answered with a button
	Action                         string // where the button leads
}

const alertsPage page[alertsView] = "alerts.html"

// alerts shows the form: /alerts?country=PK&target=x.
func (s *Site) alerts(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	return s.showAlerts(w, r, alertsView{Country: q.Get("country"), Target: q.Get("target"), Network: q.Get("network"), Case: q.Get("case")})
}

func (s *Site) showAlerts(w http.ResponseWriter, r *http.Request, v alertsView) error {
	v.Closed, v.NoMail = s.Alerts == nil, s.Alerts == nil || s.Alerts.SendMail == nil
	if v.Wrong != "" {
		w = &withStatus{w, http.StatusBadRequest}
	}
	w.Header().Set("Cache-Control", "no-store")
	f := frame{Title: "Alerts", About: "Be told when a platform is blocked or opened, by mail or by a webhook.", Trail: []crumb{{"Get the data", "/data"}, {"Alerts", ""}}}
	return alertsPage.show(s, w, r, f, v, nil)
}

// subscribe takes a request for alerts.
func (s *Site) subscribe(w http.ResponseWriter, r *http.Request) error {
	if s.Alerts == nil {
		return s.showAlerts(w, r, alertsView{})
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return badRequest("This form was sent from another site. Send it from here: /alerts")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return badRequest("The form cannot be read: send it from /alerts.")
	}
	q := r.PostForm
	v := alertsView{Country: q.Get("country"), Target: q.Get("target"), Network: q.Get("network"), Case: q.Get("case")}
	t, err := s.topicOf(r, q)
	var bad badRequest
	if errors.As(err, &bad) {
		v.Wrong = string(bad)
		return s.showAlerts(w, r, v)
	}
	if err != nil {
		return err
	}
	to, token, err := s.Alerts.Ask(r.Context(), alert.Subscriber{Mail: strings.TrimSpace(q.Get("mail")), Webhook: strings.TrimSpace(q.Get("webhook")), Topic: t})
	if errors.Is(err, alert.ErrRefused) {
		v.Wrong = "It was not taken: " + strings.TrimPrefix(err.Error(), alert.ErrRefused.Error()+": ") + "."
		return s.showAlerts(w, r, v)
	}
	if err != nil {
		return err
	}
	v.Done = "A mail is on its way. Open the link in it within two days: until then no alert is sent."
	if to.Webhook != "" {
		v.Done, v.Secret, v.Stop = "The webhook answered as it must. It gets alerts from now on.", to.Secret, stopPath(to.ID, token)
	}
	return s.showAlerts(w, r, v)
}

func stopPath(id, token string) string {
	return "/alerts/stop?" + url.Values{"id": {id}, "token": {token}}.Encode()
}

// topicOf reads what somebody wants to hear of; its errors are for the reader.
func (s *Site) topicOf(r *http.Request, q url.Values) (t alert.Topic, err error) {
	if code := strings.TrimSpace(q.Get("country")); code != "" {
		if t.CC = strings.ToUpper(code); !casefile.KnownCountry(t.CC) {
			return t, badRequest("Country: write two letters as PK, or nothing for all.")
		}
	}
	if word := strings.TrimSpace(q.Get("target")); word != "" {
		if t.Target, err = s.targetOf(r.Context(), word); err != nil {
			var nf notFound
			if errors.As(err, &nf) {
				return t, badRequest("Platform: " + string(nf))
			}
			return t, err
		}
	}
	asn, err := asnOf(strings.TrimSpace(q.Get("network")))
	if err != nil {
		return t, badRequest("Network: write a number as AS17557, or nothing for all.")
	}
	if asn != 0 {
		t.Network = fmt.Sprintf("AS%d", asn)
	}
	if id := strings.TrimSpace(q.Get("case")); id != "" {
		c := s.Records.Case(id)
		if c == nil {
			return t, badRequest("Case: the record has no case of this id.")
		}
		t.Case, t.Targets = c.ID, c.Targets
		if t.CC != "" && t.CC != c.Jurisdiction {
			return t, badRequest("Country: the case is of another one.")
		}
		t.CC = c.Jurisdiction
	}
	return t, nil
}

// settle asks whether to begin or to stop alerts, and does it when the button is
// pressed: programs that look at mail open links by themselves.
func (s *Site) settle(what, question, done string, do func(id, token string) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		q := r.URL.Query()
		id, token := q.Get("id"), q.Get("token")
		v := alertsView{Ask: question, Action: "/alerts/" + what + "?" + url.Values{"id": {id}, "token": {token}}.Encode()}
		if s.Alerts == nil || r.Method != http.MethodPost {
			return s.showAlerts(w, r, v)
		}
		if err := http.NewCrossOriginProtection().Check(r); err != nil {
			return badRequest("This form was sent from another site. Send it from here: /alerts")
		}
		switch err := do(id, token); {
		case errors.Is(err, alert.ErrRefused):
			return s.showAlerts(w, r, alertsView{Wrong: "There is no such subscription: it was stopped, or was not confirmed in time."})
		case err != nil:
			return err
		}
		return s.showAlerts(w, r, alertsView{Done: done})
	}
}

func (s *Site) confirmAlerts(w http.ResponseWriter, r *http.Request) error {
	return s.settle("confirm", "Do you want alerts of internet bans at the address to which this link was sent?", "Alerts are sent from now on.", func(id, token string) error { return s.Alerts.Confirm(id, token) })(w, r)
}

func (s *Site) stopAlerts(w http.ResponseWriter, r *http.Request) error {
	return s.settle("stop", "Stop these alerts and delete the address?", "The alerts were stopped and the address was deleted.", func(id, token string) error { return s.Alerts.Stop(id, token) })(w, r)
}
