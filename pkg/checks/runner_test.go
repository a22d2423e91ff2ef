package checks

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// manyLinks makes links that no test dials, each with a host of its own.
func manyLinks(tb testing.TB, n int) []*inventory.Link {
	tb.Helper()
	links := make([]*inventory.Link, n)
	for i := range links {
		links[i] = testLink(tb, fmt.Sprintf("link-%05d", i), fmt.Sprintf("https://127.0.%d.%d", i/250, i%250+1))
	}
	return links
}

func TestRunKeepsOrderWhateverTheTiming(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		links := manyLinks(t, 300)
		var visits, progress, most, running atomic.Int64
		name := func(_ context.Context, v *Visit) (*testFacts, error) {
			visits.Add(1)
			for n := running.Add(1); ; {
				m := most.Load()
				if n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			defer running.Add(-1)
			time.Sleep(rand.N(time.Second))
			v.UnknownReason("", ReasonNotTested, "not in this test")
			return &testFacts{Name: new(v.Link().ID)}, nil
		}
		r := Runner{
			Level: Observe, Limits: Limits{Links: 7},
			Probes: []Probe{testProbe("one", name), testProbe("two", name)},
			Progress: func(done, total int) {
				if want := progress.Add(1); int64(done) != want || total != len(links) {
					t.Errorf("Progress(%d, %d), want (%d, %d)", done, total, want, len(links))
				}
			},
		}
		results, err := r.Run(t.Context(), links)
		if err != nil {
			t.Fatal(err)
		}
		for i, result := range results {
			if result.Link != links[i] || len(result.Observations) != 2 {
				t.Fatalf("result %d is of %s with %d observations", i, result.Link.ID, len(result.Observations))
			}
			for j, probe := range []string{"one", "two"} {
				o := result.Observations[j]
				if o.Probe != probe || *o.Facts.(*testFacts).Name != links[i].ID {
					t.Errorf("result %d, observation %d: %+v", i, j, o)
				}
			}
		}
		if visits.Load() != 600 || progress.Load() != 300 {
			t.Errorf("%d visits, %d steps of progress", visits.Load(), progress.Load())
		}
		if most.Load() > 7 {
			t.Errorf("%d links at once, want at most 7", most.Load())
		}
	})
}

func TestRunOfTenThousandLinksNeedsNoGoroutineEach(t *testing.T) {
	t.Parallel()
	links := manyLinks(t, 10_000)
	before := runtime.NumGoroutine()
	var most atomic.Int64
	r := Runner{Level: Observe, Limits: Limits{Links: 8}, Probes: []Probe{
		testProbe("p", func(context.Context, *Visit) (*testFacts, error) {
			if n := int64(runtime.NumGoroutine()); n > most.Load() {
				most.Store(n)
			}
			return &testFacts{}, nil
		}),
	}}
	results, err := r.Run(t.Context(), links)
	if err != nil || len(results) != 10_000 || results[9_999].Observations == nil {
		t.Fatalf("%d results, %v", len(results), err)
	}
	if grown := most.Load() - int64(before); grown > 300 { // other tests run beside this one
		t.Errorf("%d more goroutines", grown)
	}
}

func TestRunCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		links := manyLinks(t, 10)
		r := Runner{Level: Observe, Limits: Limits{Links: 2}, Probes: []Probe{
			testProbe("quick", func(context.Context, *Visit) (*testFacts, error) { return &testFacts{}, nil }),
			testProbe("slow", func(ctx context.Context, v *Visit) (*testFacts, error) {
				if v.Link().ID == "link-00000" {
					return &testFacts{Count: new(1)}, nil
				}
				<-ctx.Done()
				return nil, ctx.Err()
			}),
		}}
		time.AfterFunc(3*time.Second, cancel)
		start := time.Now()
		results, err := r.Run(ctx, links)
		if took := time.Since(start); err != nil || took != 3*time.Second {
			t.Errorf("Run took %v and returned %v", took, err)
		}
		type row struct {
			Outcome Outcome
			Reason  Reason
		}
		cancelled := row{Inconclusive, ReasonCancelled}
		for i, result := range results {
			want := [2]row{cancelled, cancelled}
			if i <= 2 {
				want[0] = row{Observed, ""} // visited before the end
			}
			if i == 0 {
				want[1] = row{Observed, ""}
			}
			for j, o := range result.Observations {
				if got := (row{o.Outcome, o.Reason}); got != want[j] {
					t.Errorf("link %d, probe %s: %v, want %v", i, o.Probe, got, want[j])
				}
			}
		}
		want := []Unknown{{Fact: "slow", Reason: ReasonCancelled, Detail: "the scan was interrupted"}}
		for _, i := range []int{1, 9} {
			if diff := cmp.Diff(results[i].Observations[1].Unknown, want); diff != "" {
				t.Errorf("link %d: %s", i, diff)
			}
		}
	})
}

