package ooniapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/network"
)

// incident is a case of the record, or an event of the detector, in the fields of OONI's
// findings.
type incident struct {
	ID        string     `json:"id"`
	Slug      string     `json:"slug"`
	Title     string     `json:"title"`
	Short     string     `json:"short_description"`
	Start     time.Time  `json:"start_time"`
	End       *time.Time `json:"end_time"`
	Created   *time.Time `json:"create_time"`
	Updated   *time.Time `json:"update_time"`
	Reporter  string     `json:"reported_by"`
	Creator   string     `json:"creator_account_id"`
	Email     string     `json:"email_address"`
	Published bool       `json:"published"`
	Mine      bool       `json:"mine"`
	EventType string     `json:"event_type"`
	ASNs      []int64    `json:"ASNs"`
	CCs       []string   `json:"CCs"`
	Themes    []string   `json:"themes"`
	Tags      []string   `json:"tags"`
	Tests     []string   `json:"test_names"`
	Domains   []string   `json:"domains"`
	Links     []string   `json:"links"`
	Text      string     `json:"text,omitempty"`
}

// incidents keeps the list until the archive changes. Making it means finding the events
// of the whole archive.
type incidents struct {
	mu         sync.Mutex // held while the list is being made; guards what follows
	generation uint64
	made       bool
	all        []incident
}

// list returns the cases by their ids, then the events by their beginning. An incident can
// be named by its place in the list, from 1.
func (s *Server) list(ctx context.Context) ([]incident, error) {
	m, err := s.Store.Archive().Manifest()
	if err != nil {
		return nil, err
	}
	s.incidents.mu.Lock()
	defer s.incidents.mu.Unlock()
	if s.incidents.made && s.incidents.generation == m.Generation {
		return s.incidents.all, nil
	}
	var all []incident
	if s.Records != nil {
		for _, c := range s.Records.Cases {
			if c.Withdrawn == nil {
				all = append(all, s.ofCase(c))
			}
		}
	}
	slices.SortFunc(all, func(a, b incident) int { return strings.Compare(a.ID, b.ID) })
	found, err := s.Store.Events(ctx, store.Filter{})
	if err != nil {
		return nil, err
	}
	for i := range found.Events {
		all = append(all, s.ofEvent(&found.Events[i]))
	}
	s.incidents.all, s.incidents.generation, s.incidents.made = all, m.Generation, true
	return all, nil
}

func (s *Server) hosts(targets []string) []string {
	out := []string{}
	for _, t := range targets {
		if p, ok := s.Targets.Platform(t); ok {
			out = append(out, p.HostNames(s.Now())...)
		} else if strings.Contains(t, ".") {
			out = append(out, t)
		}
	}
	return out
}

func (s *Server) ofCase(c *casefile.Case) incident {
	i := incident{
		ID: c.ID, Slug: c.ID, Title: c.Title, Reporter: "Bandish's record", Published: true, EventType: "incident", ASNs: []int64{}, CCs: []string{c.Jurisdiction},
		Themes: []string{"social_media"}, Tags: append([]string{"case"}, c.Targets...), Tests: []string{"web_connectivity"}, Domains: s.hosts(c.Targets), Links: []string{s.BaseURL + "/cases/" + c.ID},
	}
	zone := c.Zone()
	if c.Start != nil {
		i.Start, _ = c.Start.Date.Bounds(zone)
	}
	if c.End != nil {
		if _, to := c.End.Date.Bounds(zone); !to.IsZero() {
			i.End = &to
		}
	}
	var told []string
	for _, n := range c.Summary {
		told = append(told, n.Text)
	}
	if len(told) > 0 {
		i.Short = told[0]
	}
	i.Text = strings.Join(append(told, fmt.Sprintf("[The case with its sources](%s)", i.Links[0])), "\n\n")
	return i
}

func (s *Server) ofEvent(e *event.Event) incident {
	i := incident{
		ID: e.ID, Slug: e.ID, Title: fmt.Sprintf("%s: %s", inquiry.Country(e.CC), e.Scope), Reporter: e.Detector, Published: true, EventType: "incident",
		ASNs: []int64{}, CCs: []string{e.CC}, Themes: []string{}, Tags: append([]string{string(e.Kind), string(e.State)}, e.Mechanisms...), Tests: []string{"web_connectivity"},
		Domains: s.hosts(e.Targets), Links: []string{s.BaseURL + "/cc/" + e.CC},
	}
	if e.Kind == event.Block || e.Kind == event.Throttling {
		i.Themes = []string{"social_media"}
	}
	if e.Onset.Latest != nil {
		i.Start = *e.Onset.Latest
	}
	if e.End != nil && e.End.Latest != nil {
		i.End = e.End.Latest
	}
	for _, n := range network.Numbers(e.Networks) {
		i.ASNs = append(i.ASNs, int64(n))
	}
	i.Short = fmt.Sprintf("Found by the detector: it began %s. Confidence %.2f.", e.Onset, e.Confidence)
	i.Text = strings.Join(append([]string{i.Short}, e.Reasons...), "\n\n")
	return i
}

func (s *Server) search(_ http.ResponseWriter, r *http.Request) (any, error) {
	ctx, cancel := s.limited(r)
	defer cancel()
	all, err := s.list(ctx)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	asn := q["asn"]
	for i := range asn {
		asn[i] = strings.TrimPrefix(strings.ToUpper(asn[i]), "AS")
	}
	out := []incident{}
	for _, i := range all {
		var networks []string
		for _, n := range i.ASNs {
			networks = append(networks, strconv.FormatInt(n, 10))
		}
		if q.Get("only_mine") == "true" || apart(q["theme"], i.Themes) || apart(q["country_code"], i.CCs) || apart(asn, networks) || apart(q["domain"], i.Domains) {
			continue
		}
		i.Text = ""
		out = append(out, i)
	}
	return map[string]any{"incidents": out}, nil
}

// apart reports whether something is asked for and none of it is there.
func apart(asked, there []string) bool {
	return len(asked) > 0 && !slices.ContainsFunc(asked, func(a string) bool { return slices.Contains(there, a) })
}

func (s *Server) show(_ http.ResponseWriter, r *http.Request) (any, error) {
	ctx, cancel := s.limited(r)
	defer cancel()
	all, err := s.list(ctx)
	if err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	if n, err := strconv.Atoi(id); err == nil && n >= 1 && n <= len(all) {
		return map[string]any{"incident": all[n-1]}, nil
	}
	for _, i := range all {
		if i.ID == id {
			return map[string]any{"incident": i}, nil
		}
	}
	return nil, &requestError{http.StatusNotFound, "there is no such incident"}
}
