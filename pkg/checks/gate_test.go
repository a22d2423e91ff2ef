package checks

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestGateServesInOrderAndNeverOverLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(Limits{PerHost: 2, HostRate: 1, RequestRate: 1})
		var order []int
		for range 2 {
			if !g.tryAcquire() {
				t.Fatal("a free slot was refused")
			}
		}
		served := make(chan int, 3)
		for i := range 3 {
			go func() {
				if err := g.acquire(t.Context()); err != nil {
					t.Error(err)
				}
				served <- i
			}()
			synctest.Wait() // so that they queue in this order
		}
		if g.tryAcquire() {
			t.Error("a third slot was given")
		}
		for range 3 {
			g.release()
			order = append(order, <-served)
		}
		for i, got := range order {
			if got != i {
				t.Errorf("served in order %v", order)
			}
		}
	})
}

func TestGateCancelledWaiterLosesNoSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(Limits{PerHost: 1, HostRate: 1, RequestRate: 1})
		if err := g.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() { failed <- g.acquire(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-failed; err == nil {
			t.Error("a cancelled waiter was served")
		}
		g.release()
		if !g.tryAcquire() {
			t.Error("the slot was lost with the waiter")
		}
	})
}

func TestGateTroubleHalvesAndPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(Limits{PerHost: 4, HostRate: 1, RequestRate: 1})
		for _, want := range []int{2, 1, 1} {
			g.trouble()
			if g.limit != want {
				t.Errorf("limit = %d, want %d", g.limit, want)
			}
		}
		start := time.Now()
		if err := g.pause(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited != troublePause {
			t.Errorf("paused for %v, want %v", waited, troublePause)
		}
	})
}

func TestPace(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rate float64
		n    int
		want time.Duration
	}{
		{rate: 20, n: 22, want: time.Second},   // two at once, then one each 50 ms
		{rate: 2, n: 5, want: 2 * time.Second}, // one at once
		{rate: 200, n: 420, want: 2 * time.Second},
		{rate: math.Inf(1), n: 1000},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			limiter := newLimiter(tt.rate)
			// A deadline that is nearer than the token must not refuse at once.
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			start := time.Now()
			for range tt.n {
				if err := pace(ctx, limiter); err != nil {
					t.Fatal(err)
				}
			}
			if took := time.Since(start).Round(time.Millisecond); took != tt.want {
				t.Errorf("%d tokens at %v/s took %v, want %v", tt.n, tt.rate, took, tt.want)
			}
		})
	}
}

func TestStopwatchStandsStillWhileHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fired atomic.Int64
		start := time.Now()
		w := startStopwatch(time.Second, func() { fired.Store(int64(time.Since(start))) })
		time.Sleep(400 * time.Millisecond)
		outer := w.hold()
		inner := w.hold()
		time.Sleep(10 * time.Second)
		outer()
		time.Sleep(10 * time.Second)
		inner()
		time.Sleep(time.Second)
		if got, want := time.Duration(fired.Load()), 21*time.Second; got != want {
			t.Errorf("fired after %v, want %v", got, want)
		}
		w.stop()
	})
}
