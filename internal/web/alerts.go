package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/alert"
	"github.com/bandish/bandish/network"
)

// alertsView is the form of those who want alerts, and the pages behind the links in their
// alerts.
type alertsView struct {
	Closed, NoMail                 bool
	Country, Target, Network, Case string    // what was filled in; the address is not shown again
	Wrong, Done, Ask               alertSaid // what is wrong, what was done, a question to be answered with a button
	Secret, Stop                   string    // of a webhook, shown once
	Action                         string    // where the button leads
}

// alertSaid is a sentence in English, and its key in the catalogues.
type alertSaid struct{ Key, Text string }

const alertsPage page[alertsView] = "alerts.html"

// filledIn are the fields of the form as they were sent.
func filledIn(q url.Values) alertsView {
	return alertsView{Country: q.Get("country"), Target: q.Get("target"), Network: q.Get("network"), Case: q.Get("case")}
}

// alertsStatus fills in what this server cannot send: v.Closed for no alerts at all,
// v.NoMail for no mail. It returns a writer that answers with status 400 where the form
// has a mistake.
func (s *Site) alertsStatus(w http.ResponseWriter, v *alertsView) http.ResponseWriter {
	v.Closed, v.NoMail = s.Alerts == nil, s.Alerts == nil || s.Alerts.SendMail == nil
	w.Header().Set("Cache-Control", "no-store")
	if v.Wrong.Text != "" {
		return &withStatus{w, http.StatusBadRequest}
	}
	return w
}

func (s *Site) showAlerts(w http.ResponseWriter, r *http.Request, v alertsView) error {
	w = s.alertsStatus(w, &v)
	f := frame{Title: "Alerts", About: "A message when a platform is blocked or opened, by mail or by a webhook.", Trail: []crumb{{"Get the data", "/data"}, {"Alerts", ""}}}
	return alertsPage.show(s, w, r, f, v, nil)
}

// alertsIn makes the handler of a page of alerts in English; of gives what it shows.
func (s *Site) alertsIn(of func(w http.ResponseWriter, r *http.Request, base string) (alertsView, error)) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := of(w, r, "")
		if err != nil {
			return err
		}
		return s.showAlerts(w, r, v)
	}
}

// langAlertsIn makes the handler of a page of alerts in language c.
func (s *Site) langAlertsIn(c *catalogue, of func(w http.ResponseWriter, r *http.Request, base string) (alertsView, error)) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		view, err := of(w, r, "/"+c.code)
		if err != nil {
			return err
		}
		w = s.alertsStatus(w, &view)
		rest := strings.TrimPrefix(r.URL.Path, "/"+c.code+"/")
		return s.showLanguage(w, r, c, func(_ *Site, _ *http.Request, v *langView, _ []string) error {
			v.alerts(view)
			return nil
		}, nil, rest)
	}
}

// alerts fills in the page of alerts.
func (v *langView) alerts(view alertsView) {
	v.Kind, v.Title, v.Alerts = "alerts", v.c.text("alerts.title", nil), &view
	v.Intro, v.About = v.c.prose(v.c.text("alerts.about", nil)), ""
	for _, said := range []*alertSaid{&view.Wrong, &view.Done, &view.Ask} {
		if said.Key != "" {
			said.Text = v.c.text("alerts."+said.Key, nil)
		}
	}
}

// alertsForm is the empty form: /alerts?country=PK&target=x.
func (s *Site) alertsForm(_ http.ResponseWriter, r *http.Request, _ string) (alertsView, error) {
	return filledIn(r.URL.Query()), nil
}

// subscribe takes a request for alerts.
func (s *Site) subscribe(w http.ResponseWriter, r *http.Request, base string) (alertsView, error) {
	if s.Alerts == nil {
		return alertsView{}, nil
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return alertsView{}, badRequest("This form was sent from another site. Send it from here: /alerts")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return alertsView{}, badRequest("The form cannot be read: send it from /alerts.")
	}
	v := filledIn(r.PostForm)
	t, err := s.topicOf(r, r.PostForm)
	var wrong alertWrong
	if errors.As(err, &wrong) {
		v.Wrong = alertSaid(wrong)
		return v, nil
	}
	if err != nil {
		return v, err
	}
	to, token, err := s.Alerts.Ask(r.Context(), alert.Subscriber{Mail: strings.TrimSpace(r.PostForm.Get("mail")), Webhook: strings.TrimSpace(r.PostForm.Get("webhook")), Topic: t})
	switch {
	case errors.Is(err, alert.ErrRefused):
		v.Wrong = alertSaid{"wrong.refused", "It was not taken: " + strings.TrimPrefix(err.Error(), alert.ErrRefused.Error()+": ") + "."}
	case err != nil:
		return v, err
	case to.Webhook != "":
		v.Done, v.Secret, v.Stop = alertSaid{"done.webhook", "The webhook answered as it must. It gets alerts from now on."}, to.Secret, base+settlePath("stop", to.ID, token)
	default:
		v.Done = alertSaid{"done.mail", "A mail is on its way. Open the link in it within two days: until then no alert is sent."}
	}
	return v, nil
}

