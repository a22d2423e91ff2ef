package ratelimit

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// script plays bursts: each answer takes as long as it says, in a time of its
// own.
type script struct {
	now    time.Time
	wait   time.Duration
	status func(number int) int // nil is 200
	err    func(number int) error
	sent   int
	bursts []int // connections of each
}

func (s *script) Burst(ctx context.Context, r httpclient.Request, n, connections int, each func(*httpclient.Exchange) bool) error {
	s.bursts = append(s.bursts, connections)
	for i := range n {
		s.sent++
		if s.err != nil {
			if err := s.err(s.sent); err != nil {
				return err
			}
		}
		status := http.StatusOK
		if s.status != nil {
			status = s.status(s.sent)
		}
		sent := s.now
		if i%connections == connections-1 {
			s.now = s.now.Add(s.wait)
		}
		if !each(&httpclient.Exchange{Request: r, Response: &httpclient.Response{Status: status, Header: http.Header{}, Sent: sent, Wait: s.wait}}) {
			return nil
		}
	}
	return ctx.Err()
}

func TestTrial(t *testing.T) {
	t.Parallel()
	failing := func(at int, err error) func(int) error {
		return func(number int) error {
			if number == at {
				return err
			}
			return nil
		}
	}
	for _, test := range []struct {
		name     string
		script   script
		baseline time.Duration
		bursts   int
		calmDown bool
		reason   checks.Reason // of what ended it
		enforced answer
		exceeded answer
	}{
		{"fast", script{wait: time.Millisecond}, time.Millisecond, 2, false, "", no, yes},
		{"too slow for one by one", script{wait: 60 * time.Millisecond}, 60 * time.Millisecond, 1, false, "", neither, neither},
		{"slower than that", script{wait: 400 * time.Millisecond}, 400 * time.Millisecond, 1, false, "", neither, neither},
		{"so slow that only both together tell", script{wait: 20 * time.Millisecond}, 20 * time.Millisecond, 2, false, "", no, yes},
		{"HTTP/2 asks for calm", script{wait: time.Millisecond, err: failing(9, checks.Because(checks.ReasonThrottled, "ENHANCE_YOUR_CALM"))}, time.Millisecond, 1, true, "", yes, no},
		{"reset", script{wait: time.Millisecond, err: failing(9, checks.Because(checks.ReasonReset, "GOAWAY"))}, time.Millisecond, 1, false, checks.ReasonReset, neither, neither},
		{"budget", script{wait: time.Millisecond, err: failing(20, checks.Because(checks.ReasonBudget, "spent"))}, time.Millisecond, 2, false, checks.ReasonBudget, neither, yes},
		{"time", script{wait: time.Millisecond, err: failing(5, context.DeadlineExceeded)}, time.Millisecond, 1, false, checks.ReasonBudget, neither, neither},
		{"502", script{wait: time.Millisecond, status: func(n int) int {
			if n > 5 {
				return http.StatusBadGateway
			}
			return http.StatusOK
		}}, time.Millisecond, 1, false, checks.ReasonAmbiguous, neither, neither},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.script.now = noon
			agreed := per(10, time.Second)
			trial := &trial{agreed: agreed, size: extent{12, true}, baseline: test.baseline}
			trial.run(t.Context(), &test.script, httpclient.Request{})
			s := &survey{agreed: agreed, trial: trial}
			enforced, why := s.enforced()
			exceeded, whyExceeded := s.exceeded()
			if len(test.script.bursts) != test.bursts || trial.calmDown != test.calmDown || enforced != test.enforced || exceeded != test.exceeded {
				t.Errorf("bursts %v, calm %v, enforced %d (%v), exceeded %d (%v): %s",
					test.script.bursts, trial.calmDown, enforced, why, exceeded, whyExceeded, trial)
			}
			if s := trial.shape; s.shaped || s.known != (trial.accepted >= shapedMin) {
				t.Errorf("shape %+v", s)
			}
			if _, reason := checks.Classify(trial.err); reason != test.reason {
				t.Errorf("ended by %v", trial.err)
			}
			if enforced == neither && (why == nil || errors.Is(why, context.DeadlineExceeded)) {
				t.Errorf("why: %v", why)
			}
		})
	}
}

func TestBurstSize(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		agreed inventory.Rate
		want   extent
		cost   int
		reason checks.Reason
	}{
		{inventory.Rate{}, extent{20, false}, 20, ""},
		{per(1, time.Second), extent{8, true}, 16, ""},
		{per(10, time.Second), extent{12, true}, 24, ""},
		{per(25, minute), extent{30, true}, 60, ""},
		{per(26, minute), extent{32, true}, 32, ""},
		{per(50, minute), extent{60, true}, 60, ""},
		{per(51, minute), extent{20, false}, 20, ""},
		{per(1000, time.Second), extent{20, false}, 20, ""},
		{per(100, time.Hour), extent{20, false}, 20, ""},
		{per(99, time.Hour), extent{}, 0, checks.ReasonNotTested},
		{per(1, 24*time.Hour), extent{}, 0, checks.ReasonNotTested},
	} {
		got, err := burstSize(test.agreed)
		_, reason := checks.Classify(err)
		if got != test.want || reason != test.reason || burstCost(test.agreed) != test.cost {
			t.Errorf("%v: %+v, %s, cost %d", test.agreed, got, reason, burstCost(test.agreed))
		}
	}
}

func TestExceeds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		accepted int
		within   time.Duration
		want     answer
	}{
		{11, 0, no},
		{12, 0, yes},
		{12, time.Second, yes},                 // a tenth of the window
		{12, 1100 * time.Millisecond, neither}, // a new window may have begun
		{20, 9 * time.Second, neither},
		{21, 9 * time.Second, yes}, // more than two windows hold
		{21, 11 * time.Second, neither},
		{31, 11 * time.Second, yes},
		{11, time.Hour, no},
	} {
		if got := exceeds(per(10, 10*time.Second), test.accepted, test.within); got != test.want {
			t.Errorf("%d within %s: %d, want %d", test.accepted, test.within, got, test.want)
		}
	}
}

func TestAffordable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		quota quota
		want  checks.Reason
	}{
		{"nothing stated", quota{}, ""},
		{"enough", quota{limit: 50, window: time.Minute, counted: true, remaining: 10}, ""},
		{"little remains", quota{limit: 50, window: time.Minute, counted: true, remaining: 9}, checks.ReasonBudget},
		{"much of an hour", quota{limit: 59, window: time.Hour}, checks.ReasonNotTested},
		{"a fifth of an hour", quota{limit: 60, window: time.Hour}, ""},
		{"a reset far off", quota{limit: 50, resets: true, reset: time.Hour}, checks.ReasonNotTested},
		{"a reset near", quota{limit: 50, resets: true, reset: time.Minute}, ""},
	} {
		if _, reason := checks.Classify(affordable(test.quota, 12)); reason != test.want {
			t.Errorf("%s: %q, want %q", test.name, reason, test.want)
		}
	}
}
