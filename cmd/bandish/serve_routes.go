package main

import (
	"net/http"
	"net/netip"
	"sync/atomic"

	"github.com/bandish/bandish/internal/api"
	"github.com/bandish/bandish/internal/turns"
)

// door lets requests in when the server is ready. Until then it tells them to come again:
// a server that was killed at work may need a while to start.
type door struct{ inside atomic.Pointer[http.Handler] }

func (d *door) open(h http.Handler) { d.inside.Store(&h) }

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := d.inside.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Retry-After", "2")
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "This server is starting. Ask again in a moment.", http.StatusServiceUnavailable)
}

// routes are handlers with the patterns for which they have answers.
type routes interface {
	Patterns() []string
	Handler() http.Handler
}

// limited are routes whose requests count together with those of the API.
type limited struct {
	routes
	by *api.Server
}

func (l limited) Handler() http.Handler { return l.by.Limited(l.routes.Handler()) }

// apiTurns is how many answers of the APIs one network may hold or wait for.
const apiTurns = 16

// taking are routes that make few answers at one time.
type taking struct {
	routes
	turns  *turns.Turns
	client func(*http.Request) netip.Addr
}

func (t taking) Handler() http.Handler { return t.turns.Handler(t.routes.Handler(), t.client) }

// answers joins everything that the server answers.
func answers(site http.Handler, apis ...routes) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/", site)
	mux.Handle("GET /api/v1", site) // the page that describes the API; programs ask for paths below it
	for _, a := range apis {
		h := a.Handler()
		for _, pattern := range a.Patterns() {
			mux.Handle(pattern, h)
		}
	}
	return mux
}
