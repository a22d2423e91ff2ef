package ratelimit

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

type handler = func(w http.ResponseWriter, r *http.Request, number int)

// window rejects all after the first n requests, as a counter in a window does
// that is longer than the test.
func window(n, status int, lines ...string) handler {
	return func(w http.ResponseWriter, _ *http.Request, number int) {
		if number <= n {
			return
		}
		for _, line := range lines {
			name, value, _ := strings.Cut(line, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
	}
}

// bucket is a token bucket.
func bucket(size int, perSecond float64) handler {
	var (
		mu     sync.Mutex
		tokens = float64(size)
		last   = time.Now()
	)
	return func(w http.ResponseWriter, _ *http.Request, _ int) {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now()
		tokens = min(float64(size), tokens+now.Sub(last).Seconds()*perSecond)
		last = now
		if tokens < 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		tokens--
	}
}

// leaky lets requests go at a rate, the first few at once.
func leaky(first int, every time.Duration) handler {
	var (
		mu   sync.Mutex
		next time.Time
	)
	return func(_ http.ResponseWriter, r *http.Request, number int) {
		mu.Lock()
		defer mu.Unlock()
		if number > first {
			select {
			case <-time.After(time.Until(next)):
			case <-r.Context().Done():
			}
		}
		next = time.Now().Add(every)
	}
}

// TestBurst: what is behind a limit that no header tells of.
func TestBurst(t *testing.T) {
	t.Parallel()
	ten := per(10, time.Second)
	for _, test := range []struct {
		name     string
		agreed   inventory.Rate
		handle   handler
		want     Facts // of those that a burst is for
		reasons  map[string]checks.Reason
		requests [2]int // fewest and most, the two before the burst included
	}{
		{
			name: "429 as agreed", agreed: per(10, minute), handle: window(10, 429, "Retry-After: 60"), requests: [2]int{11, 11},
			want: Facts{
				Enforced: new(true), InForce: new(true), Exceeded: new(false), Below: new(false),
				Status: new(429), RetryAfter: new(true), RejectedAt: new(9), RequestsSent: new(9),
			},
		},
		{
			name: "503 without a header", agreed: ten, handle: window(10, 503), requests: [2]int{11, 11},
			want: Facts{
				Enforced: new(true), InForce: new(true), Exceeded: new(false), Below: new(false),
				Status: new(503), RetryAfter: new(false), RejectedAt: new(9), RequestsSent: new(9),
			},
		},
		{
			name: "403 of a firewall", agreed: ten, handle: window(10, 403), requests: [2]int{11, 11},
			want: Facts{
				Enforced: new(true), InForce: new(true), Exceeded: new(false), Below: new(false),
				Status: new(403), RetryAfter: new(false), RejectedAt: new(9), RequestsSent: new(9),
			},
		},
		{
			name: "token bucket", agreed: per(10, minute), handle: bucket(10, 1.0/6), requests: [2]int{11, 11},
			want: Facts{
				Enforced: new(true), InForce: new(true), Exceeded: new(false), Below: new(false),
				Status: new(429), RetryAfter: new(true), RejectedAt: new(9), RequestsSent: new(9),
			},
		},
		{
			name: "far below", agreed: per(30, minute), handle: window(5, 429, "Retry-After: 60"), requests: [2]int{6, 6},
			want: Facts{
				Enforced: new(true), InForce: new(true), Exceeded: new(false), Below: new(true),
				Status: new(429), RetryAfter: new(true), RejectedAt: new(4), RequestsSent: new(4),
			},
		},
		{
			name: "one and a half times as much", agreed: per(10, minute), handle: window(2+15, 429, "Retry-After: 60"), requests: [2]int{18, 2 + 12 + 12},
			want: Facts{
				Enforced: new(true), InForce: new(true), Exceeded: new(true), Below: new(false),
				Status: new(429), RetryAfter: new(true),
			},
		},
		{
			name: "no limit at all", agreed: per(10, minute), handle: window(1000, 429), requests: [2]int{26, 26},
			want: Facts{Enforced: new(false), InForce: new(false), Exceeded: new(true), Below: new(false), RequestsSent: new(24)},
			reasons: map[string]checks.Reason{
				"rate_limit.status": checks.ReasonNotAsked, "rate_limit.retry_after": checks.ReasonNotAsked, "rate_limit.rejected_at": checks.ReasonNotAsked,
			},
		},
		{
			name: "no limit, and no room for a second burst", agreed: per(40, minute), handle: window(1000, 429), requests: [2]int{50, 50},
			want: Facts{Enforced: new(false), InForce: new(false), Exceeded: new(true), Below: new(false), RequestsSent: new(48)},
		},
		{
			name: "held back", agreed: ten, handle: leaky(2, 100*time.Millisecond), requests: [2]int{12, 14},
			want: Facts{Enforced: new(true), InForce: new(true), Shaped: new(true), Exceeded: new(false), Below: new(false)},
		},
		{
			name: "held back at much more than agreed", agreed: per(30, minute), handle: leaky(2, 60*time.Millisecond), requests: [2]int{12, 38},
			want: Facts{Enforced: new(true), InForce: new(true), Shaped: new(true), Exceeded: new(true), Below: new(false)},
		},
		{
			name: "more is agreed than a burst may send", agreed: per(1000, minute), handle: window(1000, 429), requests: [2]int{22, 22},
			want: Facts{RequestsSent: new(20)},
			reasons: map[string]checks.Reason{
				"rate_limit.enforced": checks.ReasonBudget, "rate_limit.exceeds_agreed": checks.ReasonBudget, "rate_limit.below_agreed": checks.ReasonBudget,
			},
		},
		{
			name: "nothing is agreed", handle: window(1000, 429), requests: [2]int{22, 22},
			want: Facts{RequestsSent: new(20)},
			reasons: map[string]checks.Reason{
				"rate_limit.enforced": checks.ReasonNotAsked, "rate_limit.exceeds_agreed": checks.ReasonNotAsked, "rate_limit.below_agreed": checks.ReasonNotAsked,
			},
		},
		{
			name: "nothing is agreed, and something enforced", handle: window(12, 429, "Retry-After: 1"), requests: [2]int{13, 13},
			want: Facts{Enforced: new(true), InForce: new(true), Status: new(429), RetryAfter: new(true), RejectedAt: new(11), RequestsSent: new(11)},
		},
		{
			name: "one a second, held back", agreed: per(1, time.Second), handle: leaky(1, 200*time.Millisecond), requests: [2]int{10, 10},
			want: Facts{Enforced: new(true), InForce: new(true), Shaped: new(true), Exceeded: new(true), Below: new(false), RequestsSent: new(8)},
		},
		{
			name: "one a second, and no limit", agreed: per(1, time.Second), handle: window(1000, 429), requests: [2]int{18, 18},
			want: Facts{Enforced: new(false), InForce: new(false), Exceeded: new(true), Below: new(false), RequestsSent: new(16)},
		},
		{
			name: "a long window", agreed: per(10, time.Hour), handle: window(1000, 429), requests: [2]int{2, 2},
			want:    Facts{RequestsSent: new(0)},
			reasons: map[string]checks.Reason{"rate_limit.enforced": checks.ReasonNotTested, "rate_limit.exceeds_agreed": checks.ReasonNotTested},
		},
		{
			name: "500 in the middle", agreed: ten, handle: window(8, 500), requests: [2]int{9, 9},
			want: Facts{Below: new(false)},
			reasons: map[string]checks.Reason{
				"rate_limit.enforced": checks.ReasonAmbiguous, "rate_limit.exceeds_agreed": checks.ReasonAmbiguous, "rate_limit.in_force": checks.ReasonAmbiguous,
			},
		},
		{
			name: "a cache takes over", agreed: ten, requests: [2]int{6, 6},
			handle: func(w http.ResponseWriter, _ *http.Request, number int) {
				if number > 5 {
					w.Header().Set("X-Cache", "HIT")
				}
			},
			reasons: map[string]checks.Reason{"rate_limit.enforced": checks.ReasonNotTested, "rate_limit.exceeds_agreed": checks.ReasonNotTested},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.handle)
			l := s.link(t, test.agreed)
			o := visit(t, l, s, checks.Active)
			f := factsOf(t, o)
			got := Facts{
				Enforced: f.Enforced, InForce: f.InForce, Shaped: f.Shaped, Exceeded: f.Exceeded, Below: f.Below,
				Status: f.Status, RetryAfter: f.RetryAfter, RejectedAt: f.RejectedAt, RequestsSent: f.RequestsSent,
			}
			if test.want.RequestsSent == nil {
				got.RequestsSent = nil
			}
			if test.want.RejectedAt == nil {
				got.RejectedAt = nil
			}
			if test.want.Shaped == nil && got.Shaped != nil && !*got.Shaped {
				got.Shaped = nil // on a busy machine it takes luck to be sure
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("(-got +want):\n%s\n%+v\n%+v", diff, o.Unknown, o.Evidence)
			}
			reasons := testserver.Reasons(o)
			for fact, want := range test.reasons {
				if reasons[fact] != want {
					t.Errorf("%s: %q, want %q", fact, reasons[fact], want)
				}
			}
			if n := s.requests(); n < test.requests[0] || n > test.requests[1] {
				t.Errorf("%d requests, want %v", n, test.requests)
			}
			if cost := Probe().Plan(checks.Scope{Link: l, Level: checks.Active}); s.requests() > len(cost.Asks)+cost.Burst {
				t.Errorf("%d requests, planned %d and a burst of %d", s.requests(), len(cost.Asks), cost.Burst)
			}
			if kinds := strings.Join(s.kinds(), ","); kinds != "GET Bearer "+token {
				t.Errorf("asked %s", kinds)
			}
		})
	}
}

