package measurement

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// The shortest prefixes (widest subnets) that still identify a client.
const (
	subnet4 = 16
	subnet6 = 32
)

// household is how many bits of an IPv6 address identify its household. The rest
// changes daily, so that every address with the same first bits counts as the
// client's.
const household = 64

// hunt looks for the addresses of clients in all the ways in which people and
// programs write them.
type hunt struct {
	v4, v6  []netip.Addr
	needles map[uint32][]needle // by their first four bytes in lower case
	begins  [1 << 10]uint64     // one bit for every two bytes with which a needle begins
	raw     []needle            // the bytes of the addresses themselves

	low []byte // scratch space for find
}

// needle is one spelling of an address in lower case.
type needle struct {
	text  string
	put   string // the replacement
	alone func(text []byte, i, j int) bool
}

// newHunt lists the spellings of addresses that can be found as fixed text. IPv6
// with colons, and IPv4 in other notations, are found by reading (colons, dots).
func newHunt(clients []netip.Addr) *hunt {
	h := &hunt{needles: map[uint32][]needle{}}
	for _, a := range clients {
		if a.Is4() {
			h.v4 = append(h.v4, a)
			h.spell4(a)
		} else {
			h.v6 = append(h.v6, a)
			h.spell6(a)
		}
	}
	return h
}

func (h *hunt) add(text, put string, alone func([]byte, int, int) bool) {
	if len(text) < 4 {
		return // an address that no client has
	}
	key := binary.BigEndian.Uint32([]byte(text))
	h.begins[key>>22] |= 1 << (key >> 16 & 63)
	if !slices.ContainsFunc(h.needles[key], func(n needle) bool { return n.text == text }) {
		h.needles[key] = append(h.needles[key], needle{text, put, alone})
	}
}

// Replacements for numbers, so that they stay numbers.
const (
	scrubbedNumber = "2130706433"
	scrubbedHex    = "7f000001"
	scrubbedDigits = "127000000001"
)

// joints are what may be between the numbers of an address: the usual dot, signs of
// host names, and signs that keep an address from becoming a link.
var joints = []string{".", "-", "_", "[.]", "(.)", "{.}", " . ", "[dot]", "(dot)", " dot ", "%2e", " "}

// spell4 adds the spellings of an IPv4 address that dots does not read: its four
// numbers in either order, decimal and hexadecimal; the address as one number; the
// subnets that hold it; and its names under in-addr.arpa and ip6.arpa.
func (h *hunt) spell4(a netip.Addr) {
	b := a.As4()
	h.raw = append(h.raw, needle{text: string(b[:]), put: "\x7f\x00\x00\x01"})
	for order, o := range [][4]byte{b, {b[3], b[2], b[1], b[0]}} {
		quad := func(form, joint string) string {
			var parts []string
			for _, n := range o {
				parts = append(parts, fmt.Sprintf(form, n))
			}
			return strings.Join(parts, joint)
		}
		for _, joint := range joints {
			if joint == " " && order == 1 {
				continue // four numbers with spaces, in an order that nobody writes
			}
			h.add(quad("%d", joint), scrubbed, outsideNumber)
			h.add(quad("%03d", joint), scrubbed, outsideNumber)
		}
		for _, joint := range []string{",", ", "} {
			h.add(quad("%d", joint), strings.ReplaceAll(scrubbed, ".", joint), outsideList)
		}
		h.add(quad("%03d", ""), scrubbedDigits, outsideNumber)
		for _, joint := range []string{".", "-", ":", "_", " "} {
			h.add(quad("%02x", joint), scrubbed, outsideHex)
			h.add(quad("0x%02x", joint), scrubbed, outsideWord)
			h.add(quad("0x%x", joint), scrubbed, outsideWord)
		}
		for _, prefix := range []string{`\x`, `\\x`, `\\\\x`, "%"} { // its bytes in a string or a URL
			h.add(prefix+quad("%02x", prefix), scrubbed, anywhere)
		}
		nibbles := strings.Join(strings.Split(hex.EncodeToString(o[:]), ""), ".")
		if order == 1 {
			r := strings.Split(hex.EncodeToString(b[:]), "")
			slices.Reverse(r)
			nibbles = strings.Join(r, ".")
		}
		h.add(nibbles, scrubbed, outsideLetters)

		whole := uint32(o[0])<<24 | uint32(o[1])<<16 | uint32(o[2])<<8 | uint32(o[3])
		h.add(fmt.Sprintf("0x%08x", whole), "0x"+scrubbedHex, outsideWord)
		h.add(fmt.Sprintf("0x%x", whole), "0x"+scrubbedHex, outsideWord)
		if text := fmt.Sprintf("%08x", whole); strings.ContainsAny(text, "abcdf") { // without a letter it may be an ordinary number
			h.add(text, scrubbedHex, outsideWord)
		}
		if whole >= 1<<24 { // smaller numbers are everywhere
			h.add(strconv.FormatUint(uint64(whole), 10), scrubbedNumber, outsideWord)
			if signed := int32(whole); signed < 0 {
				h.add(strconv.FormatInt(int64(signed), 10), scrubbedNumber, outsideWord)
			}
			h.add(fmt.Sprintf("0%o", whole), scrubbed, outsideWord)
		}
	}
	text := a.String()
	h.add(hex.EncodeToString([]byte(text)), hex.EncodeToString([]byte(scrubbed)), anywhere)
	h.add(fmt.Sprintf("%d.%d.%d.%d.in-addr.arpa", b[3], b[2], b[1], b[0]), scrubbed, outsideNumber)
	h.add(fmt.Sprintf("%d.%d.%d.in-addr.arpa", b[2], b[1], b[0]), scrubbed, outsideNumber)
	for bits := subnet4; bits < 32; bits++ {
		h.add(netip.PrefixFrom(a, bits).Masked().String(), scrubbed, outsideNumber)
	}
}

