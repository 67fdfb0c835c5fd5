package measurement

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bandish/bandish/address"
)

// scrubbed is what OONI's probes write in place of their address.
const scrubbed = "127.0.0.1"

// Scrub removes client addresses from a document as it was received: the value
// of every probe_ip or client_ip, and the same addresses wherever else they stand (bodies,
// headers, base64 data). Addresses known from elsewhere, such as a
// submitter's, are given in more. It returns the document, which is doc itself
// when there was nothing to remove, and how many places it changed.
//
// It works on the text, so that a document that does not decode is scrubbed
// too. Addresses are found in the spellings of [newHunt], also where the text is
// escaped or encoded (views), and within base64. What only looks like one stays:
// a spelling that could be an ordinary number or name must stand alone. A document
// that names no client is not looked through.
func Scrub(doc []byte, more ...netip.Addr) ([]byte, int) {
	doc, addrs, n := scrubValues(doc)
	wanted := clientsOf(slices.Concat(more, addrs))
	if len(wanted) == 0 {
		return doc, n
	}
	if len(wanted) > maxClients {
		doc = replaceAll(doc, &n)
		doc = scrubBase64(doc, replaceAll, &n)
		wanted = wanted[:maxClients]
	}
	return newHunt(wanted).scrub(doc, &n), n
}

// clientsOf are the addresses to be looked for, each once: those given, and those
// that they carry.
func clientsOf(addrs []netip.Addr) (out []netip.Addr) {
	for _, a := range addrs {
		for _, a := range []netip.Addr{a.WithZone("").Unmap(), address.Carried(a.WithZone(""))} {
			if a.IsValid() && !a.IsLoopback() && !a.IsUnspecified() && !slices.Contains(out, a) {
				out = append(out, a)
				if len(out) > maxClients {
					return out
				}
			}
		}
	}
	return out
}

// maxClients is how many addresses are looked for in a document, those known from
// elsewhere first. A measurement has one client. One that names more has every
// address removed that stands plainly in it, whose ever it is.
const maxClients = 8

// addressKeys are the members whose value is a client's address.
var addressKeys = []string{"probe_ip", "client_ip", "client_address"}

// scrubValues replaces the value of every member that holds a client's
// address, whatever the value is and however the key is spelled, and returns
// the addresses that were there.
func scrubValues(doc []byte) ([]byte, []netip.Addr, int) {
	if withheld(doc) {
		return doc, nil, 0
	}
	return replaceValues(doc)
}

// replaceValues is scrubValues, from string to string.
func replaceValues(doc []byte) ([]byte, []netip.Addr, int) {
	var out []byte
	var addrs []netip.Addr
	from, n := 0, 0
	for at := 0; ; {
		start := bytes.IndexByte(doc[at:], '"')
		if start < 0 {
			break
		}
		start += at
		at = stringEnd(doc, start)
		value := afterColon(doc, at)
		if value < 0 || !isAddressKey(doc[start:at]) {
			continue
		}
		end := valueEnd(doc, value)
		text := doc[value:end]
		if namesNobody(text) {
			continue
		}
		addrs = append(addrs, addressesIn(text)...)
		out = append(append(out, doc[from:value]...), `"`+scrubbed+`"`...)
		from, at = end, end
		n++
	}
	if n == 0 {
		return doc, nil, 0
	}
	return append(out, doc[from:]...), addrs, n
}

// namesNobody reports whether the value of an address's member is what probes
// write that withhold it.
func namesNobody(value []byte) bool {
	return string(value) == `"`+scrubbed+`"` || string(value) == "null" || string(value) == `""`
}

// withheld reports whether a document is sure to have no member with a client's
// address: at each place where the name of such a member can end, the value names
// nobody, and no name can be spelled by escapes. It is much quicker than to go
// from string to string, and nearly all documents end here.
func withheld(doc []byte) bool {
	for at := 0; ; {
		i := bytes.IndexByte(doc[at:], '_')
		if i < 0 {
			break
		}
		at += i + 1
		if !firstWord(doc[:at-1]) {
			continue
		}
		end := at + lastWord(doc[at:])
		if end == at || end < len(doc) && doc[end] != '"' {
			continue
		}
		if value := afterColon(doc, min(end+1, len(doc))); value >= 0 && !namesNobody(doc[value:valueEnd(doc, value)]) {
			return false
		}
	}
	return !letterEscaped(doc)
}

// firstWord reports whether a text ends in a quote and what the name of an address's
// member begins with, in whatever case.
func firstWord(b []byte) bool {
	for _, w := range []string{`"probe`, `"client`} {
		if n := len(b) - len(w); n >= 0 && b[n] == '"' && strings.EqualFold(string(b[n:]), w) {
			return true
		}
	}
	return false
}

