package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// from is an invented sender: an example, in country ZZ's stead QM, which ISO
// leaves to users.
func from(cc string, asn uint32, key byte) Sender {
	return Sender{CC: cc, ASN: asn, Key: [16]byte{key}}
}

// in is a measurement of 2 February in a country and network.
func in(report, cc string, asn uint32) []byte {
	return []byte(strings.Replace(string(zz(report, 1)), `"probe_asn":"AS64512","probe_cc":"ZZ"`, fmt.Sprintf(`"probe_asn":"AS%d","probe_cc":%q`, asn, cc), 1))
}

func TestSendersEarnMarks(t *testing.T) {
	var v voices
	day := time.Date(2024, 3, 1, 10, 0, 0, 0, time.UTC)
	row := func(report, cc string, asn uint32, target string) *verdict.Row {
		return &verdict.Row{ReportID: report, CC: cc, ASN: asn, Target: target}
	}
	for _, c := range []struct {
		name string
		from Sender
		row  *verdict.Row
		at   time.Time
		want []string
	}{
		{"nobody in particular", Sender{}, row("r1", "QM", 64512, "x"), day, nil},
		{"nobody again", Sender{}, row("r2", "QM", 64512, "x"), day, nil},
		{"the first of the day", from("QM", 64512, 1), row("r1", "QM", 64512, "x"), day, nil},
		{"more of the report", from("QM", 64512, 1), row("r1", "QM", 64512, "x"), day, nil},
		{"another report", from("QM", 64512, 1), row("r2", "QM", 64512, "x"), day, []string{MarkAgain}},
		{"another report of another network", from("", 0, 1), row("r3", "QM", 64999, "x"), day, []string{MarkAgain}},
		{"another target", from("QM", 64512, 1), row("r4", "QM", 64512, "telegram"), day, nil},
		{"another client network", from("QM", 64512, 2), row("r2", "QM", 64512, "x"), day, nil},
		{"the report of another client network", from("QM", 64512, 6), row("r1", "QM", 64512, "x"), day, []string{MarkReport}},
		{"the same about another target", from("QM", 64512, 6), row("r1", "QM", 64512, "signal"), day, []string{MarkReport}},
		{"who was not heard there is heard in a report of their own", from("QM", 64512, 6), row("r9", "QM", 64512, "x"), day, nil},
		{"network not as claimed", from("QM", 64513, 3), row("r5", "QM", 64512, "x"), day, []string{MarkASN}},
		{"country not as claimed", from("QN", 64513, 3), row("r5", "QM", 64512, "x"), day, []string{MarkASN, MarkCC}},
		{"a claim that did not vote is no voice", from("QM", 64512, 3), row("r6", "QM", 64512, "x"), day, nil},
		{"country not known", from("ZZ", 64512, 4), row("r7", "QM", 64512, "x"), day, nil},
		{"no network claimed", from("QM", 64512, 5), row("r8", "QM", 0, "x"), day, nil},
		{"the next day", from("QM", 64512, 1), row("r2", "QM", 64512, "x"), day.AddDate(0, 0, 1), nil},
	} {
		if got := v.marks(c.from, c.row, c.at); !slices.Equal(got, c.want) {
			t.Errorf("%s: marks %v, want %v", c.name, got, c.want)
		}
	}
	full := voices{day: "2024-03-01", first: map[voice]string{}, owner: map[string][16]byte{}}
	for i := range maxHeard {
		full.first[voice{key: [16]byte{1, byte(i), byte(i >> 8), byte(i >> 16)}}] = "r"
	}
	if got := full.marks(from("", 0, 9), row("r", "QM", 1, "x"), day); !slices.Equal(got, []string{MarkAgain}) {
		t.Errorf("past the bound: %v", got)
	}
}

// stands is what the votes on target x in country QM come to by what was
// submitted, all networks together.
func stands(t *testing.T, p *Pipeline) (verdict.State, series.Cell) {
	t.Helper()
	cells := slices.DeleteFunc(counted(t, p), func(c series.Cell) bool { return c.CC != "QM" || c.Target != "x" || c.Layer != series.Whole })
	sum := series.Sum(cells)
	return sum.Conclude(), sum
}

