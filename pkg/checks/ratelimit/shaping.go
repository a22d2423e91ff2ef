package ratelimit

import (
	"math"
	"slices"
	"time"
)

// sample is one answer of a burst. Moments count from the burst's first
// request.
type sample struct {
	sent    time.Duration
	arrived time.Duration // its first byte
}

func (s sample) wait() time.Duration { return s.arrived - s.sent }

const (
	// shapedOver is how many times longer than usual the answers take that a
	// limiter holds back.
	shapedOver = 5
	// evenness is the greatest coefficient of variation of the times between
	// answers that are let go at a fixed rate.
	evenness = 0.2
	// shapedMin is how many answers in a row must have been held back.
	shapedMin = 6
	// shapedWait is the shortest wait that counts: below it, the noise of a
	// scheduler is many times the latency of a near server.
	shapedWait = 10 * time.Millisecond
)

// shape is what the times of a burst's answers tell.
type shape struct {
	known  bool
	shaped bool
	rate   float64 // requests a second that are let through, when shaped
}

// shapeOf tells a limiter that holds requests back, and lets them go at a fixed
// rate, from a server that is slow: the first is slow under a burst alone, and
// then evenly so. Samples are in the order they arrived; baseline is the wait
// of the same request at leisure, zero when nobody knows it.
//
// A limiter may let the first few through at once, so what counts is the end of
// the series, from the first answer that was held back. The times between
// answers must grow with the waits: a server that works on one request at a
// time makes eight at once wait evenly, too, but answers as fast as ever.
func shapeOf(samples []sample, baseline time.Duration) shape {
	if baseline <= 0 || len(samples) < shapedMin {
		return shape{}
	}
	slow := max(shapedOver*baseline, shapedWait)
	first := slices.IndexFunc(samples, func(s sample) bool { return s.wait() >= slow })
	if first < 0 {
		return shape{known: true}
	}
	held := samples[first:]
	waits := make([]time.Duration, len(held))
	for i, s := range held {
		waits[i] = s.wait()
	}
	if len(held) < shapedMin {
		// A few slow answers at the end may be the first that are held back.
		return shape{known: len(held) <= len(samples)/4 || median(waits) < slow}
	}
	between := spacing(held)
	if median(waits) < slow || median(between) < slow || variation(trimmed(between)) >= evenness {
		return shape{known: true}
	}
	return shape{known: true, shaped: true, rate: 1 / median(between).Seconds()}
}

// spacing are the times between one answer and the next.
func spacing(samples []sample) []time.Duration {
	between := make([]time.Duration, 0, len(samples))
	for i, s := range samples[1:] {
		between = append(between, s.arrived-samples[i].arrived)
	}
	return between
}

// median of what is not empty.
func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// trimmed leaves out the smallest and the largest tenth: a pause of the garbage
// collector, and the answers that catch up after it, are not the limiter's.
func trimmed(all []time.Duration) []time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	cut := (len(sorted) + 5) / 10
	return sorted[cut : len(sorted)-cut]
}

// variation is the coefficient of variation: the standard deviation over the
// mean.
func variation(all []time.Duration) float64 {
	var sum, squares float64
	for _, d := range all {
		sum += d.Seconds()
	}
	mean := sum / float64(len(all))
	if mean <= 0 {
		return math.Inf(1)
	}
	for _, d := range all {
		squares += (d.Seconds() - mean) * (d.Seconds() - mean)
	}
	return math.Sqrt(squares/float64(len(all))) / mean
}
