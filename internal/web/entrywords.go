package web

import (
	"context"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/ledger"
)

// entryTexts are the sentences for entries of the ledger, in English. Catalogues have
// their translations under the same keys.
var entryTexts = map[string]string{
	"entry.batch.measurements": "Measurements were taken in: {n}, {days}.",
	"entry.batch.web":          "Rows of observations were taken in: {n}, {days}.",
	"entry.batch.aggregation":  "Rows of counts that others published were taken in: {n}, {days}.",
	"entry.batch.signals":      "Signals of whole countries, seen from outside, were taken in: {n}, {days}.",
	"entry.batch.before":       "{text} They were here before the ledger began.",
	"entry.days.one":           "of {a}",
	"entry.days.span":          "of {a} to {b}",
	"entry.days.none":          "without a day",
	"entry.segments":           "Derived files after {why}: {added} new, {removed} replaced.",
	"entry.state":              "What the archive held after {why}: {batches} files of measurements, {files} derived files.",
	"entry.why.import":         "an import",
	"entry.why.submit":         "a submission",
	"entry.why.compact":        "small files were joined",
	"entry.why.count":          "measurements were counted and bans were dated",
	"entry.why.rebuild":        "everything was derived again",
	"entry.why.rescore":        "everything was judged again",
	"entry.why.mirror":         "a copy was taken from another server",
	"entry.why.begun":          "a new ledger was begun",
	"entry.why.other":          "a change",
	"entry.record":             "The case “{name}” was entered.",
	"entry.record.revised":     "The case “{name}” was revised.",
	"entry.shared":             "The actors, laws and sources that cases share were entered.",
	"entry.shared.revised":     "The actors, laws and sources that cases share were revised.",
	"entry.copy":               "A copy of a source or of a list was kept: {bytes} bytes.",
	"entry.copy.about":         "Where a copy came from, and when, was noted.",
	"entry.use.bans":           "A list of bans was taken into use.",
	"entry.use.requests":       "A table of requests to platforms was taken into use.",
	"entry.list.fingerprints":  "A list of known block pages was taken into use.",
	"entry.list.defects":       "A list of known defects of tests was taken into use.",
	"entry.list.other":         "Decisions on which reports speak of one ban were noted.",
	"entry.file.read":          "The list of the files that were imported was noted.",
	"entry.file.aside":         "What could not be read was set aside and noted: {bytes} bytes.",
	"entry.file.other":         "A file was noted: {name}.",
	"entry.tombstone":          "A file was removed: {name}.",
	"entry.event.announced":    "A ban of {name} in {country} was dated.",
	"entry.event.revised":      "A ban of {name} in {country} was dated anew.",
	"entry.event.withdrawn":    "A ban of {name} in {country} was withdrawn: it is found no more.",
	"entry.correction":         "This server takes back what it said: {text}",
	"entry.key":                "The key that signs the ledger was named.",
	"entry.software":           "From here on version {version} of the program writes.",
	"entry.unknown":            "An entry of a kind that this program does not know.",
}

// entryWords says an entry in a sentence, in language c (nil: English), and returns the
// page of the thing that it speaks of; "" if there is none.
func (s *Site) entryWords(ctx context.Context, e *ledger.Entry, c *catalogue) (text, href string, err error) {
	say := func(key string, a args) string {
		if c != nil {
			return c.text(key, a)
		}
		return inPlaces(entryTexts[key], a)
	}
	name := func(text string) string {
		if c != nil {
			return foreign(text)
		}
		return text
	}
	number := func(n int64) string { return thousands(strconv.FormatInt(n, 10)) }
	switch {
	case e.Batch != nil:
		return s.batchWords(e.Batch, c, say), "", nil
	case e.Segments != nil:
		return say("entry.segments", args{"why": say(whyKey(e.Segments.Why), nil), "added": len(e.Segments.Added), "removed": len(e.Segments.Removed)}), "", nil
	case e.State != nil:
		return say("entry.state", args{"why": say(whyKey(e.State.Why), nil), "batches": number(int64(e.State.Batches.Count)), "files": number(int64(e.State.Segments.Count))}), "", nil
	case e.File != nil:
		return s.fileWords(ctx, e, c, say, name)
	case e.Event != nil:
		key := "entry.event." + e.Event.Action
		if _, ok := entryTexts[key]; !ok {
			key = "entry.unknown"
		}
		platform, country := s.names([]string{e.Event.Target}), inquiry.Country(e.Event.CC)
		if c != nil {
			platform, _ = c.platform(e.Event.Target, platform)
			country = c.country(e.Event.CC, country)
		}
		if e.Event.Action != ledger.Withdrawn {
			href = "/events/" + url.PathEscape(e.Event.ID)
		}
		return say(key, args{"name": platform, "country": country}), href, nil
	case e.Correction != nil:
		href, err = s.itemPage(ctx, e.Correction.Of)
		return say("entry.correction", args{"text": name(e.Correction.Text)}), href, err
	case e.Key != nil:
		return say("entry.key", nil), "/ledger/key", nil
	case e.Software != nil:
		return say("entry.software", args{"version": name(e.Software.Version)}), "", nil
	}
	return say("entry.unknown", nil), "", nil
}

