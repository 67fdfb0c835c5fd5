package pipeline

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// fair is a queue in which clients take turns: whoever has much waiting waits
// behind what they sent themselves, and not before others. A client is a
// Sender's key. The zero value is empty.
type fair[T comparable] struct {
	waiting map[[16]byte][]T // never empty lists
	ring    [][16]byte       // the clients that wait, next first
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

// take gives the first that fits of the next client who has one, and puts that
// client behind the others.
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

// remove takes x out, and reports whether it waited.
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

// gate lets so many at a time decode: each may take some 130 MB, and more
// than there are cores would only wait for one another. Clients take turns. The
// zero value is ready.
type gate struct {
	mu      sync.Mutex // guards what follows
	inside  int
	waiting fair[chan struct{}]
}

// enter waits for a slot; leave gives it back.
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
	if !gone { // the slot came at the same time
		g.leave()
	}
	return nil, false
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if turn, ok := g.waiting.take(func(chan struct{}) bool { return true }); ok {
		close(turn) // the slot is theirs
		return
	}
	g.inside--
}

// queue gathers what is submitted while a commit is under way into the next
// one: each commit costs some fsyncs, however many documents it holds.
type queue struct {
	mu      sync.Mutex
	waiting fair[*submission]
	sizes   map[[16]byte]int // bytes that wait, by client
	size    int              // their sum
	count   int              // submissions that wait
	busy    bool             // somebody is committing and will take what waits
	many    chan struct{}    // told when enough wait for a commit of their own
}

// rowBytes is about what a row takes in memory.
const rowBytes = 2 << 10

// groupSize bounds what one commit takes, and enough is what it need not wait to
// become more.
const (
	groupSize = 256
	enough    = 16
)

// oldDays bounds the days before yesterday that one commit writes to: each costs
// some files, whatever stands in them, and who is on time waits for it.
const oldDays = 1

// maxWaiting bounds the bytes that wait; one document may always.
const maxWaiting = 32 << 20

// submit adds s to what waits, and sees to it that all of it is committed. It
// reports whether there was room. Where there is none, who has most waiting
// makes room for who has less.
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
		default: // it was told
		}
	}
	if !q.busy {
		q.busy = true
		go q.commit(context.WithoutCancel(ctx), p)
	}
	return true
}

// drop takes s out of what waits. The caller holds mu.
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

// commit commits what waits until nothing does. What waits is taken when the
// turn to write has come.
func (q *queue) commit(ctx context.Context, p *Pipeline) {
	for q.more() {
		q.gather(p.Pace)
		p.commitGroup(ctx)
	}
}

// gather waits until it is time for another commit, or enough wait for one.
func (q *queue) gather(pace *rate.Limiter) {
	if pace == nil || pace.Allow() || q.plenty() {
		return
	}
	timer := time.NewTimer(time.Duration(float64(time.Second) / float64(pace.Limit())))
	defer timer.Stop()
	select {
	case <-timer.C:
		pace.Allow() // what came meanwhile is used up
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

// take gives what the next commit holds, a document of each client in turn.
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

// withdraw takes back what nobody has begun to commit.
func (q *queue) withdraw(s *submission) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.drop(s)
}

// Load is what a pipeline is at work on.
type Load struct {
	Decoding     int // submissions that are being decoded
	Waiting      int // submissions that wait for their turn to be committed
	WaitingBytes int
}

// Load tells what the pipeline is at work on now.
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
