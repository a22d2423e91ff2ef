package checks

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// errInterrupted is why a scan that was cancelled learned nothing more.
var errInterrupted = Because(ReasonCancelled, "the scan was interrupted")

// session is what the probes of one link share: its time, its budget, its
// addresses, its open connections and its TLS handshake.
type session struct {
	scan    *scan
	link    *inventory.Link
	target  inventory.Target
	ctx     context.Context // ends with the link's time, or with the scan
	cancel  context.CancelCauseFunc
	watch   *stopwatch
	gate    *gate
	current atomic.Pointer[Visit] // the probe that began last
	secrets secrets

	shaking sync.Mutex // held while the shared handshake is made
	shared  *sharedHandshake

	perAddress handshakes // with the other addresses of the name

	mu          sync.Mutex
	conns       map[*conn]struct{}
	parked      *liveConn // of the shared handshake, until it is taken
	kept        int       // connections that are not brief, asked for or open
	connections int
	requests    int
	bursts      int
	resolved    bool
	addresses   []netip.Addr
	addressErr  error
	first       netip.AddrPort // of the first connection
	reached     netip.AddrPort // of the last one
	connectTime time.Duration
	heard       map[netip.Addr]*hearing
	tlsFirst    bool // a NATS server that waits for the ClientHello

	shares shares // what its probes have in common
}

func newSession(s *scan, l *inventory.Link) *session {
	ctx, cancel := context.WithCancelCause(s.ctx)
	target := l.Target()
	session := &session{
		scan: s, link: l, target: target, ctx: ctx, cancel: cancel,
		gate:  s.gate(target.Address()),
		conns: make(map[*conn]struct{}),
	}
	limit := s.limits.LinkTimeout
	session.watch = startStopwatch(limit, func() {
		cancel(Because(ReasonBudget, "the %s for this link are used up", limit))
	})
	return session
}

// ended says why the link's time is over, or nil while it is not.
func (s *session) ended() error {
	if s.ctx.Err() == nil {
		return nil
	}
	if e, ok := errors.AsType[*ReasonError](context.Cause(s.ctx)); ok {
		return e
	}
	return errInterrupted
}

// close ends the link's time and closes everything. A dial that is still under
// way, such as one an HTTP transport began, finds the time over and gives up.
func (s *session) close() {
	s.watch.stop()
	s.drop(s.takeParked())
	s.cancel(errInterrupted)
	s.closeProbe(nil)
}

// closeProbe closes what a probe left open, but neither the parked connection
// nor those that the link's probes have in common; nil stands for all probes.
func (s *session) closeProbe(v *Visit) {
	s.mu.Lock()
	var left []*conn
	for c := range s.conns {
		if (s.parked == nil || s.parked.conn != c) && (v == nil || !c.common && c.visit.Load() == v) {
			left = append(left, c)
		}
	}
	s.mu.Unlock()
	for _, c := range left {
		_ = c.Close()
	}
}

func (s *session) remember(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
}

func (s *session) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// park keeps the connection of the shared handshake for the next taker.
func (s *session) park(live *liveConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parked = live
}

// takeParked removes the parked connection, which the caller then owns.
func (s *session) takeParked() *liveConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	live := s.parked
	s.parked = nil
	return live
}

func (s *session) drop(live *liveConn) {
	if live != nil {
		_ = live.tls.Close()
	}
}

func (s *session) firstAddress() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first
}

// reach notes the address that took a connection, which is preferred from now
// on.
func (s *session) reach(to netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reached = to
}

// slot waits for a place among the host's connections and for the tokens of a
// new one. The link's time stands still meanwhile.
func (s *session) slot(ctx context.Context, brief bool) (leave func(), err error) {
	if ctx.Value(aloneKey{}) != nil {
		s.gate.enterAlone()
		return s.gate.release, nil
	}
	if !s.gate.tryAcquire() {
		s.drop(s.takeParked()) // never hold and wait, if it can be helped
		if err := s.queue(ctx, brief); err != nil {
			return nil, s.interrupted(err)
		}
	}
	defer s.watch.hold()()
	if err := s.token(ctx); err != nil {
		s.gate.release()
		return nil, s.interrupted(err)
	}
	return s.gate.release, nil
}

// queue waits for a place. A link that keeps another one waits on its own time
// and no longer than a step: two such links could wait for each other.
func (s *session) queue(ctx context.Context, brief bool) error {
	if !s.holds(brief) {
		defer s.watch.hold()()
		return s.gate.acquire(ctx)
	}
	full := Because(ReasonBudget, "no place for one more connection to the host at once")
	ctx, cancel := context.WithTimeoutCause(ctx, s.scan.limits.StepTimeout, full)
	defer cancel()
	if s.gate.acquire(ctx) != nil {
		return context.Cause(ctx)
	}
	return nil
}

// keeps counts a connection that is kept while the link does other things, from
// the moment it is asked for: two of them could wait for each other. Brief ones
// end by themselves.
func (s *session) keeps(d dialing) (free func()) {
	if d.brief {
		return func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.kept--
	}
}

// holds reports whether the link keeps another connection than the one that is
// asked for.
func (s *session) holds(brief bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept > 1 || brief && s.kept > 0
}

func (s *session) token(ctx context.Context) error {
	if err := s.gate.pause(ctx); err != nil {
		return err
	}
	if err := pace(ctx, s.gate.dials); err != nil {
		return err
	}
	return pace(ctx, s.scan.dials)
}

// interrupted prefers the end of the link's time to the error it caused.
func (s *session) interrupted(err error) error {
	if ended := s.ended(); ended != nil {
		return ended
	}
	return err
}

// spend takes one from a budget of the link.
func (s *session) spend(used *int, limit int, of string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *used >= limit {
		return Because(ReasonBudget, "all %d %s for this link are used up", limit, of)
	}
	*used++
	return nil
}
