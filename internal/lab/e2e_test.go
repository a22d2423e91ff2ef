package lab_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/probes"
	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
	"github.com/m2mscan/m2mscan/rules"
)

// mostConnections is what the worst of the servers takes: the shared handshake,
// one in TLS 1.2 for the client certificate and one without a name for the
// default certificate, seven hellos at once, and for each kind of weak suite
// that is accepted one more; then for HTTP a connection that is kept, one with
// the client certificate, and one for a malformed path in HTTP/1.1. On a link
// that needs retries the limit is what the plan promises.
const mostConnections = 17

func builtinJudge(tb testing.TB) *risk.Judge {
	tb.Helper()
	builtin, err := risk.LoadRules(rules.FS)
	if err != nil {
		tb.Fatal(err)
	}
	judge, err := risk.NewJudge(builtin, probes.All())
	if err != nil {
		tb.Fatal(err)
	}
	return judge
}

func load(t *testing.T, path string) *inventory.Inventory {
	t.Helper()
	inv, problems, err := inventory.Load([]string{path}, inventory.Options{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if problems.Errors() > 0 {
		t.Fatal(problems)
	}
	return inv
}

// scan is the whole way from the inventory's file to the report, with time
// limits that suit servers in the same process.
func scan(t *testing.T, path string) *report.Report {
	t.Helper()
	started := time.Now()
	inv := load(t, path)
	limits := checks.DefaultLimits
	limits.StepTimeout, limits.RequestRate = 2*time.Second, 1e6
	runner := checks.Runner{Probes: probes.All(), Level: checks.Observe, Limits: limits, UserAgent: "m2mscan/test", Now: time.Now}
	results, err := runner.Run(t.Context(), inv.Links())
	if err != nil {
		t.Fatal(err)
	}
	r, err := report.New(report.Input{
		Inventory: inv, Results: results, Judge: builtinJudge(t), Version: "test",
		Started: started, Finished: time.Now(), Complete: true, Level: checks.Observe,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The whole product against the whole lab: each link fails the rules it was
// built to fail and no other, nothing is claimed of what was not seen, and a
// second scan says the same.
func TestScanOfTheLab(t *testing.T) {
	t.Parallel()
	lab := start(t)
	path, err := lab.WriteInventory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	first := scan(t, path)
	plan := (&checks.Runner{Probes: probes.All(), Level: checks.Observe}).Plan(load(t, path).Links())

	for _, vendor := range lab.Vendors() {
		if diff := cmp.Diff(vendor.Fails, failed(first, vendor.ID)); diff != "" {
			t.Errorf("%s: rules that fail (-want +got):\n%s", vendor.ID, diff)
		}
	}
	if len(first.Targets) != len(lab.Links()) {
		t.Fatalf("%d targets for %d links", len(first.Targets), len(lab.Links()))
	}
	for i, link := range lab.Links() {
		target := first.Targets[i]
		t.Run(link.ID, func(t *testing.T) {
			if target.ID != link.ID {
				t.Fatalf("target %s in its place", target.ID)
			}
			if diff := cmp.Diff(append([]string{}, link.Expect.Fails...), failed(first, link.ID)); diff != "" {
				t.Errorf("rules that fail (-want +got):\n%s", diff)
			}
			checkObservations(t, link.Expect.Outcome, link.Expect.Reason, target)
			checkFacts(t, link.Expect.Facts, link.Expect.Unknown, target)

			opened, requests := 0, 0
			for _, o := range target.Observations {
				opened += o.Connections
				requests += o.Requests
			}
			if requests > plan[i].MostRequests {
				t.Errorf("%d requests, planned %d", requests, plan[i].MostRequests)
			}
			accepted := lab.Connections(link.ID)
			most := mostConnections
			if link.Expect.Retries {
				most = plan[i].Connections
			}
			if accepted > most {
				t.Errorf("%d connections, the budget is %d", accepted, most)
			}
			if link.Expect.Outcome != "unreachable" && opened != accepted {
				t.Errorf("the report tells of %d connections, the server of %d", opened, accepted)
			}
		})
	}

	checkFormats(t, first)

	second := scan(t, path)
	if diff := cmp.Diff(first.Findings, second.Findings); diff != "" {
		t.Errorf("a second scan finds something else (-first +second):\n%s", diff)
	}
	for i := range first.Targets {
		if diff := cmp.Diff(first.Targets[i].Score, second.Targets[i].Score); diff != "" {
			t.Errorf("%s: a second scan scores otherwise (-first +second):\n%s", first.Targets[i].ID, diff)
		}
	}
}

// failed lists the rules that fail on a target, sorted.
func failed(r *report.Report, target string) []string {
	ids := []string{}
	for _, f := range r.Findings {
		if f.Target == target && f.Verdict == risk.Fail {
			ids = append(ids, f.Rule)
		}
	}
	slices.Sort(ids)
	return ids
}

// checkObservations holds the deciding probe of a target to what is expected,
// and the score to what was not learned.
func checkObservations(t *testing.T, outcome, reason string, target report.Target) {
	t.Helper()
	probe := "link"
	if target.Declared.Link.TLS {
		probe = "tls"
	}
	i := slices.IndexFunc(target.Observations, func(o checks.Observation) bool { return o.Probe == probe })
	if i < 0 {
		t.Fatalf("no observation of probe %s", probe)
	}
	got := target.Observations[i]
	if string(got.Outcome) != outcome || string(got.Reason) != reason {
		t.Errorf("probe %s: %s %s (%s), want %s %s", probe, got.Outcome, got.Reason, got.Detail, outcome, reason)
	}
	if outcome != "observed" && target.Score.Grade != risk.GradeUnknown {
		t.Errorf("grade %s for a link that was not seen", target.Score.Grade)
	}
}

func checkFacts(t *testing.T, want map[string]any, unknown map[string]string, target report.Target) {
	t.Helper()
	got := risk.FactsOf(target.Observations)
	for name, value := range want {
		if seen, ok := got.Values[name]; !ok || seen != value {
			t.Errorf("%s is %v (known: %v), want %v", name, seen, ok, value)
		}
	}
	for name, reason := range unknown {
		if value, ok := got.Values[name]; ok {
			t.Errorf("%s is %v, and cannot be known", name, value)
		}
		i := slices.IndexFunc(target.Unknown, func(u checks.Unknown) bool { return u.Fact == name })
		if i < 0 {
			t.Errorf("nothing says why %s is unknown", name)
		} else if string(target.Unknown[i].Reason) != reason {
			t.Errorf("%s is unknown: %s (%s), want %s", name, target.Unknown[i].Reason, target.Unknown[i].Detail, reason)
		}
	}
}

// The expectations themselves name rules that exist.
func TestExpectationsNameRules(t *testing.T) {
	t.Parallel()
	lab := start(t)
	builtin, err := risk.LoadRules(rules.FS)
	if err != nil {
		t.Fatal(err)
	}
	check := func(target string, ids []string) {
		if !slices.IsSorted(ids) {
			t.Errorf("%s: rules not sorted: %q", target, ids)
		}
		for _, id := range ids {
			if !slices.ContainsFunc(builtin, func(r risk.Rule) bool { return r.ID == id }) {
				t.Errorf("%s: no rule %s", target, id)
			}
		}
	}
	for _, link := range lab.Links() {
		check(link.ID, link.Expect.Fails)
	}
	for _, vendor := range lab.Vendors() {
		check(vendor.ID, vendor.Fails)
	}
}
