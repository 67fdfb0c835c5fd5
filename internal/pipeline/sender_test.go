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

// atOnce is soon after what in gives was measured.
var atOnce = time.Date(2024, 2, 2, 2, 0, 0, 0, time.UTC)

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
	network, late := []string{verdict.NetworkUnconfirmed}, []string{verdict.TimeUnconfirmed}
	for _, c := range []struct {
		name string
		from Sender
		row  *verdict.Row
		at   time.Time
		ago  time.Duration // from the start to at
		want []string
	}{
		{"nobody in particular", Sender{}, row("r1", "QM", 64512, "x"), day, 0, network},
		{"an address on no network that is known", from("", 0, 1), row("r1", "QM", 64512, "x"), day, 0, network},
		{"on no country that is known", from("", 64512, 1), row("r1", "QM", 64512, "x"), day, 0, network},
		{"what is not confirmed is no voice", from("QM", 64512, 1), row("r1", "QM", 64512, "x"), day, 0, nil},
		{"more of the report", from("QM", 64512, 1), row("r1", "QM", 64512, "x"), day, 0, nil},
		{"another report", from("QM", 64512, 1), row("r2", "QM", 64512, "x"), day, 0, []string{MarkAgain}},
		{"another target", from("QM", 64512, 1), row("r4", "QM", 64512, "telegram"), day, 0, nil},
		{"another client network", from("QM", 64512, 2), row("r2", "QM", 64512, "x"), day, 0, nil},
		{"the report of another client network", from("QM", 64512, 6), row("r1", "QM", 64512, "x"), day, 0, []string{MarkReport}},
		{"the same about another target", from("QM", 64512, 6), row("r1", "QM", 64512, "signal"), day, 0, []string{MarkReport}},
		{"who was not heard there is heard in a report of their own", from("QM", 64512, 6), row("r9", "QM", 64512, "x"), day, 0, nil},
		{"network not as claimed", from("QM", 64513, 3), row("r5", "QM", 64512, "x"), day, 0, []string{MarkASN}},
		{"country not as claimed", from("QN", 64513, 3), row("r5", "QM", 64512, "x"), day, 0, []string{MarkASN, MarkCC}},
		{"a claim that did not vote is no voice", from("QM", 64512, 3), row("r6", "QM", 64512, "x"), day, 0, nil},
		{"a network without a country", from("ZZ", 64512, 4), row("r7", "QM", 64512, "x"), day, 0, network},
		{"a network in the lab's country", from("ZZ", 64512, 4), row("r7", "ZZ", 64512, "x"), day, 0, nil},
		{"no network claimed", from("QM", 64512, 5), row("r8", "QM", 0, "x"), day, 0, network},
		{"no network on either side", from("QM", 0, 5), row("r8", "QM", 0, "x"), day, 0, network},
		{"a day late", from("QM", 64512, 7), row("r10", "QM", 64512, "x"), day, 24 * time.Hour, nil},
		{"later", from("QM", 64512, 8), row("r11", "QM", 64512, "x"), day, 24*time.Hour + time.Second, late},
		{"what is late is no voice", from("QM", 64512, 8), row("r12", "QM", 64512, "x"), day, 0, nil},
		{"a clock that is fast", from("QM", 64512, 8), row("r12", "QM", 64512, "x"), day, -time.Hour, nil},
		{"from the future", from("QM", 64512, 9), row("r13", "QM", 64512, "x"), day, -time.Hour - time.Second, late},
		{"late, and on no network that is known", from("", 0, 9), row("r14", "QM", 64512, "x"), day, 80 * 24 * time.Hour, []string{verdict.NetworkUnconfirmed, verdict.TimeUnconfirmed}},
		{"late, and from elsewhere", from("QM", 64513, 9), row("r15", "QM", 64512, "x"), day, 80 * 24 * time.Hour, []string{MarkASN, verdict.TimeUnconfirmed}},
		{"the next day", from("QM", 64512, 1), row("r2", "QM", 64512, "x"), day.AddDate(0, 0, 1), 0, nil},
	} {
		c.row.Time = c.at.Add(-c.ago)
		got := v.marks(c.from, c.row, c.at)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: marks %v, want %v", c.name, got, c.want)
		}
		r := verdict.Row{Marks: got}
		informs := slices.Contains(got, verdict.NetworkUnconfirmed) || slices.Equal(got, late)
		if r.Votes() != (len(c.want) == 0) || r.Informs() != informs {
			t.Errorf("%s: votes %v, informs %v", c.name, r.Votes(), r.Informs())
		}
	}
	full := voices{day: "2024-03-01", first: map[voice]string{}, owner: map[string][16]byte{}}
	for i := range maxHeard {
		full.first[voice{key: [16]byte{1, byte(i), byte(i >> 8), byte(i >> 16)}}] = "r"
	}
	one := row("r", "QM", 1, "x")
	one.Time = day
	if got := full.marks(from("QM", 1, 9), one, day); !slices.Equal(got, []string{MarkAgain}) {
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
		now    time.Time
		want   verdict.State
	}{
		{"without a database of networks", func(int) Sender { return from("", 0, 1) }, atOnce, verdict.Insufficient},
		{"with one", func(int) Sender { return from("QM", 64512, 1) }, atOnce, verdict.Insufficient},
		{"many without one", func(i int) Sender { return from("", 0, byte(1+i)) }, atOnce, verdict.Insufficient},
		{"many a month later", func(i int) Sender { return from("QM", uint32(64512+i%4), byte(1+i)) }, atOnce.AddDate(0, 1, 0), verdict.Insufficient},
		{"many on their networks do", func(i int) Sender { return from("QM", uint32(64512+i%4), byte(1+i)) }, atOnce, verdict.LikelyBlocked},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := open(t)
			p.Now = func() time.Time { return c.now }
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
			rebuildsAlike(t, p)
		})
	}
}

// Nothing that a sender is known by reaches the archive, and the mark does.
func TestSendersAreNotStored(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.Now = func() time.Time { return atOnce }
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
	if len(p.queue.waiting.ring) != 0 || p.queue.size != 0 {
		t.Fatalf("%d wait, %d bytes", len(p.queue.waiting.ring), p.queue.size)
	}
	p.queue.mu.Lock() // as if much waited
	p.queue.waiting.push([16]byte{}, &submission{it: &item{}, size: maxWaiting})
	p.queue.sizes, p.queue.size = map[[16]byte]int{{}: maxWaiting}, maxWaiting
	p.queue.mu.Unlock()
	if _, err := p.Submit(t.Context(), zz("full", 2), Sender{}); !errors.Is(err, ErrOccupied) {
		t.Errorf("with a full queue: %v", err)
	}
	p.queue.mu.Lock()
	p.queue.waiting, p.queue.sizes, p.queue.size = fair[*submission]{}, nil, 0
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
	if err != nil || len(m.Batches()) != 1 || m.Batches()[0].Documents != 1 {
		t.Errorf("the archive holds %+v, %v; want the patient one alone", m.Batches(), err)
	}
}
