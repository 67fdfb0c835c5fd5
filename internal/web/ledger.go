package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/ledger"
)

// ledgerPage shows the ledger: its head, who vouches for it, and what was
// entered last.
const ledgerPage page[ledgerView] = "ledger.html"

type ledgerView struct {
	Begun      bool               `json:"-"`
	Origin     string             `json:"origin"`
	Key        string             `json:"key"`
	Size       int64              `json:"size"`
	Root       string             `json:"root"`
	Checkpoint string             `json:"checkpoint"`
	Cosigned   []ledger.Signature `json:"cosigned"` // of the checkpoint that follows
	SignedSize int64              `json:"cosigned_size"`
	Witnesses  int                `json:"witnesses"` // that are asked
	Stamped    int64              `json:"stamped_size,omitempty"`
	StampedAt  time.Time          `json:"stamped_at,omitzero"`
	Entries    []ledgerRow        `json:"entries"`
	Earlier    int64              `json:"-"` // the index above which the entries before begin
}

// ledgerRow is one entry in words.
type ledgerRow struct {
	Index int64     `json:"index"`
	Type  string    `json:"type"`
	Time  time.Time `json:"time"`
	Text  string    `json:"text"`
}

// ledgerRows is how many entries a page shows.
const ledgerRows = 50

func (s *Site) ledgerPage(w http.ResponseWriter, r *http.Request) error {
	f := frame{Title: "The ledger", About: "What this server took in and said, in a log that only grows and that anyone can copy and check.", Trail: []crumb{{"Get the data", "/data"}, {"The ledger", ""}}}
	v := ledgerView{Witnesses: len(s.Witnesses), Cosigned: []ledger.Signature{}, Entries: []ledgerRow{}}
	if s.Ledger != nil {
		err := s.readLedger(r, &v)
		if err != nil && !errors.Is(err, notary.ErrEmpty) {
			return err
		}
	}
	return ledgerPage.show(s, w, r, f, v, v)
}

func (s *Site) readLedger(r *http.Request, v *ledgerView) error {
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
		v.Entries = append(v.Entries, ledgerRow{i, e.Type, e.Time, e.Words()})
		return nil
	})
	slices.Reverse(v.Entries)
	if err == stop {
		err = nil
	}
	return err
}
