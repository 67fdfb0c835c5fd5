package collect

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A client network hands in so much a day, and the next day again; what was not
// kept does not count.
func TestQuota(t *testing.T) {
	now := time.Date(2024, 2, 17, 22, 0, 0, 0, time.UTC)
	q := NewQuota(3, 100, func() time.Time { return now })
	one, neighbour, other := netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("8.8.8.9"), netip.MustParseAddr("8.8.9.8")
	use := func(a netip.Addr, size int64, want bool) {
		t.Helper()
		if ok, wait := q.use(a, size); ok != want || !ok && wait != 2*time.Hour {
			t.Errorf("%s, %d bytes: %v, wait %v", a, size, ok, wait)
		}
	}
	use(one, 10, true)
	use(neighbour, 90, true)
	use(one, 1, false) // bytes
	use(other, 101, false)
	use(other, 1, true)
	use(other, 1, true)
	use(other, 1, true)
	use(other, 1, false) // documents
	q.giveBack(other, 1)
	use(other, 1, true)
	now = now.Add(2 * time.Hour)
	if ok, _ := q.use(one, 100); !ok {
		t.Error("the next day is not another")
	}
	many := NewQuota(1, 0, func() time.Time { return now })
	many.use(one, 1)
	for i := range maxNetworks {
		many.used[[16]byte{1, byte(i), byte(i >> 8), byte(i >> 16)}] = used{}
	}
	if ok, _ := many.use(other, 1); !ok {
		t.Error("the first past the bound is refused")
	}
	if ok, _ := many.use(netip.MustParseAddr("8.8.10.8"), 1); ok {
		t.Error("those past the bound do not share a quota")
	}
}

func TestQuotaIsSaid(t *testing.T) {
	base := start(t, Config{Archive: newDir(t), Quota: NewQuota(1, 0, time.Now)})
	for i, want := range []int{200, 429} {
		resp, err := http.Post(base+"/api/v1/measurement", "application/json", strings.NewReader(doc))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		wait, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		if resp.StatusCode != want || want == 429 && (wait < 1 || wait > 86401) {
			t.Errorf("submission %d: %s, Retry-After %q", i, resp.Status, resp.Header.Get("Retry-After"))
		}
	}
}

// full is an archive whose disk is.
type full struct{}

func (full) Submit(context.Context, []byte, Sender) (Receipt, error) {
	return Receipt{}, fmt.Errorf("%w: 3 MiB are free", ErrNoSpace)
}

func TestFullDiskIsSaid(t *testing.T) {
	resp, err := http.Post(start(t, Config{Archive: full{}})+"/api/v1/measurement", "application/json", strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusInsufficientStorage || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
}
