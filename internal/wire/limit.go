package wire

import (
	"cmp"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// Over is what becomes of a connection above the limit.
type Over int

// The ways to refuse a connection.
const (
	Reset   Over = iota // TCP RST at once
	Close               // an orderly close at once
	Silence             // left open, read, and never answered
)

// String names the way, for the names of tests and the heads of tables.
func (o Over) String() string {
	switch o {
	case Reset:
		return "reset"
	case Close:
		return "close"
	case Silence:
		return "silence"
	default:
		return "unknown"
	}
}

// Limit bounds the rate of new connections, or how many are served at once.
// The zero value lets all pass.
type Limit struct {
	PerSecond float64 // connections a second; zero means no limit
	Burst     int     // connections in a row after a pause; zero means PerSecond, at least 1
	Over      Over    // what becomes of those above
	AtOnce    int     // connections served at once, while others wait; zero means no limit
}

// Limited is a listener that lets only connections within a limit through to
// Accept, and deals with the others itself.
type Limited struct {
	net.Listener

	over     Over
	bucket   *rate.Limiter
	places   chan struct{} // one element for each connection served; nil without a limit
	ended    chan struct{}
	accepted atomic.Int64
	refused  atomic.Int64

	mu     sync.Mutex
	closed bool
	silent map[net.Conn]struct{} // left open without an answer
}

// NewLimited wraps a listener, which it then owns.
func NewLimited(l net.Listener, limit Limit) *Limited {
	bucket := rate.NewLimiter(rate.Inf, 1)
	if limit.PerSecond > 0 {
		burst := cmp.Or(limit.Burst, max(1, int(limit.PerSecond)))
		bucket = rate.NewLimiter(rate.Limit(limit.PerSecond), burst)
	}
	limited := &Limited{
		Listener: l, over: limit.Over, bucket: bucket,
		ended: make(chan struct{}), silent: make(map[net.Conn]struct{}),
	}
	if limit.AtOnce > 0 {
		limited.places = make(chan struct{}, limit.AtOnce)
	}
	return limited
}

// Accept returns the next connection within the limit.
func (l *Limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.accepted.Add(1)
		if l.bucket.Allow() {
			return l.place(c)
		}
		l.refused.Add(1)
		l.refuse(c)
	}
}

// place waits for one of the places, which the connection frees when it closes.
func (l *Limited) place(c net.Conn) (net.Conn, error) {
	if l.places == nil {
		return c, nil
	}
	select {
	case l.places <- struct{}{}:
		return &placed{Conn: c, free: sync.OnceFunc(func() { <-l.places })}, nil
	case <-l.ended:
		_ = c.Close()
		return nil, net.ErrClosed
	}
}

// Counts returns how many connections came, and how many of them were above
// the limit.
func (l *Limited) Counts() (all, refused int64) { return l.accepted.Load(), l.refused.Load() }

// Close closes the listener and the connections it left in silence.
func (l *Limited) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.ended)
	}
	for c := range l.silent {
		_ = c.Close()
	}
	return l.Listener.Close()
}

// refuse deals with a connection above the limit.
func (l *Limited) refuse(c net.Conn) {
	switch l.over {
	case Silence:
		l.silence(c)
	case Close:
		_ = c.Close()
	default:
		abort(c)
	}
}

// silence reads and never answers, until the client closes.
func (l *Limited) silence(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = c.Close()
		return
	}
	l.silent[c] = struct{}{}
	go func() {
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.silent, c)
	}()
}

// placed is a connection that takes one of the places.
type placed struct {
	net.Conn
	free func()
}

// Close closes the connection and frees its place.
func (p *placed) Close() error {
	defer p.free()
	return p.Conn.Close()
}

// CloseWrite closes one half of the connection.
func (p *placed) CloseWrite() error {
	if half, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// SetLinger says what Close does with what is not yet sent.
func (p *placed) SetLinger(sec int) error {
	if lingering, ok := p.Conn.(interface{ SetLinger(sec int) error }); ok {
		return lingering.SetLinger(sec)
	}
	return nil
}
