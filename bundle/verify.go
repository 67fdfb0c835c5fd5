package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Status is the result of checking one point.
type Status string

// The statuses. NotProved accuses nobody: Line.Why says what is missing.
const (
	Proved    Status = "proved"
	NotProved Status = "not proved"
	False     Status = "false"
)

// Line is one point of a check, in plain words.
type Line struct {
	Status Status   `json:"status"`
	What   string   `json:"what"`              // the point, in a sentence
	Why    string   `json:"why,omitempty"`     // for NotProved: what is missing
	Detail []string `json:"details,omitempty"` // for False: each thing that is wrong
}

// Result is all that a check found.
type Result struct {
	Title  string   `json:"title"`
	About  []string `json:"about"`
	Lines  []Line   `json:"lines"`
	SHA256 string   `json:"sha256"` // of the file that was checked
}

// Options is what the reader brings to a check. Without a key it stays unproved who
// signed the log.
type Options struct {
	// Key is the verifier string of the log, from another place than the bundle.
	Key string
	// Witnesses are verifier strings of witnesses that the reader trusts.
	Witnesses []string
	// TimestampRoots are root certificates (PEM) of time-stamping authorities that
	// the reader trusts.
	TimestampRoots string
}

// False reports whether any point is false.
func (r *Result) False() bool {
	return slices.ContainsFunc(r.Lines, func(l Line) bool { return l.Status == False })
}

// Count returns how many points have a status.
func (r *Result) Count(s Status) int {
	n := 0
	for _, l := range r.Lines {
		if l.Status == s {
			n++
		}
	}
	return n
}

// Summary returns the result in a sentence.
func (r *Result) Summary() string {
	said := fmt.Sprintf("%d points are proved, %d are not proved, %d are false.", r.Count(Proved), r.Count(NotProved), r.Count(False))
	if r.False() {
		return "DO NOT RELY ON THIS BUNDLE. " + said
	}
	return "Nothing in this bundle is false. " + said
}

// Text returns the whole check as text for people.
func (r *Result) Text() string {
	var b strings.Builder
	if r.Title != "" {
		b.WriteString(r.Title + "\n")
	}
	for _, a := range r.About {
		b.WriteString(a + "\n")
	}
	fmt.Fprintf(&b, "SHA-256 of the file: %s\n\n", r.SHA256)
	for _, l := range r.Lines {
		fmt.Fprintf(&b, "%-10s  %s\n", strings.ToUpper(string(l.Status)), l.What)
		if l.Why != "" {
			fmt.Fprintf(&b, "            Why: %s\n", l.Why)
		}
		for _, d := range l.Detail {
			fmt.Fprintf(&b, "            - %s\n", d)
		}
	}
	return b.String() + "\n" + r.Summary() + "\n"
}

func (r *Result) proved(format string, args ...any) {
	r.Lines = append(r.Lines, Line{Status: Proved, What: fmt.Sprintf(format, args...)})
}

func (r *Result) open(why, format string, args ...any) {
	r.Lines = append(r.Lines, Line{Status: NotProved, What: fmt.Sprintf(format, args...), Why: why})
}

// maxDetails is how many details a point lists.
const maxDetails = 20

func (r *Result) wrong(details []string, format string, args ...any) {
	if n := len(details); n > maxDetails {
		details = append(slices.Clone(details[:maxDetails]), fmt.Sprintf("and %d more", n-maxDetails))
	}
	r.Lines = append(r.Lines, Line{Status: False, What: fmt.Sprintf(format, args...), Detail: details})
}

// Verify checks a bundle of size bytes. It believes nothing that the bundle says:
// each line of the result says what was computed here. It stops early only where
// files are damaged or of another Format. It returns no error: what cannot be read
// is a false point.
func Verify(in io.ReaderAt, size int64, o Options) Result {
	var r Result
	r.SHA256 = hashOf(in, size)
	files, faults := readZIP(in, size)
	if len(faults) > 0 {
		r.wrong(slices.Concat(faults, sumFaults(files)), "the file is whole and as it was made")
		return r
	}
	if faults := sumFaults(files); len(faults) > 0 {
		r.wrong(faults, "each file has the SHA-256 that %s names", sumsName)
		return r
	}
	r.proved("the file is whole: %d files, each with the SHA-256 that %s names, and no byte beside them", len(files), sumsName)
	c, faults := read(files)
	if c.Format != "" && c.Format != Format {
		r.open("this program reads "+Format+": use the one that fits", "the bundle has the form %s", c.Format)
		return r
	}
	if len(faults) > 0 {
		r.wrong(faults, "each file can be read, and holds nothing but what belongs into it")
		return r
	}
	r.Title = c.title()
	for _, i := range c.About {
		r.About = append(r.About, i.Text)
	}
	r.readings(c, files)
	r.ledger(c, o)
	d := newDerivation(c)
	r.observations(c, d)
	r.verdicts(c, d)
	r.cells(c)
	found := c.detect()
	r.events(c, found)
	r.answers(in, size, c, found)
	r.records(c)
	for _, l := range c.Left {
		r.open("it is not enclosed", "%s", l)
	}
	return r
}

