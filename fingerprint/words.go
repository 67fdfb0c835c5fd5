package fingerprint

import (
	"slices"
	"strings"
)

// words finds many strings in one pass over a text (Wu and Manber, A fast algorithm
// for multi-pattern searching, TR 94-17, 1994). Each word is represented by a
// window: eight of its bytes. The last three bytes of eight in the text say how far
// ahead the next window can be, mostly six bytes. Words shorter than a window are
// looked for one by one.
type words struct {
	short   []literal
	shift   []uint8 // by the hash of three bytes
	windows map[uint64][]window
}

type literal struct {
	text  string
	match string
}

// window is a word whose eight bytes from at on are its window.
type window struct {
	literal
	at int
}

const (
	windowBytes = 8
	maxShift    = windowBytes - 2
	hashBits    = 15
)

func newWords(all []literal) *words {
	w := &words{windows: map[uint64][]window{}, shift: slices.Repeat([]uint8{maxShift}, 1<<hashBits)}
	shared := map[uint64]int{}
	for _, l := range all {
		for at := 0; at+windowBytes <= len(l.text); at++ {
			shared[eight(l.text, at)]++
		}
	}
	for _, l := range all {
		if len(l.text) < windowBytes {
			w.short = append(w.short, l)
			continue
		}
		best := 0 // the window that fewest words share
		for at := 1; at+windowBytes <= len(l.text); at++ {
			if shared[eight(l.text, at)] < shared[eight(l.text, best)] {
				best = at
			}
		}
		key := eight(l.text, best)
		w.windows[key] = append(w.windows[key], window{l, best})
		for i := range maxShift {
			h := three(l.text, best+i)
			w.shift[h] = min(w.shift[h], uint8(maxShift-1-i))
		}
	}
	return w
}

// eight returns the eight bytes of s from at on as a number.
func eight(s string, at int) uint64 {
	s = s[at : at+windowBytes]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// three returns a hash of the three bytes of s from at on.
func three(s string, at int) uint32 {
	s = s[at : at+3]
	return (uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16) * 2654435761 >> (32 - hashBits)
}

// find returns the matches of the words in the text, each once.
func (w *words) find(text string) []string {
	var found []string
	add := func(match string) {
		if !slices.Contains(found, match) {
			found = append(found, match)
		}
	}
	for _, l := range w.short {
		if strings.Contains(text, l.text) {
			add(l.match)
		}
	}
	for at := 0; at+windowBytes <= len(text); {
		if by := w.shift[three(text, at+windowBytes-3)]; by > 0 {
			at += int(by)
			continue
		}
		for _, l := range w.windows[eight(text, at)] {
			if at >= l.at && strings.HasPrefix(text[at-l.at:], l.text) {
				add(l.match)
			}
		}
		at++
	}
	return found
}