// A probe that does not heed its context is left behind.
func TestRunLeavesADeafProbeBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wake := make(chan struct{})
		r := Runner{Level: Observe, Limits: Limits{LinkTimeout: 2 * time.Second}, Probes: []Probe{
			testProbe("deaf", func(context.Context, *Visit) (*testFacts, error) { <-wake; return &testFacts{}, nil }),
			testProbe("next", func(context.Context, *Visit) (*testFacts, error) { return &testFacts{}, nil }),
		}}
		start := time.Now()
		results, err := r.Run(t.Context(), manyLinks(t, 1))
		if took := time.Since(start); err != nil || took != 2*time.Second+stopGrace {
			t.Errorf("Run took %v and returned %v", took, err)
		}
		for _, o := range results[0].Observations {
			if o.Outcome != Inconclusive || o.Reason != ReasonBudget || o.Detail != "the 2s for this link are used up" {
				t.Errorf("%s: %s, %s, %q", o.Probe, o.Outcome, o.Reason, o.Detail)
			}
		}
		close(wake)
	})
}

func TestRunSurvivesAPanic(t *testing.T) {
	t.Parallel()
	links := manyLinks(t, 3)
	r := Runner{Level: Observe, Probes: []Probe{
		testProbe("bad", func(_ context.Context, v *Visit) (*testFacts, error) {
			switch v.Link().ID {
			case "link-00000":
				panic("index out of range, Authorization: Bearer abcdef123456")
			case "link-00001":
				runtime.Goexit()
			}
			return nil, nil
		}),
		testProbe("good", func(context.Context, *Visit) (*testFacts, error) { return &testFacts{}, nil }),
	}}
	results, err := r.Run(t.Context(), links)
	for i, detail := range []string{"panic: index out of range", "goroutine ended", "neither facts nor an error"} {
		bad, good := results[i].Observations[0], results[i].Observations[1]
		if bad.Outcome != Inconclusive || bad.Reason != ReasonBug || !strings.Contains(bad.Detail, detail) {
			t.Errorf("link %d: %s, %s, %q; want a bug with %q", i, bad.Outcome, bad.Reason, bad.Detail, detail)
		}
		if good.Outcome != Observed {
			t.Errorf("link %d: the next probe is %s", i, good.Outcome)
		}
	}
	p, ok := errors.AsType[*PanicError](err)
	if !ok || p.Probe != "bad" || p.Link != "acme/link-00000" || !strings.Contains(string(p.Stack), "TestRunSurvivesAPanic") {
		t.Fatalf("error of Run: %v", err)
	}
	if strings.Contains(err.Error(), "abcdef") || strings.Contains(fmt.Sprint(results), "abcdef") {
		t.Errorf("a secret in the panic came out: %v", err)
	}
	if n := strings.Count(err.Error(), "panicked on"); n != 2 {
		t.Errorf("%d panics reported, want 2: %v", n, err)
	}
}

