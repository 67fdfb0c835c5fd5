package collect

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// heard is an archive that notes the senders and keeps nothing.
type heard struct{ from []Sender }

func (h *heard) Submit(_ context.Context, _ []byte, from Sender) (Receipt, error) {
	h.from = append(h.from, from)
	return Receipt{UID: "u", SHA256: "s"}, nil
}

// A sender's key is that of its network for a day, and nothing else.
func TestSenders(t *testing.T) {
	now := time.Date(2024, 2, 17, 23, 59, 0, 0, time.UTC)
	archive := &heard{}
	located := Place{CC: "QM", ASN: 64512}
	base := start(t, Config{Archive: archive, Now: func() time.Time { return now }, Proxies: thisMachine, Locate: func(a netip.Addr) Place {
		if a.Is4() {
			return located
		}
		return Place{}
	}})
	submit := func(client string) Sender {
		t.Helper()
		if status, answer := post(t, base+"/api/v1/measurement", doc, "X-Forwarded-For", client); status != 200 {
			t.Fatalf("%d %v", status, answer)
		}
		return archive.from[len(archive.from)-1]
	}
	first := submit("104.244.42.1")
	if first.Key == [16]byte{} || first.Place != located {
		t.Errorf("the sender is %+v", first)
	}
	if submit("104.244.42.200").Key != first.Key {
		t.Error("the same /24 has another key")
	}
	if submit("104.244.43.1").Key == first.Key {
		t.Error("another /24 has the same key")
	}
	six := submit("2a00:1450:1:2::1")
	if six.Key == [16]byte{} || six.Place != (Place{}) || submit("2a00:1450:1:3::9").Key != six.Key || submit("2a00:1450:2:2::1").Key == six.Key {
		t.Error("the keys of IPv6 are not those of /48s")
	}
	for _, unknown := range []string{"127.0.0.1", "10.1.2.3", "fe80::1", "nonsense"} {
		if got := submit(unknown); got != (Sender{}) {
			t.Errorf("%s: %+v, want nothing", unknown, got)
		}
	}
	now = now.Add(2 * time.Minute)
	if submit("104.244.42.1").Key == first.Key {
		t.Error("the key outlives the day")
	}
}

// occupied is an archive that a rebuild holds.
type occupied struct{}

func (occupied) Submit(context.Context, []byte, Sender) (Receipt, error) {
	return Receipt{}, fmt.Errorf("%w: a rebuild", ErrOccupied)
}

func TestOccupiedArchiveSaysWhenToComeAgain(t *testing.T) {
	status, answer := post(t, start(t, Config{Archive: occupied{}})+"/api/v1/measurement", doc)
	if status != 503 || answer["reason"] != "busy" || !strings.Contains(fmt.Sprint(answer["error"]), "send it again in a minute") {
		t.Errorf("%d %v", status, answer)
	}
}
