package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// junitTotals are the counts of one suite, or of all.
type junitTotals struct {
	tests, failures, errors, skipped int
	ms                               int64
}

func (t *junitTotals) add(o junitTotals) {
	t.tests += o.tests
	t.failures += o.failures
	t.errors += o.errors
	t.skipped += o.skipped
	t.ms += o.ms
}

func (t *junitTotals) count(r result) {
	t.tests++
	switch r.element {
	case caseFailed:
		t.failures++
	case caseError:
		t.errors++
	case caseSkipped:
		t.skipped++
	}
}

func (t *junitTotals) attributes() attributes {
	return attributes{
		{"tests", strconv.Itoa(t.tests)}, {"failures", strconv.Itoa(t.failures)},
		{"errors", strconv.Itoa(t.errors)}, {"skipped", strconv.Itoa(t.skipped)}, {"time", seconds(t.ms)},
	}
}

// seconds keeps whole milliseconds exact, so that times add up.
func seconds(ms int64) string { return fmt.Sprintf("%d.%03d", ms/1000, ms%1000) }

// testCase is one test case on its way out. What is said of it beside its
// result is made when it is written, and not for the counts.
type testCase struct {
	name   string
	ms     int64
	line   int
	result result
	body   func() string
}

// cases calls yield with each test case of the suite.
func (s *suite) cases(j *junitWriter, yield func(testCase)) {
	switch {
	case s == j.scan:
		yield(testCase{name: "scan is complete", result: j.complete()})
		yield(testCase{name: "gate is passed", result: j.gate(), body: j.reasons})
	case s.target != nil:
		yield(testCase{name: "link is assessed", ms: s.milliseconds(), line: s.target.Line, result: assessed(s.target)})
	}
	for _, f := range s.findings {
		c := testCase{name: j.caseName(f), line: f.Location.Line, result: j.resultOf(f)}
		if f.Verdict == risk.Fail {
			c.body = func() string { return j.explain(f, s) }
		}
		yield(c)
	}
}

// caseName is the demand in words, for people, and the rule's id, which
// services follow from one run to the next.
func (j *junitWriter) caseName(f *risk.Finding) string {
	place, ok := j.rules[f.Rule]
	if !ok {
		return printable(f.Rule)
	}
	return fmt.Sprintf("%s [%s]", printable(j.report.Rules[place].Title), printable(f.Rule))
}

func (s *suite) milliseconds() (ms int64) {
	if s.target == nil {
		return 0
	}
	for _, o := range s.target.Observations {
		ms += max(o.DurationMS, 0)
	}
	return ms
}

func (s *suite) totals(j *junitWriter) junitTotals {
	t := junitTotals{ms: s.milliseconds()}
	s.cases(j, func(c testCase) { t.count(c.result) })
	return t
}

func (s *suite) write(x *xmlWriter, j *junitWriter) {
	totals := s.totals(j)
	file := s.file(j)
	at := append(attributes{{"name", printable(s.id)}}, totals.attributes()...)
	at = append(at, attribute{"timestamp", j.report.Started.UTC().Format(time.RFC3339)})
	if file != "" {
		at = append(at, attribute{"file", file})
	}
	x.begin("testsuite", at)
	x.begin("properties", nil)
	for _, p := range s.properties(j) {
		if p.value != "" {
			x.empty("property", attributes{{"name", p.name}, {"value", printable(p.value)}})
		}
	}
	x.end("properties")
	class := printable(strings.ReplaceAll(s.id, "/", "."))
	s.cases(j, func(c testCase) {
		at := attributes{{"classname", class}, {"name", c.name}, {"time", seconds(c.ms)}}
		if file != "" {
			at = append(at, attribute{"file", file}, attribute{"line", strconv.Itoa(max(c.line, 1))})
		}
		c.write(x, at)
	})
	x.end("testsuite")
}

// write writes a test case. What is wrong stands in the message, which Jenkins
// and Azure Pipelines show, and again in the text, which is all that GitLab
// reads.
func (c *testCase) write(x *xmlWriter, at attributes) {
	r := c.result
	if r.element == "" {
		x.empty("testcase", at)
		return
	}
	text := r.message
	if c.body != nil {
		text += "\n\n" + c.body()
	}
	x.begin("testcase", at)
	x.text(r.element, attributes{{"type", r.kind}, {"message", r.message}}, text)
	x.end("testcase")
}

func (s *suite) file(j *junitWriter) string {
	path := ""
	switch {
	case s.target != nil:
		path = s.target.File
	case len(s.findings) > 0:
		path = s.findings[0].Location.File
	}
	return printable(j.file(path))
}

func (s *suite) properties(j *junitWriter) attributes {
	r := j.report
	switch {
	case s == j.scan:
		return attributes{
			{"version", r.Tool.Version}, {"level", string(r.Level)}, {"vantage", r.Vantage},
			{"inventory", r.Inventory.Digest}, {"coverage", fmt.Sprintf("%d %%", r.Summary.Coverage)},
		}
	case s.target != nil:
		t := s.target
		return append(attributes{
			{"vendor", t.Vendor}, {"kind", t.Kind}, {"url", t.URL},
			{"owners", strings.Join(t.Declared.Link.Owners, ", ")}, {"classification", t.Declared.Link.Classification},
		}, scoreProperties(t.Score)...)
	case s.vendor != nil:
		return append(attributes{{"vendor", s.vendor.ID}, {"name", s.vendor.Name}}, scoreProperties(s.vendor.Score)...)
	}
	return nil
}

// scoreProperties never give the grade without the coverage.
func scoreProperties(s risk.Score) attributes {
	p := attributes{{"grade", string(s.Grade)}, {"coverage", fmt.Sprintf("%d %%", s.Coverage)}}
	if s.Residual != nil {
		p = append(p, attribute{"residual", strconv.Itoa(*s.Residual)})
	}
	return append(p, attribute{"band", string(s.Band)})
}
