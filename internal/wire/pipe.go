package wire

import (
	"io"
	"os"
	"sync"
	"time"
)

// pipe is one direction of a connection in memory.
type pipe struct {
	mu       sync.Mutex
	changed  *sync.Cond
	data     []byte
	ended    error // of reads, once data is empty
	cut      error // of reads, at once
	unwanted error // of writes
	due      time.Time
	timer    *time.Timer
}

func newPipe() *pipe {
	p := &pipe{}
	p.changed = sync.NewCond(&p.mu)
	return p
}

func (p *pipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.cut != nil:
			return 0, p.cut
		case !p.due.IsZero() && !time.Now().Before(p.due):
			return 0, os.ErrDeadlineExceeded
		case len(p.data) > 0:
			n := copy(b, p.data)
			p.data = p.data[n:]
			return n, nil
		case p.ended != nil:
			return 0, p.ended
		}
		p.changed.Wait()
	}
}

func (p *pipe) write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unwanted != nil {
		return 0, p.unwanted
	}
	if p.ended != nil {
		return 0, io.ErrClosedPipe
	}
	p.data = append(p.data, b...)
	p.changed.Broadcast()
	return len(b), nil
}

// end lets the reader read what is left, and then fail with err.
func (p *pipe) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended == nil {
		p.ended = err
	}
	p.changed.Broadcast()
}

// shut lets reads and writes fail at once.
func (p *pipe) shut(reads, writes error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut == nil {
		p.cut, p.unwanted = reads, writes
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	p.changed.Broadcast()
}

func (p *pipe) deadline(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
	p.due = t
	if !t.IsZero() && p.cut == nil {
		p.timer = time.AfterFunc(time.Until(t), func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.changed.Broadcast()
		})
	}
	p.changed.Broadcast()
}