// uidShape matches the uid of a measurement.
var uidShape = regexp.MustCompile(`^\d{14}\.\d{6}_[A-Z]{2}_\w+$`)

// itemPage returns the page of the thing that a correction is about. It is "" where there
// is none, for instance for a dated ban that was withdrawn.
func (s *Site) itemPage(ctx context.Context, id string) (string, error) {
	first, rest, two := strings.Cut(id, "/")
	target, day, _ := strings.Cut(rest, "@")
	switch {
	case s.Records != nil && s.Records.Case(first) != nil && two:
		return "/cases/" + first + "/claim/" + url.PathEscape(rest), nil
	case s.Records != nil && s.Records.Case(first) != nil:
		return "/cases/" + first, nil
	case two && inquiry.Country(first) != first && day == "":
		return "/cc/" + first + "/" + url.PathEscape(target), nil
	case two && inquiry.Country(first) != first:
		return "/cc/" + first + "/" + url.PathEscape(target) + "?at=" + url.QueryEscape(day), nil
	case uidShape.MatchString(id):
		return "/m/" + id, nil
	case s.Desk == nil:
		return "", nil
	}
	found, err := s.Desk.Events(ctx, store.Filter{}, time.Time{})
	if err != nil || !slices.ContainsFunc(found.Events, func(e event.Event) bool { return e.ID == id }) {
		return "", err
	}
	return "/events/" + url.PathEscape(id), nil
}

// batchWords says which measurements came in.
func (s *Site) batchWords(b *ledger.Batch, c *catalogue, say func(string, args) string) string {
	key := "entry.batch." + b.Kind
	if _, ok := entryTexts[key]; !ok {
		key = "entry.batch.measurements"
	}
	day := func(text string) string {
		t, err := time.Parse(time.DateOnly, text)
		switch {
		case err != nil:
			return text
		case c != nil:
			return c.day(t)
		}
		return t.Format(longDay)
	}
	days := say("entry.days.span", args{"a": day(b.Earliest), "b": day(b.Latest)})
	if b.Latest == b.Earliest || b.Latest == "" {
		days = say("entry.days.one", args{"a": day(b.Earliest)})
	}
	if b.Earliest == "" {
		days = say("entry.days.none", nil)
	}
	text := say(key, args{"n": thousands(strconv.Itoa(b.Documents)), "days": days})
	if b.Before {
		text = say("entry.batch.before", args{"text": text})
	}
	return text
}

// fileWords says what happened to a file or to a case of the record.
func (s *Site) fileWords(ctx context.Context, e *ledger.Entry, c *catalogue, say func(string, args) string, name func(string) string) (text, href string, err error) {
	f := e.File
	a := args{"name": name(f.Name), "bytes": thousands(strconv.FormatInt(f.Bytes, 10))}
	switch e.Type {
	case ledger.TypeTombstone:
		return say("entry.tombstone", a), "", nil
	case ledger.TypeRecord:
		key, id := "entry.record", strings.TrimPrefix(f.Name, ledger.TypeRecord+":")
		if id == "shared" {
			key = "entry.shared"
		} else if cs := s.Records.Case(id); cs != nil {
			a["name"], href = cs.Title, "/cases/"+url.PathEscape(id)
			if c != nil {
				if a["name"], err = (&langView{c: c}).caseTitle(ctx, s, cs); err != nil {
					return "", "", err
				}
			}
		}
		if f.Replaces != "" {
			key += ".revised"
		}
		return say(key, a), href, nil
	case ledger.TypeSource:
		base := path.Base(f.Name)
		switch {
		case strings.HasPrefix(base, "bans-"):
			return say("entry.use.bans", nil), "/bans", nil
		case strings.HasPrefix(base, "requests-"):
			return say("entry.use.requests", nil), "", nil
		case strings.HasSuffix(base, ".json"):
			return say("entry.copy.about", nil), "", nil
		}
		return say("entry.copy", a), "", nil
	case ledger.TypeList:
		top, _, _ := strings.Cut(f.Name, "/")
		if key := "entry.list." + top; entryTexts[key] != "" {
			return say(key, a), "", nil
		}
		return say("entry.list.other", a), "", nil
	}
	switch {
	case f.Name == "sources-read.jsonl":
		return say("entry.file.read", a), "", nil
	case strings.HasPrefix(f.Name, "quarantine/"):
		return say("entry.file.aside", a), "", nil
	}
	return say("entry.file.other", a), "", nil
}

// whyKey returns the key of the words for why the archive changed.
func whyKey(why string) string {
	if why == "new ledger" {
		why = "begun"
	}
	if key := "entry.why." + why; entryTexts[key] != "" {
		return key
	}
	return "entry.why.other"
}