// sumFaults compares files with the list of their hashes.
func sumFaults(files []file) []string {
	i := slices.IndexFunc(files, func(f file) bool { return f.name == sumsName })
	if i < 0 {
		return []string{sumsName + " is missing"}
	}
	if bytes.Equal(sums(files), files[i].data) {
		return nil
	}
	var faults []string
	listed := map[string]string{}
	for line := range strings.Lines(string(files[i].data)) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) < 67 || line[64:66] != "  " || listed[line[66:]] != "" {
			faults = append(faults, fmt.Sprintf("%s was altered: it has a line %.120q", sumsName, line))
			continue
		}
		listed[line[66:]] = line[:64]
	}
	have := map[string]bool{}
	for line := range strings.Lines(string(sums(files))) {
		name := strings.TrimSuffix(line[66:], "\n")
		have[name] = true
		switch want := listed[name]; {
		case want == "":
			faults = append(faults, fmt.Sprintf("%s was added: %s does not name it", name, sumsName))
		case want != line[:64]:
			faults = append(faults, fmt.Sprintf("%s was altered (or its line in %s): its SHA-256 is %s", name, sumsName, line[:64]))
		}
	}
	for name := range listed {
		if !have[name] {
			faults = append(faults, fmt.Sprintf("%.120s is missing: %s names it", name, sumsName))
		}
	}
	if len(faults) == 0 {
		faults = append(faults, sumsName+" was altered: its lines are not in their order, or its end is another")
	}
	slices.Sort(faults)
	return faults
}

// readings makes the files for readers again from the data and compares.
func (r *Result) readings(c *Contents, files []file) {
	own := map[string]bool{reportName: true, howToName: true, custodyName: true, crateName: true, sumsName: true}
	var data []file
	for _, f := range files {
		if !own[f.name] {
			data = append(data, f)
		}
	}
	again, err := c.addReadings(data)
	if err != nil {
		r.wrong([]string{err.Error()}, "the report can be made again from the data")
		return
	}
	var faults []string
	for _, f := range again {
		i := slices.IndexFunc(files, func(o file) bool { return o.name == f.name })
		if own[f.name] && f.name != sumsName && (i < 0 || !bytes.Equal(files[i].data, f.data)) {
			faults = append(faults, f.name+" is not what the data of the bundle say")
		}
	}
	if len(faults) > 0 {
		r.wrong(faults, "report, chain of custody and description say what the data of the bundle say")
		return
	}
	r.proved("report, chain of custody and description say what the data of the bundle say: made again here, they are the same, byte for byte")
}

func (r *Result) records(c *Contents) {
	var wrong []string
	for _, v := range c.Revisions {
		if got := c.revision(v.Case); got != v.SHA256 {
			wrong = append(wrong, fmt.Sprintf("the files of the case %s are of the revision %s, and %s names %s", v.Case, got, indexName, v.SHA256))
		}
	}
	if len(wrong) > 0 {
		r.wrong(wrong, "the files of the record are those of its revision")
	} else if len(c.Revisions) > 0 && c.Proofs == nil {
		r.open(byWord+": no log is enclosed", "the record stood so, in %d files, when the bundle was made", len(c.Records))
	}
	r.sources(c)
}

// sources checks the enclosed copies of sources against the hashes in the record.
func (r *Result) sources(c *Contents) {
	if len(c.Sources) == 0 {
		return
	}
	var wrong []string
	enclosed := 0
	left := map[string]int{}
	for _, s := range c.Sources {
		switch sum := sha256.Sum256(c.Copies[s.SHA256]); {
		case s.SHA256 != "" && !c.cites(s.SHA256):
			wrong = append(wrong, fmt.Sprintf("%s: the enclosed record names no copy with the SHA-256 %s", s.ID, s.SHA256))
		case s.Enclosed && hex.EncodeToString(sum[:]) != s.SHA256:
			wrong = append(wrong, fmt.Sprintf("%s: the enclosed copy has the SHA-256 %x, and the record names %s", s.ID, sum, s.SHA256))
		case s.Enclosed:
			enclosed++
		default:
			left[s.Why]++
		}
	}
	if len(wrong) > 0 {
		r.wrong(wrong, "the copies of sources are those that the record cites")
	} else if enclosed > 0 {
		r.proved("the copies of %d sources that are enclosed are those that the record cites, by their SHA-256", enclosed)
	}
	for _, why := range slices.Sorted(maps.Keys(left)) {
		r.open(why, "%d sources say what the record says they do", left[why])
	}
	if enclosed > 0 {
		r.open("to be read in the copies, at the places that the record names", "%d sources say what the record says they do", enclosed)
	}
}

// cites reports whether the enclosed record names the copy.
func (c *Contents) cites(sha string) bool {
	return slices.ContainsFunc(c.Records, func(r Record) bool { return bytes.Contains(r.Text, []byte(sha)) })
}
