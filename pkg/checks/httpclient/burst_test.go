package httpclient

import (
	"context"
	"net/http"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

func TestBurst(t *testing.T) {
	t.Parallel()
	var asked journal
	s, c := secure(t, false, nil, func(_ http.ResponseWriter, r *http.Request) { asked.add(r) })
	burst := func(n, parallel, stopAt int) (answers int, err error) {
		link := newLink(t, s.URL)
		talks(t, checks.Runner{Level: checks.Active, Limits: checks.Limits{RequestRate: 0.001, Burst: 20}}, link, func(ctx context.Context, _ *checks.Visit, c *Conversation) error {
			err = c.Burst(ctx, Request{}, n, parallel, func(*Exchange) bool {
				answers++
				return answers != stopAt
			})
			return nil
		})
		return answers, err
	}
	if n, err := burst(10, 1, 0); n != 10 || err != nil || len(asked.all()) != 10 {
		t.Errorf("%d answers of 10, %d requests, %v", n, len(asked.all()), err)
	}
	before := c.accepted.Load()
	if n, err := burst(16, 4, 0); n != 16 || err != nil {
		t.Errorf("%d answers of 16, %v", n, err)
	}
	if opened := c.accepted.Load() - before; opened > 5 {
		t.Errorf("%d connections for four at once", opened)
	}
	if n, err := burst(10, 2, 3); n != 3 || err != nil {
		t.Errorf("%d answers, want to stop after 3; %v", n, err)
	}
	if n, err := burst(30, 1, 0); n != 20 || reasonFor(err) != checks.ReasonBudget {
		t.Errorf("%d answers, %v; want 20 and then the budget", n, err)
	}
}

func TestBurstNeedsLevelActive(t *testing.T) {
	t.Parallel()
	s, _ := secure(t, false, nil, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
	talks(t, checks.Runner{}, newLink(t, s.URL), func(ctx context.Context, _ *checks.Visit, c *Conversation) error {
		if err := c.Burst(ctx, Request{}, 5, 1, func(*Exchange) bool { return true }); reasonFor(err) != checks.ReasonNotAsked {
			t.Error(err)
		}
		return nil
	})
}
