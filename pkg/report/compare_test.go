package report

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// The links of the sample that comparisons are made on.
const (
	seen   = "acme-pay/refunds-api" // observed by every probe
	unseen = "initech/events-hook"  // unreachable
	partly = "initech/a-link-with-a-very-long-name-that-somebody-chose-in-2019"
)

// bare is the sample without findings.
func bare() *Report {
	r := sample()
	r.Findings, r.Baseline = nil, nil
	return r
}

// with adds a finding whose verdict rests on what was observed; a severity may
// be given.
func with(verdict risk.Verdict, rule, target, message string, severity ...risk.Severity) risk.Finding {
	return finding(rule, target, verdict, append(severity, risk.SeverityHigh)[0], message, 19)
}

// withInventory is with, for a verdict that rests on the inventory alone.
func withInventory(verdict risk.Verdict, rule, target string) risk.Finding {
	f := with(verdict, rule, target, "the inventory says it")
	f.Facts = map[string]any{"link.rate_limit": "", "vendor.criticality": "high"}
	return f
}

func (r *Report) target(id string) *Target {
	i := slices.IndexFunc(r.Targets, func(t Target) bool { return t.ID == id })
	return &r.Targets[i]
}

func (r *Report) drop(id string) {
	r.Targets = slices.DeleteFunc(r.Targets, func(t Target) bool { return t.ID == id })
	r.Inventory.Links = len(r.Targets)
}

func (r *Report) dropRule(id string) {
	r.Rules = slices.DeleteFunc(r.Rules, func(rule risk.Rule) bool { return rule.ID == id })
}

// lose makes a probe's visit of a link end without an answer.
func (r *Report) lose(target, probe string, outcome checks.Outcome, reason checks.Reason) {
	t := r.target(target)
	for i := range t.Observations {
		if o := &t.Observations[i]; o.Probe == probe {
			o.Outcome, o.Reason, o.Facts = outcome, reason, nil
			t.Unknown = append(t.Unknown, checks.Unknown{Fact: probe, Reason: reason})
		}
	}
}