// spell6 adds the spellings of an IPv6 address, and of its household, that have no
// colons.
func (h *hunt) spell6(a netip.Addr) {
	b := a.As16()
	h.raw = append(h.raw, needle{text: string(b[:household/8]), put: "\x00\x00\x00\x00\x00\x00\x00\x00"})
	digits := hex.EncodeToString(b[:])
	var groups, short []string
	for i := 0; i < 32; i += 4 {
		groups = append(groups, digits[i:i+4])
		short = append(short, cmp.Or(strings.TrimLeft(digits[i:i+4], "0"), "0"))
	}
	for _, joint := range []string{"-", "_", "."} {
		h.add(strings.ReplaceAll(a.String(), ":", joint), scrubbed, outsideWord)
		h.add(strings.Join(groups, joint), scrubbed, outsideWord)
		h.add(strings.Join(short, joint), scrubbed, outsideWord)
		h.add(strings.Join(groups[:4], joint), scrubbed, outsideWord)
		h.add(strings.Join(short[:4], joint), scrubbed, outsideWord)
	}
	put := scrubbedHex
	if !strings.ContainsAny(digits, "abcdf") {
		put = scrubbedNumber // it may be where a number is
	}
	h.add(digits, put, outsideWord)
	h.add("0x"+digits, "0x"+scrubbedHex, outsideWord)
	if strings.ContainsAny(digits[:household/4], "abcdf") { // without a letter it may be an ordinary number
		h.add(digits[:household/4], put, outsideWord)
	}
	h.add(new(big.Int).SetBytes(b[:]).String(), scrubbedNumber, outsideWord)
	nibbles := strings.Split(digits, "")
	h.add(strings.Join(nibbles, "."), scrubbed, outsideWord)
	h.add(strings.Join(nibbles[:household/4], "."), scrubbed, outsideWord)
	slices.Reverse(nibbles)
	for _, end := range []string{".ip6.arpa", ".ip6.int", ""} {
		h.add(strings.Join(nibbles, ".")+end, scrubbed, outsideWord)
		h.add(strings.Join(nibbles[32-household/4:], ".")+end, scrubbed, outsideLetters)
	}
	h.add(hex.EncodeToString([]byte(a.String())), hex.EncodeToString([]byte(scrubbed)), anywhere)
}

// What must be around a spelling, so that a part of a longer number or word is not
// replaced.

func anywhere([]byte, int, int) bool { return true }

