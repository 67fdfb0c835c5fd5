package web

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/store"
)

// robots lets search engines in, so that pages of bans can be found. It keeps them out of
// pages that have no end or say nothing by themselves, such as lists of measurements.
func (s *Site) robots(w http.ResponseWriter, r *http.Request) error {
	text := fmt.Sprintf("User-agent: *\nDisallow: /m/\nDisallow: /is\nDisallow: /search\nDisallow: /bundle\nDisallow: /contribute?\nDisallow: /embed/\nDisallow: /*/measurements\nSitemap: https://%s/sitemap.xml\n", r.Host)
	if s.Demo {
		text = "User-agent: *\nDisallow: /\n" // nothing in a demonstration happened
	}
	deliver(w, r, "text/plain; charset=utf-8", []byte(text))
	return nil
}

type urlset struct {
	XMLName xml.Name  `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
	URLs    []siteURL `xml:"url"`
}

type siteURL struct {
	Loc string `xml:"loc"`
}

// maxSitemap is how many addresses a site map may hold.
const maxSitemap = 50_000

// sitemap lists the pages that answer something.
func (s *Site) sitemap(w http.ResponseWriter, r *http.Request) error {
	var set urlset
	var paths []string
	add := func(path string) {
		paths = append(paths, path)
		if len(set.URLs) < maxSitemap {
			set.URLs = append(set.URLs, siteURL{"https://" + r.Host + path})
		}
	}
	for _, p := range []string{"/", "/blocked", "/cc", "/platforms", "/cases", "/events", "/bans", "/hours", "/api/v1", "/check", "/rules", "/methods", "/data", "/about", "/safety", "/contribute", "/ledger"} {
		add(p)
	}
	for _, c := range s.Records.Cases {
		add("/cases/" + url.PathEscape(c.ID))
		each(c, func(it any) { add(itemHref(c, reflect.ValueOf(it).Elem().FieldByName("ID").String())) })
	}
	for _, a := range s.Records.Shared.Actors {
		add("/actors/" + url.PathEscape(a.ID))
	}
	for _, l := range s.Records.Shared.Laws {
		add("/laws/" + url.PathEscape(l.ID))
	}
	found, err := s.Desk.Events(r.Context(), store.Filter{}, time.Time{})
	if err != nil {
		return err
	}
	for i := range found.Events {
		add("/events/" + url.PathEscape(found.Events[i].ID))
	}
	answers, err := s.Desk.Pairs(r.Context())
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, p := range answers {
		for _, at := range []string{"/cc/" + p.CC, "/platforms/" + url.PathEscape(p.Target), "/cc/" + p.CC + "/" + url.PathEscape(p.Target)} {
			if !seen[at] {
				seen[at] = true
				add(at)
			}
		}
	}
	english := len(paths)
	for _, code := range s.languageCodes {
		for _, p := range paths[:english] {
			if show, _ := langPageOf(strings.Split(strings.Trim(p, "/"), "/")); show != nil {
				add(strings.TrimSuffix("/"+code+p, "/"))
			}
		}
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	if err := xml.NewEncoder(&b).Encode(set); err != nil {
		return err
	}
	deliver(w, r, "application/xml", b.Bytes())
	return nil
}
