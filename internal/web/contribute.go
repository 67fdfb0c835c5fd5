package web

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/bandish/bandish/internal/inbox"
)

// contributeView is the form for readers who know something, and what they wrote.
type contributeView struct {
	Note   inbox.Note
	Wrong  map[string]string // by field
	Failed string            // why the note could not be kept
	Thanks string            // the id of a note that was kept
	Closed bool              // this server takes no notes
}

const contributePage page[contributeView] = "contribute.html"

// maxForm is the greatest size of a form, in bytes.
const maxForm = 32 << 10

// contribute shows the form: /contribute?about=/cc/PK/x&kind=wrong.
func (s *Site) contribute(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	v := contributeView{Note: inbox.Note{About: q.Get("about"), Kind: inbox.Kind(q.Get("kind"))}}
	if id := q.Get("thanks"); id != "" && s.Inbox != nil {
		if _, err := s.Inbox.Get(id); err == nil {
			v.Thanks = id
		}
	}
	return s.showContribute(w, r, v)
}

func (s *Site) showContribute(w http.ResponseWriter, r *http.Request, v contributeView) error {
	v.Closed = s.Inbox == nil
	f := frame{Title: "Correct, add a source, report a block", About: "Tell Bandish what is wrong or missing, without an account.", Trail: []crumb{{"Contribute", ""}}}
	if len(v.Wrong) > 0 || v.Failed != "" {
		w = &withStatus{w, http.StatusBadRequest}
	}
	w.Header().Set("Cache-Control", "no-store")
	return contributePage.show(s, w, r, f, v, nil)
}

// client returns who sent a request, for limits that hold for each sender.
func (s *Site) client(r *http.Request) string {
	if s.Client != nil {
		return s.Client(r).String()
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// take keeps what a reader sends. If the form has a mistake, it is shown again as the
// reader filled it in.
func (s *Site) take(w http.ResponseWriter, r *http.Request) error {
	id, view, err := s.takeNote(w, r)
	if view != nil {
		return s.showContribute(w, r, *view)
	}
	return s.moveTaken(w, "/contribute", id, err)
}

// moveTaken redirects the reader to the page that thanks. If nothing was kept and there is
// nothing to say, it redirects to the empty form.
func (s *Site) moveTaken(w http.ResponseWriter, page, id string, err error) error {
	if err != nil {
		return err
	}
	if id != "" {
		page += "?thanks=" + url.QueryEscape(id)
	}
	w.Header().Set("Location", page)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// takeNote keeps a note and returns its id. If the form has a mistake, it returns the form
// to show again. For a note that a program sent it returns neither.
func (s *Site) takeNote(w http.ResponseWriter, r *http.Request) (id string, again *contributeView, err error) {
	if s.Inbox == nil {
		return "", &contributeView{Failed: "This server takes no notes."}, nil
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return "", nil, badRequest("This form was sent from another site. Send it from here: /contribute")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return "", &contributeView{Failed: "The form was too long or could not be read. Write less, and give addresses for the rest."}, nil
	}
	form := func(name string) string { return r.PostForm.Get(name) }
	n := inbox.Note{Kind: inbox.Kind(form("kind")), About: form("about"), Text: form("text"), Source: form("source"), CC: form("cc"), Network: form("network"), SeenDay: form("seen_day")}
	if form("website") != "" { // a field that only programs fill in
		return "", nil, nil
	}
	id, err = s.Inbox.Add(n, s.client(r))
	var wrong inbox.Wrongs
	switch {
	case errors.As(err, &wrong):
		return "", &contributeView{Note: n, Wrong: wrong}, nil
	case errors.Is(err, inbox.ErrBusy), errors.Is(err, inbox.ErrFull):
		return "", &contributeView{Note: n, Failed: "It was not kept: " + strings.TrimSuffix(err.Error(), ".") + ". What you wrote is still in the form."}, nil
	}
	return id, nil, err
}