func is(text []byte, i int, in func(byte) bool) bool { return i >= 0 && i < len(text) && in(text[i]) }

func digit(c byte) bool { return c >= '0' && c <= '9' }

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func wordly(c byte) bool { return digit(c) || letter(c) || c == '_' }

// outsideNumber: 1.2.3.4 is not found inside 11.2.3.45 or 1.2.3.4.5.
func outsideNumber(text []byte, i, j int) bool {
	dot := func(c byte) bool { return c == '.' }
	return !is(text, i-1, digit) && !is(text, j, digit) && !(is(text, i-1, dot) && is(text, i-2, digit)) && !(is(text, j, dot) && is(text, j+1, digit))
}

// outsideWord: no letter or digit touches it, so that it is not a part of a digest,
// a key or a fraction.
func outsideWord(text []byte, i, j int) bool {
	return outsideNumber(text, i, j) && !is(text, i-1, wordly) && !is(text, j, wordly)
}

// outsideHex: the pairs of digits are not part of a longer row of pairs, such as a
// certificate's fingerprint.
func outsideHex(text []byte, i, j int) bool {
	joint := func(c byte) bool { return c == text[i+2] }
	return outsideWord(text, i, j) && !(is(text, i-1, joint) && is(text, i-2, wordly)) && !(is(text, j, joint) && is(text, j+1, wordly))
}

// outsideList: the four numbers are a list by themselves or, as in FTP, the
// beginning of a list in parentheses.
func outsideList(text []byte, i, j int) bool {
	if !outsideNumber(text, i, j) {
		return false
	}
	before, after := bytes.TrimRight(text[max(0, i-8):i], " \t\r\n"), bytes.TrimLeft(text[j:min(len(text), j+8)], " \t\r\n")
	return !bytes.HasSuffix(before, []byte(",")) && (!bytes.HasPrefix(after, []byte(",")) || bytes.HasSuffix(before, []byte("(")))
}

// outsideLetters: it is a part of a name under ip6.arpa, whatever the rest of the
// address is.
func outsideLetters(text []byte, i, j int) bool {
	return !is(text, j, wordly) && !is(text, i-1, wordly)
}

// span is a part of a text and its replacement.
type span struct {
	from, to int
	put      string
}

// scrub replaces the addresses of the hunt everywhere in text and adds their number
// to n.
func (h *hunt) scrub(text []byte, n *int) []byte { return h.within(text, n, 2) }

// within does what scrub does, through so many layers of base64. It reads the text
// in pieces, so that the views of one piece take little memory.
func (h *hunt) within(text []byte, n *int, layers int) []byte {
	if layers > 0 {
		text, _ = replaced(text, h.packed(text, layers-1), n)
	}
	var out []byte // nil while nothing was replaced
	hard := false
	for start := 0; start < len(text); {
		end, apart := cut(text, start)
		piece, back := text[start:end], 0
		if hard { // an address may cross the cut
			back = min(start, overlap)
			if out == nil {
				piece = text[start-back : end]
			} else {
				back = min(len(out), overlap)
				piece = slices.Concat(out[len(out)-back:], piece)
			}
		}
		before := *n
		clean := h.piece(piece, n, layers)
		switch {
		case *n == before && out != nil:
			out = append(out, text[start:end]...)
		case *n > before && out == nil:
			out = append(slices.Clone(text[:start-back]), clean...)
		case *n > before:
			out = append(out[:len(out)-back], clean...)
		}
		start, hard = end, !apart
	}
	if out == nil {
		return text
	}
	return out
}

// How a text is cut into pieces, in bytes: after pieceSize at the next place where
// a cut is safe; after maxPieceSize anywhere, and then overlap bytes are read
// twice.
const (
	pieceSize    = 32 << 10
	maxPieceSize = 512 << 10
	overlap      = 4 << 10
)

// cut returns where the piece that begins at start ends. apart is true where no
// spelling and no base64 crosses that place.
func cut(text []byte, start int) (end int, apart bool) {
	for end = start + pieceSize; end < len(text) && end < start+maxPieceSize; end++ {
		if c := text[end]; c == '"' || c == '<' || c == '\n' {
			return end + 1, true
		}
	}
	return min(end, len(text)), end >= len(text)
}

