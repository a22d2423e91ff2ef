package report

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

func waiver(rule, target, expires string) inventory.Waiver {
	day, err := inventory.ParseDate(expires)
	if err != nil {
		panic(err)
	}
	return inventory.Waiver{Rule: rule, Target: target, Reason: "because", Owner: "ops", Expires: day}
}

// states maps "rule target" of failed findings to the state of their waiver.
func states(r *Report) map[string]risk.WaiverState {
	got := map[string]risk.WaiverState{}
	for _, f := range r.Findings {
		if f.Waiver != nil {
			got[f.Rule+" "+f.Target] = f.Waiver.State
		}
	}
	return got
}

func TestWaivers(t *testing.T) {
	t.Parallel()
	// The scan began on 2026-11-21 at 10:00 UTC.
	for name, c := range map[string]struct {
		waivers []inventory.Waiver
		want    map[string]risk.WaiverState
		list    []risk.WaiverState
	}{
		"exact":                {[]inventory.Waiver{waiver("tls-no-1.0", "acme/old", "2027-05-01")}, map[string]risk.WaiverState{"tls-no-1.0 acme/old": risk.WaiverActive}, []risk.WaiverState{risk.WaiverActive}},
		"patterns":             {[]inventory.Waiver{waiver("tls-*", "*/*", "2027-05-01")}, map[string]risk.WaiverState{"tls-no-1.0 acme/old": risk.WaiverActive}, []risk.WaiverState{risk.WaiverActive}},
		"last day":             {[]inventory.Waiver{waiver("tls-no-1.0", "acme/old", "2026-11-21")}, map[string]risk.WaiverState{"tls-no-1.0 acme/old": risk.WaiverExpiring}, []risk.WaiverState{risk.WaiverExpiring}},
		"the day after":        {[]inventory.Waiver{waiver("tls-no-1.0", "acme/old", "2026-11-20")}, map[string]risk.WaiverState{"tls-no-1.0 acme/old": risk.WaiverExpired}, []risk.WaiverState{risk.WaiverExpired}},
		"in two weeks":         {[]inventory.Waiver{waiver("tls-no-1.0", "acme/old", "2026-12-04")}, map[string]risk.WaiverState{"tls-no-1.0 acme/old": risk.WaiverExpiring}, []risk.WaiverState{risk.WaiverExpiring}},
		"a day later":          {[]inventory.Waiver{waiver("tls-no-1.0", "acme/old", "2026-12-05")}, map[string]risk.WaiverState{"tls-no-1.0 acme/old": risk.WaiverActive}, []risk.WaiverState{risk.WaiverActive}},
		"the longest counts":   {[]inventory.Waiver{waiver("tls-no-1.0", "acme/old", "2026-01-01"), waiver("tls-*", "acme/*", "2027-05-01")}, map[string]risk.WaiverState{"tls-no-1.0 acme/old": risk.WaiverActive}, []risk.WaiverState{risk.WaiverExpired, risk.WaiverActive}},
		"star stops at slash":  {[]inventory.Waiver{waiver("tls-no-1.0", "*", "2027-05-01")}, map[string]risk.WaiverState{}, []risk.WaiverState{risk.WaiverUnused}},
		"a rule that passes":   {[]inventory.Waiver{waiver("tls-no-1.0", "acme/good", "2027-05-01")}, map[string]risk.WaiverState{}, []risk.WaiverState{risk.WaiverUnused}},
		"expired, unused":      {[]inventory.Waiver{waiver("tls-no-1.0", "acme/good", "2026-01-01")}, map[string]risk.WaiverState{}, []risk.WaiverState{risk.WaiverExpired}},
		"awaits an unreached":  {[]inventory.Waiver{waiver("tls-no-1.0", "globex/gone", "2027-05-01")}, map[string]risk.WaiverState{}, []risk.WaiverState{risk.WaiverActive}},
		"none":                 {nil, map[string]risk.WaiverState{}, nil},
		"a misspelt rule's id": {[]inventory.Waiver{waiver("tls-no-1.O", "acme/old", "2027-05-01")}, map[string]risk.WaiverState{}, []risk.WaiverState{risk.WaiverUnused}},
	} {
		in := scanned(t, "inventory.yaml")
		in.Waivers = c.waivers
		r, err := New(in)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, states(r)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
		var list []risk.WaiverState
		for _, w := range r.Waivers {
			list = append(list, w.State)
		}
		if diff := cmp.Diff(c.list, list); diff != "" {
			t.Errorf("%s: waivers: -want +got\n%s", name, diff)
		}
	}
}

