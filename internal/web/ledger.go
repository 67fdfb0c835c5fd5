package web

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/ledger"
)

// ledgerPage shows the ledger: its head, who signed it, and its last entries.
const ledgerPage page[ledgerView] = "ledger.html"

type ledgerView struct {
	Begun      bool               `json:"-"`
	Origin     string             `json:"origin"`
	Key        string             `json:"key"`
	Size       int64              `json:"size"`
	Root       string             `json:"root"`
	Checkpoint string             `json:"checkpoint"`
	Cosigned   []ledger.Signature `json:"cosigned"` // the signatures under the checkpoint of SignedSize entries
	SignedSize int64              `json:"cosigned_size"`
	Witnesses  int                `json:"witnesses"` // how many are asked to sign
	Stamped    int64              `json:"stamped_size,omitempty"`
	StampedAt  time.Time          `json:"stamped_at,omitzero"`
	Entries    []ledgerRow        `json:"entries"`
	Earlier    int64              `json:"-"` // the index below which the earlier page begins
}

// ledgerRow is one entry in words, with the page of the thing that it speaks of.
type ledgerRow struct {
	Index int64     `json:"index"`
	Type  string    `json:"type"`
	Time  time.Time `json:"time"`
	Text  string    `json:"text"`
	Href  string    `json:"-"`
}

// ledgerRows is how many entries a page shows.
const ledgerRows = 50

func (s *Site) ledgerPage(w http.ResponseWriter, r *http.Request) error {
	f := frame{Title: "The ledger", About: "What this server took in and said, in a log that only grows and that anyone can copy and check.", Trail: []crumb{{"Get the data", "/data"}, {"The ledger", ""}}}
	v, err := s.ledgerOf(r, nil)
	if err != nil {
		return err
	}
	return ledgerPage.show(s, w, r, f, v, v)
}

// ledgerOf returns what the page of the ledger shows, in language c (nil: English).
func (s *Site) ledgerOf(r *http.Request, c *catalogue) (ledgerView, error) {
	v := ledgerView{Witnesses: len(s.Witnesses), Cosigned: []ledger.Signature{}, Entries: []ledgerRow{}}
	if s.Ledger != nil {
		if err := s.readLedger(r, &v, c); err != nil && !errors.Is(err, notary.ErrEmpty) {
			return v, err
		}
	}
	return v, nil
}

func (s *Site) readLedger(r *http.Request, v *ledgerView, lang *catalogue) error {
	c, signed, err := s.Ledger.Checkpoint()
	if err != nil {
		return err
	}
	if v.Key, err = s.Ledger.Key(); err != nil {
		return err
	}
	v.Begun, v.Origin, v.Size, v.Root, v.Checkpoint = true, c.Origin, c.Size, fmt.Sprintf("%x", c.Root[:]), string(signed)
	if at, sigs, err := s.Ledger.Opened(s.Witnesses); err == nil && len(sigs) > 0 {
		v.SignedSize, v.Cosigned = at.Size, sigs
	}
	v.Stamped, v.StampedAt = s.Ledger.Stamped()
	end := c.Size
	if q := r.URL.Query().Get("before"); q != "" {
		n, err := strconv.ParseInt(q, 10, 64)
		if err != nil || n < 1 {
			return badRequest("before is the index of an entry, a whole number from 1 on.")
		}
		end = min(end, n)
	}
	from := max(0, end-ledgerRows)
	v.Earlier = from
	stop := errors.New("enough")
	err = s.Ledger.Entries(c, from, func(i int64, text []byte) error {
		if i >= end {
			return stop
		}
		e, err := ledger.Parse(text)
		if err != nil {
			return err
		}
		says, href, err := s.entryWords(r.Context(), &e, lang)
		if err != nil {
			return err
		}
		v.Entries = append(v.Entries, ledgerRow{i, e.Type, e.Time, says, href})
		return nil
	})
	slices.Reverse(v.Entries)
	if err == stop {
		err = nil
	}
	return err
}

// langLedger is the page of the ledger in a language.
func (s *Site) langLedger(r *http.Request, v *langView, _ []string) error {
	found, err := s.ledgerOf(r, v.c)
	if err != nil {
		return err
	}
	v.Title, v.Intro, v.About = v.c.text("ledger.title", nil), v.T("ledger.about"), v.c.text("ledger.about", nil)
	v.table("ledger.entry", "ledger.when", "ledger.what")
	v.Kind = "ledger"
	if !found.Begun {
		v.Note = v.T("ledger.none")
		return nil
	}
	code := func(text string) template.HTML {
		return `<code dir="ltr">` + template.HTML(template.HTMLEscapeString(text)) + `</code>`
	}
	size := func(n int64) string { return thousands(strconv.FormatInt(n, 10)) }
	v.Facts = []langFact{{v.T("ledger.name"), code(found.Origin)}, {v.T("ledger.size"), inPage(size(found.Size))}, {v.T("ledger.root"), code(found.Root)}, {v.T("ledger.key"), code(found.Key)}}
	var signed []string
	for _, sig := range found.Cosigned {
		signed = append(signed, v.c.text("ledger.signed", args{"name": foreign(sig.Name), "day": v.c.day(sig.Time), "n": size(found.SignedSize)}))
	}
	who := v.c.list(signed)
	switch {
	case who == "" && found.Witnesses > 0:
		who = v.c.text("ledger.unsigned", args{"n": found.Witnesses})
	case who == "":
		who = v.c.text("ledger.nobody", nil)
	}
	v.Facts = append(v.Facts, langFact{v.T("ledger.witnesses"), inPage(who)})
	if found.Stamped > 0 {
		v.Facts = append(v.Facts, langFact{v.T("ledger.stamp"), inPage(v.c.text("ledger.stamped", args{"day": v.c.day(found.StampedAt), "n": size(found.Stamped)}))})
	}
	v.Command = `bandish monitor $BANDISH/ledger --key "` + found.Key + `"`
	for _, e := range found.Entries {
		href, in := "", ""
		if e.Href != "" {
			href = v.c.ownOf(e.Href)
		}
		if href == e.Href {
			in = "en"
		}
		v.row(langCell{Text: inPage(strconv.FormatInt(e.Index, 10)), Href: "/ledger/entries/" + strconv.FormatInt(e.Index, 10), Lang: "en", ID: "e" + strconv.FormatInt(e.Index, 10)},
			langCell{Text: inPage(v.c.day(e.Time) + " " + foreign(e.Time.UTC().Format("15:04 UTC")))}, langCell{Text: inPage(e.Text), Href: href, Lang: in})
	}
	if found.Earlier > 0 {
		v.Next = "?before=" + strconv.FormatInt(found.Earlier, 10)
	}
	return nil
}