// piece replaces the addresses in one piece.
func (h *hunt) piece(text []byte, n *int, layers int) []byte {
	for range 4 {
		var found []span
		for i, v := range views(text) {
			inView := h.find(v.text)
			if i > 0 && layers > 0 {
				inView = append(inView, h.packed(v.text, layers-1)...)
			}
			for _, s := range inView {
				if i > 0 {
					s.from, s.to = v.at(s.from), v.at(s.to)
				}
				found = append(found, s)
			}
		}
		crossed := false
		if text, crossed = replaced(text, found, n); !crossed {
			break
		}
	}
	return text
}

// replaced applies replacements. Of spans that overlap it takes the first, and of
// these the longest. crossed is true where it left out a span that reaches further
// than the one it took.
func replaced(text []byte, spans []span, n *int) (out []byte, crossed bool) {
	if len(spans) == 0 {
		return text, false
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	out = make([]byte, 0, len(text))
	at := 0
	for _, s := range spans {
		if s.from < at {
			crossed = crossed || s.to > at
			continue
		}
		out = append(append(out, text[at:s.from]...), s.put...)
		at = s.to
		*n++
	}
	return append(out, text[at:]...), crossed
}

// find returns the needles in a text.
func (h *hunt) find(text []byte) []span {
	var out []span
	low := lower(&h.low, text)
	for i := 0; i+4 <= len(low); i++ {
		if h.begins[int(low[i])<<2|int(low[i+1]>>6)]&(1<<(low[i+1]&63)) == 0 {
			continue
		}
		for _, n := range h.needles[binary.BigEndian.Uint32(low[i:])] {
			if j := i + len(n.text); j <= len(low) && string(low[i:j]) == n.text && n.alone(low, i, j) {
				out = append(out, span{i, j, n.put})
			}
		}
	}
	return append(append(out, h.colons(low)...), h.dots(low)...)
}

// lower returns a text in lower case, in room. Only ASCII letters change, so that
// the length stays the same.
func lower(room *[]byte, text []byte) []byte {
	out := slices.Grow((*room)[:0], len(text))[:len(text)]
	*room = out
	for i, c := range text {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		out[i] = c
	}
	return out
}

// dots returns IPv4 addresses in which some or all numbers are hexadecimal, octal
// or padded, such as 0xcb.0.0161.77.
func (h *hunt) dots(text []byte) []span {
	var out []span
	if len(h.v4) == 0 {
		return nil
	}
	sign := func(c byte) bool { return digit(c) || c >= 'a' && c <= 'f' || c == 'x' || c == '.' }
	for i := 0; ; {
		k := bytes.IndexByte(text[i:], '.')
		if k < 0 {
			return out
		}
		k += i
		start, end := k, k
		for start > i && k-start < 12 && sign(text[start-1]) {
			start--
		}
		for end < len(text) && end-start < 64 && sign(text[end]) {
			end++
		}
		i = max(end, k+1)
		end = start + len(bytes.TrimRight(text[start:end], "."))
		run := text[start:end]
		if len(run) < len("0x1.1") || !digit(run[0]) || !outsideWord(text, start, end) || run[0] != '0' && !bytes.Contains(run, []byte(".0")) {
			continue
		}
		if bytes.Count(run, []byte(".")) > 3 || bytes.Contains(run, []byte("..")) {
			continue
		}
		if slices.ContainsFunc(readings(string(run)), func(a netip.Addr) bool { return slices.Contains(h.v4, a) }) {
			out = append(out, span{start, end, scrubbed})
		}
	}
}

// colonSign reports whether IPv6 is written with a byte (in lower case).
func colonSign(c byte) bool { return digit(c) || c >= 'a' && c <= 'f' || c == ':' || c == '.' }

// colons returns IPv6 addresses in any spelling with colons: addresses of a
// client's household, subnets that hold one, and addresses that carry a client's
// IPv4 address.
func (h *hunt) colons(text []byte) []span {
	var out []span
	for i := 0; ; {
		k := bytes.IndexByte(text[i:], ':')
		if k < 0 {
			return out
		}
		k += i
		start := k
		for start > i && k-start < 5 && colonSign(text[start-1]) {
			start--
		}
		end := k
		for end < len(text) && end-start < 64 && colonSign(text[end]) {
			end++
		}
		i = end
		if i == k {
			i++
		}
		if bytes.Count(text[start:end], []byte(":")) < 2 || end-start < len("::1:2") {
			continue
		}
		if s, ok := h.readColons(text, start, end); ok {
			out = append(out, s)
			i = max(i, s.to)
		}
	}
}

// readColons reads a run of such bytes as an address of the hunt. The run may begin
// or end with bytes that belong to the text around it: a full stop or a colon at
// the ends, a word before, a port after.
func (h *hunt) readColons(text []byte, start, end int) (span, bool) {
	for range 2 {
		stop := end
		for range 3 {
			if is(text, start-1, wordly) && text[start] != ':' { // the end of a word, or of an escape
				break
			}
			run := text[start:stop]
			cut := trimmed(run)
			if to, ok := h.says(text, start, start+len(cut)); ok {
				return span{start, to, scrubbed}, true
			}
			last := bytes.LastIndexByte(cut, ':')
			if last < 2 {
				break
			}
			stop = start + last
		}
		next := bytes.IndexByte(text[start:end], ':')
		if next < 0 || start+next+1 >= end {
			break
		}
		start += next + 1
	}
	return span{}, false
}

// trimmed returns a text without signs at the end that do not belong to the
// address.
func trimmed(found []byte) []byte {
	text := bytes.TrimRight(found, ".")
	if !bytes.HasSuffix(text, []byte("::")) {
		text = bytes.TrimRight(text, ":")
	}
	return text
}

// says reports whether text[i:j] is an address of the hunt or a subnet that holds
// one, and where that ends.
func (h *hunt) says(text []byte, i, j int) (int, bool) {
	run := string(text[i:j])
	a, err := netip.ParseAddr(run)
	if err != nil {
		return j, h.begun(run)
	}
	if !a.Is6() {
		return 0, false
	}
	if to, bits := subnetAfter(text, j); to > j {
		p := netip.PrefixFrom(a, bits)
		if slices.ContainsFunc(h.v6, func(c netip.Addr) bool { return bits >= subnet6 && p.Contains(c) }) ||
			a.Is4In6() && bits >= 96+subnet4 && slices.ContainsFunc(h.v4, func(c netip.Addr) bool { return p.Contains(netip.AddrFrom16(c.As16())) }) {
			return to, true
		}
	}
	for _, c := range h.v6 {
		if p, err := c.Prefix(household); err == nil && p.Contains(a) {
			return zoneAfter(text, j), true
		}
	}
	b := a.As16()
	return j, slices.ContainsFunc(h.v4, func(c netip.Addr) bool { return carriesV4(b, c.As4()) })
}

// begun reports whether a text is the first four groups of a client's address.
func (h *hunt) begun(run string) bool {
	groups := strings.Split(run, ":")
	if len(groups) != household/16 {
		return false
	}
	return slices.ContainsFunc(h.v6, func(c netip.Addr) bool {
		b := c.As16()
		for i, g := range groups {
			if n, err := strconv.ParseUint(g, 16, 16); err != nil || n != uint64(b[2*i])<<8|uint64(b[2*i+1]) {
				return false
			}
		}
		return true
	})
}

// subnetAfter reads the length of a subnet, such as /64.
func subnetAfter(text []byte, j int) (to, bits int) {
	if j >= len(text) || text[j] != '/' {
		return j, 0
	}
	to = j + 1
	for to < len(text) && to < j+4 && digit(text[to]) {
		bits = 10*bits + int(text[to]-'0')
		to++
	}
	if to == j+1 || bits > 128 {
		return j, 0
	}
	return to, bits
}

// zoneAfter returns where the zone of an address ends, or j where there is none.
func zoneAfter(text []byte, j int) int {
	if !is(text, j, func(c byte) bool { return c == '%' }) || !is(text, j+1, letter) {
		return j
	}
	for j++; j < len(text) && wordly(text[j]); j++ {
	}
	return j
}

// embeddings lists the places in which an IPv6 address may carry an IPv4 address:
// at the end (mapped, compatible, NAT64, ISATAP), after the prefixes of RFC 6052,
// and in 6to4.
var embeddings = [][4]int{{12, 13, 14, 15}, {4, 5, 6, 7}, {5, 6, 7, 9}, {6, 7, 9, 10}, {7, 9, 10, 11}, {9, 10, 11, 12}, {2, 3, 4, 5}}

// carriesV4 reports whether an IPv6 address carries an IPv4 address, also with its
// bits inverted, as in Teredo.
func carriesV4(b [16]byte, v4 [4]byte) bool {
	for _, at := range embeddings {
		same, turned := true, true
		for i, k := range at {
			same, turned = same && b[k] == v4[i], turned && b[k] == ^v4[i]
		}
		if same || turned && at[3] == 15 {
			return true
		}
	}
	return false
}

// minPacked is the length of the shortest base64 that can hold an address, 1.1.1.1.
const minPacked = 10

// maxRawBytes is the size of the largest data in which the four bytes of an address
// are looked for. A DNS or STUN message holds them; in larger data they occur by
// chance.
const maxRawBytes = 2 << 10

// packed returns the addresses inside base64.
func (h *hunt) packed(text []byte, layers int) []span {
	var out []span
	for i := 0; i < len(text); i++ {
		if !packedSign[text[i]] {
			continue
		}
		start := i
		for i < len(text) && packedSign[text[i]] {
			i++
		}
		end := i
		for end < len(text) && end < i+2 && text[end] == '=' {
			end++
		}
		out = append(out, h.unpack(text, start, end, layers)...)
	}
	return out
}

// unpack looks into a run of base64 characters: first as a whole and then, because
// it may be the path of a URL, between its slashes.
func (h *hunt) unpack(text []byte, start, end, layers int) []span {
	if end-start < minPacked {
		return nil
	}
	run := text[start:end]
	whole := is(text, start-1, func(c byte) bool { return c == '"' }) && is(text, end, func(c byte) bool { return c == '"' })
	if put, ok := h.repack(run, whole, layers); ok {
		return []span{{start, end, put}}
	}
	if bytes.IndexByte(run, '/') < 0 {
		return nil
	}
	var out []span
	for from := 0; from < len(run); {
		to := bytes.IndexByte(run[from:], '/')
		if to < 0 {
			to = len(run)
		} else {
			to += from
		}
		if to-from >= minPacked {
			if put, ok := h.repack(run[from:to], false, layers); ok {
				out = append(out, span{start + from, start + to, put})
			}
		}
		from = to + 1
	}
	return out
}

// repack decodes base64, removes the addresses and encodes it again; false where
// there are none, or where it is not base64.
func (h *hunt) repack(run []byte, whole bool, layers int) (string, bool) {
	coding := base64.StdEncoding
	if bytes.ContainsAny(run, "-_") {
		coding = base64.URLEncoding
	}
	if run[len(run)-1] != '=' {
		coding = coding.WithPadding(base64.NoPadding)
	}
	plain, err := coding.AppendDecode(make([]byte, 0, len(run)), run)
	if err != nil {
		return "", false
	}
	n := 0
	clean := plain
	if legible(plain) {
		clean = h.within(plain, &n, layers)
	}
	for _, r := range h.raw {
		if len(r.text) > 4 || whole && len(clean) <= maxRawBytes {
			if c := bytes.Count(clean, []byte(r.text)); c > 0 {
				clean, n = bytes.ReplaceAll(clean, []byte(r.text), []byte(r.put)), n+c
			}
		}
	}
	if n == 0 {
		return "", false
	}
	return coding.EncodeToString(clean), true
}

// legible reports whether the bytes hold as much text as an address needs. Most
// words of a page can be decoded as base64 and mean nothing.
func legible(b []byte) bool {
	n := 0
	for _, c := range b {
		if c < ' ' || c > '~' {
			n = 0
			continue
		}
		if n++; n >= len("1.1.1.1") {
			return true
		}
	}
	return false
}

// packedSign holds the characters of base64, of both alphabets.
var packedSign = func() (set [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_" {
		set[c] = true
	}
	return set
}()
