package report

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// assessment is a report made ready for questions about single findings.
type assessment struct {
	name     string                   // for people: the old report
	findings map[string]*risk.Finding // by fingerprint
	targets  map[string]*Target
	vendors  map[string]bool
	rules    map[string]int
	last     *Target
	facts    map[string]any // of last
}

func assess(name string, r *Report) *assessment {
	a := &assessment{
		name:     name,
		findings: make(map[string]*risk.Finding, len(r.Findings)),
		targets:  make(map[string]*Target, len(r.Targets)),
		vendors:  make(map[string]bool, len(r.Vendors)),
		rules:    r.rulesByID(),
	}
	for i := range r.Findings {
		a.findings[r.Findings[i].Fingerprint] = &r.Findings[i]
	}
	for i := range r.Targets {
		a.targets[r.Targets[i].ID] = &r.Targets[i]
	}
	for i := range r.Vendors {
		a.vendors[r.Vendors[i].ID] = true
	}
	return a
}

// comparison is two reports, side by side. What it says is meant for people
// too: each answer comes with its reason.
type comparison struct{ old, new *assessment }

// since says what became of a failed finding of the new report.
func (c comparison) since(f *risk.Finding) (change risk.Change, why string) {
	was := c.old.findings[f.Fingerprint]
	switch {
	case was == nil:
		if ok, why := c.old.ruledOut(f, c.new); !ok {
			return risk.ChangeNew, why
		}
		return risk.ChangeRegressed, "did not apply before"
	case was.Verdict == risk.Inconclusive:
		return risk.ChangeNew, "was inconclusive: " + was.Message
	case was.Verdict == risk.Pass:
		if why := c.old.unseen(was, f); why != "" {
			return risk.ChangeNew, why
		}
		return risk.ChangeRegressed, "passed before"
	case severityRank(was.Severity) < severityRank(f.Severity):
		return risk.ChangeRegressed, "was of severity " + string(was.Severity)
	case was.Severity == f.Severity && sameText(was.Message, f.Message) && sameFacts(was.Facts, f.Facts):
		return risk.ChangeNone, ""
	default:
		return risk.ChangeDetails, detailsOf(was, f)
	}
}

func detailsOf(was, f *risk.Finding) string {
	switch {
	case was.Severity != f.Severity:
		return "was of severity " + string(was.Severity)
	case sameText(was.Message, f.Message):
		return "other values"
	default:
		return "was: " + was.Message
	}
}

// stillFails reports whether a failed finding of the old report is among the
// failed ones of the new.
func (c comparison) stillFails(f *risk.Finding) bool {
	is := c.new.findings[f.Fingerprint]
	return is != nil && is.Verdict == risk.Fail
}

// whereto says what became of a failed finding of the old report that fails
// no more. Only what was seen to be mended is fixed.
func (c comparison) whereto(f *risk.Finding) (state FindingState, why string) {
	is := c.new.findings[f.Fingerprint]
	switch {
	case is == nil:
		if ok, why := c.new.ruledOut(f, c.old); !ok {
			return StateNoLongerAssessed, why
		}
		return StateFixed, "does not apply any more"
	case is.Verdict == risk.Inconclusive:
		return StateNoLongerAssessed, is.Message
	}
	if why := c.new.unseen(is, f); why != "" {
		return StateNoLongerAssessed, why
	}
	return StateFixed, "passes now"
}

// unseen says why a rule that passed shows nothing about the link: nobody saw
// it. A rule can pass on an unreachable link, such as one that only asks
// something of links that are reached. What the inventory alone decides needs
// no look at the link, as long as the same rule failed by the inventory alone.
func (a *assessment) unseen(passed, failed *risk.Finding) string {
	t := a.targets[passed.Target]
	if t == nil || t.has(checks.Observed) || byInventory(passed) && byInventory(failed) {
		return ""
	}
	return "the link was not observed (" + outcomeInWords(t) + ")"
}

// ruledOut reports whether the report judged the rule of f, which is in the
// other report, on its target, and found that it does not apply; or else says
// why that cannot be told. Findings that do not apply are left out of the
// document, but it takes more than to be absent: a rule is also left out for
// what could not be learned, such as facts about TLS where the peer answered
// in plain text, or for a test that nobody asked for this time.
func (a *assessment) ruledOut(f *risk.Finding, other *assessment) (ok bool, why string) {
	t := a.targets[f.Target]
	switch _, judged := a.rules[f.Rule]; {
	case !a.vendors[f.Vendor]:
		return false, a.name + " has no such vendor"
	case t == nil && f.Target != f.Vendor:
		return false, a.name + " has no such link"
	case !judged:
		return false, a.name + " did not judge the rule"
	case t == nil: // a rule over vendors: the inventory says all there is
		return true, ""
	case !t.complete():
		return false, "the link was not observed in full (" + outcomeInWords(t) + ")"
	}
	if fact := a.lost(f, t, other.targets[f.Target]); fact != "" {
		return false, a.name + " does not know " + fact
	}
	return true, ""
}

// complete reports whether every probe that was to look at the link learned
// something.
func (t *Target) complete() bool {
	return t.has(checks.Observed) && !slices.ContainsFunc(t.Observations, func(o checks.Observation) bool {
		return o.Outcome != checks.Observed && o.Reason != checks.ReasonNotTested && o.Reason != checks.ReasonNotAsked
	})
}

// lost returns a fact of the peer that f rests on in the other report, and
// that is unknown in this one. Facts of a probe that does not apply any more
// are not lost where the inventory says something else of the link today, such
// as another scheme.
func (a *assessment) lost(f *risk.Finding, t, other *Target) string {
	same := other == nil || reflect.DeepEqual(t.Declared.Link, other.Declared.Link)
	for _, fact := range slices.Sorted(maps.Keys(f.Facts)) {
		if declaredFacts()[fact] {
			continue
		}
		_, known := a.known(t)[fact]
		if !known && (same || t.probedBy(namespaceOf(fact))) {
			return fact
		}
	}
	return ""
}

// known are the facts of a link. Those of the last link asked for are kept:
// findings come link by link.
func (a *assessment) known(t *Target) map[string]any {
	if a.last != t {
		a.last, a.facts = t, risk.FactsOf(t.Observations).Values
	}
	return a.facts
}

func (t *Target) probedBy(probe string) bool {
	return slices.ContainsFunc(t.Observations, func(o checks.Observation) bool { return o.Probe == probe })
}

// declaredFacts are the names of all that an inventory can say. They share
// the namespace "link" with what is observed.
var declaredFacts = sync.OnceValue(func() map[string]bool {
	names := make(map[string]bool)
	for _, leaf := range checks.LeavesOf("", risk.Declared{}) {
		names[leaf.Name] = true
	}
	return names
})

// byInventory reports whether a finding rests on nothing but the inventory.
func byInventory(f *risk.Finding) bool {
	for fact := range f.Facts {
		if !declaredFacts()[fact] {
			return false
		}
	}
	return true
}

func sameFacts(a, b map[string]any) bool { return maps.EqualFunc(a, b, sameValue) }

func sameValue(a, b any) bool { return reflect.DeepEqual(a, b) || asSaved(a) == asSaved(b) }

func sameText(a, b string) bool { return a == b || asSaved(a) == asSaved(b) }

// asSaved is a value as the document holds it. One of the two reports may come
// fresh from a scan, with bytes that are not UTF-8 and that a saved one holds
// as U+FFFD.
func asSaved(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error() // no fact is of such a type
	}
	return strings.ReplaceAll(string(text), `\ufffd`, "\ufffd")
}
