package checks

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// troublePause is how long a host is left alone after it reset or stalled a
// connection.
const troublePause = 250 * time.Millisecond

// gate holds what all links to one host and port share: how many connections
// may be open at once, and how fast new ones and requests may come.
type gate struct {
	dials    *rate.Limiter
	requests *rate.Limiter

	mu      sync.Mutex
	limit   int // connections open at once; halved on trouble, never below 1
	open    int
	resume  time.Time       // no new connection before
	waiting []chan struct{} // in order of arrival; closed when granted
}

func newGate(limits Limits) *gate {
	return &gate{
		dials:    newLimiter(limits.HostRate),
		requests: newLimiter(limits.RequestRate),
		limit:    limits.PerHost,
	}
}

// newLimiter allows at once what is due within a tenth of a second, but at
// least one.
func newLimiter(perSecond float64) *rate.Limiter {
	if math.IsInf(perSecond, 1) {
		return rate.NewLimiter(rate.Inf, 1)
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(min(perSecond/10, 1e6))))
}

// tryAcquire takes a slot if one is free.
func (g *gate) tryAcquire() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open >= g.limit || len(g.waiting) > 0 {
		return false
	}
	g.open++
	return true
}

// acquire waits for a slot. Those who wait are served in order.
func (g *gate) acquire(ctx context.Context) error {
	g.mu.Lock()
	if g.open < g.limit && len(g.waiting) == 0 {
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
	for g.open < g.limit && len(g.waiting) > 0 {
		close(g.waiting[0])
		g.waiting = g.waiting[1:]
		g.open++
	}
}

// trouble notes that the host reset or stalled a connection.
func (g *gate) trouble() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = max(1, g.limit/2)
	g.resume = time.Now().Add(troublePause)
}

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
