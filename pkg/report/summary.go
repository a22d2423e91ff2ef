package report

import (
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// vantageOf is the widest network that any link was reached on.
func vantageOf(networks []string) string {
	rising := []string{"none", "loopback", "private", "public"}
	widest := 0
	for _, network := range networks {
		widest = max(widest, slices.Index(rising, network))
	}
	return rising[widest]
}

// has reports whether some probe's visit of the link ended so.
func (t *Target) has(outcome checks.Outcome) bool {
	return slices.ContainsFunc(t.Observations, func(o checks.Observation) bool { return o.Outcome == outcome })
}

// unreachable reports whether no probe could connect to the link.
func (t *Target) unreachable() bool {
	return t.has(checks.Unreachable) && !t.has(checks.Observed) && !t.has(checks.Inconclusive)
}

func summaryOf(r *Report) Summary {
	s := Summary{
		Vendors:  len(r.Vendors),
		Links:    len(r.Targets),
		Verdicts: map[risk.Verdict]int{risk.Pass: 0, risk.Fail: 0, risk.Inconclusive: 0},
		Failed:   make(map[risk.Severity]int, len(risk.Severities)),
	}
	for _, severity := range risk.Severities {
		s.Failed[severity] = 0
	}
	s.Claims = make(map[risk.ClaimState]int, len(risk.ClaimStates))
	for _, state := range risk.ClaimStates {
		s.Claims[state] = 0
	}
	for i := range r.Claims {
		s.Claims[r.Claims[i].State]++
	}
	for i := range r.Targets {
		s.addTarget(&r.Targets[i])
	}
	if s.Links > 0 {
		s.Coverage /= s.Links // rounded down: 100 means every link
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		s.Verdicts[f.Verdict]++
		switch {
		case f.Verdict != risk.Fail:
		case f.Waived():
			s.Waived++
		default:
			s.Failed[f.Severity]++
		}
	}
	return s
}

// addTarget counts a link. Coverage is the sum until all links are counted.
func (s *Summary) addTarget(t *Target) {
	if t.has(checks.Observed) {
		s.Observed++
	}
	if t.has(checks.Inconclusive) {
		s.Inconclusive++
	}
	if t.unreachable() {
		s.Unreachable++
	}
	s.Coverage += t.Score.Coverage
	for _, o := range t.Observations {
		s.Connections += o.Connections
		s.Requests += o.Requests
		s.Bytes += o.Bytes
	}
}
