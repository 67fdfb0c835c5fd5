package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/country"
	"github.com/bandish/bandish/internal/inquiry"
)

const checkPage page[checkView] = "check.html"

// checkView is the form that asks whether a statement was true. It holds what was asked,
// and the answer or what is wrong with the question.
type checkView struct {
	Cite                 citation // of an answer
	Platforms, Countries []choice
	Words                []choice
	At                   string
	Wrong                string // what to put right
	Answer               *casefile.Answer
	Says                 string // the question in words
	Pages                []crumb
	Networks             []checkedNetwork
	Heard                []heardView
}

type checkedNetwork struct {
	ASN                        uint32
	Reading                    string
	OK, Blocked, Down, Unclear int64
	Event                      string
}

// readingWords says what the measurements of a network add up to.
var readingWords = map[casefile.Reading]string{
	casefile.ReadOK: "works", casefile.ReadBlocked: "blocked", casefile.ReadDown: "down for all", casefile.ReadMixed: "unclear", casefile.ReadLittle: "too little data",
}

// check answers whether a claim about access was true:
// /check?target=x&cc=PK&at=2024-03-13&claim=accessible. A question that cannot
// be answered is shown again with what is wrong with it.
func (s *Site) check(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	v := s.checkForm(q)
	f := frame{Title: "Was it true?", About: "Ask whether a statement about access to a platform was true.", Trail: []crumb{{"Was it true?", ""}}}
	if q.Get("target") == "" && q.Get("cc") == "" {
		return checkPage.show(s, w, r, f, v, v.Words)
	}
	claim, err := s.claimAsked(q)
	if err != nil {
		if wantsJSON(r) {
			return badRequest(err.Error())
		}
		v.Wrong = err.Error()
		return checkPage.show(s, &withStatus{w, http.StatusBadRequest}, r, f, v, nil)
	}
	answer, err := s.Desk.Check(r.Context(), claim)
	if err != nil {
		return err
	}
	v.answered(s, &claim, &answer)
	if v.Cite, err = s.cite(r, "Was it true? "+v.Says, times{}); err != nil {
		return err
	}
	v.Cite.Address = "https://" + r.Host + "/check?" + url.Values{"target": {claim.Target}, "cc": {claim.CC}, "at": {q.Get("at")}, "claim": {string(claim.Says)}}.Encode()
	f.Cite = &v.Cite
	return checkPage.show(s, w, r, f, v, answer)
}

// claimAsked reads the question. Its errors are shown to the reader.
func (s *Site) claimAsked(q url.Values) (casefile.AccessClaim, error) {
	claim := casefile.AccessClaim{CC: strings.ToUpper(q.Get("cc"))}
	var err error
	if claim.Target, _, err = s.Targets.Resolve(q.Get("target")); err != nil {
		return claim, errors.New("Platform: " + err.Error() + ".")
	}
	if !casefile.KnownCountry(claim.CC) {
		return claim, errors.New("Country: choose one, or write two letters as PK.")
	}
	if claim.At, err = casefile.ParseDate(q.Get("at")); err != nil || claim.At.IsZero() {
		return claim, errors.New("Date: write a day as 2024-03-13, or two as 2024-03-13/2024-03-20.")
	}
	if claim.Says, err = casefile.ParseAccess(q.Get("claim")); err != nil {
		return claim, errors.New("What was said: " + err.Error() + ".")
	}
	return claim, nil
}

func (s *Site) checkForm(q url.Values) checkView {
	v := checkView{At: q.Get("at")}
	target := q.Get("target")
	known := false
	for _, p := range s.Targets.Platforms() {
		is := strings.EqualFold(p.ID, target)
		known = known || is
		v.Platforms = append(v.Platforms, choice{p.ID, p.Name, is})
	}
	if !known && target != "" {
		v.Platforms = append(v.Platforms, choice{target, target, true})
	}
	known = false
	for _, cc := range append(country.Codes(), "ZZ") {
		is := strings.EqualFold(cc, q.Get("cc"))
		known = known || is
		v.Countries = append(v.Countries, choice{cc, inquiry.Country(cc), is})
	}
	if cc := q.Get("cc"); !known && cc != "" { // what was asked stays in the form
		v.Countries = append(v.Countries, choice{cc, cc, true})
	}
	for _, a := range casefile.Accesses() {
		v.Words = append(v.Words, choice{a.Word, a.Word + ": " + a.Meaning, a.Word == q.Get("claim")})
	}
	return v
}

// answered fills in the answer.
func (v *checkView) answered(s *Site, claim *casefile.AccessClaim, a *casefile.Answer) {
	name := s.name(claim.Target)
	v.Answer = a
	place := inquiry.Country(claim.CC)
	v.Says = name + " was said to be " + string(claim.Says) + " in " + place + ", " + claim.At.Words() + "."
	v.Pages = []crumb{{"Is " + name + " blocked in " + place + "?", "/cc/" + claim.CC + "/" + claim.Target}}
	if a.Measured != nil {
		for _, n := range a.Measured.Networks {
			v.Networks = append(v.Networks, checkedNetwork{uint32(n.ASN), readingWords[n.Reading], n.OK, n.Blocked, n.Down, n.Unclear, n.Event})
		}
	}
	for _, h := range a.Sources {
		v.Heard = append(v.Heard, heardView{string(h.Bearing), h.Why, strings.Join(h.Publishers, "; "), s.heardHref(&h)})
	}
}

// heardHref returns the page of what a source says, "" if that is no part of a case.
func (s *Site) heardHref(h *casefile.Heard) string {
	if c := s.Records.Case(h.Case); c != nil {
		return itemHref(c, h.Ref)
	}
	return ""
}
