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

// scrubbed is what OONI's probes write instead of their address.
const scrubbed = "127.0.0.1"

// Scrub removes client addresses from a document as it was received: the value of
// every member probe_ip, client_ip or client_address, and the same addresses
// everywhere else (in bodies, headers, base64). more holds addresses that are known
// from elsewhere, such as the submitter's. It returns the document and the number
// of places that it changed; where there was nothing to remove, it returns doc
// itself.
//
// Scrub works on text, so that it also works on a document that cannot be decoded.
// It finds addresses in the spellings of [newHunt], also in escaped or encoded text
// (views) and inside base64. What only looks like an address stays: a spelling that
// could be an ordinary number or name must stand alone. A document that names no
// client, without more, is not searched.
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

// clientsOf returns the addresses to look for, each once: those in addrs, and those
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

// maxClients is how many addresses are looked for in a document; those in more come
// first. A measurement has one client. From a document that names more, every
// plainly written address is removed.
const maxClients = 8

// addressKeys are the members whose value is a client's address.
var addressKeys = []string{"probe_ip", "client_ip", "client_address"}

// scrubValues replaces the value of every member that holds a client's address,
// whatever the value is and however the name is spelled. It returns the document,
// the addresses that it replaced, and their number.
func scrubValues(doc []byte) ([]byte, []netip.Addr, int) {
	if withheld(doc) {
		return doc, nil, 0
	}
	return replaceValues(doc)
}

// replaceValues does what scrubValues does, by going from string to string.
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

// namesNobody reports whether the value of such a member is one that probes write
// to withhold the address.
func namesNobody(value []byte) bool {
	return string(value) == `"`+scrubbed+`"` || string(value) == "null" || string(value) == `""`
}

// withheld reports whether a document surely has no client's address as a member:
// the value after each place where the name of such a member can end names nobody,
// and no name can be spelled with escapes. This is much faster than going from
// string to string, and true for nearly all documents.
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

// firstWord reports whether a text ends with a quote and the first part of the name
// of such a member, in any case.
func firstWord(b []byte) bool {
	for _, w := range []string{`"probe`, `"client`} {
		if n := len(b) - len(w); n >= 0 && b[n] == '"' && strings.EqualFold(string(b[n:]), w) {
			return true
		}
	}
	return false
}

// lastWord returns the length of the last part of the name of such a member, after
// its underscore, in any case, if b begins with it; else 0. The letter s also has a
// lower-case form of two bytes.
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

// letterEscaped reports whether a letter or an underscore is written as \uXXXX.
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

// isAddressKey reports whether a JSON string, with its quotes, is the name of a
// member that holds a client's address.
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

// stringEnd returns where the JSON string that begins at start ends: after its
// closing quote, or at the end of doc.
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

// afterColon returns where the value after a colon begins; -1 where no colon
// follows.
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

// valueEnd returns where the JSON value that begins at start ends.
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

// addressesIn returns the addresses among the strings of a value, or the address
// that a number means.
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

// readings returns the addresses that the value of such a member may mean: one, or
// several where numbers have leading zeros.
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

// parseParts reads one to four numbers as inet_aton does: the last number fills the
// rest of the 32 bits.
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

// loose matches an address after the name of its member in text that is not JSON:
// cut off, or with other quotes.
var loose = regexp.MustCompile(`(?i)((?:probe_ip|client_ip|client_address)\W{1,8}?)([0-9a-f]{1,4}[.:][0-9a-f.:]+)`)

// ScrubText does what Scrub does, for text that could not be read as JSON and is
// set aside. It also looks for addresses that follow the name of their member in
// any form.
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

// named reports whether a text contains the name of a member that holds a client's
// address, in any case.
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

// addressSigns holds the bytes with which addresses are written, in any spelling.
var addressSigns = func() (set [256]bool) {
	for _, c := range "0123456789abcdefABCDEF.:%-" {
		set[c] = true
	}
	return set
}()

// dotted matches an IPv4 address, also with dashes.
var dotted = regexp.MustCompile(`[0-9]{1,3}[.-][0-9]{1,3}[.-][0-9]{1,3}[.-][0-9]{1,3}`)

// replaceAll replaces every address, whosever it is.
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

// holdsAddress reports whether a run of addressSigns holds an address.
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

// scrubBase64 looks into values {"format":"base64","data":"…"}, OONI's form for
// bytes that are not UTF-8.
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
