package fingerprint

import "slices"

// automaton finds all of many strings in one pass over a text (Aho and
// Corasick, Efficient string matching, CACM 18(6), 1975). States near the
// root, where nearly all of a text is read, have a full table of successors;
// deeper ones a short list, and fall back along their failure link.
type automaton struct {
	words []literal
	dense [][256]int32 // of the states 0 to len(dense)-1
	state []state
}

type literal struct {
	text  string
	start bool // only at the start of the text
	match string
}

type state struct {
	edges []edge
	fail  int32
	next  int32   // the nearest state on the failure path with words, or 0
	words []int32 // that end here
}

type edge struct {
	by byte
	to int32
}

// denseStates bounds the memory of the tables: 1 kB each.
const denseStates = 2048

func newAutomaton(words []literal) *automaton {
	a := &automaton{words: words, state: make([]state, 1)}
	for i, w := range words {
		at := int32(0)
		for j := range len(w.text) {
			at = a.grow(at, w.text[j])
		}
		a.state[at].words = append(a.state[at].words, int32(i))
	}
	a.link()
	return a
}

func (s *state) child(by byte) (int32, bool) {
	for _, e := range s.edges {
		if e.by == by {
			return e.to, true
		}
	}
	return 0, false
}

func (a *automaton) grow(at int32, by byte) int32 {
	if to, ok := a.state[at].child(by); ok {
		return to
	}
	to := int32(len(a.state))
	a.state[at].edges = append(a.state[at].edges, edge{by, to})
	a.state = append(a.state, state{})
	return to
}

// link sets failure links breadth first, and renumbers states in that order
// so that the dense ones come first.
func (a *automaton) link() {
	order := []int32{0}
	for i := 0; i < len(order); i++ {
		for _, e := range a.state[order[i]].edges {
			order = append(order, e.to)
		}
	}
	renumber := make([]int32, len(order))
	for i, old := range order {
		renumber[old] = int32(i)
	}
	sorted := make([]state, len(order))
	for i, old := range order {
		sorted[i] = a.state[old]
		for j := range sorted[i].edges {
			sorted[i].edges[j].to = renumber[sorted[i].edges[j].to]
		}
	}
	a.state = sorted
	for i := range a.state {
		for _, e := range a.state[i].edges {
			if i == 0 {
				continue // their failure link is the root
			}
			fail := a.step(a.state[i].fail, e.by)
			a.state[e.to].fail = fail
			a.state[e.to].next = fail
			if len(a.state[fail].words) == 0 {
				a.state[e.to].next = a.state[fail].next
			}
		}
	}
	dense := make([][256]int32, min(denseStates, len(a.state)))
	for i := range dense {
		for by := range 256 {
			dense[i][by] = a.step(int32(i), byte(by))
		}
	}
	a.dense = dense
}

func (a *automaton) step(at int32, by byte) int32 {
	for {
		if int(at) < len(a.dense) {
			return a.dense[at][by]
		}
		if to, ok := a.state[at].child(by); ok {
			return to
		}
		if at == 0 {
			return 0
		}
		at = a.state[at].fail
	}
}

// find returns the matches of the words in the text, each once.
func (a *automaton) find(text string) []string {
	var found []string
	at := int32(0)
	for i := range len(text) {
		at = a.step(at, text[i])
		for s := at; s != 0; s = a.state[s].next {
			for _, w := range a.state[s].words {
				l := &a.words[w]
				if l.start && i+1 != len(l.text) || slices.Contains(found, l.match) {
					continue
				}
				found = append(found, l.match)
			}
		}
	}
	return found
}
