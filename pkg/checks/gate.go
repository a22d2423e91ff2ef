package checks

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// troublePause is how long a host is left alone after it reset or stalled
	// a connection. It doubles while the host answers nothing at all, up to
	// troublePauseMax.
	troublePause    = 250 * time.Millisecond
	troublePauseMax = 2 * time.Second
	// careful is the rate of new connections to a host, per second, that
	// trouble does not push below while the host may just dislike what it was
	// asked; slowest the same once it leaves unanswered what it answered
	// before. A limit below that is indistinguishable from a host that is down.
	careful = 5
	slowest = 1
	// unlimited is the rate that stands for none once there is trouble.
	unlimited = 64
	// hushTokens is how many connections a limit would have let through before
	// a question is put in quiet.
	hushTokens = 2
	// recovery is after how many answers in a row a host is asked faster again.
	recovery = 32
)

// gate holds what all links to one host and port share: how many connections
// may be open at once, and how fast new ones and requests may come. Both fall
// by half on trouble, for many servers and firewalls limit connections, and
// rise again by and by.
type gate struct {
	dials    *rate.Limiter
	requests *rate.Limiter
	fastest  rate.Limit
	widest   int

	mu       sync.Mutex
	limit    int // connections open at once; halved on trouble, never below 1
	open     int
	resume   time.Time       // no new connection before
	rest     time.Duration   // the pause that the next trouble brings
	slowed   time.Time       // when trouble was noted last
	answers  int             // since then
	answered bool            // the host answered at least once
	waiting  []chan struct{} // in order of arrival; closed when granted
	quiet    bool            // nobody is let in but who asked for it
	alone    chan struct{}   // holds a token while somebody asks for quiet
}

func newGate(limits Limits) *gate {
	dials := newLimiter(limits.HostRate)
	return &gate{
		dials: dials, requests: newLimiter(limits.RequestRate),
		fastest: dials.Limit(), widest: limits.PerHost, limit: limits.PerHost, rest: troublePause,
		alone: make(chan struct{}, 1),
	}
}

// newLimiter allows at once what is due within half a second, but at least
// one: the few hellos of a link go out together.
func newLimiter(perSecond float64) *rate.Limiter {
	if math.IsInf(perSecond, 1) {
		return rate.NewLimiter(rate.Inf, 1)
	}
	return rate.NewLimiter(rate.Limit(perSecond), burst(perSecond))
}

func burst(perSecond float64) int { return max(1, int(min(perSecond/2, 1e6))) }

// tryAcquire takes a slot if one is free.
func (g *gate) tryAcquire() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.quiet || g.open >= g.limit || len(g.waiting) > 0 {
		return false
	}
	g.open++
	return true
}

// acquire waits for a slot. Those who wait are served in order.
func (g *gate) acquire(ctx context.Context) error {
	g.mu.Lock()
	if !g.quiet && g.open < g.limit && len(g.waiting) == 0 {
		g.open++
		g.mu.Unlock()
		return nil
	}
	granted := make(chan struct{})
	g.waiting = append(g.waiting, granted)
	g.mu.Unlock()

	select {
	case <-granted:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	if i := slices.Index(g.waiting, granted); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
		g.mu.Unlock()
		return ctx.Err()
	}
	g.mu.Unlock()
	g.release() // granted at the same moment
	return ctx.Err()
}

// release gives a slot back.
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	g.grant()
}

func (g *gate) grant() {
	for !g.quiet && g.open < g.limit && len(g.waiting) > 0 {
		close(g.waiting[0])
		g.waiting = g.waiting[1:]
		g.open++
	}
}

// trouble notes that the host reset, closed or stalled a connection that was
// begun at a moment, or did not take it. What was begun before the last
// trouble belongs to it: one burst over a limit slows the host down once, and
// not below a floor.
func (g *gate) trouble(begun time.Time, floor rate.Limit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if begun.Before(g.slowed) {
		return
	}
	now := time.Now()
	g.slowed, g.answers = now, 0
	g.limit = max(1, g.limit/2)
	present := min(g.dials.Limit(), unlimited)
	g.pace(max(present/2, min(floor, present)))
	g.resume = now.Add(g.rest)
	if floor < careful {
		g.rest = min(2*g.rest, troublePauseMax)
	}
}

// worked notes an answer of the host's, of whatever kind.
func (g *gate) worked() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answered = true
	g.answers++
	g.rest = troublePause
	if g.answers%recovery != 0 {
		return
	}
	if g.limit < g.widest {
		g.limit++
		g.grant()
	}
	if faster := g.dials.Limit() * 5 / 4; g.dials.Limit() < g.fastest {
		g.pace(min(faster, g.fastest))
	}
}

// pace sets the rate of new connections; a slow host gets no bursts.
func (g *gate) pace(perSecond rate.Limit) {
	g.dials.SetLimit(perSecond)
	most := 1
	if perSecond >= g.fastest {
		most = burst(float64(perSecond))
	}
	g.dials.SetBurst(most)
}

// hasAnswered reports whether the host ever answered.
func (g *gate) hasAnswered() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.answered
}

// hush lets nobody else in until the returned function is called, and waits
// until a limit near the present rate, or the careful one, would have let two
// more connections through. What the caller opens then, with aloneKey in its
// context, meets no such limit.
func (g *gate) hush(ctx context.Context) (done func(), err error) {
	select {
	case g.alone <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	g.mu.Lock()
	g.quiet = true
	refill := time.Duration(hushTokens / float64(min(g.dials.Limit(), careful)) * float64(time.Second))
	wait := max(time.Until(g.resume), refill)
	g.mu.Unlock()
	done = func() {
		g.mu.Lock()
		g.quiet = false
		g.grant()
		g.mu.Unlock()
		<-g.alone
	}
	if err := sleep(ctx, wait); err != nil {
		done()
		return nil, err
	}
	return done, nil
}

// enterAlone takes a slot for who has asked for quiet.
func (g *gate) enterAlone() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open++
}

// aloneKey marks the context of who has asked for quiet.
type aloneKey struct{}

// pause waits until the host may be dialled again after trouble.
func (g *gate) pause(ctx context.Context) error {
	for {
		g.mu.Lock()
		wait := time.Until(g.resume)
		g.mu.Unlock()
		if wait <= 0 {
			return ctx.Err()
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// pace waits for a token. Unlike [rate.Limiter.Wait] it does not refuse early
// when a deadline is near: what counts is the context alone.
func pace(ctx context.Context, limiter *rate.Limiter) error {
	r := limiter.Reserve()
	if err := sleep(ctx, r.Delay()); err != nil {
		r.Cancel()
		return err
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
