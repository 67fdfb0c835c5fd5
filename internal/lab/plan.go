package lab

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

// plan gives every site its addresses before any server starts.
type plan struct {
	ca    *authority
	zone  *zone
	boxes map[string]netip.Addr
	sites []Site
	ipv6  bool // whether servers can have IPv6 addresses
	next  int  // number of the next free address
	next6 int  // and of the next free IPv6 address
}

func newPlan(sites []Site) (*plan, error) {
	ca, err := newAuthority(time.Now())
	if err != nil {
		return nil, err
	}
	p := &plan{ca: ca, zone: newZone(), boxes: map[string]netip.Addr{}}
	for name, addr := range map[string]netip.Addr{
		HelperName: helperAddr, BlockPageName: blockPageAddr,
		ResolverName: publicResolver, Resolver2Name: publicResolver2,
	} {
		p.zone.records[name] = record{addrs: []netip.Addr{addr}}
	}
	for _, site := range append([]Site{{Name: InnocentName, QUIC: true}}, sites...) {
		if err := p.add(site); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *plan) add(site Site) error {
	if _, taken := p.zone.records[site.Name]; taken || site.Name == UnusedName {
		return fmt.Errorf("add a site to the lab: the name %s is taken", site.Name)
	}
	r := record{lookup: site.Lookup}
	if site.V6 != V6Only {
		for range max(1, site.Addrs) {
			r.addrs = append(r.addrs, p.address())
		}
	}
	switch site.V6 {
	case V6Works, V6Only:
		r.addrs = append(r.addrs, siteAddr6(p.next6))
		p.next6++
	case V6Dead:
		r.addrs = append(r.addrs, darkAddr6)
	}
	if site.Box != "" {
		p.boxes[site.Name] = p.address()
	}
	if p.next > len(siteBlocks)*usable {
		return fmt.Errorf("add a site to the lab: no address is left for %s", site.Name)
	}
	p.zone.records[site.Name] = r
	p.sites = append(p.sites, site)
	return nil
}

func (p *plan) address() netip.Addr {
	p.next++
	return siteAddr(p.next - 1)
}

// hostAddrs returns the addresses at which something answers.
func (p *plan) hostAddrs() []netip.Addr {
	addrs := []netip.Addr{ispResolver, liarAddr, blockPageAddr, publicResolver, publicResolver2, helperAddr}
	for i := range p.sites {
		addrs = append(addrs, p.servedAddrs(&p.sites[i])...)
		if box, ok := p.boxes[p.sites[i].Name]; ok {
			addrs = append(addrs, box)
		}
	}
	return addrs
}

// servedAddrs returns the addresses of a site at which a host answers.
func (p *plan) servedAddrs(site *Site) []netip.Addr {
	if site.Reach == ReachSilent {
		return nil
	}
	addrs := slices.DeleteFunc(slices.Clone(p.zone.records[site.Name].addrs), func(a netip.Addr) bool {
		return a == darkAddr6 || a.Is6() && !p.ipv6
	})
	if site.Reach == ReachHalf {
		addrs = slices.Delete(addrs, 1, 2)
	}
	return addrs
}

// start starts every server.
func (p *plan) start(s *servers) error {
	for name, a := range map[string]netip.Addr{
		"resolver.isp.test": ispResolver, ResolverName: publicResolver, Resolver2Name: publicResolver2,
	} {
		if err := s.resolver(name, a); err != nil {
			return err
		}
	}
	if err := s.liar(liarAddr); err != nil {
		return err
	}
	block := &Site{Name: BlockPageName, Cert: CertSelfSigned, Page: blockPage}
	if err := s.site(block, []netip.Addr{blockPageAddr}); err != nil {
		return err
	}
	for i := range p.sites {
		site := &p.sites[i]
		if err := s.site(site, p.servedAddrs(site)); err != nil {
			return err
		}
		if box, ok := p.boxes[site.Name]; ok {
			behind := netip.AddrPortFrom(p.zone.records[site.Name].addrs[0], 443)
			if err := s.box(site, netip.AddrPortFrom(box, 443), behind); err != nil {
				return err
			}
		}
	}
	return nil
}

const blockPageHTML = "<html><head><title>Access denied</title></head>" +
	"<body><h1>Access to this site is denied by order of the Ministry of the Lab</h1></body></html>\n"

func blockPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, blockPageHTML)
}

// bind replaces the sites in rules by their addresses.
func bind(rules []Rule, z *zone, boxes map[string]netip.Addr) ([]Rule, error) {
	bound := slices.Clone(rules)
	for i := range bound {
		when := &bound[i].When
		when.Addrs = slices.Clone(when.Addrs)
		for _, site := range when.Sites {
			r, ok := z.records[site]
			if !ok {
				return nil, fmt.Errorf("bind rule %d of the censor: the lab has no site %s", i, site)
			}
			for _, a := range r.addrs {
				when.Addrs = append(when.Addrs, netip.PrefixFrom(a, a.BitLen()))
			}
		}
		if do, ok := bound[i].Do.(Divert); ok && do.BoxOf != "" {
			box, ok := boxes[do.BoxOf]
			if !ok {
				return nil, fmt.Errorf("bind rule %d of the censor: the site %s has no middlebox", i, do.BoxOf)
			}
			do.To = netip.AddrPortFrom(box, 443)
			bound[i].Do = do
		}
	}
	return bound, nil
}
