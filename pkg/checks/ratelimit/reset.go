package ratelimit

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	epochMin      = 1e9                  // seconds: 2001; no limit is reset in thirty years
	epochMilliMin = 1e12                 // milliseconds: the same
	resetMax      = 366 * 24 * time.Hour // further off, the number means something else
)

// readReset is the time until a quota is reset, as servers write it: seconds,
// milliseconds, seconds or milliseconds since 1970, a date of RFC 9110 section
// 5.6.7 or of RFC 3339, or a duration such as "6m0s". Moments are held against
// now, the server's own clock. A number of seconds that is longer than the
// window, and as milliseconds is not, is one of milliseconds.
func readReset(text string, now time.Time, window time.Duration) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if number, ok := readNumber(text); ok {
		return readResetNumber(number, now, window)
	}
	if at, err := http.ParseTime(text); err == nil {
		return until(at, now)
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return until(at, now)
	}
	if d, ok := readDuration(text); ok && d <= resetMax {
		return d, true
	}
	return 0, false
}

func readResetNumber(number float64, now time.Time, window time.Duration) (time.Duration, bool) {
	switch {
	case number > epochMilliMin:
		return until(time.UnixMilli(int64(number)), now)
	case number > epochMin:
		whole, part := math.Modf(number)
		return until(time.Unix(int64(whole), int64(part*1e9)), now)
	case number > resetMax.Seconds():
		return 0, false
	}
	d := time.Duration(number * float64(time.Second))
	if window == 0 || d <= window+time.Second {
		return d, true
	}
	d /= 1000
	return d, d <= window+time.Second // longer than the window either way, it is something else
}

// clockSkew is how far a moment of reset may lie back: it was rounded, or the
// server's Date comes from another clock.
const clockSkew = 2 * time.Second

// until is how long a moment lies ahead. It is false for one that has passed,
// or is a year away: then it is no moment of reset, or a clock is wrong.
func until(at, now time.Time) (time.Duration, bool) {
	d := at.Sub(now)
	if d < -clockSkew || d > resetMax {
		return 0, false
	}
	return max(0, d), true
}

// readNumber reads digits with or without a fraction, and nothing else that
// strconv takes for a number.
func readNumber(text string) (float64, bool) {
	if text == "" || len(text) > 24 || strings.Trim(text, "0123456789.") != "" || text[0] == '.' {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil
}

// readDuration reads a duration as Go writes it, which X-Retry-In of Traefik
// and others have. It is not negative.
func readDuration(text string) (time.Duration, bool) {
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0
}

// readNatural reads a whole number of requests. Nothing but digits is one.
func readNatural(text string) (int, bool) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > digitsMax || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}
