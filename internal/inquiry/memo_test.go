package inquiry

import (
	"context"
	"errors"
	"testing"
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
