package verdict

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
)

// reported is a table with one line for each rule: the rule's id, and on how many
// cases of testdata/reported it fired, where it was right and where it was wrong.
// The tests write it.
//
//go:embed reported.tsv
var reported string

// onReported returns the two numbers of a rule as text.
func onReported(id string) (right, wrong string) {
	for line := range strings.Lines(reported) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == id {
			return f[1], f[2]
		}
	}
	return "0", "0"
}

// Document returns the rule set for readers, in Markdown: docs/rules.md.
func Document() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# The rules of verdicts\n\nRuleset %s. This page is written by `bandish rules --markdown`; a test compares the two.\n", Ruleset)
	b.WriteString(`
A rule is asked of every row of a measurement, or of the measurement as a whole. Every rule that finds blocking is kept; of the others of a layer the first that fires on a row decides it. The state of the measurement is the first of blocked, likely_blocked, down, impaired, ok for which a rule argues, else insufficient. Rules about the instrument make the measurement invalid: it is kept and counted apart.

A *determinate* rule has no other known explanation; a *circumstantial* one suggests. A mechanism that ends in ` + "`*`" + ` ends in the kind of failure, for example ` + "`tcp.reset`" + `.

The columns *right* and *wrong* count the cases that others have reported (` + "`verdict/testdata/reported`" + `) on which the rule fires. A case is wrong for the rule where the verdict is none that was said to be right, and the rule argues for that verdict. ` + "`bandish verdict --truth verdict/testdata/reported`" + ` prints precision and recall over all of them.
`)
	layer := ""
	for _, r := range rules {
		if r.Layer != layer {
			layer = r.Layer
			fmt.Fprintf(&b, "\n## %s\n\n| rule | says | argues | mechanism | kind | stands on | right | wrong |\n|---|---|---|---|---|---|--:|--:|\n", layer)
		}
		right, wrong := onReported(r.ID)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s | %s |\n", r.ID, r.Sentence, r.argues(), code(r.Mechanism), r.Kind(), r.Basis, right, wrong)
	}
	return b.Bytes()
}

func (r *Rule) argues() string {
	switch {
	case r.Invalid != "":
		return "invalid: " + r.Invalid
	case r.State != "":
		return string(r.State)
	}
	return "layer " + string(r.Outcome)
}

// Kind returns "determinate" or "circumstantial".
func (r *Rule) Kind() string {
	if r.Determinate {
		return "determinate"
	}
	return "circumstantial"
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(s, "|", "\\|") + "`"
}

// Sentence returns what a rule says to readers, "" for an id that this ruleset does
// not have.
func Sentence(id string) string {
	for i := range rules {
		if rules[i].ID == id {
			return rules[i].Sentence
		}
	}
	return ""
}