// TestCompareStates has a row for each meaning of each state, and for each
// case that is easily taken for another.
func TestCompareStates(t *testing.T) {
	t.Parallel()
	const rule = "tls-no-1.0"
	fail, pass, inconclusive := risk.Fail, risk.Pass, risk.Inconclusive
	one := func(f risk.Finding) []risk.Finding { return []risk.Finding{f} }
	for _, tc := range []struct {
		name     string
		old, now []risk.Finding
		edit     func(old, now *Report)
		want     FindingState
		why      string
	}{
		{name: "passes now", old: one(with(fail, rule, seen, "m")), now: one(with(pass, rule, seen, "")), want: StateFixed, why: "passes now"},
		{name: "does not apply any more", old: one(with(fail, rule, seen, "m")), want: StateFixed, why: "does not apply any more"},
		{name: "vendor's rule passes", old: one(with(fail, "vendor-has-contact", "globex", "m")), now: one(with(pass, "vendor-has-contact", "globex", "")), want: StateFixed, why: "passes now"},
		{name: "vendor's rule does not apply any more", old: one(with(fail, "vendor-has-contact", "globex", "m")), want: StateFixed, why: "does not apply any more"},
		{name: "a rule over the inventory does not apply any more", old: one(withInventory(fail, rule, seen)), want: StateFixed, why: "does not apply any more"},
		{name: "mended in the inventory of an unreachable link", old: one(withInventory(fail, rule, unseen)), now: one(withInventory(pass, rule, unseen)), want: StateFixed, why: "passes now"},

		{name: "inconclusive now", old: one(with(fail, rule, seen, "m")), now: one(with(inconclusive, rule, seen, "tls is unknown: reset")), want: StateNoLongerAssessed, why: "tls is unknown: reset"},
		{name: "link gone", old: one(with(fail, rule, seen, "m")), edit: func(_, now *Report) { now.drop(seen) }, want: StateNoLongerAssessed, why: "the new report has no such link"},
		{name: "vendor gone", old: one(with(fail, "vendor-has-contact", "globex", "m")), edit: func(_, now *Report) { now.drop("globex/telemetry"); now.Vendors = slices.Delete(now.Vendors, 1, 2) }, want: StateNoLongerAssessed, why: "the new report has no such vendor"},
		{name: "rule switched off", old: one(with(fail, rule, seen, "m")), edit: func(_, now *Report) { now.dropRule(rule) }, want: StateNoLongerAssessed, why: "the new report did not judge the rule"},
		{name: "vendor's rule switched off", old: one(with(fail, "vendor-has-contact", "globex", "m")), edit: func(_, now *Report) { now.dropRule("vendor-has-contact") }, want: StateNoLongerAssessed, why: "did not judge"},
		{name: "absent on an unreachable link", old: one(with(fail, rule, unseen, "m")), want: StateNoLongerAssessed, why: "not observed in full (unreachable: refused)"},
		{name: "passes on an unreachable link", old: one(with(fail, rule, unseen, "m")), now: one(with(pass, rule, unseen, "")), want: StateNoLongerAssessed, why: "not observed (unreachable: refused)"},
		{name: "passes by the inventory, failed by what was seen", old: one(with(fail, rule, unseen, "m")), now: one(withInventory(pass, rule, unseen)), want: StateNoLongerAssessed, why: "not observed"},
		{name: "absent where a probe stalled", old: one(with(fail, rule, partly, "m")), want: StateNoLongerAssessed, why: "observed in part; tls stalled"},
		{name: "absent after an answer in plain text", old: one(with(fail, rule, seen, "m")), edit: func(_, now *Report) { now.lose(seen, "tls", checks.Inconclusive, checks.ReasonPlaintext) }, want: StateNoLongerAssessed, why: "tls plaintext"},
		{name: "absent as nobody asked", old: one(with(fail, rule, seen, "m")), edit: func(_, now *Report) { now.lose(seen, "tls", checks.Inconclusive, checks.ReasonNotTested) }, want: StateNoLongerAssessed, why: "the new report does not know tls.accepts.tls10"},
		{name: "absent with one fact", old: one(with(fail, rule, seen, "m")), edit: func(_, now *Report) {
			now.target(seen).Observations[1].Facts.(*tlsFacts).KeyBits = nil
		}, want: StateNoLongerAssessed, why: "the new report does not know tls.key_bits"},
		{name: "absent with the probe, of the same link", old: one(with(fail, rule, seen, "m")), edit: func(_, now *Report) {
			now.target(seen).Observations = now.target(seen).Observations[:1]
		}, want: StateNoLongerAssessed, why: "does not know tls."},
		{name: "another scheme has no such probe", old: one(with(fail, rule, seen, "m")), edit: func(_, now *Report) {
			now.target(seen).Observations = now.target(seen).Observations[:1]
			now.target(seen).Declared.Link.Scheme = "sftp"
		}, want: StateFixed, why: "does not apply any more"},

		{name: "link is new", now: one(with(fail, rule, seen, "m")), edit: func(old, _ *Report) { old.drop(seen) }, want: StateNew, why: "the old report has no such link"},
		{name: "vendor is new", now: one(with(fail, "vendor-has-contact", "globex", "m")), edit: func(old, _ *Report) { old.drop("globex/telemetry"); old.Vendors = slices.Delete(old.Vendors, 1, 2) }, want: StateNew, why: "no such vendor"},
		{name: "rule is new", now: one(with(fail, rule, seen, "m")), edit: func(old, _ *Report) { old.dropRule(rule) }, want: StateNew, why: "the old report did not judge the rule"},
		{name: "was inconclusive", old: one(with(inconclusive, rule, seen, "tls is unknown: reset")), now: one(with(fail, rule, seen, "m")), want: StateNew, why: "was inconclusive: tls is unknown: reset"},
		{name: "was absent on a link not observed in full", now: one(with(fail, rule, partly, "m")), want: StateNew, why: "observed in part"},
		{name: "passed on an unreachable link", old: one(with(pass, rule, unseen, "")), now: one(with(fail, rule, unseen, "m")), want: StateNew, why: "not observed"},
		{name: "was not asked", now: one(with(fail, rule, seen, "m")), edit: func(old, _ *Report) { old.lose(seen, "tls", checks.Inconclusive, checks.ReasonNotAsked) }, want: StateNew, why: "the old report does not know tls.accepts.tls10"},

		{name: "passed", old: one(with(pass, rule, seen, "")), now: one(with(fail, rule, seen, "m")), want: StateRegressed, why: "passed"},
		{name: "did not apply", now: one(with(fail, rule, seen, "m")), want: StateRegressed, why: "did not apply"},
		{name: "vendor's rule did not apply", now: one(with(fail, "vendor-has-contact", "globex", "m")), want: StateRegressed, why: "did not apply"},
		{name: "was milder", old: one(with(fail, rule, seen, "m", risk.SeverityLow)), now: one(with(fail, rule, seen, "m", risk.SeverityHigh)), want: StateRegressed, why: "was of severity low"},
		{name: "worsened in the inventory of an unreachable link", old: one(withInventory(pass, rule, unseen)), now: one(withInventory(fail, rule, unseen)), want: StateRegressed, why: "passed"},

		{name: "other message", old: one(with(fail, rule, seen, "m")), now: one(with(fail, rule, seen, "n")), want: StateChanged, why: "was: m"},
		{name: "other facts", old: one(withInventory(fail, rule, seen)), now: one(func() risk.Finding {
			f := withInventory(fail, rule, seen)
			f.Facts["link.rate_limit"] = "10/1m"
			return f
		}()), want: StateChanged, why: "other values"},
		{name: "milder", old: one(with(fail, rule, seen, "m", risk.SeverityCritical)), now: one(with(fail, rule, seen, "m")), want: StateChanged, why: "was of severity critical"},
		{name: "alike", old: one(with(fail, rule, seen, "m")), now: one(with(fail, rule, seen, "m")), want: StateUnchanged},
		{name: "alike on a link that is unreachable", old: one(withInventory(fail, rule, unseen)), now: one(withInventory(fail, rule, unseen)), want: StateUnchanged},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			old, now := bare(), bare()
			old.Findings, now.Findings = tc.old, tc.now
			if tc.edit != nil {
				tc.edit(old, now)
			}
			d := compare(t, old, now, CompareOptions{})
			if got := d.Counts.Of(tc.want); got != 1 || sum(&d.Counts) != 1 {
				t.Errorf("counts are %+v (%+v); want one %s", d.Counts, d.Findings, tc.want)
			} else if tc.want != StateUnchanged && !strings.Contains(d.Findings[0].Why, tc.why) {
				t.Errorf("why is %q; want %q", d.Findings[0].Why, tc.why)
			}
			heldAlike(t, old, now, d)
		})
	}
}

