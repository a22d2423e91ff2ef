package ratelimit

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// family is a way in which servers tell of their limits.
type family string

// The families, from the newest form of draft-ietf-httpapi-ratelimit-headers
// to what came before it.
const (
	familyDraft08 family = "draft-08"    // RateLimit: "b";r=50;t=30 and its RateLimit-Policy, up to the newest draft
	familyDraft07 family = "draft-07"    // RateLimit: limit=3, remaining=2, reset=60
	familyDraft03 family = "draft-03"    // RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, up to draft 06
	familyKong    family = "kong"        // X-RateLimit-Limit-Minute
	familyGitHub  family = "github"      // X-RateLimit-Resource
	familyLegacy  family = "x-ratelimit" // X-RateLimit-Limit, X-Rate-Limit-Limit
	familyEnvoy   family = "envoy"       // x-envoy-ratelimited, without a number
	familyTraefik family = "traefik"     // X-Retry-In, without a number
	familyNone    family = "none"
)

// families lists them in the order of preference.
//
//nolint:gochecknoglobals // a table
var families = []family{
	familyDraft08, familyDraft07, familyDraft03, familyKong, familyGitHub, familyLegacy, familyEnvoy, familyTraefik, familyNone,
}

// quota is what one answer says of one limit, in requests.
type quota struct {
	family    family
	policy    string        // its name, its window or its partition; tells quotas of one family apart
	limit     int           // requests in each window; zero is not stated
	window    time.Duration // zero is not stated
	counted   bool          // remaining is stated
	remaining int
	resets    bool          // reset is stated
	reset     time.Duration // from the answer until there is more
}

// String names a quota in short: "100 in 60 s (draft-08), 99 remaining". The
// name of its policy is the server's own and left out.
func (q quota) String() string {
	text := "no limit stated"
	if q.limit > 0 {
		text = fmt.Sprint(q.limit)
		if q.window > 0 {
			text += " in " + seconds(q.window)
		}
	}
	text += " (" + string(q.family) + ")"
	if q.counted {
		text += fmt.Sprintf(", %d remaining", q.remaining)
	}
	if q.resets {
		text += ", reset in " + seconds(q.reset)
	}
	return text
}

func seconds(d time.Duration) string { return fmt.Sprintf("%g s", math.Round(d.Seconds()*1000)/1000) }

// same reports whether two answers speak of one quota.
func (q quota) same(other quota) bool {
	return q.family == other.family && q.policy == other.policy && q.limit == other.limit && q.window == other.window
}

// perSecond is the rate of a quota with a window.
func (q quota) perSecond() float64 { return float64(q.limit) / q.window.Seconds() }

// within is how many requests a quota lets through in a time at most: a share
// of it in a part of its window is not kept, for a window's quota may be used
// up at once.
func (q quota) within(d time.Duration) float64 {
	if d <= q.window {
		return float64(q.limit)
	}
	return q.perSecond() * d.Seconds()
}

// tightest is the quota that binds a client that goes on for long: of those
// with a window the slowest. Without any it is the smallest.
func tightest(all []quota) (quota, bool) {
	limits := slices.DeleteFunc(slices.Clone(all), func(q quota) bool { return q.limit == 0 })
	if len(limits) == 0 {
		return quota{}, false
	}
	return slices.MinFunc(limits, func(a, b quota) int {
		switch {
		case a.window > 0 && b.window > 0:
			return cmp.Compare(a.perSecond(), b.perSecond())
		case a.window > 0:
			return -1
		case b.window > 0:
			return 1
		default:
			return cmp.Compare(a.limit, b.limit)
		}
	}), true
}

// ratio is the advertised rate over the agreed one, to three places.
func ratio(q quota, agreed inventory.Rate) float64 {
	exact := float64(q.limit) * agreed.Window.Seconds() / (float64(agreed.Count) * q.window.Seconds())
	return math.Round(exact*1000) / 1000
}

// farBelow is the part of the agreed count below which a limit is another than
// the one agreed on. A limiter that lets no burst through may still keep to the
// agreed rate; below half of it, a client that was built for the agreement
// fails.
const farBelow = 0.5

// below reports whether a client that sends what was agreed, within the agreed
// window, runs into one of the quotas at less than half of it.
func below(all []quota, agreed inventory.Rate) bool {
	return slices.ContainsFunc(all, func(q quota) bool {
		return q.limit > 0 && q.window > 0 && q.within(agreed.Window) < farBelow*float64(agreed.Count)
	})
}
