package ratelimit

import (
	"net/http"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// at is an answer so long after noon, with the lines of its header.
func at(after time.Duration, status int, lines ...string) reading {
	h := fields(lines...)
	sent := noon.Add(after)
	h.Set("Date", sent.Format(http.TimeFormat))
	return read(&httpclient.Exchange{Response: &httpclient.Response{Status: status, Header: h, Sent: sent, Wait: time.Millisecond}})
}

func TestFalls(t *testing.T) {
	t.Parallel()
	const limit, half = "X-RateLimit-Limit: 100", 500 * time.Millisecond
	for _, test := range []struct {
		name string
		all  []reading
		want movement
	}{
		{"it does", []reading{at(0, 200, limit, "X-RateLimit-Remaining: 99"), at(half, 200, limit, "X-RateLimit-Remaining: 98")}, fell},
		{"it does, of refusals too", []reading{at(0, 401, limit, "X-RateLimit-Remaining: 99"), at(half, 404, limit, "X-RateLimit-Remaining: 97")}, fell},
		{"it does, of drafts 8 and up", []reading{
			at(0, 200, `RateLimit-Policy: "b";q=100;w=60`, `RateLimit: "b";r=50;t=30`),
			at(half, 200, `RateLimit-Policy: "b";q=100;w=60`, `RateLimit: "b";r=49;t=30`),
		}, fell},
		{"it stands within its window", []reading{
			at(0, 200, limit, "X-RateLimit-Remaining: 99", "X-RateLimit-Reset: 30"), at(half, 200, limit, "X-RateLimit-Remaining: 99", "X-RateLimit-Reset: 29"),
		}, stood},
		{"it stands, the window is known", []reading{
			at(0, 200, "X-RateLimit-Limit-Minute: 60", "X-RateLimit-Remaining-Minute: 59"), at(half, 200, "X-RateLimit-Limit-Minute: 60", "X-RateLimit-Remaining-Minute: 59"),
		}, stood},

		{"filled up meanwhile: ten a second", []reading{
			at(0, 200, "X-RateLimit-Limit-Second: 10", "X-RateLimit-Remaining-Second: 9"), at(half, 200, "X-RateLimit-Limit-Second: 10", "X-RateLimit-Remaining-Second: 9"),
		}, unclear},
		{"reset meanwhile", []reading{
			at(0, 200, limit, "X-RateLimit-Remaining: 99", "X-RateLimit-Reset: 3"), at(5*time.Second, 200, limit, "X-RateLimit-Remaining: 99", "X-RateLimit-Reset: 60"),
		}, unclear},
		{"neither window nor reset", []reading{at(0, 200, limit, "X-RateLimit-Remaining: 99"), at(half, 200, limit, "X-RateLimit-Remaining: 99")}, unclear},
		{"refusals may not count", []reading{
			at(0, 401, limit, "X-RateLimit-Remaining: 99", "X-RateLimit-Reset: 30"), at(half, 401, limit, "X-RateLimit-Remaining: 99", "X-RateLimit-Reset: 30"),
		}, unclear},
		{"from a cache", []reading{
			at(0, 200, limit, "X-RateLimit-Remaining: 99", "X-RateLimit-Reset: 30"), at(half, 200, limit, "Age: 1", "X-RateLimit-Remaining: 99", "X-RateLimit-Reset: 30"),
		}, unclear},
		{"another policy", []reading{at(0, 200, `RateLimit: "a";r=50`), at(half, 200, `RateLimit: "b";r=49`)}, unclear},
		{"another limit", []reading{at(0, 200, limit, "X-RateLimit-Remaining: 99"), at(half, 200, "X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 59")}, unclear},
		{"it rises", []reading{at(0, 200, limit, "X-RateLimit-Remaining: 3"), at(half, 200, limit, "X-RateLimit-Remaining: 99")}, unclear},
		{"a single answer", []reading{at(0, 200, limit, "X-RateLimit-Remaining: 3")}, unclear},
		{"none", nil, unclear},
	} {
		if got := falls(test.all); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

func TestFromCache(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"Age: 1": true, "Age: 0": false, "Age: old": false, "X-Cache: HIT": true, "X-Cache: MISS, HIT": true, "X-Cache: MISS": false,
		"Cf-Cache-Status: HIT": true, "Cf-Cache-Status: DYNAMIC": false, "Cache-Status: ExampleCache; hit; ttl=376": true,
		"Cache-Status: OriginCache; fwd=miss": false, "Cache-Status: c;hit=?0": false, "ETag: \"x\"": false,
	} {
		if got := fromCache(fields(line)); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}

func TestWindowBounds(t *testing.T) {
	t.Parallel()
	const limit = "X-RateLimit-Limit: 100"
	for _, test := range []struct {
		name        string
		all         []reading
		least, most time.Duration
	}{
		{"one reset", []reading{at(0, 200, limit, "X-RateLimit-Reset: 60")}, 59 * time.Second, 0},
		{"an epoch that stays", []reading{at(0, 200, limit, "X-RateLimit-Reset: 1795262440"), at(10*time.Second, 200, limit, "X-RateLimit-Reset: 1795262440")}, 39 * time.Second, 0},
		{"an epoch that moves on by ten", []reading{at(0, 200, limit, "X-RateLimit-Reset: 1795262404"), at(5*time.Second, 200, limit, "X-RateLimit-Reset: 1795262414")}, 8 * time.Second, 11 * time.Second},
		{"it moves on before it passed", []reading{at(0, 200, limit, "X-RateLimit-Reset: 4"), at(time.Second, 200, limit, "X-RateLimit-Reset: 6")}, 5 * time.Second, 0},
		{"no reset", []reading{at(0, 200, limit)}, 0, 0},
		{"another limit", []reading{at(0, 200, "X-RateLimit-Limit: 7", "X-RateLimit-Reset: 60")}, 0, 0},
	} {
		q, _ := tightest(at(0, 200, limit).quotas)
		if least, most := windowBounds(test.all, q); least != test.least || most != test.most {
			t.Errorf("%s: %s to %s, want %s to %s", test.name, least, most, test.least, test.most)
		}
	}
}
