package certificate

import (
	"math"
	"time"
)

// secondsADay: dates of certificates span more than a time.Duration holds.
const secondsADay = 24 * 60 * 60

// daysLeft counts whole days until t, rounded down: the last day is day 0, and
// the moment after t belongs to day -1.
func daysLeft(t, now time.Time) int {
	left := t.Unix() - now.Unix()
	days := left / secondsADay
	if left%secondsADay < 0 {
		days--
	}
	return int(days)
}

// lifetimeDays counts days of validity as CA/B BR 6.3.2 does: from notBefore
// through notAfter, inclusive, where a fraction counts as a day. It is zero
// when the end comes before the start.
func lifetimeDays(notBefore, notAfter time.Time) int {
	span := notAfter.Unix() - notBefore.Unix() + 1
	return int(max(span+secondsADay-1, 0) / secondsADay)
}

// lifetimeLeft is the share of the validity that is still to come, from 1
// before it begins to 0 once it has ended.
func lifetimeLeft(notBefore, notAfter, now time.Time) float64 {
	whole, left := notAfter.Unix()-notBefore.Unix(), notAfter.Unix()-now.Unix()
	switch {
	case left <= 0 || whole <= 0:
		return 0
	case left >= whole:
		return 1
	default:
		return math.Round(1000*float64(left)/float64(whole)) / 1000
	}
}

// lifetimeLimits is the table of CA/B BR 6.3.2, newest first: certificates
// issued from a date on may be valid for so many days.
var lifetimeLimits = []struct {
	from time.Time
	days int
}{
	{time.Date(2029, 3, 15, 0, 0, 0, 0, time.UTC), 47},
	{time.Date(2027, 3, 15, 0, 0, 0, 0, time.UTC), 100},
	{time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC), 200},
}

// maxLifetimeDays is the limit for a certificate issued at notBefore.
func maxLifetimeDays(notBefore time.Time) int {
	for _, limit := range lifetimeLimits {
		if !notBefore.Before(limit.from) {
			return limit.days
		}
	}
	return 398
}
