package risk

import (
	"fmt"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// Policy is what a scan must meet for exit code 0. Zero fields ask for nothing.
type Policy struct {
	FailOn           Severity `json:"fail_on,omitempty"`           // a failed finding at or above it breaches
	MinGrade         Grade    `json:"min_grade,omitempty"`         // a link graded worse breaches; "?" is incomplete, not a breach
	FailOnRules      []string `json:"fail_on_rule,omitempty"`      // a failed finding of one of them breaches
	AllowUnreachable bool     `json:"allow_unreachable,omitempty"` // unreachable or inconclusive links do not make the scan incomplete
	NewOnly          bool     `json:"new_only,omitempty"`          // findings that the baseline knows, and links that were graded as bad in it, breach nothing
}

// Decision is what the policy says of a report.
type Decision struct {
	Breached   bool     `json:"breached"`   // exit code 1
	Incomplete bool     `json:"incomplete"` // exit code 3
	Reasons    []string `json:"reasons"`    // for people, breaches first
}

// LinkOutcome is what became of one link, or of one vendor by itself.
type LinkOutcome struct {
	ID           string               // "vendor/link", or the vendor's id
	Grade        Grade                // empty for a vendor, which MinGrade does not look at
	GradeBefore  Grade                // in the baseline; empty without one
	Findings     []Finding            // those on this link or vendor
	Observations []checks.Observation // none for a vendor
}

// Validate reports a severity, grade or rule id that does not exist, with the
// nearest name. Without it a typo in a gate would hold the gate open.
func (p Policy) Validate(rules []Rule) error {
	if p.FailOn != "" && p.FailOn.rank() == 0 {
		return unknownName("severity", string(p.FailOn), toStrings(Severities))
	}
	if p.MinGrade != "" && p.MinGrade.rank() == 0 {
		return unknownName("grade", string(p.MinGrade), toStrings(grades))
	}
	ids := idsOf(rules)
	for _, id := range p.FailOnRules {
		if !slices.Contains(ids, id) {
			return unknownName("rule", id, ids)
		}
	}
	return nil
}

func unknownName(what, name string, candidates []string) error {
	if hint := didYouMean(name, candidates); hint != "" {
		return fmt.Errorf("unknown %s %q: %s", what, name, hint)
	}
	if len(candidates) <= len(Severities) {
		return fmt.Errorf("unknown %s %q: want one of %s", what, name, strings.Join(candidates, ", "))
	}
	return fmt.Errorf("unknown %s %q", what, name)
}

// Decide holds what became of the links and vendors against the policy. The
// reasons name them in the order given.
//
// A scan is incomplete when a question about a whole link went unanswered:
//
//   - a probe that applies to the link could not connect, or connected and
//     learned nothing. Two answers are no lack of one: the peer spoke in plain
//     text where TLS is due, which is a fact of its own, and the probe was not
//     to run at this level;
//   - the link has no grade, and MinGrade asks for one.
//
// AllowUnreachable permits both. It does not permit a scan that was cut short:
// then nobody knows what the rest would have been.
//
// One unknown fact of a probe that learned others does not make a scan
// incomplete: it is an inconclusive finding, and lowers the coverage.
func (p Policy) Decide(links []LinkOutcome) Decision {
	d := Decision{Reasons: []string{}}
	breach := func(reason string) {
		if reason != "" {
			d.Breached, d.Reasons = true, append(d.Reasons, reason)
		}
	}
	lack := func(reason string) {
		if reason != "" {
			d.Incomplete, d.Reasons = true, append(d.Reasons, reason)
		}
	}
	breach(p.failedSeverity(links))
	breach(p.failedRules(links))
	breach(p.failedGrade(links))
	lack(count(cutShort(links), "the scan was interrupted before %s was done", "the scan was interrupted before %s were done"))
	if !p.AllowUnreachable {
		lack(count(unanswered(links, checks.Unreachable), "%s is unreachable", "%s are unreachable"))
		lack(count(unanswered(links, checks.Inconclusive), "%s is inconclusive", "%s are inconclusive"))
		lack(p.ungraded(links))
	}
	return d
}

func (p Policy) failedSeverity(links []LinkOutcome) string {
	if p.FailOn == "" {
		return ""
	}
	failed := p.failedWhere(links, func(f *Finding) bool { return f.Severity.rank() >= p.FailOn.rank() })
	return countOf(failed, "finding", "of severity "+string(p.FailOn)+" or above")
}

func (p Policy) failedRules(links []LinkOutcome) string {
	failed := p.failedWhere(links, func(f *Finding) bool { return slices.Contains(p.FailOnRules, f.Rule) })
	return countOf(failed, "finding", "of a rule that must not fail")
}

func (p Policy) failedGrade(links []LinkOutcome) string {
	if p.MinGrade == "" {
		return ""
	}
	var worse []string
	for _, l := range links {
		known := p.NewOnly && l.Grade.rank() <= l.GradeBefore.rank()
		if l.Grade.rank() > p.MinGrade.rank() && !known {
			worse = append(worse, fmt.Sprintf("%s (%s)", l.ID, l.Grade))
		}
	}
	return countOf(worse, "link", "graded worse than "+string(p.MinGrade))
}

// ungraded lists links that MinGrade cannot be held against and that are not
// named as unreachable or inconclusive already.
func (p Policy) ungraded(links []LinkOutcome) string {
	if p.MinGrade == "" {
		return ""
	}
	var list []string
	for _, l := range links {
		if l.Grade == GradeUnknown && l.outcome() == checks.Observed {
			list = append(list, l.ID)
		}
	}
	return countOf(list, "link", "with too little known for a grade")
}

// Counts reports whether a finding failed, is not waived and, with NewOnly, is
// not known from the baseline.
func (p Policy) Counts(f *Finding) bool {
	return f.Verdict == Fail && !f.Waived() && (!p.NewOnly || !f.Known())
}

// failedWhere names the findings that count and match, as "target rule".
func (p Policy) failedWhere(links []LinkOutcome, match func(*Finding) bool) []string {
	var failed []string
	for _, l := range links {
		for i := range l.Findings {
			f := &l.Findings[i]
			if p.Counts(f) && match(f) {
				failed = append(failed, f.Target+" "+f.Rule)
			}
		}
	}
	return failed
}

// cutShort names the links that an interrupt left undone.
func cutShort(links []LinkOutcome) []string {
	var list []string
	for _, l := range links {
		if slices.ContainsFunc(l.Observations, func(o checks.Observation) bool { return o.Reason == checks.ReasonCancelled }) {
			list = append(list, l.ID)
		}
	}
	return list
}

// unanswered names the links that ended so, each with the first reason.
func unanswered(links []LinkOutcome, outcome checks.Outcome) []string {
	var list []string
	for _, l := range links {
		if l.outcome() != outcome {
			continue
		}
		for _, o := range l.Observations {
			if o.Outcome == outcome && !settled(o) {
				list = append(list, fmt.Sprintf("%s (%s)", l.ID, o.Reason))
				break
			}
		}
	}
	return list
}

// outcome is the worst of the link's probes: unreachable, then inconclusive.
// Probes that were cut short are counted elsewhere.
func (l *LinkOutcome) outcome() checks.Outcome {
	worst := checks.Observed
	for _, o := range l.Observations {
		switch {
		case settled(o):
		case o.Outcome == checks.Unreachable:
			return checks.Unreachable
		default:
			worst = checks.Inconclusive
		}
	}
	return worst
}

// settled reports whether asking again would not be expected to learn more.
func settled(o checks.Observation) bool {
	return o.Outcome == checks.Observed || o.Reason == checks.ReasonPlaintext ||
		o.Reason == checks.ReasonNotTested || o.Reason == checks.ReasonCancelled
}

// shownTargets is how many ids a reason names.
const shownTargets = 5

// countOf says how many there are and names the first few: "2 findings of
// severity high or above: a/b tls-1, a/c tls-2". It is empty for none.
func countOf(list []string, noun, which string) string {
	if len(list) == 0 {
		return ""
	}
	return fmt.Sprintf("%s %s: %s", plural(len(list), noun), which, firstFew(list, shownTargets))
}

// count puts a number of links into a sentence and names the first few.
func count(list []string, one, many string) string {
	if len(list) == 0 {
		return ""
	}
	sentence := many
	if len(list) == 1 {
		sentence = one
	}
	return fmt.Sprintf(sentence, plural(len(list), "link")) + ": " + firstFew(list, shownTargets)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
