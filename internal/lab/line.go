package lab

import (
	"container/heap"
	"sync"
	"time"
)

// line joins a client to the rest of the network. The censor, if there is one, stands in
// the middle. The two deliver functions hand a packet to the host at one end. They must
// not block for long.
type line struct {
	censor   *Censor
	delay    time.Duration // for each direction
	toClient func([]byte)
	toServer func([]byte)

	mu     sync.Mutex // guards everything below
	queue  heldQueue
	order  uint64
	awake  chan struct{} // not nil once the keeper runs
	closed chan struct{}
	keeper sync.WaitGroup
}

func newLine(censor *Censor, delay time.Duration, toClient, toServer func([]byte)) *line {
	return &line{censor: censor, delay: delay, toClient: toClient, toServer: toServer, closed: make(chan struct{})}
}

// carry takes a packet from one end towards the other.
func (l *line) carry(up bool, raw []byte) {
	r := ruling{pass: raw}
	if l.censor != nil {
		r = l.censor.judge(up, raw)
	}
	for _, forged := range r.toClient {
		l.send(false, forged, 0)
	}
	for _, forged := range r.toServer {
		l.send(true, forged, 0)
	}
	if r.pass != nil {
		l.send(up, r.pass, r.wait)
	}
}

func (l *line) send(up bool, raw []byte, wait time.Duration) {
	if wait += l.delay; wait > 0 {
		l.hold(held{at: time.Now().Add(wait), up: up, raw: raw})
		return
	}
	l.deliver(up, raw)
}

func (l *line) deliver(up bool, raw []byte) {
	if up {
		l.toServer(raw)
	} else {
		l.toClient(raw)
	}
}

// hold keeps a packet until its time. Packets with the same time leave in the order in
// which they came.
func (l *line) hold(h held) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h.order = l.order
	l.order++
	heap.Push(&l.queue, h)
	if l.awake == nil {
		l.awake = make(chan struct{}, 1)
		l.keeper.Go(l.keep)
	}
	if l.queue[0].order == h.order {
		select {
		case l.awake <- struct{}{}:
		default:
		}
	}
}

// keep delivers held packets when their time comes.
func (l *line) keep() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-l.closed:
			return
		case <-l.awake:
		case <-timer.C:
		}
		timer.Reset(l.deliverDue())
	}
}

// deliverDue delivers all packets whose time has come, and returns how long to wait for
// the next.
func (l *line) deliverDue() time.Duration {
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			l.mu.Unlock()
			return time.Hour
		}
		if wait := time.Until(l.queue[0].at); wait > 0 {
			l.mu.Unlock()
			return wait
		}
		h := heap.Pop(&l.queue).(held)
		l.mu.Unlock()
		l.deliver(h.up, h.raw)
	}
}

// close stops the line. Packets that it still holds are lost.
func (l *line) close() {
	close(l.closed)
	l.keeper.Wait()
}

// held is a waiting packet.
type held struct {
	at    time.Time
	order uint64
	up    bool
	raw   []byte
}

// heldQueue is a heap of packets, ordered by time and then by arrival.
type heldQueue []held

func (q heldQueue) Len() int { return len(q) }
func (q heldQueue) Less(i, j int) bool {
	if q[i].at.Equal(q[j].at) {
		return q[i].order < q[j].order
	}
	return q[i].at.Before(q[j].at)
}
func (q heldQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *heldQueue) Push(x any)   { *q = append(*q, x.(held)) }
func (q *heldQueue) Pop() any {
	old := *q
	h := old[len(old)-1]
	old[len(old)-1] = held{}
	*q = old[:len(old)-1]
	return h
}
