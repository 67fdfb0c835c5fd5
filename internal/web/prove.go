package web

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/bandish/bandish/bundle"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/turns"
)

// How many measurements and cells a bundle from the site holds at most. The server makes
// one bundle at a time, in memory.
const (
	provedMeasurements = 2000
	provedCells        = 50_000
)

// evidence answers with a bundle: the evidence for one thing that the site says, in one
// ZIP file that bandish-verify checks.
func (s *Site) evidence(w http.ResponseWriter, r *http.Request) error {
	of := r.URL.Query().Get("of")
	if of == "" || len(of) > 300 {
		return badRequest("Name what the evidence is to be of, as ?of=PK/x, the id of a dated ban, of a case or of a measurement.")
	}
	if !s.proving.TryLock() {
		turns.ComeAgain(w, http.StatusServiceUnavailable)
		return nil
	}
	defer s.proving.Unlock()
	c, err := s.Desk.Bundle(r.Context(), inquiry.Wanted{IDs: []string{of}, Public: true, Most: provedMeasurements, MostCells: provedCells})
	var nothing inquiry.NothingSo
	if errors.As(err, &nothing) {
		return notFound("Nothing of this name is known here.")
	}
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := bundle.Write(&b, c); err != nil {
		return err
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_' {
			return r
		}
		return '-'
	}, of)
	w.Header().Set("Content-Disposition", `attachment; filename="bandish-`+name+`.zip"`)
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.Write(b.Bytes()) // an error is the reader's loss
	return nil
}