// heldAlike makes sure that a baseline counts what a diff counts.
func heldAlike(t *testing.T, old, now *Report, d *Diff) {
	t.Helper()
	if err := now.HoldAgainst(old, "old.json", CompareOptions{}); err != nil {
		t.Fatal(err)
	}
	c := d.Counts
	want := &Baseline{
		Path: "old.json", Started: old.Started,
		Changes: map[risk.Change]int{risk.ChangeNew: c.New, risk.ChangeRegressed: c.Regressed, risk.ChangeDetails: c.Changed, risk.ChangeNone: c.Unchanged},
		Gone:    Gone{Fixed: c.Fixed, NoLongerAssessed: c.NoLongerAssessed},
		Grades:  old.Grades(),
	}
	if diff := cmp.Diff(want, now.Baseline); diff != "" {
		t.Errorf("the baseline counts otherwise than the diff (-diff +baseline):\n%s", diff)
	}
	counted := map[risk.Change]int{risk.ChangeNew: 0, risk.ChangeRegressed: 0, risk.ChangeDetails: 0, risk.ChangeNone: 0}
	for i := range now.Findings {
		f := &now.Findings[i]
		if f.Verdict == risk.Fail {
			counted[f.Change]++
		} else if f.Change != "" {
			t.Errorf("%s on %s is %s since the baseline, and does not fail", f.Rule, f.Target, f.Change)
		}
	}
	if diff := cmp.Diff(want.Changes, counted); diff != "" {
		t.Errorf("the findings say otherwise (-diff +findings):\n%s", diff)
	}
}