func settlePath(what, id, token string) string {
	return "/alerts/" + what + "?" + url.Values{"id": {id}, "token": {token}}.Encode()
}

// alertWrong is a mistake in the form, as an error.
type alertWrong alertSaid

func (w alertWrong) Error() string { return w.Text }

// topicOf reads from the form what somebody wants to hear of. Its errors are shown to the
// reader.
func (s *Site) topicOf(r *http.Request, q url.Values) (t alert.Topic, err error) {
	if code := strings.TrimSpace(q.Get("country")); code != "" {
		if t.CC = strings.ToUpper(code); !casefile.KnownCountry(t.CC) {
			return t, alertWrong{"wrong.country", "Country: write two letters as PK, or nothing for all."}
		}
	}
	if word := strings.TrimSpace(q.Get("target")); word != "" {
		if t.Target, err = s.targetOf(r.Context(), word); err != nil {
			var nf notFound
			if errors.As(err, &nf) {
				return t, alertWrong{"wrong.target", "Platform: " + string(nf)}
			}
			return t, err
		}
	}
	asn, err := asnOf(strings.TrimSpace(q.Get("network")))
	if err != nil {
		return t, alertWrong{"wrong.network", "Network: write a number as AS17557, or nothing for all."}
	}
	if asn != 0 {
		t.Network = network.Name(asn)
	}
	if id := strings.TrimSpace(q.Get("case")); id != "" {
		c := s.Records.Case(id)
		if c == nil {
			return t, alertWrong{"wrong.case", "Case: the record has no case of this id."}
		}
		t.Case, t.Targets = c.ID, c.Targets
		if t.CC != "" && t.CC != c.Jurisdiction {
			return t, alertWrong{"wrong.case", "Country: the case is of another one."}
		}
		t.CC = c.Jurisdiction
	}
	return t, nil
}

// settle makes the page that starts (what is "confirm") or stops alerts. It acts only when
// the reader presses the button: mail scanners open links by themselves.
func (s *Site) settle(what string) func(w http.ResponseWriter, r *http.Request, base string) (alertsView, error) {
	ask, done := "Do you want alerts of internet bans at the address to which this link was sent?", "Alerts are sent from now on."
	if what == "stop" {
		ask, done = "Stop these alerts and delete the address?", "The alerts were stopped and the address was deleted."
	}
	return func(w http.ResponseWriter, r *http.Request, base string) (alertsView, error) {
		q := r.URL.Query()
		id, token := q.Get("id"), q.Get("token")
		if s.Alerts == nil || r.Method != http.MethodPost {
			return alertsView{Ask: alertSaid{what + ".ask", ask}, Action: base + settlePath(what, id, token)}, nil
		}
		if err := http.NewCrossOriginProtection().Check(r); err != nil {
			return alertsView{}, badRequest("This form was sent from another site. Send it from here: /alerts")
		}
		do := s.Alerts.Confirm
		if what == "stop" {
			do = s.Alerts.Stop
		}
		err := do(id, token)
		if errors.Is(err, alert.ErrRefused) {
			return alertsView{Wrong: alertSaid{"wrong.unknown", "There is no such subscription: it was stopped, or was not confirmed in time."}}, nil
		}
		return alertsView{Done: alertSaid{"done." + what, done}}, err
	}
}

// langAlerts is the empty form in a language.
func (s *Site) langAlerts(r *http.Request, v *langView, _ []string) error {
	view := filledIn(r.URL.Query())
	view.Closed, view.NoMail = s.Alerts == nil, s.Alerts == nil || s.Alerts.SendMail == nil
	v.alerts(view)
	return nil
}