func TestUnknownIsComplete(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		run  func(context.Context, *Visit) (*testFacts, error)
		want []Unknown
	}{
		{
			"recorded, by name, by part and left out",
			func(_ context.Context, v *Visit) (*testFacts, error) {
				v.UnknownReason("sub", ReasonAmbiguous, "part")
				v.Unknown("sub.b", context.DeadlineExceeded)
				v.UnknownReason("count", ReasonGarbage, "first")
				v.UnknownReason("count", ReasonBudget, "second")
				v.UnknownReason("name", ReasonBudget, "but it is known")
				return &testFacts{Name: new("x")}, nil
			},
			[]Unknown{
				{"t.count", ReasonGarbage, "first"},
				{"t.list", ReasonBug, "the probe left it out without a reason"},
				{"t.sub.a", ReasonAmbiguous, "part"},
				{"t.sub.b", ReasonStalled, "context deadline exceeded"},
			},
		},
		{
			"everything known",
			func(context.Context, *Visit) (*testFacts, error) {
				f := &testFacts{Name: new(""), Count: new(0), List: []string{}}
				f.Sub.A, f.Sub.B = new(false), new(false)
				return f, nil
			},
			[]Unknown{},
		},
		{
			"all with one reason",
			func(_ context.Context, v *Visit) (*testFacts, error) {
				v.UnknownReason("", ReasonNotTested, "all")
				return &testFacts{Name: new("x"), Count: new(1), List: []string{"y"}}, nil
			},
			[]Unknown{{"t.sub.a", ReasonNotTested, "all"}, {"t.sub.b", ReasonNotTested, "all"}},
		},
		{
			"nothing learned",
			func(_ context.Context, v *Visit) (*testFacts, error) {
				v.UnknownReason("count", ReasonGarbage, "forgotten")
				return nil, Because(ReasonThrottled, "status 429")
			},
			[]Unknown{{"t", ReasonThrottled, "status 429"}},
		},
		{
			"facts beside an error",
			func(_ context.Context, v *Visit) (*testFacts, error) {
				v.UnknownReason("count", ReasonGarbage, "not a number")
				f := &testFacts{Name: new("x"), List: []string{}}
				f.Sub.A = new(true)
				return f, Because(ReasonThrottled, "status 429")
			},
			[]Unknown{{"t.count", ReasonGarbage, "not a number"}, {"t.sub.b", ReasonThrottled, "status 429"}},
		},
	}
	for _, tt := range tests {
		r := Runner{Level: Observe, Probes: []Probe{testProbe("t", tt.run)}}
		results, err := r.Run(t.Context(), manyLinks(t, 1))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(results[0].Observations[0].Unknown, tt.want); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestProbesThatDoNotApplyLeaveNoTrace(t *testing.T) {
	t.Parallel()
	facts := func(context.Context, *Visit) (*testFacts, error) { return &testFacts{}, nil }
	active := testProbe("active", facts)
	active.Level = Active
	brokers := testProbe("brokers", facts)
	brokers.Applies = func(l *inventory.Link) bool { return l.Kind == inventory.KindBroker }
	always := testProbe("always", facts)
	always.Applies = nil
	links := manyLinks(t, 1)
	for level, want := range map[Level][]string{Observe: {"always"}, Active: {"active", "always"}, "": {}} {
		r := Runner{Level: level, Probes: []Probe{active, brokers, always}}
		results, err := r.Run(t.Context(), links)
		if err != nil {
			t.Fatal(err)
		}
		var ran []string
		for _, o := range results[0].Observations {
			ran = append(ran, o.Probe)
		}
		if diff := cmp.Diff(ran, want, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("level %q: %s", level, diff)
		}
		planned := r.Plan(links)
		if diff := cmp.Diff(planned[0].Probes, want); diff != "" {
			t.Errorf("plan at level %q: %s", level, diff)
		}
		asks := min(len(want), 1) // all ask the same
		if p := planned[0]; p.Connections != 2*len(want) || len(p.Asks) != asks || p.MostRequests != asks+len(want) {
			t.Errorf("plan at level %q: %+v", level, p)
		}
	}
	r := Runner{Level: Observe, Limits: Limits{Connections: 1, Requests: 1}, Probes: []Probe{always, always}}
	if p := r.Plan(links)[0]; p.Connections != 1 || len(p.Asks) != 1 || p.MostRequests != 1 {
		t.Errorf("a plan beyond the budget: %+v", p)
	}
}

func TestInterleaveSpreadsHosts(t *testing.T) {
	t.Parallel()
	var links []*inventory.Link
	for _, u := range []string{"https://a", "https://a/2", "https://a/3", "https://b", "https://a:8443", "https://b/2"} {
		links = append(links, testLink(t, "l", u))
	}
	if diff := cmp.Diff(interleave(links), []int{0, 3, 4, 1, 5, 2}); diff != "" {
		t.Error(diff)
	}
}

func TestEvidenceIsCapped(t *testing.T) {
	t.Parallel()
	r := Runner{Limits: Limits{EvidencePerRun: 2}}
	o := visitOne(t, r, testLink(t, "l", "https://127.0.0.1"), func(_ context.Context, v *Visit) (*testFacts, error) {
		for range 3 {
			v.Evidence("http", "Cookie: session=1234567\x1b[2J"+strings.Repeat("é", 200))
		}
		return &testFacts{}, nil
	})
	if len(o.Evidence) != 2 || len(o.Evidence[0].Text) > excerptMax || strings.Contains(o.Evidence[0].Text, "1234567") {
		t.Errorf("%+v", o.Evidence)
	}
}
