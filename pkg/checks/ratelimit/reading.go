package ratelimit

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// reading is what one answer says of rate limits.
type reading struct {
	target   string    // what was asked for, without who asked
	sent     time.Time // zero when nobody noted it
	received time.Time
	status   int
	cached   bool // the answer came from a cache, and so did its header
	quotas   []quota
	exchange *httpclient.Exchange
}

func read(e *httpclient.Exchange) reading {
	r := reading{
		target: target(e.Request), status: e.Status, sent: e.Sent, received: e.Sent.Add(e.Wait),
		cached: fromCache(e.Header), exchange: e,
	}
	if !r.cached {
		r.quotas = quotasOf(e.Header, r.received)
	}
	return r
}

// target tells requests for different things apart.
func target(r httpclient.Request) string {
	r.Header, r.Credential, r.Certificate, r.Note = nil, nil, false, ""
	return r.Name()
}

// fromCache reports an answer that a cache gave: its counters are those of
// another moment, and it cost the server nothing (RFC 9111 section 5.1, RFC
// 9211 section 2.1).
func fromCache(h http.Header) bool {
	if age, ok := readNatural(h.Get("Age")); ok && age > 0 {
		return true
	}
	for _, name := range [...]string{"X-Cache", "Cf-Cache-Status", "X-Cache-Status", "X-Proxy-Cache"} {
		// "HIT, MISS": the caches nearest to us come last, and any hit will do.
		if strings.Contains(strings.ToLower(h.Get(name)), "hit") {
			return true
		}
	}
	caches, _ := parseList(field(h, "Cache-Status"))
	return slices.ContainsFunc(caches, func(c item) bool {
		hit, stated := c.parameters["hit"]
		return stated && hit.kind == kindBoolean && hit.text == "1"
	})
}

// served reports an answer of the application itself, which a limit on
// requests stands in front of. A 401 or 403 may come from before it, and a 404
// from beside it.
func (r reading) served() bool {
	switch r.status {
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return true
	}
	return r.status >= 200 && r.status < 400
}

// quota finds in an answer what another said of the same quota.
func (r reading) quota(as quota) (quota, bool) {
	i := slices.IndexFunc(r.quotas, as.same)
	if i < 0 {
		return quota{}, false
	}
	return r.quotas[i], true
}

// movement is what a counter did between two answers.
type movement int

const (
	unclear movement = iota // nothing can be said: it may have been filled up meanwhile
	fell
	stood // though it was due to fall
)

// falls tells whether what remains falls from request to request. It takes two
// answers that speak of one quota: any two in a row show that it does; that it
// does not is only believed of the application's own answers to one request,
// for others may not count, and only while the quota was not filled up again.
func falls(readings []reading) movement {
	result := unclear
	for i, later := range readings[min(1, len(readings)):] {
		earlier := readings[i]
		for _, before := range earlier.quotas {
			after, ok := later.quota(before)
			if !ok || !before.counted || !after.counted {
				continue
			}
			switch {
			case after.remaining < before.remaining:
				return fell
			case after.remaining == before.remaining && before.remaining > 0 &&
				earlier.target == later.target && earlier.served() && later.served() && keptFor(before, later.sent.Sub(earlier.sent)):
				result = stood
			}
		}
	}
	return result
}

// keptFor reports whether a quota is surely not filled up by a request's worth
// within d. One that is filled up evenly gains a request in its window's part;
// one that is filled up at once does so at its reset.
func keptFor(q quota, d time.Duration) bool {
	const margin = time.Second // resets are rounded to it
	if q.resets && q.reset <= d+margin {
		return false
	}
	if q.window > 0 && q.limit > 0 {
		return q.perSecond()*d.Seconds() < 1
	}
	return q.resets
}

// windowBounds holds the window of a quota that does not state it between two times: it is no shorter
// than the longest time to a reset that was seen; and when a reset has passed
// between two answers, no longer than from that reset to the next. Zero is not
// known.
func windowBounds(readings []reading, q quota) (least, most time.Duration) {
	var last time.Time // the reset that an earlier answer announced
	for _, r := range readings {
		got, ok := r.quota(q)
		if !ok || !got.resets || r.received.IsZero() {
			continue
		}
		least = max(least, got.reset)
		next := r.received.Add(got.reset)
		if !last.IsZero() && !r.received.Before(last) && next.After(last) {
			if span := next.Sub(last) + rounding; most == 0 || span < most {
				most = span
			}
		}
		last = next
	}
	return max(0, least-rounding), most
}

// rounding is by how much a reset may be off: both it and the Date it is held
// against are whole seconds.
const rounding = time.Second
