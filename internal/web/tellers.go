package web

import (
	"net/url"
	"strings"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
)

// tellers says who reports a ban. origins say where its reports stand, for instance
// "record pk-2024-x". A case is named by its title, a ban of the record without a case by
// its sources, a dated ban as measurements, and a list by its name.
func (s *Site) tellers(origins []string) []crumb {
	var out []crumb
	rows := map[ban.Dataset]int{}
	for _, o := range origins {
		name, id, _ := strings.Cut(o, " ")
		dataset := ban.Dataset(name)
		switch dataset {
		case ban.Record:
			out = append(out, s.recordTellers(id)...)
		case ban.Measured:
			out = append(out, crumb{"measurements", "/events/" + url.PathEscape(id)})
		default:
			if rows[dataset]++; rows[dataset] == 1 {
				out = append(out, crumb{Name: dataset.Words()})
			}
		}
	}
	return out
}

// recordTellers returns the case with this id, or the sources of a ban of the record that
// has no case.
func (s *Site) recordTellers(id string) []crumb {
	if c := s.Records.Case(id); c != nil {
		return []crumb{{c.Title, "/cases/" + url.PathEscape(id)}}
	}
	for i := range s.Records.Shared.Bans {
		if b := &s.Records.Shared.Bans[i]; b.ID == id {
			return s.sourceCrumbs(b.Cites)
		}
	}
	return []crumb{{Name: ban.Record.Words()}}
}

func (s *Site) sourceCrumbs(cites []casefile.Cite) []crumb {
	var out []crumb
	for _, c := range cites {
		if src := s.Records.Source(nil, c.Source); src != nil {
			out = append(out, crumb{src.Publisher, "/sources/" + url.PathEscape(c.Source)})
		}
	}
	if len(out) == 0 {
		out = append(out, crumb{Name: ban.Record.Words()})
	}
	return out
}
