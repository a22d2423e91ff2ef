package checks

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// headSize is how much of an answer is kept to recognise one without TLS.
const headSize = 256

const (
	lastWordsSize = 4096
	lastWordsWait = 10 * time.Millisecond
)

// conn is a connection that counts and bounds. Every read and write ends at
// the deadline of its step; setting a deadline starts a new step, which is
// never longer than Limits.StepTimeout. It ends at once with its link's time.
type conn struct {
	net.Conn
	session *session
	visit   atomic.Pointer[Visit] // whose probe uses it
	release func()                // gives the host's slot back
	address netip.AddrPort
	brief   bool      // see dialing
	common  bool      // see InCommon
	started time.Time // when the connection was made

	greeting []byte // see Greeting

	read    atomic.Int64
	closing sync.Once
	stop    func() bool // stops waiting for the end of the link

	mu      sync.Mutex
	ended   bool      // the link's time is over; deadlines stay in the past
	stepEnd time.Time // of reads; zero while a probe's own, shorter deadline rules
	trouble bool      // the host was told already
	resting bool      // see Rest
	cutOff  bool      // the peer hung up on a write
	pending []byte    // read ahead, to be read again
	head    []byte    // first bytes of the answer
	keeps   int       // how many bytes are still kept in kept
	kept    []byte    // see keep
}

func newConn(raw net.Conn, v *Visit, release func()) *conn {
	s := v.session
	c := &conn{Conn: raw, session: s, release: release, started: time.Now()}
	c.visit.Store(v)
	c.stop = context.AfterFunc(s.ctx, c.end)
	_ = c.SetDeadline(time.Time{})
	return c
}

func (c *conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	_ = c.Conn.SetDeadline(time.Unix(1, 0))
}

// Close closes the connection once and frees its slot.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.closing.Do(func() {
		c.stop()
		c.keepLastWords()
		err = c.Conn.Close()
		c.session.forget(c)
		c.release()
	})
	return err
}

// keepLastWords reads what the peer said before it hung up on a write, so that
// it can still be read. A server that refuses after the handshake sends its
// alert and closes; the write that comes too late fails, and its caller closes
// without a look at the alert.
func (c *conn) keepLastWords() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.cutOff || c.ended {
		return
	}
	words := make([]byte, lastWordsSize)
	_ = c.Conn.SetReadDeadline(time.Now().Add(lastWordsWait))
	n, _ := c.Conn.Read(words)
	c.pending = append(c.pending, words[:n]...)
}

// SetDeadline starts a new step for reads and writes. A zero time means the
// longest step there may be.
func (c *conn) SetDeadline(t time.Time) error {
	return c.setDeadline(t, true, c.Conn.SetDeadline)
}

// SetReadDeadline is SetDeadline for reads alone.
func (c *conn) SetReadDeadline(t time.Time) error {
	return c.setDeadline(t, true, c.Conn.SetReadDeadline)
}

// SetWriteDeadline is SetDeadline for writes alone.
func (c *conn) SetWriteDeadline(t time.Time) error {
	return c.setDeadline(t, false, c.Conn.SetWriteDeadline)
}

func (c *conn) setDeadline(t time.Time, reads bool, set func(time.Time) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	end := time.Now().Add(c.session.scan.limits.StepTimeout)
	own := !t.IsZero() && t.Before(end)
	if own {
		end = t
	}
	if reads {
		c.stepEnd = end
		if own {
			c.stepEnd = time.Time{}
		}
	}
	return set(end)
}

// Rest lets a connection lie idle until its next deadline is set: nothing is
// due on it, and a peer that closes it before it answers again is in its right.
// It takes a connection of [Visit.Dial] or of a handshake.
func Rest(c net.Conn) {
	if wrapped, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = wrapped.NetConn()
	}
	if c, ok := c.(*conn); ok {
		c.rest()
	}
}