func compare(t *testing.T, old, now *Report, o CompareOptions) *Diff {
	t.Helper()
	d, err := Compare(old, now, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func sum(c *DiffCounts) (n int) {
	for _, s := range FindingStates() {
		n += c.Of(s)
	}
	return n
}

// TestCompareWithItself: no report differs from itself, nor from what it is
// when it has been saved and read.
func TestCompareWithItself(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*Report{"sample": sample(), "large": large(500), "bare": bare()} {
		saved, err := Read(bytes.NewReader(render(t, "json", r, Options{})), sampleProbes())
		if err != nil {
			t.Fatal(err)
		}
		for against, old := range map[string]*Report{"itself": r, "as saved": saved} {
			d := compare(t, old, r, CompareOptions{})
			if len(d.Findings)+len(d.Links)+len(d.Vendors)+len(d.Notes) > 0 || d.Counts.Unchanged != r.Summary.Verdicts[risk.Fail] && name != "bare" {
				t.Errorf("%s against %s: %+v", name, against, d)
			}
		}
	}
}

func TestComparable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		edit     func(old, now *Report)
		want     Obstacle
		text     string
		baseline bool // refused as a baseline too
		permit   CompareOptions
	}{
		{"alike", func(_, _ *Report) {}, "", "", false, CompareOptions{}},
		{"old model", func(old, _ *Report) { old.Tool.ScoreModel = "0" }, ObstacleModels, `is of score model "0", and this one is of "1"`, true, CompareOptions{AllowModels: true}},
		{"old interrupted", func(old, _ *Report) { old.Complete = false }, ObstaclePartial, "the old report is partial (the scan was interrupted)", true, CompareOptions{AllowPartial: true}},
		{"old of some links", func(old, _ *Report) { old.Inventory.Links = 9 }, ObstaclePartial, "the old report is partial (5 of 9 links)", true, CompareOptions{AllowPartial: true}},
		{"new interrupted", func(_, now *Report) { now.Complete = false }, ObstaclePartial, "the new report is partial", false, CompareOptions{AllowPartial: true}},
		{"new of some links", func(_, now *Report) { now.Inventory.Links = 9 }, ObstaclePartial, "would be taken for gone", false, CompareOptions{AllowPartial: true}},
		{"before 1.1", func(old, _ *Report) { old.Inventory.Links = 0 }, "", "", false, CompareOptions{}},
		{"other rules, level and vantage", func(old, _ *Report) {
			old.Tool.RulesDigest, old.Level, old.Vantage = "x", checks.Active, "public"
		}, "", "", false, CompareOptions{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			old, now := sample(), sample()
			tc.edit(old, now)
			check := func(what string, err error, want Obstacle) {
				t.Helper()
				refused, ok := errors.AsType[*NotComparableError](err)
				switch {
				case want == "" && err != nil:
					t.Errorf("%s: refused: %v", what, err)
				case want != "" && (!ok || refused.Obstacle != want || refused.Hint == ""):
					t.Errorf("%s: %v; want it refused for %s, with a hint", what, err, want)
				}
			}
			_, err := Compare(old, now, CompareOptions{})
			check("diff", err, tc.want)
			if err != nil && !strings.Contains(err.Error(), tc.text) {
				t.Errorf("%q does not say %q", err, tc.text)
			}
			_, err = Compare(old, now, tc.permit)
			check("diff, permitted", err, "")
			want := tc.want
			if !tc.baseline {
				want = ""
			}
			check("baseline", CheckBaseline(old, CompareOptions{}), want)
			before := now.Baseline
			check("holding against it", now.HoldAgainst(old, "b.json", CompareOptions{}), want)
			if want != "" && now.Baseline != before {
				t.Error("a refused baseline changes the report")
			}
			check("baseline, permitted", now.HoldAgainst(old, "b.json", tc.permit), "")
		})
	}
}

// TestCompareChangesNothing: a diff leaves both reports as they are.
func TestCompareChangesNothing(t *testing.T) {
	t.Parallel()
	old, now := pair()
	compare(t, old, now, CompareOptions{})
	wantOld, wantNow := pair()
	if !reflect.DeepEqual(old, wantOld) || !reflect.DeepEqual(now, wantNow) {
		t.Error("a diff changes what it compares")
	}
}

func TestGrades(t *testing.T) {
	t.Parallel()
	want := map[string]risk.Grade{"acme-pay/charges-api": "A", seen: "D", "globex/telemetry": "F", unseen: "?", partly: "?"}
	if diff := cmp.Diff(want, sample().Grades()); diff != "" {
		t.Error(diff)
	}
}
