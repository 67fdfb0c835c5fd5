package server

import (
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
)

// ListenAdmin listens for Admin. Admin tells much about the process, so the address must
// be one of this machine.
func ListenAdmin(at string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(at)
	if err != nil {
		return nil, fmt.Errorf("%q: write it as 127.0.0.1:9090", at)
	}
	if a, err := netip.ParseAddr(host); err != nil || !a.Unmap().IsLoopback() {
		return nil, fmt.Errorf("%q is no address of this machine alone: write it as 127.0.0.1:9090 or [::1]:9090, and reach it through a tunnel", at)
	}
	return net.Listen("tcp", at)
}

// Admin serves metrics and profiles to whoever runs the server.
func Admin(metrics *Metrics) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		metrics.Show(w)
	})
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return localOnly(mux)
}

// localOnly refuses requests for a host name other than this machine's. Else a page in a
// browser on this machine could give its own name this address, and read the answer.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = strings.Trim(r.Host, "[]")
		}
		if a, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !a.Unmap().IsLoopback()) {
			http.Error(w, "ask for it by the address of this machine", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
