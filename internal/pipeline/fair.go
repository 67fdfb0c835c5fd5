package pipeline

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// fair is a queue in which clients take turns. A client with many waiting items waits for
// its own items, and does not hold up others. A client is a Sender's key. The zero value
// is an empty queue.
type fair[T comparable] struct {
	waiting map[[16]byte][]T // never has empty lists
	ring    [][16]byte       // the waiting clients; the next one first
}

func (f *fair[T]) push(client [16]byte, x T) {
	if f.waiting == nil {
		f.waiting = map[[16]byte][]T{}
	}
	if len(f.waiting[client]) == 0 {
		f.ring = append(f.ring, client)
	}
	f.waiting[client] = append(f.waiting[client], x)
}

// take returns the first item for which fits is true, of the next client that has one.
// That client goes to the end of the ring.
func (f *fair[T]) take(fits func(T) bool) (x T, ok bool) {
	for i, client := range f.ring {
		list := f.waiting[client]
		k := slices.IndexFunc(list, fits)
		if k < 0 {
			continue
		}
		x = list[k]
		f.ring = slices.Delete(f.ring, i, i+1)
		if f.waiting[client] = slices.Delete(list, k, k+1); len(list) > 1 {
			f.ring = append(f.ring, client)
		} else {
			delete(f.waiting, client)
		}
		return x, true
	}
	return x, false
}

// remove takes x out of the queue, and reports whether it was there.
func (f *fair[T]) remove(client [16]byte, x T) bool {
	list := f.waiting[client]
	i := slices.Index(list, x)
	if i < 0 {
		return false
	}
	if f.waiting[client] = slices.Delete(list, i, i+1); len(list) == 1 {
		delete(f.waiting, client)
		f.ring = slices.DeleteFunc(f.ring, func(c [16]byte) bool { return c == client })
	}
	return true
}

// gate limits how many goroutines decode at one time. Each may need about 130 MB, and more
// goroutines than cores would only wait for one another. Clients take turns. The zero
// value is ready.
type gate struct {
	mu      sync.Mutex // guards what follows
	inside  int
	waiting fair[chan struct{}]
}

// enter waits for a slot, at most for patience; leave gives it back. ok is false if there
// was none.
func (g *gate) enter(ctx context.Context, client [16]byte, patience time.Duration, slots int) (leave func(), ok bool) {
	g.mu.Lock()
	if g.inside < slots {
		g.inside++
		g.mu.Unlock()
		return g.leave, true
	}
	turn := make(chan struct{})
	g.waiting.push(client, turn)
	g.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-turn:
		return g.leave, true
	case <-ctx.Done():
	case <-timer.C:
	}
	g.mu.Lock()
	gone := g.waiting.remove(client, turn)
	g.mu.Unlock()
	if !gone { // the slot came at the same moment
		g.leave()
	}
	return nil, false
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if turn, ok := g.waiting.take(func(chan struct{}) bool { return true }); ok {
		close(turn) // the next in the queue gets the slot
		return
	}
	g.inside--
}

// queue collects what is submitted during a commit for the next commit. Each commit costs
// some fsyncs, however many documents it holds.
type queue struct {
	mu      sync.Mutex
	waiting fair[*submission]
	sizes   map[[16]byte]int // bytes that wait, by client
	size    int              // sum of sizes
	count   int              // submissions that wait
	busy    bool             // somebody is committing, and will take what waits
	many    chan struct{}    // gets a value when enough wait for a commit
}

// rowBytes estimates what a row takes in memory.
const rowBytes = 2 << 10

// groupSize is how many submissions one commit takes at most. If `enough` wait, the next
// commit does not wait for its time.
const (
	groupSize = 256
	enough    = 16
)

// oldDays is to how many days before yesterday one commit may write. Each such day costs
// some files, and those who hand in on time wait for them.
const oldDays = 1

// maxWaiting is how many bytes may wait. One document may always wait.
const maxWaiting = 32 << 20

// submit adds s to the queue, and makes sure that all of it is committed. It returns false
// if there is no room. If the queue is full, the client with most bytes waiting loses
// submissions to a client with fewer.
func (q *queue) submit(ctx context.Context, p *Pipeline, s *submission) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.size > 0 && q.size+s.size > maxWaiting {
		most := s.client
		for c, n := range q.sizes {
			if n > q.sizes[most] {
				most = c
			}
		}
		if q.sizes[most] <= q.sizes[s.client]+s.size {
			return false
		}
		list := q.waiting.waiting[most]
		last := list[len(list)-1]
		q.drop(last)
		last.err = ErrOccupied
		close(last.done)
	}
	q.waiting.push(s.client, s)
	if q.sizes == nil {
		q.sizes = map[[16]byte]int{}
	}
	q.sizes[s.client] += s.size
	q.size += s.size
	if q.many == nil {
		q.many = make(chan struct{}, 1)
	}
	if q.count++; q.count >= enough {
		select {
		case q.many <- struct{}{}:
		default: // it has a value already
		}
	}
	if !q.busy {
		q.busy = true
		go q.commit(context.WithoutCancel(ctx), p)
	}
	return true
}

// drop takes s out of the queue, and reports whether it was there. The caller holds mu.
func (q *queue) drop(s *submission) bool {
	if !q.waiting.remove(s.client, s) {
		return false
	}
	q.less(s)
	return true
}

func (q *queue) less(s *submission) {
	q.count--
	q.size -= s.size
	if q.sizes[s.client] -= s.size; q.sizes[s.client] <= 0 {
		delete(q.sizes, s.client)
	}
}

// commit makes commits until nothing waits. A commit takes what waits when it has the turn
// to write.
func (q *queue) commit(ctx context.Context, p *Pipeline) {
	for q.more() {
		q.gather(p.Pace)
		p.commitGroup(ctx)
	}
}

// gather waits until it is time for another commit, or until enough wait for one.
func (q *queue) gather(pace *rate.Limiter) {
	if pace == nil || pace.Allow() || q.plenty() {
		return
	}
	timer := time.NewTimer(time.Duration(float64(time.Second) / float64(pace.Limit())))
	defer timer.Stop()
	select {
	case <-timer.C:
		pace.Allow() // the token that came meanwhile is used up
	case <-q.many:
	}
}

func (q *queue) plenty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count >= enough
}

func (q *queue) more() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = len(q.waiting.ring) > 0
	return q.busy
}

// take returns what the next commit holds: one document of each client in turn.
func (q *queue) take() []*submission {
	q.mu.Lock()
	defer q.mu.Unlock()
	var group []*submission
	days := map[string]bool{}
	for len(group) < groupSize {
		s, ok := q.waiting.take(func(s *submission) bool { return s.recent || days[s.day] || len(days) < oldDays })
		if !ok {
			break
		}
		if !s.recent {
			days[s.day] = true
		}
		q.less(s)
		group = append(group, s)
	}
	return group
}

// withdraw takes s back if no commit has begun with it, and reports whether it did.
func (q *queue) withdraw(s *submission) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.drop(s)
}

// Load is the work that a pipeline has at the moment.
type Load struct {
	Decoding     int // submissions that are being decoded
	Waiting      int // submissions that wait to be committed
	WaitingBytes int
}

// Load returns the work that the pipeline has now.
func (p *Pipeline) Load() Load {
	var l Load
	p.decoding.mu.Lock()
	l.Decoding = p.decoding.inside
	p.decoding.mu.Unlock()
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	for _, list := range p.queue.waiting.waiting {
		l.Waiting += len(list)
	}
	l.WaitingBytes = p.queue.size
	return l
}
