package ratelimit

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// inSequence makes the samples of a burst of one request after the other.
func inSequence(waits ...float64) []sample {
	var (
		samples []sample
		now     time.Duration
	)
	for _, ms := range waits {
		sent := now
		now += time.Duration(ms * float64(time.Millisecond))
		samples = append(samples, sample{sent, now})
		now += 50 * time.Microsecond // reading the body
	}
	return samples
}

func series(n int, wait func(i int) float64) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = wait(i)
	}
	return all
}

// TestShape: series as limiters and slow servers make them. Those of nginx were
// recorded on loopback from limit_req of nginx 1.22.1, by TestRealNginx; the
// others are made up.
func TestShape(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) // the same in each run
	for _, test := range []struct {
		name     string
		waits    []float64 // milliseconds, one after the other
		baseline float64
		known    bool
		rate     float64 // zero is not shaped
	}{
		{"nginx rate=5r/s burst=20", []float64{199.790, 199.814, 199.684, 201.703, 197.643, 199.662, 199.621, 199.911}, 0.053, true, 5},
		{"nginx rate=10r/s burst=40 delay=3", []float64{0.079, 0.084, 98.415, 99.464, 99.035, 100.458, 98.795, 101.432, 98.505, 99.566}, 0.104, true, 10},
		{"held back, over a network with jitter", series(15, func(int) float64 { return 250 + 15*random.NormFloat64() }), 30, true, 4},
		{"held back, with a pause of the garbage collector", series(15, func(i int) float64 {
			return [...]float64{6: 480, 7: 20, 14: 200}[i] + 200*b2f(i != 6 && i != 7 && i != 14)
		}), 1, true, 5},

		{"fast", series(20, func(int) float64 { return 0.3 + 0.1*random.Float64() }), 0.3, true, 0},
		{"slow always", series(20, func(int) float64 { return 200 + random.Float64() }), 198, true, 0},
		{"a little slower under load", series(20, func(int) float64 { return 60 + random.Float64() }), 20, true, 0},
		{"pauses of the garbage collector", series(20, func(i int) float64 { return 1 + 80*b2f(i%7 == 3) }), 1, true, 0},
		{"slow and uneven under load", series(20, func(int) float64 { return 20 + 300*random.Float64() }), 10, true, 0},
		{"slower and slower", series(20, func(i int) float64 { return 10 * math.Pow(1.3, float64(i)) }), 10, true, 0},
		{"noise of a fast server", series(20, func(int) float64 { return 2 }), 0.1, true, 0},
		{"one slow answer at the end", append(series(10, func(int) float64 { return 1 }), 200), 1, true, 0},

		{"a pause near the end", []float64{1, 1, 1, 1, 1, 60, 1, 1, 1}, 1, true, 0},

		{"held back too late to tell", append(series(4, func(int) float64 { return 1 }), 200, 200, 200, 200), 1, false, 0},
		{"too few", []float64{200, 200, 200}, 1, false, 0},
		{"nothing to compare with", series(12, func(int) float64 { return 200 }), 0, false, 0},
		{"no answer at all", nil, 1, false, 0},
	} {
		got := shapeOf(inSequence(test.waits...), time.Duration(test.baseline*float64(time.Millisecond)))
		if got.known != test.known || got.shaped != (test.rate > 0) || math.Abs(got.rate-test.rate) > 0.1*test.rate {
			t.Errorf("%s: %+v, want known %v, rate %g", test.name, got, test.known, test.rate)
		}
	}
}

func b2f(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// TestShapeSideBySide: eight at once wait evenly before a server that serves
// one after the other, and yet nothing is held back.
func TestShapeSideBySide(t *testing.T) {
	t.Parallel()
	at := func(every time.Duration) []sample {
		var samples []sample
		for i := range 24 {
			arrived := time.Duration(i+1) * every
			samples = append(samples, sample{sent: max(0, arrived-8*every), arrived: arrived})
		}
		return samples
	}
	if got := shapeOf(at(20*time.Millisecond), 20*time.Millisecond); got.shaped || !got.known {
		t.Errorf("a server that serves one after the other: %+v", got)
	}
	if got := shapeOf(at(100*time.Millisecond), 2*time.Millisecond); !got.shaped || math.Abs(got.rate-10) > 0.1 {
		t.Errorf("a limiter that lets go ten a second: %+v", got)
	}
}

func FuzzShape(f *testing.F) {
	f.Add([]byte{200, 200, 200, 200, 200, 200, 200, 200}, uint16(1))
	f.Add([]byte{1, 1, 1, 1, 1, 1, 255, 255}, uint16(0))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0}, uint16(1))
	f.Fuzz(func(t *testing.T, waits []byte, baseline uint16) {
		samples := inSequence(series(len(waits), func(i int) float64 { return float64(waits[i]) })...)
		got := shapeOf(samples, time.Duration(baseline)*time.Microsecond)
		if got.shaped && (!got.known || got.rate <= 0 || math.IsInf(got.rate, 0) || got.rate > 1/shapedWait.Seconds()) || !got.shaped && got.rate != 0 {
			t.Errorf("%+v", got)
		}
	})
}