// wake ends the rest: the peer is there.
func (c *conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.resting = false
}

func (c *conn) rest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.resting, c.stepEnd = true, time.Time{}
	_ = c.Conn.SetDeadline(time.Time{})
}

// Read reads within the caps of the connection and of the probe.
func (c *conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	if len(c.pending) > 0 {
		n := copy(p, c.pending)
		c.pending = c.pending[n:]
		c.copyKept(p[:n])
		c.mu.Unlock()
		return n, nil
	}
	c.mu.Unlock()
	left, err := c.allowance()
	if err != nil {
		return 0, err
	}
	if int64(len(p)) > left {
		p = p[:left]
	}
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	c.count(n, true)
	c.keepHead(p[:n])
	if n > 0 {
		c.wake()
	}
	return n, c.explain(err)
}

func (c *conn) allowance() (int64, error) {
	limits := c.session.scan.limits
	left := limits.BytesPerConn - c.read.Load()
	if left <= 0 {
		return 0, Because(ReasonTooLarge, "more than %d bytes on one connection", limits.BytesPerConn)
	}
	probe := limits.BytesPerProbe - c.user().received.Load()
	if probe <= 0 {
		return 0, Because(ReasonBudget, "more than %d bytes for one probe", limits.BytesPerProbe)
	}
	return min(left, probe), nil
}

// Write writes and counts.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.count(n, false)
	if err != nil && means(err, hungUp) {
		c.mu.Lock()
		c.cutOff = true
		c.mu.Unlock()
	}
	return n, c.explain(err)
}

// count adds bytes to the probe that uses the connection.
func (c *conn) count(n int, received bool) {
	if n <= 0 {
		return
	}
	v := c.user()
	v.bytes.Add(int64(n))
	if received {
		v.received.Add(int64(n))
	}
}

// user is the visit whose probe uses the connection.
func (c *conn) user() *Visit {
	if c.common {
		if v := c.session.current.Load(); v != nil {
			return v
		}
	}
	return c.visit.Load()
}

func (c *conn) keepHead(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if room := headSize - len(c.head); room > 0 {
		c.head = append(c.head, p[:min(room, len(p))]...)
	}
	c.copyKept(p)
}

// keep starts to keep what the peer sends from here on, up to most bytes.
func (c *conn) keep(most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keeps = most
}

func (c *conn) copyKept(p []byte) {
	p = p[:min(c.keeps, len(p))]
	c.kept = append(c.kept, p...)
	c.keeps -= len(p)
}

// keptBytes are those kept so far, which stay as they are.
func (c *conn) keptBytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept[:len(c.kept):len(c.kept)]
}

// first returns the first bytes of the peer's answer.
func (c *conn) first() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.head
}

// unread gives back bytes that were read ahead.
func (c *conn) unread(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(append([]byte(nil), p...), c.pending...)
	c.head = nil // what comes next is a new answer
}

// explain names the end of the link instead of the deadline that enforced it,
// and tells the host's gate of trouble. It keeps io.EOF as it is, because
// callers compare with it.
func (c *conn) explain(err error) error {
	if err == nil {
		return nil
	}
	if c.session.ctx.Err() != nil {
		return c.session.ended()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.brief && !c.trouble && !c.resting && c.isTrouble(err) { // Insist tells the gate itself
		c.trouble = true
		c.session.gate.trouble(c.started, careful)
	}
	return err
}

// isTrouble reports a reset, a close without any answer, or silence for a
// whole step. A deadline that a probe set itself, to wait for an answer that
// need not come, is none.
func (c *conn) isTrouble(err error) bool {
	switch {
	case means(err, hungUp):
		return true
	case errors.Is(err, io.EOF):
		return c.read.Load() == 0
	case errors.Is(err, os.ErrDeadlineExceeded):
		return !c.stepEnd.IsZero() && !time.Now().Before(c.stepEnd)
	default:
		return false
	}
}