// An accepted finding breaches nothing and changes no score; when its waiver
// has expired it breaches again.
func TestWaiversAndGate(t *testing.T) {
	t.Parallel()
	decide := func(waivers ...inventory.Waiver) (*Report, bool) {
		in := scanned(t, "inventory.yaml")
		in.Terms = Terms{Policy: risk.Policy{FailOnRules: []string{"tls-no-1.0"}, AllowUnreachable: true}, Waivers: waivers}
		r, err := New(in)
		if err != nil {
			t.Fatal(err)
		}
		return r, r.Decision.Breached
	}
	plain, breached := decide()
	if !breached {
		t.Fatal("without a waiver the gate is not breached")
	}
	waived, breached := decide(waiver("tls-no-1.0", "acme/old", "2027-05-01"))
	if breached {
		t.Errorf("a waived finding breaches: %v", waived.Decision.Reasons)
	}
	if waived.Summary.Waived != 1 || waived.Summary.Verdicts[risk.Fail] != plain.Summary.Verdicts[risk.Fail] {
		t.Errorf("summary = %+v", waived.Summary)
	}
	for i := range plain.Targets {
		if diff := cmp.Diff(plain.Targets[i].Score, waived.Targets[i].Score); diff != "" {
			t.Errorf("the waiver changed the score of %s:\n%s", plain.Targets[i].ID, diff)
		}
	}
	if expired, breached := decide(waiver("tls-no-1.0", "acme/old", "2026-11-20")); !breached || expired.Summary.Waived != 0 {
		t.Errorf("an expired waiver still waives: %+v", expired.Decision)
	}
}

// A report that is judged again keeps its waivers and what it knew of the
// baseline, to the byte, and takes others when they are given.
func TestRejudgeTerms(t *testing.T) {
	t.Parallel()
	before, err := New(scanned(t, "inventory.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	in := scanned(t, "inventory.yaml")
	in.Waivers = []inventory.Waiver{waiver("tls-no-1.0", "acme/old", "2027-05-01")}
	in.Baseline = &Previous{Report: before, Path: "before.json"}
	in.Policy.NewOnly = true
	r, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	if r.Baseline == nil || r.Baseline.Changes[risk.ChangeNone] != r.Summary.Verdicts[risk.Fail] || r.Decision.Breached {
		t.Fatalf("baseline = %+v, decision = %+v", r.Baseline, r.Decision)
	}
	saved := render(t, "json", r, Options{})
	back, err := Read(bytes.NewReader(saved), sampleProbes())
	if err != nil {
		t.Fatal(err)
	}
	again, err := back.Rejudge(judgeOf(t), Terms{Policy: in.Policy})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(saved), string(render(t, "json", again, Options{}))); diff != "" {
		t.Errorf("judged again: -want +got\n%s", diff)
	}
	none, err := back.Rejudge(judgeOf(t), Terms{Policy: in.Policy, Waivers: []inventory.Waiver{}})
	if err != nil {
		t.Fatal(err)
	}
	if len(none.Waivers) != 0 || len(states(none)) != 0 || len(states(again)) != 1 {
		t.Errorf("with no waivers: %v; kept: %v", states(none), states(again))
	}
}

// A baseline of another score model, or of some of the links, is refused.
func TestBaselineRefused(t *testing.T) {
	t.Parallel()
	old, err := New(scanned(t, "inventory.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Report){
		"another model": func(r *Report) { r.Tool.ScoreModel = "0" },
		"interrupted":   func(r *Report) { r.Complete = false },
		"some links":    func(r *Report) { r.Targets = r.Targets[1:] },
	} {
		bad := *old
		spoil(&bad)
		in := scanned(t, "inventory.yaml")
		in.Baseline = &Previous{Report: &bad, Path: "bad.json"}
		if _, err := New(in); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestStateOnWithoutDay(t *testing.T) {
	t.Parallel()
	if got := stateOn("", time.Now()); got != risk.WaiverExpired {
		t.Errorf("a waiver without a day is %s", got)
	}
}
