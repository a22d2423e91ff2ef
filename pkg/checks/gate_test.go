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
		g := newGate(Limits{PerHost: 4, HostRate: 20, RequestRate: 1})
		for _, want := range []struct {
			limit int
			rate  float64
			pause time.Duration
		}{
			{2, 10, troublePause}, {1, 5, 2 * troublePause}, {1, 2.5, 4 * troublePause},
			{1, 1.25, troublePauseMax}, {1, slowest, troublePauseMax},
		} {
			begun := time.Now()
			time.Sleep(time.Millisecond)
			for range 3 { // a burst over a limit is one trouble
				g.trouble(begun, slowest)
			}
			if g.limit != want.limit || float64(g.dials.Limit()) != want.rate {
				t.Errorf("%d at once, %v a second; want %+v", g.limit, g.dials.Limit(), want)
			}
			start := time.Now()
			if err := g.pause(t.Context()); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(start); waited != want.pause {
				t.Errorf("paused for %v, want %v", waited, want.pause)
			}
		}
	})
}

func TestGateRecovers(t *testing.T) {
	t.Parallel()
	g := newGate(Limits{PerHost: 2, HostRate: 20, RequestRate: 1})
	g.trouble(time.Now(), slowest)
	for range recovery - 1 {
		g.worked()
	}
	if g.limit != 1 || g.dials.Limit() != 10 {
		t.Errorf("%d at once, %v a second before %d answers", g.limit, g.dials.Limit(), recovery)
	}
	for range 10 * recovery {
		g.worked()
	}
	if g.limit != 2 || g.dials.Limit() != 20 || g.dials.Burst() != burst(20) {
		t.Errorf("%d at once, %v a second, bursts of %d: not what it was before", g.limit, g.dials.Limit(), g.dials.Burst())
	}
}

func TestGateSlowsDownWhatWasUnlimited(t *testing.T) {
	t.Parallel()
	g := newGate(Limits{PerHost: 2, HostRate: math.Inf(1), RequestRate: 1})
	g.trouble(time.Now(), slowest)
	if got := g.dials.Limit(); got != unlimited/2 {
		t.Errorf("%v a second after trouble, want %v", got, unlimited/2)
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rate float64
		n    int
		want time.Duration
	}{
		{rate: 20, n: 30, want: time.Second},   // ten at once, then one each 50 ms
		{rate: 2, n: 5, want: 2 * time.Second}, // one at once
		{rate: 200, n: 500, want: 2 * time.Second},
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
