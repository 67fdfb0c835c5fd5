package turns

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
)

// No more are inside than there are slots, one network does not take all of
// them, and what was taken is given back.
func TestTurns(t *testing.T) {
	goOn := make(chan struct{})
	turns := New(2, 3)
	h := turns.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-goOn }), func(r *http.Request) netip.Addr {
		return netip.MustParseAddr(r.Header.Get("From"))
	})
	codes := make(chan int, 16)
	var all sync.WaitGroup
	ask := func(ctx context.Context, from string) {
		all.Go(func() {
			r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
			r.Header.Set("From", from)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusOK && w.Header().Get("Retry-After") == "" {
				t.Errorf("%d without Retry-After", w.Code)
			}
			codes <- w.Code
		})
	}
	for i := range 5 {
		ask(t.Context(), []string{"192.0.2.1", "192.0.2.77", "::ffff:192.0.2.3", "192.0.2.4", "192.0.2.5"}[i])
	}
	for range 2 {
		if code := <-codes; code != http.StatusTooManyRequests {
			t.Errorf("the fourth and fifth of one network are answered %d", code)
		}
	}
	gone, leave := context.WithCancel(t.Context())
	ask(gone, "2001:db8::1")
	leave() // who went away waits no longer
	if code := <-codes; code != http.StatusServiceUnavailable {
		t.Errorf("who went away is answered %d", code)
	}
	close(goOn)
	all.Wait()
	for range 3 {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("who waited is answered %d", code)
		}
	}
	if n := turns.Taken(); n != 0 || len(turns.by) != 0 {
		t.Errorf("left: %d turns, %v", n, turns.by)
	}
}

func TestNetworkOf(t *testing.T) {
	for from, want := range map[string]string{"198.51.100.7": "198.51.100.0/24", "::ffff:198.51.100.7": "198.51.100.0/24", "2001:db8:1:2::3": "2001:db8:1::/48", "127.0.0.1": "invalid Prefix", "::1": "invalid Prefix"} {
		if got := NetworkOf(netip.MustParseAddr(from)).String(); got != want {
			t.Errorf("%s is of %s, want %s", from, got, want)
		}
	}
	if NetworkOf(netip.Addr{}).IsValid() {
		t.Error("no address is of a network")
	}
}