// lastWord is the length of what the name of an address's member ends in after the
// underscore, in whatever case, if the text begins with it; 0 otherwise. The letter
// s has a second small form, of two bytes.
func lastWord(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[0] | 0x20 {
	case 'i':
		if b[1]|0x20 == 'p' {
			return 2
		}
	case 'a':
		for _, n := range []int{len("address"), len("address") + 1, len("address") + 2} {
			if len(b) >= n && strings.EqualFold(string(b[:n]), "address") {
				return n
			}
		}
	}
	return 0
}

// letterEscaped reports whether a letter, or an underscore, is written as \uXXXX.
func letterEscaped(doc []byte) bool {
	for at := 0; ; {
		i := bytes.Index(doc[at:], []byte(`\u0`))
		if i < 0 {
			return false
		}
		at += i + len(`\u0`)
		if rest := doc[at:]; len(rest) > 1 && (rest[0] == '0' && rest[1] >= '4' && rest[1] <= '7' || rest[0] == '1') {
			return true
		}
	}
}

// isAddressKey reports whether a JSON string, with its quotes, names a member
// that holds a client's address.
func isAddressKey(b []byte) bool {
	if len(b) > 100 || len(b) < len(`"probe_ip"`) {
		return false
	}
	key := string(b[1 : len(b)-1])
	if bytes.IndexByte(b, '\\') >= 0 {
		if s, err := unquoteString(b); err == nil {
			key = s
		}
	}
	for _, k := range addressKeys {
		if strings.EqualFold(key, k) {
			return true
		}
	}
	return false
}

// stringEnd is where the JSON string that starts at start ends: after its
// closing quote, or at the end of what there is.
func stringEnd(doc []byte, start int) int {
	for at := start + 1; ; {
		i := bytes.IndexByte(doc[at:], '"')
		if i < 0 {
			return len(doc)
		}
		at += i
		slashes := 0
		for doc[at-1-slashes] == '\\' && at-1-slashes > start {
			slashes++
		}
		at++
		if slashes%2 == 0 {
			return at
		}
	}
}

// afterColon is where the value begins when a colon follows; -1 otherwise.
func afterColon(doc []byte, at int) int {
	at = skipSpace(doc, at)
	if at == len(doc) || doc[at] != ':' {
		return -1
	}
	return skipSpace(doc, at+1)
}

func skipSpace(doc []byte, at int) int {
	for at < len(doc) && (doc[at] == ' ' || doc[at] == '\t' || doc[at] == '\r' || doc[at] == '\n') {
		at++
	}
	return at
}

// valueEnd is where the JSON value that starts at start ends.
func valueEnd(doc []byte, start int) int {
	depth := 0
	for at := start; at < len(doc); {
		switch doc[at] {
		case '"':
			at = stringEnd(doc, at)
			if depth == 0 {
				return at
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at
			}
			depth--
			if depth == 0 {
				return at + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return at
			}
		}
		at++
	}
	return len(doc)
}

// addressesIn are the addresses among the strings of a value, or the one that a
// number is.
func addressesIn(text []byte) []netip.Addr {
	if len(text) > 0 && text[0] >= '0' && text[0] <= '9' {
		return readings(string(text))
	}
	var out []netip.Addr
	for at := 0; ; {
		i := bytes.IndexByte(text[at:], '"')
		if i < 0 {
			return out
		}
		start := at + i
		at = stringEnd(text, start)
		s, err := unquoteString(text[start:at])
		if err != nil {
			s = string(text[start+1 : at])
		}
		for _, v := range views([]byte(s)) {
			out = append(out, readings(string(v.text))...)
		}
	}
}

// readings are the addresses that the value of an address's member may stand
// for: one, or several where numbers have leading zeros.
func readings(s string) []netip.Addr {
	if a, ok := parseAddress(s); ok {
		return []netip.Addr{a}
	}
	s = strings.TrimSpace(s)
	var out []netip.Addr
	for _, base := range []int{0, 10} { // as inet_aton reads it, where 010 is eight, and as people do
		if a, ok := parseParts(strings.Split(s, "."), base); ok {
			out = append(out, a)
		}
	}
	return out
}

