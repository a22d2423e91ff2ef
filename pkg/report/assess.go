package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// visitGroup is what several probes met alike on one link.
type visitGroup struct {
	outcome checks.Outcome
	reason  checks.Reason
	detail  string
	probes  []string
}

// String is "link, tls: unreachable: refused (connection refused)".
func (g visitGroup) String() string {
	s := fmt.Sprintf("%s: %s: %s", strings.Join(g.probes, ", "), g.outcome, g.reason)
	if g.detail != "" && g.detail != string(g.reason) {
		s += " (" + g.detail + ")"
	}
	return s
}

// visitsOf groups the visits of a link that ended in one of the outcomes, in
// the order of the probes. The first detail stands for the group.
func visitsOf(t *Target, outcomes ...checks.Outcome) []visitGroup {
	var groups []visitGroup
	for _, o := range t.Observations {
		if !slices.Contains(outcomes, o.Outcome) {
			continue
		}
		i := slices.IndexFunc(groups, func(g visitGroup) bool { return g.outcome == o.Outcome && g.reason == o.Reason })
		if i < 0 {
			groups = append(groups, visitGroup{outcome: o.Outcome, reason: o.Reason, detail: o.Detail})
			i = len(groups) - 1
		}
		groups[i].probes = append(groups[i].probes, o.Probe)
		if groups[i].detail == "" {
			groups[i].detail = o.Detail
		}
	}
	return groups
}

// notAssessed says why a link was not assessed in full, with the kind of its
// SARIF notification; nothing when each probe learned something.
func notAssessed(t *Target) (kind int, reasons []string) {
	if len(t.Observations) == 0 {
		return noticeNotProbed, []string{"no probe applies"}
	}
	for _, group := range visitsOf(t, checks.Unreachable, checks.Inconclusive) {
		reasons = append(reasons, group.String())
	}
	if t.unreachable() {
		return noticeUnreachable, reasons
	}
	return noticeInconclusive, reasons
}

// unknownFacts says which of the facts that were missed the probes that did
// observe something could not learn, by reason:
// "unknown (reset): tls.accepts.tls10, tls.accepts.tls11".
func unknownFacts(t *Target, missed map[string]bool) []string {
	const named = 4 // the rest is counted
	var reasons []checks.Reason
	facts := make(map[checks.Reason][]string)
	for _, u := range t.Unknown {
		if !missed[u.Fact] || !t.observedBy(namespaceOf(u.Fact)) {
			continue
		}
		if facts[u.Reason] == nil {
			reasons = append(reasons, u.Reason)
		}
		facts[u.Reason] = append(facts[u.Reason], u.Fact)
	}
	lines := make([]string, 0, len(reasons))
	for _, reason := range reasons {
		list := facts[reason]
		text := strings.Join(list[:min(named, len(list))], ", ")
		if more := len(list) - named; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		lines = append(lines, fmt.Sprintf("unknown (%s): %s", reason, text))
	}
	return lines
}

// observedBy reports whether the visit of a probe was not lost as a whole.
func (t *Target) observedBy(probe string) bool {
	return slices.ContainsFunc(t.Observations, func(o checks.Observation) bool {
		return o.Probe == probe && o.Outcome == checks.Observed
	})
}

// outcomeInWords is how the visits of a link ended, for one cell of a table.
func outcomeInWords(t *Target) string {
	if len(t.Observations) == 0 {
		return "not probed"
	}
	groups := visitsOf(t, checks.Unreachable, checks.Inconclusive)
	if len(groups) == 0 {
		return "observed"
	}
	g := groups[0]
	if t.has(checks.Observed) {
		return fmt.Sprintf("observed in part; %s %s", strings.Join(g.probes, ", "), g.reason)
	}
	return fmt.Sprintf("%s: %s", g.outcome, g.reason)
}
