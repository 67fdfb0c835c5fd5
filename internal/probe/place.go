package probe

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/bandish/bandish/network"
)

// Places finds the country and the network of an address in local files.
type Places struct {
	mmdb   []*maxminddb.Reader
	ranges []placeRange // sorted, without overlaps
}

type placeRange struct {
	from, to netip.Addr
	place    Place
}

// OpenPlaces reads databases: MMDB files of countries, of networks or of both, and text
// files of ranges. A line of a text file is first address, last address, AS number,
// country, name, separated by commas or tabs. The caller must Close the Places.
func OpenPlaces(paths ...string) (*Places, error) {
	p := new(Places)
	for _, path := range paths {
		if strings.HasSuffix(path, ".mmdb") {
			db, err := maxminddb.Open(path)
			if err != nil {
				return nil, fmt.Errorf("open %s: %w", path, err)
			}
			p.mmdb = append(p.mmdb, db)
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		ranges, err := readRanges(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		p.ranges = append(p.ranges, ranges...)
	}
	slices.SortStableFunc(p.ranges, func(a, b placeRange) int { return a.from.Compare(b.from) })
	return p, nil
}

// readRanges reads a text file of ranges. It skips a heading.
func readRanges(r io.Reader) ([]placeRange, error) {
	in := bufio.NewReader(r)
	head, err := in.Peek(256)
	if err != nil && err != io.EOF {
		return nil, err
	}
	table := csv.NewReader(in)
	table.FieldsPerRecord, table.LazyQuotes, table.ReuseRecord = -1, true, true
	if strings.ContainsRune(string(head), '\t') {
		table.Comma = '\t'
	}
	var out []placeRange
	for n := 1; ; n++ {
		row, err := table.Read()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		one, err := readRange(row)
		if err != nil && n > 1 {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if err == nil {
			out = append(out, one)
		}
	}
}

func readRange(row []string) (placeRange, error) {
	if len(row) < 4 {
		return placeRange{}, fmt.Errorf("%d columns, want first address, last address, AS number, country, name", len(row))
	}
	from, err := netip.ParseAddr(strings.TrimSpace(row[0]))
	if err != nil {
		return placeRange{}, err
	}
	to, err := netip.ParseAddr(strings.TrimSpace(row[1]))
	if err != nil {
		return placeRange{}, err
	}
	asn, err := network.ParseASN(strings.TrimSpace(row[2]))
	if err != nil {
		return placeRange{}, err
	}
	p := Place{ASN: asn, CC: country(row[3])}
	if len(row) > 4 {
		p.Network = strings.Clone(row[4])
	}
	return placeRange{from.Unmap(), to.Unmap(), p}, nil
}

// country returns a code of two capital letters as it is, and ZZ for anything else.
func country(s string) string {
	s = strings.ToUpper(strings.TrimSpace(s))
	if len(s) != 2 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return "ZZ"
	}
	return s
}

// Lookup returns what is known of an address. CC is ZZ if the country is not known.
func (p *Places) Lookup(a netip.Addr) Place {
	out := Place{CC: "ZZ"}
	if p == nil || !a.IsValid() {
		return out
	}
	a = a.Unmap().WithZone("")
	i, exact := slices.BinarySearchFunc(p.ranges, a, func(r placeRange, a netip.Addr) int { return r.from.Compare(a) })
	if !exact {
		i--
	}
	if i >= 0 && i < len(p.ranges) && p.ranges[i].to.Compare(a) >= 0 && p.ranges[i].from.Is4() == a.Is4() {
		out = p.ranges[i].place
	}
	for _, db := range p.mmdb {
		var r struct {
			Country struct {
				Code string `maxminddb:"iso_code"`
			} `maxminddb:"country"`
			ASN  uint32 `maxminddb:"autonomous_system_number"`
			Name string `maxminddb:"autonomous_system_organization"`
		}
		if db.Lookup(a).Decode(&r) != nil {
			continue
		}
		if r.Country.Code != "" {
			out.CC = country(r.Country.Code)
		}
		out.ASN = cmp.Or(network.ASN(r.ASN), out.ASN)
		out.Network = cmp.Or(r.Name, out.Network)
	}
	return out
}

// Close closes the databases.
func (p *Places) Close() {
	if p == nil {
		return
	}
	for _, db := range p.mmdb {
		db.Close()
	}
}

// String writes a place for a person.
func (p Place) String() string {
	cc, network := cmp.Or(p.CC, "ZZ"), "network unknown"
	if cc == "ZZ" {
		cc = "country unknown"
	}
	if p.ASN != 0 {
		network = p.ASN.String()
		if p.Network != "" {
			network += " " + p.Network
		}
	}
	return network + ", " + cc
}

// WhoAmI is a name whose servers answer with the address of the resolver that asked.
// OONI's probes ask it too.
const WhoAmI = "whoami.v4.powerdns.org"

// ResolverPlace finds the network of the system's resolver, as servers on the internet see
// it. The ASN is zero if there is no database of networks, if the answer is of no use, or
// if the probe is passive. The address is not kept.
func (c *Config) ResolverPlace(ctx context.Context) Place {
	if c.ASN == nil || c.Passive {
		return Place{}
	}
	for _, a := range c.System(ctx, WhoAmI).Addrs {
		if p := c.ASN(a); p.ASN != 0 {
			return p
		}
	}
	return Place{}
}
