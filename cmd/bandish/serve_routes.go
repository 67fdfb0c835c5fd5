package main

import (
	"net/http"
	"net/netip"
	"sync/atomic"

	"github.com/bandish/bandish/internal/api"
	"github.com/bandish/bandish/internal/turns"
)

// door lets requests in when what answers them is ready. Until then it asks to
// come again: a server that was killed at work may take a while to begin.
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

// routes are handlers and the patterns under which they answer.
type routes interface {
	Patterns() []string
	Handler() http.Handler
}

// limited are routes whose requests count with those of the API.
type limited struct {
	routes
	by *api.Server
}

func (l limited) Handler() http.Handler { return l.by.Limited(l.routes.Handler()) }

// apiTurns is how many answers of the APIs one network may have or wait for.
const apiTurns = 16

// taking are routes that answer few requests at a time.
type taking struct {
	routes
	turns  *turns.Turns
	client func(*http.Request) netip.Addr
}

func (t taking) Handler() http.Handler { return t.turns.Handler(t.routes.Handler(), t.client) }

// answers is all that the server answers.
func answers(site http.Handler, apis ...routes) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/", site)
	mux.Handle("GET /api/v1", site) // the page; what programs ask stands below it
	for _, a := range apis {
		h := a.Handler()
		for _, pattern := range a.Patterns() {
			mux.Handle(pattern, h)
		}
	}
	return mux
}
