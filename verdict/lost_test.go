package verdict_test

import (
	"slices"
	"testing"

	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// What lost packets and slow servers do is not held against the path where our
// probe looked twice.
func TestWhatWasLookedAtTwice(t *testing.T) {
	late := func(pace, named, own float64) func(*row) {
		return both(both(stop("http", timeout), starving), func(r *row) {
			r.Status = 200
			r.Pace, r.PaceTrips, r.PaceReference, r.PaceNamed, r.PaceOwn = pace, 3000, 9e6, named, own
		})
	}
	handshake := func(f, again observation.Result) func(*row) {
		return both(stop("tls", f), func(r *row) { r.Contrasts = []string{"repeat tls " + string(again), "sni_contrast tls ok"} })
	}
	for _, c := range []struct {
		name    string
		rows    []row
		blocked bool
	}{
		{"late, nobody timed anything", rows(plain(late(0, 0, 0))), true},
		{"late, and under its name at another server as fast as that is", rows(plain(late(30_000, 8e6, 8e6))), false},
		{"the same at half the rate", rows(plain(late(30_000, 4e6, 8.1e6))), false},
		{"late, and a twentieth under the name, which is no slower than a good line", rows(plain(late(30_000, 400_000, 8e6))), false},
		{"late, the name slow and its own no faster", rows(plain(late(30_000, 60_000, 150_000))), false},
		{"late, the name slow and its own six times as fast", rows(plain(late(30_000, 100_000, 600_000))), true},
		{"late, and the name not tried", rows(plain(late(30_000, 0, 0))), false},
		{"nothing to time at the target, and the name is fast elsewhere", rows(plain(late(0, 8e6, 8e6))), false},
		{"nothing to time at the target, and the name is slow elsewhere", rows(plain(late(0, 40_000, 8e6))), true},
		{"a page over TLS that is late, the name fast elsewhere", rows(secure(late(30_000, 8e6, 8e6))), false},
		{"a page over TLS that is late, the name slow elsewhere", rows(secure(late(30_000, 40_000, 8e6))), true},

		{"late, and nothing came under the name either", rows(plain(late(0, 0, 8e6), func(r *row) { r.Contrasts = []string{"throttle_name http generic_timeout_error"} })), true},
		{"late, and no connection stood under the name either", rows(plain(late(0, 0, 8e6), func(r *row) { r.Contrasts = []string{"throttle_name tcp generic_timeout_error"} })), false},
		{"late, and the reference gave nothing", rows(plain(late(0, 0, 0), func(r *row) { r.Contrasts = []string{"throttle_control http generic_timeout_error"} })), false},
		{"late, and an ordinary server could not be reached in time", rows(plain(late(0, 0, 0), func(r *row) { r.Contrasts = []string{"innocent_baseline tcp generic_timeout_error"} })), false},
		{"no connection, and none to an ordinary server", rows(secure(stop("tcp", timeout), func(r *row) { r.Contrasts = []string{"innocent_baseline tcp generic_timeout_error"} })), false},
		{"no connection, and one to an ordinary server", rows(secure(stop("tcp", timeout), func(r *row) { r.Contrasts = []string{"innocent_baseline tls ok"} })), true},
		{"a connection refused, and none to an ordinary server", rows(secure(stop("tcp", refused), func(r *row) { r.Contrasts = []string{"innocent_baseline tcp generic_timeout_error"} })), true},
		{"a lookup that nobody answered", rows(secure(stop("dns", timeout), func(r *row) { r.Contrasts = []string{"repeat dns generic_timeout_error"} })), true},
		{"a lookup that nobody answered, and then somebody did", rows(secure(stop("dns", timeout), func(r *row) { r.Contrasts = []string{"repeat dns ok"} })), false},
		{"a handshake timed out four times and completed once", rows(secure(handshake(timeout, timeout), func(r *row) { r.Contrasts = append(r.Contrasts, "repeat tls ok") })), false},
		{"a handshake timed out with no control, another name's did not, and the name passed at an ordinary server",
			rows(secure(alone, handshake(timeout, timeout), func(r *row) { r.Contrasts = append(r.Contrasts, "innocent_server tls ok") })), false},

		{"a handshake timed out, and again", rows(secure(handshake(timeout, timeout))), true},
		{"a handshake timed out, and then completed", rows(secure(handshake(timeout, ok))), false},
		{"a handshake was reset, and then completed", rows(secure(handshake(reset, ok))), true},
	} {
		v := verdict.Judge(c.rows)
		if got := v.State == verdict.Blocked || v.State == verdict.LikelyBlocked; got != c.blocked {
			t.Errorf("%s: %s by %v", c.name, v.State, v.Rules)
		}
		if !c.blocked && v.State != verdict.Impaired && v.State != verdict.Insufficient {
			t.Errorf("%s: %s, want impaired", c.name, v.State)
		}
		if i := slices.IndexFunc(v.Mechanisms, func(m string) bool { return m == "server_side" }); i >= 0 {
			t.Errorf("%s: %v", c.name, v.Mechanisms)
		}
	}
}
