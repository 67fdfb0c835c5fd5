package casefile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Problem is one thing that is wrong in the record, where it is, and how to mend
// it.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // from 1; 0 for the file as a whole
	Path    string `json:"path"` // "acts[2].source"
	Message string `json:"message"`
	Warning bool   `json:"warning,omitempty"` // it may be right, but somebody should look
	Edit    *Edit  `json:"edit,omitempty"`    // a change that a machine can make; nil for none
}

// Edit replaces Old by New in one line of a file: the first Old at or after Column.
type Edit struct {
	Line   int    `json:"line"`
	Column int    `json:"column"` // in bytes, from 1
	Old    string `json:"old"`
	New    string `json:"new"`
}

// String writes "file:line: path: message".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	if p.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(p.Message)
	return b.String()
}

func sortProblems(ps []Problem) {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			strings.Compare(a.Path, b.Path), strings.Compare(a.Message, b.Message))
	})
}

// Apply makes the edits of the problems of one file in its text, and returns the
// new text and the number of edits. An edit whose old text is not where it should
// be is left out.
func Apply(data []byte, problems []Problem) ([]byte, int) {
	lines := strings.SplitAfter(string(data), "\n")
	var edits []Edit
	for _, p := range problems {
		if p.Edit != nil && !slices.Contains(edits, *p.Edit) {
			edits = append(edits, *p.Edit)
		}
	}
	// From the right, so that an edit does not move those on its left.
	slices.SortStableFunc(edits, func(a, b Edit) int {
		return cmp.Or(cmp.Compare(b.Line, a.Line), cmp.Compare(b.Column, a.Column))
	})
	made := 0
	for _, e := range edits {
		if e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Column-1 > len(lines[e.Line-1]) {
			continue
		}
		head, tail := lines[e.Line-1][:e.Column-1], lines[e.Line-1][e.Column-1:]
		if !strings.Contains(tail, e.Old) {
			continue
		}
		lines[e.Line-1] = head + strings.Replace(tail, e.Old, e.New, 1)
		made++
	}
	return []byte(strings.Join(lines, "")), made
}

// nearest returns the word of the list that was probably meant by got, or "".
func nearest(got string, words []string) string {
	best, bestAt := "", 1+len(got)/3
	for _, w := range words {
		if plain(w) == plain(got) {
			return w
		}
		if d := levenshtein.ComputeDistance(got, w); d <= bestAt && (best == "" || d < bestAt) {
			best, bestAt = w, d
		}
	}
	return best
}

// plain removes the differences that have no meaning: hyphens, spaces and capitals.
func plain(s string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
}
