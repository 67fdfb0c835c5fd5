package inquiry

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"unsafe"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/internal/store"
)

// Who waits for an answer that another reader asked for first does not suffer
// when that reader goes away, nor when making it panics.
func TestRememberOutlivesTheFirstReader(t *testing.T) {
	d, _ := desk(t)
	first, leave := context.WithCancel(t.Context())
	begun, ended := make(chan bool), make(chan error, 1)
	go func() {
		_, err := remember(first, d, "x", func() (int, error) { close(begun); <-first.Done(); return 0, first.Err() })
		ended <- err
	}()
	<-begun
	second := make(chan error, 1)
	go func() {
		n, err := remember(t.Context(), d, "x", func() (int, error) { return 7, nil })
		if err == nil && n != 7 {
			err = errors.New("not its answer")
		}
		second <- err
	}()
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the first reader gets %v", err)
	}
	if err := <-second; err != nil {
		t.Errorf("the second reader gets %v", err)
	}

	func() {
		defer func() { recover() }()
		remember(t.Context(), d, "y", func() (int, error) { panic("a defect") })
		t.Error("a panic is swallowed")
	}()
	if n, err := remember(t.Context(), d, "y", func() (int, error) { return 7, nil }); n != 7 || err != nil {
		t.Errorf("after a panic: %d, %v", n, err)
	}
}

// Answers that take much are let go of sooner, whatever their number.
func TestAnswersKeptAreBounded(t *testing.T) {
	d, _ := desk(t)
	large := &Answered{Days: make([]answer.Day, maxKeptBytes/192/4)}
	for i := range 20 {
		if _, err := remember(t.Context(), d, fmt.Sprint("large ", i), func() (*Answered, error) { return large, nil }); err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, k := range d.memo.kept {
			sum += k.bytes
		}
		if sum != d.memo.bytes || sum > maxKeptBytes {
			t.Fatalf("%d answers of %d bytes are kept, counted as %d", len(d.memo.kept), sum, d.memo.bytes)
		}
	}
	if n := len(d.memo.kept); n != 3 {
		t.Errorf("%d answers are kept, want 3", n)
	}
}

// What an archive has of 100,000 countries and targets leaves room for the answers on
// them.
func TestManyPlacesLeaveRoom(t *testing.T) {
	all := weigh(make([]store.Place, 100_000)) + weigh(make([]Ask, 100_000))
	if least := 100_000 * int(unsafe.Sizeof(store.Place{})+unsafe.Sizeof(Ask{})); all < least || all > maxKeptBytes*2/3 {
		t.Errorf("they weigh %d bytes: they take %d at least, and of %d a third is for others", all, least, maxKeptBytes)
	}
}