// parseParts reads one to four numbers as inet_aton does: the last has the rest
// of the 32 bits.
func parseParts(parts []string, base int) (netip.Addr, bool) {
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var whole uint32
	for i, p := range parts {
		bits := 8
		if i == len(parts)-1 {
			bits = 32 - 8*i
		}
		n, err := strconv.ParseUint(p, base, bits)
		if err != nil {
			return netip.Addr{}, false
		}
		whole |= uint32(n) << (32 - 8*i - bits)
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], whole)
	return netip.AddrFrom4(b), true
}

// loose finds an address after the name of its member in text that is not
// JSON: cut off, or in other quotes.
var loose = regexp.MustCompile(`(?i)((?:probe_ip|client_ip|client_address)\W{1,8}?)([0-9a-f]{1,4}[.:][0-9a-f.:]+)`)

// ScrubText is Scrub for what could not be read as JSON and is set aside: it
// also looks for addresses that follow the name of their member in any form.
func ScrubText(text []byte, more ...netip.Addr) []byte {
	if !named(text) {
		text, _ = Scrub(text, more...)
		return text
	}
	for _, m := range loose.FindAllSubmatch(text, 4*maxClients) {
		if a, ok := parseAddress(strings.TrimRight(string(m[2]), ".:")); ok {
			more = append(more, a)
		}
	}
	text, _ = Scrub(text, more...)
	return loose.ReplaceAll(text, []byte("${1}"+scrubbed))
}

// named reports whether the name of a member that holds a client's address
// stands anywhere in a text, in whatever case.
func named(text []byte) bool {
	text = bytes.ToLower(text)
	return slices.ContainsFunc(addressKeys, func(k string) bool { return bytes.Contains(text, []byte(k)) })
}

func parseAddress(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().WithZone("").Unmap(), true
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.WithZone("").Unmap(), err == nil
}

var percents = strings.NewReplacer("%3A", ":", "%3a", ":", "%2F", "/", "%2f", "/")

// addressSigns are the bytes that addresses are made of, in any spelling.
var addressSigns = func() (set [256]bool) {
	for _, c := range "0123456789abcdefABCDEF.:%-" {
		set[c] = true
	}
	return set
}()

// dotted finds an IPv4 address, also with dashes.
var dotted = regexp.MustCompile(`[0-9]{1,3}[.-][0-9]{1,3}[.-][0-9]{1,3}[.-][0-9]{1,3}`)

// replaceAll replaces all that is an address, whose ever it is.
func replaceAll(doc []byte, n *int) []byte {
	var out []byte
	from := 0
	for i := 0; i < len(doc); i++ {
		if !addressSigns[doc[i]] {
			continue
		}
		start := i
		for i < len(doc) && addressSigns[doc[i]] {
			i++
		}
		if !holdsAddress(doc[start:i]) {
			continue
		}
		out = append(append(out, doc[from:start]...), scrubbed...)
		from = i
		*n++
	}
	if out == nil {
		return doc
	}
	return append(out, doc[from:]...)
}

// holdsAddress reports whether an address stands in a run of addressSigns.
func holdsAddress(run []byte) bool {
	if len(run) < len("::1") || string(run) == scrubbed {
		return false
	}
	if bytes.ContainsAny(run, ".-") && dotted.Match(run) {
		return true
	}
	if len(run) > 200 || !bytes.ContainsAny(run, ":%-") {
		return false
	}
	text := strings.Trim(percents.Replace(string(run)), ".-")
	_, ok := parseAddress(text)
	if !ok {
		_, ok = parseAddress(strings.ReplaceAll(text, "-", ":"))
	}
	return ok
}

// scrubBase64 looks into {"format":"base64","data":"…"} values, OONI's form
// of what is not UTF-8.
func scrubBase64(doc []byte, replace func([]byte, *int) []byte, n *int) []byte {
	marker := []byte(`"data"`)
	at := 0
	for {
		i := bytes.Index(doc[at:], marker)
		if i < 0 {
			return doc
		}
		at += i + len(marker)
		rest := bytes.TrimLeft(doc[at:], " \t\r\n:")
		if len(rest) == 0 || rest[0] != '"' {
			continue
		}
		start := len(doc) - len(rest) + 1
		end := bytes.IndexByte(doc[start:], '"')
		if end < 0 {
			return doc
		}
		end += start
		text := bytes.ReplaceAll(doc[start:end], []byte(`\/`), []byte("/"))
		plain, err := base64.StdEncoding.DecodeString(string(text))
		if err != nil {
			continue
		}
		before := *n
		plain = replace(plain, n)
		if *n == before {
			continue
		}
		packed := base64.StdEncoding.EncodeToString(plain)
		doc = append(append(append([]byte(nil), doc[:start]...), packed...), doc[end:]...)
		at = start + len(packed)
	}
}