// TestBurstAndHeader: a header that is counted, and within the agreement, needs
// no burst; any other is held against one.
func TestBurstAndHeader(t *testing.T) {
	t.Parallel()
	stating := func(limit, enforced int, counts bool) handler {
		return func(w http.ResponseWriter, _ *http.Request, number int) {
			remaining := limit - 1
			if counts {
				remaining = max(0, limit-number)
			}
			w.Header().Set("RateLimit-Policy", fmt.Sprintf(`"b";q=%d;w=60`, limit))
			w.Header().Set("RateLimit", fmt.Sprintf(`"b";r=%d;t=55`, remaining))
			if number > enforced {
				w.WriteHeader(http.StatusTooManyRequests)
			}
		}
	}
	for _, test := range []struct {
		name     string
		handle   handler
		want     Facts
		reason   checks.Reason // why it is not known whether the limit is enforced
		requests int           // of the burst
	}{
		{
			"counted, as agreed", stating(10, 10, true),
			Facts{RemainingFalls: new(true), OverAgreed: new(false), InForce: new(true), Below: new(false)}, checks.ReasonNotAsked, 0,
		},
		{
			"twice as much, confirmed", stating(100, 100, true),
			Facts{RemainingFalls: new(true), OverAgreed: new(true), Enforced: new(false), InForce: new(true), Exceeded: new(true), Below: new(false)}, "", 24,
		},
		{
			"more is stated, and as much as agreed enforced", stating(100, 10, true),
			Facts{RemainingFalls: new(true), OverAgreed: new(true), Enforced: new(true), InForce: new(true), Exceeded: new(false), Below: new(false)}, "", 9,
		},
		{
			"decorative, and nothing enforced", stating(10, 1000, false),
			Facts{RemainingFalls: new(false), OverAgreed: new(false), Enforced: new(false), InForce: new(false), Exceeded: new(true), Below: new(false)}, "", 24,
		},
		{
			"decorative, and yet enforced", stating(10, 10, false),
			Facts{RemainingFalls: new(false), OverAgreed: new(false), Enforced: new(true), InForce: new(true), Exceeded: new(false), Below: new(false)}, "", 9,
		},
		{
			"counts to nothing, and lets everybody in", stating(14, 1000, true),
			Facts{RemainingFalls: new(true), OverAgreed: new(true), Enforced: new(false), InForce: new(false), Exceeded: new(true), Below: new(false)}, "", 24,
		},
		{
			"little remains", func(w http.ResponseWriter, _ *http.Request, number int) {
				w.Header().Set("X-RateLimit-Limit-Minute", "100")
				w.Header().Set("X-RateLimit-Remaining-Minute", fmt.Sprint(17-number))
			},
			Facts{RemainingFalls: new(true), OverAgreed: new(true), InForce: new(true), Below: new(false)}, checks.ReasonBudget, 0,
		},
		{
			"a long window", func(w http.ResponseWriter, _ *http.Request, number int) {
				w.Header().Set("X-RateLimit-Limit", "50")
				w.Header().Set("X-RateLimit-Remaining", fmt.Sprint(50-number))
				w.Header().Set("X-RateLimit-Reset", "1000")
			},
			Facts{RemainingFalls: new(true), OverAgreed: new(false), InForce: new(true)}, checks.ReasonNotAsked, 0,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.handle)
			o := visit(t, s.link(t, per(10, minute)), s, checks.Active)
			f := factsOf(t, o)
			got := Facts{RemainingFalls: f.RemainingFalls, OverAgreed: f.OverAgreed, Enforced: f.Enforced, InForce: f.InForce, Exceeded: f.Exceeded, Below: f.Below}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("(-got +want):\n%s\n%+v\n%+v", diff, o.Unknown, o.Evidence)
			}
			if got := testserver.Reasons(o)["rate_limit.enforced"]; got != test.reason {
				t.Errorf("enforced: %q, want %q", got, test.reason)
			}
			if *f.RequestsSent != test.requests || s.requests() != 2+test.requests {
				t.Errorf("a burst of %d, %d requests", *f.RequestsSent, s.requests())
			}
		})
	}
}

// TestObserveNeverBursts: whatever is agreed or stated.
func TestObserveNeverBursts(t *testing.T) {
	t.Parallel()
	for _, agreed := range []inventory.Rate{{}, per(1, time.Second), per(10, minute), per(1000, time.Hour)} {
		s := serve(t, window(1000, 429))
		o := visit(t, s.link(t, agreed), s, checks.Observe)
		if f := factsOf(t, o); s.requests() != 1 || o.Requests != 1 || *f.RequestsSent != 0 || testserver.Reasons(o)["rate_limit.enforced"] != checks.ReasonNotAsked {
			t.Errorf("%d requests: %+v", s.requests(), o)
		}
	}
}

// TestRestAfterBurst: who was told to wait in a burst is not asked again by the
// next probe.
func TestRestAfterBurst(t *testing.T) {
	t.Parallel()
	s := serve(t, window(6, 429, "Retry-After: 60"))
	runner := before(httpclient.Request{Random: 1})
	l := s.link(t, per(10, minute))
	o := visitAll(t, l, s, checks.Active, Probe(), runner)
	if o[1].Reason != checks.ReasonThrottled || s.requests() != 7 {
		t.Errorf("%d requests: %+v", s.requests(), o[1])
	}
}
