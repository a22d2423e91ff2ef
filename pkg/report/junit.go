package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// writeJUnit writes a test suite for each link and each vendor that has
// findings of its own, and one for the scan as a whole. Each rule that was
// judged is a test case:
//
//   - a failed finding is a failure;
//   - a waived one is skipped, and so is one that the baseline knows where only
//     what is new counts;
//   - one that could not be decided is skipped, with the reason.
//
// Each link has one more test case, "link is assessed": an error where too
// little was learned for a grade, so that an unreachable link is never green,
// and skipped where some probe learned nothing.
func writeJUnit(w io.Writer, r *Report, _ Options) error {
	j := newJUnit(r)
	x := newXMLWriter(w)
	total := j.scan.totals(j)
	for _, s := range j.suites {
		total.add(s.totals(j))
	}
	x.begin("testsuites", append(attributes{{"name", "m2mscan"}}, total.attributes()...))
	j.scan.write(x, j)
	for _, s := range j.suites {
		s.write(x, j)
	}
	x.end("testsuites")
	if err := x.flush(); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	return nil
}

// junitWriter is one report on its way to test suites.
type junitWriter struct {
	report *Report
	rules  map[string]int // places in report.Rules
	uris   map[string]string
	scan   *suite
	suites []*suite // in the order of the report; a vendor comes before its links
}

// suite is the findings of one link or vendor. The suite of the whole scan has
// neither.
type suite struct {
	id       string
	target   *Target
	vendor   *Vendor
	findings []*risk.Finding
}

func newJUnit(r *Report) *junitWriter {
	j := &junitWriter{report: r, rules: r.rulesByID(), uris: make(map[string]string, len(r.Inventory.Files)), scan: &suite{id: "m2mscan"}}
	for _, f := range r.Inventory.Files {
		j.uris[f.Path] = f.URI
	}
	vendors := make(map[string]*Vendor, len(r.Vendors))
	for i := range r.Vendors {
		vendors[r.Vendors[i].ID] = &r.Vendors[i]
	}
	places := make(map[string]int, len(r.Vendors)+len(r.Targets))
	place := func(s suite) {
		if _, ok := places[s.id]; !ok {
			places[s.id] = len(j.suites)
			j.suites = append(j.suites, &s)
		}
	}
	for i := range r.Targets {
		t := &r.Targets[i]
		place(suite{id: t.Vendor, vendor: vendors[t.Vendor]})
		place(suite{id: t.ID, target: t})
	}
	for i := range r.Vendors {
		place(suite{id: r.Vendors[i].ID, vendor: &r.Vendors[i]})
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		place(suite{id: f.Target}) // Read holds that there is one already
		s := j.suites[places[f.Target]]
		s.findings = append(s.findings, f)
	}
	kept := j.suites[:0]
	for _, s := range j.suites {
		if s.target != nil || len(s.findings) > 0 {
			kept = append(kept, s)
		}
	}
	j.suites = kept
	return j
}

// result is what became of a test case.
type result struct {
	element string // empty for a pass
	kind    string // the element's type
	message string
}

// Elements of a test case that did not pass.
const (
	caseFailed  = "failure"
	caseError   = "error"
	caseSkipped = "skipped"
)

// resultOf judges nothing: it puts the verdict of a finding, and whether
// somebody has accepted it, into the words of JUnit.
func (j *junitWriter) resultOf(f *risk.Finding) result {
	message := printable(f.Message)
	if f.Verdict == risk.Fail {
		switch statusOf(f, j.report.Gate) {
		case statusWaived:
			return result{caseSkipped, "waived", fmt.Sprintf("waived by %s until %s: %s",
				printable(f.Waiver.Owner), printable(f.Waiver.Expires), printable(f.Waiver.Reason))}
		case statusKnown:
			return result{caseSkipped, "known", "known to the baseline: " + message}
		case statusOpen, statusExpired:
			return result{caseFailed, string(f.Severity), message}
		}
	}
	if f.Verdict == risk.Pass {
		return result{}
	}
	return result{caseSkipped, string(f.Verdict), string(f.Verdict) + ": " + message}
}

// explain is what follows the message of a failed finding: all that is needed
// to act on it.
func (j *junitWriter) explain(f *risk.Finding, s *suite) string {
	var lines []string
	say := func(label, text string) {
		if text = strings.TrimSpace(text); text != "" {
			lines = append(lines, label+": "+printable(text))
		}
	}
	switch statusOf(f, j.report.Gate) {
	case statusWaived:
		say("Found", f.Message)
	case statusExpired:
		say("Waiver", fmt.Sprintf("of %s, expired after %s", f.Waiver.Owner, f.Waiver.Expires))
	case statusOpen, statusKnown:
	}
	say("Severity", string(f.Severity))
	say("Since the baseline", string(f.Change))
	if s.target != nil {
		say("Link", s.target.URL)
	}
	if place, ok := j.rules[f.Rule]; ok {
		rule := &j.report.Rules[place]
		say("Demanded", sentence(rule.Title))
		say("Source", strings.Join(rule.Cites, "; "))
		say("Weakness", rule.CWE+" "+rule.OWASP)
		if remedy := strings.TrimSpace(rule.Remedy); remedy != "" {
			lines = append(lines, "Remedy: "+printableLines(remedy))
		}
	}
	say("Inventory", fmt.Sprintf("%s:%d", j.file(f.Location.File), f.Location.Line))
	return strings.Join(lines, "\n")
}

// file is the path of an inventory file as test tabs link to it: relative to
// the repository.
func (j *junitWriter) file(path string) string { return cmp.Or(j.uris[path], path) }

// assessed is the result of the test case that says whether enough is known of
// a link to grade it.
func assessed(t *Target) result {
	_, reasons := notAssessed(t)
	why := printable(strings.Join(reasons, "; "))
	if why == "" {
		why = fmt.Sprintf("the rules were settled to %d %% only", t.Score.Coverage)
	}
	switch {
	case t.unreachable():
		return result{caseError, "unreachable", "not assessed: " + why}
	case !t.has(checks.Observed), cmp.Or(t.Score.Grade, risk.GradeUnknown) == risk.GradeUnknown:
		return result{caseError, "inconclusive", "not assessed: " + why}
	case len(reasons) > 0:
		return result{caseSkipped, "inconclusive", "assessed in part: " + why}
	default:
		return result{} // each probe learned something
	}
}

// complete says whether the scan came to its end.
func (j *junitWriter) complete() result {
	if j.report.Complete {
		return result{}
	}
	return result{caseError, "interrupted", "the scan ended before all links were probed"}
}

// gate says what the exit code was decided to be, and why in reasons.
func (j *junitWriter) gate() result {
	switch d := j.report.Decision; {
	case d.Breached:
		return result{caseFailed, "breached", "the gate is breached"}
	case d.Incomplete:
		return result{caseError, "incomplete", "nothing breached the gate, but not everything was assessed"}
	default:
		return result{}
	}
}

func (j *junitWriter) reasons() string {
	var lines []string
	for _, reason := range j.report.Decision.Reasons {
		lines = append(lines, "- "+printable(reason))
	}
	return strings.Join(lines, "\n")
}