// One submitter with any number of report ids and claimed networks moves no
// conclusion; what was submitted is kept, and a rebuild sees the same.
func TestOneSubmitterMovesNoConclusion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		sender func(i int) Sender
		want   verdict.State
	}{
		{"without a database of networks", func(int) Sender { return from("", 0, 1) }, verdict.Insufficient},
		{"with one", func(int) Sender { return from("QM", 64512, 1) }, verdict.Insufficient},
		{"many submitters do", func(i int) Sender { return from("", 0, byte(1+i)) }, verdict.LikelyBlocked},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := open(t)
			const n = 12
			errs := make(chan error, n)
			for i := range n {
				go func() {
					_, err := p.Submit(t.Context(), in(fmt.Sprint("forged", i), "QM", uint32(64512+i%4)), c.sender(i))
					errs <- err
				}()
			}
			for range n {
				if err := <-errs; err != nil {
					t.Fatal(err)
				}
			}
			state, s := stands(t, p)
			if state != c.want || s.Measurements+s.Aside != n {
				t.Errorf("%+v; want %s and %d measurements in all", s, c.want, n)
			}
			if _, err := p.Compact(t.Context(), true); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Count(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := segments(t, p)
			if _, err := p.Rebuild(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if after := segments(t, p); !slices.Equal(before, after) {
				t.Errorf("rebuilt %v\nwere %v", after, before)
			}
		})
	}
}

// Nothing that a sender is known by reaches the archive, and the mark does.
func TestSendersAreNotStored(t *testing.T) {
	t.Parallel()
	p := open(t)
	r, err := p.Submit(t.Context(), in("r", "QM", 64512), Sender{CC: "QN", ASN: 64999, Key: [16]byte([]byte("sixteen letters!"))})
	if err != nil {
		t.Fatal(err)
	}
	e, err := p.Archive.ReadRawLine(r.Batch, 0)
	if err != nil || !slices.Equal(e.Marks, []string{MarkASN, MarkCC}) {
		t.Fatalf("%+v, %v", e, err)
	}
	line := string(archive.AppendEntry(nil, e))
	for _, s := range []string{"QN", "64999", "sixteen"} {
		if strings.Contains(line, s) {
			t.Errorf("the archive holds %q: %s", s, line)
		}
	}
}

// While another holds the turn to write a submission waits; one that waits too
// long, or finds no room, is not kept and is told so.
func TestSubmissionsWaitTheirTurn(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Patience = 100 * time.Millisecond
	held, release, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	stop := errors.New("changed nothing")
	go func() {
		ended <- p.Archive.Update(context.Background(), func(*archive.Update) error {
			close(held)
			<-release
			return stop
		})
	}()
	<-held
	if _, err := p.Submit(t.Context(), zz("late", 1), Sender{}); !errors.Is(err, ErrOccupied) {
		t.Fatalf("%v, want %v", err, ErrOccupied)
	}
	if len(p.queue.waiting) != 0 || p.queue.size != 0 {
		t.Fatalf("%d wait, %d bytes", len(p.queue.waiting), p.queue.size)
	}
	p.queue.mu.Lock() // as if much waited
	p.queue.waiting, p.queue.size = append(p.queue.waiting, &submission{it: &item{}}), maxWaiting
	p.queue.mu.Unlock()
	if _, err := p.Submit(t.Context(), zz("full", 2), Sender{}); !errors.Is(err, ErrOccupied) {
		t.Errorf("with a full queue: %v", err)
	}
	p.queue.mu.Lock()
	p.queue.waiting, p.queue.size = nil, 0
	p.queue.mu.Unlock()
	p.Patience = time.Minute
	kept := make(chan error)
	go func() {
		_, err := p.Submit(t.Context(), zz("patient", 3), Sender{})
		kept <- err
	}()
	close(release)
	if err := <-ended; !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if err := <-kept; err != nil {
		t.Fatal(err)
	}
	m, err := p.Archive.Manifest()
	if err != nil || len(m.Batches) != 1 || m.Batches[0].Documents != 1 {
		t.Errorf("the archive holds %+v, %v; want the patient one alone", m.Batches, err)
	}
}
