package inquiry

import (
	"fmt"
	"net/url"
	"time"
)

// Citation says how to cite a page of this installation. The address carries the day, so
// that it shows the same later.
type Citation struct {
	Title, Address string
	Known          time.Time // the day whose knowledge the page shows
	Ruleset        string
	Generation     uint64
}

// Cite makes the citation of the page under path. at is the end of the day that the page
// speaks of, known the end of the day whose knowledge it uses; the zero time is now. base
// is the address of this server, without a slash at the end.
func (d *Desk) Cite(title, base, path string, at, known time.Time) (Citation, error) {
	c, q := Citation{Title: title, Known: d.Now().UTC()}, url.Values{}
	if !at.IsZero() {
		q.Set("at", at.AddDate(0, 0, -1).Format(time.DateOnly))
	}
	if !known.IsZero() {
		c.Known = known.AddDate(0, 0, -1)
	}
	q.Set("as-of", c.Known.Format(time.DateOnly))
	c.Address = base + path + "?" + q.Encode()
	if d.Store == nil {
		return c, nil
	}
	m, err := d.Store.Archive().Manifest()
	if err != nil {
		return c, err
	}
	c.Ruleset, c.Generation = m.Ruleset, m.Generation
	return c, nil
}

// Text is the citation in one line.
func (c Citation) Text() string {
	out := "Bandish, “" + c.Title + "”, as known on " + c.Known.Format("2 January 2006") + ", " + c.Address
	if c.Generation != 0 {
		out += fmt.Sprintf(", archive generation %d", c.Generation)
	}
	if c.Ruleset != "" {
		out += ", ruleset " + c.Ruleset
	}
	return out + "."
}
