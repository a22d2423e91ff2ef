package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/joshdk/go-junit"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// junitXML is the structure that the schema of Jenkins' xUnit plugin allows,
// as far as we use it, with what GitLab and others read beside it: file and
// line of a test case.
type junitXML struct {
	XMLName xml.Name `xml:"testsuites"`
	junitCounts
	Suites []struct {
		junitCounts
		Timestamp  string `xml:"timestamp,attr"`
		File       string `xml:"file,attr"`
		Properties []struct {
			Name  string `xml:"name,attr"`
			Value string `xml:"value,attr"`
		} `xml:"properties>property"`
		Cases []struct {
			Class   string         `xml:"classname,attr"`
			Name    string         `xml:"name,attr"`
			Time    string         `xml:"time,attr"`
			File    string         `xml:"file,attr"`
			Line    string         `xml:"line,attr"`
			Failure []junitOutcome `xml:"failure"`
			Error   []junitOutcome `xml:"error"`
			Skipped []junitOutcome `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

type junitCounts struct {
	Name     string `xml:"name,attr"`
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Skipped  int    `xml:"skipped,attr"`
	Time     string `xml:"time,attr"`
}

type junitOutcome struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// lintJUnit reads a document strictly and counts again.
func lintJUnit(t *testing.T, text []byte) (doc junitXML) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
	}
	if err := xml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var all junitCounts
	milliseconds := func(s string) (ms int) {
		whole, fraction, _ := strings.Cut(s, ".")
		ms, err := strconv.Atoi(whole + fraction)
		if err != nil || len(fraction) != 3 || ms < 0 {
			t.Errorf("time %q is not in seconds", s)
		}
		return ms
	}
	spent := 0
	names := make(map[string]bool)
	for _, s := range doc.Suites {
		counts := junitCounts{Name: s.Name, Time: s.Time}
		inSuite := 0
		for _, c := range s.Cases {
			if names[c.Class+"\n"+c.Name] {
				t.Errorf("test case %s %s stands twice: GitLab drops the second", c.Class, c.Name)
			}
			names[c.Class+"\n"+c.Name] = true
			counts.Tests++
			counts.Failures += len(c.Failure)
			counts.Errors += len(c.Error)
			counts.Skipped += len(c.Skipped)
			inSuite += milliseconds(c.Time)
			for _, o := range slices.Concat(c.Failure, c.Error, c.Skipped) {
				if o.Message == "" || o.Type == "" || !strings.HasPrefix(o.Text, o.Message) {
					t.Errorf("%s %s: type %q, message %q, text %q: want all, and the text to begin with the message", c.Class, c.Name, o.Type, o.Message, o.Text)
				}
			}
			if n := len(c.Failure) + len(c.Error) + len(c.Skipped); n > 1 {
				t.Errorf("%s %s has %d outcomes", c.Class, c.Name, n)
			}
		}
		if diff := cmp.Diff(counts, s.junitCounts); diff != "" {
			t.Errorf("suite %s: -counted +stated\n%s", s.Name, diff)
		}
		if inSuite != milliseconds(s.Time) {
			t.Errorf("suite %s takes %s, its test cases %d ms", s.Name, s.Time, inSuite)
		}
		if _, err := time.Parse(time.RFC3339, s.Timestamp); err != nil {
			t.Errorf("suite %s: %v", s.Name, err)
		}
		all.Tests += counts.Tests
		all.Failures += counts.Failures
		all.Errors += counts.Errors
		all.Skipped += counts.Skipped
		spent += inSuite
	}
	all.Name, all.Time = "m2mscan", doc.Time
	if diff := cmp.Diff(all, doc.junitCounts); diff != "" {
		t.Errorf("total: -counted +stated\n%s", diff)
	}
	if spent != milliseconds(doc.Time) {
		t.Errorf("all suites take %d ms, the total says %s", spent, doc.Time)
	}
	return doc
}

func TestJUnitGolden(t *testing.T) {
	t.Parallel()
	nothing := withoutFindings()
	nothing.Targets, nothing.Vendors = nil, nil
	nothing.Decision = risk.Decision{}
	for name, r := range map[string]*Report{"report.junit.xml": sample(), "empty.junit.xml": nothing} {
		got := render(t, "junit", r, Options{})
		golden(t, name, got)
		lintJUnit(t, got)
	}
	lintJUnit(t, render(t, "junit", large(5000), Options{}))
}

// outcomes reads a document as test tabs do, through another parser.
func outcomes(t *testing.T, r *Report) map[string]string {
	t.Helper()
	suites, err := junit.Ingest(render(t, "junit", r, Options{}))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, s := range suites {
		for _, c := range s.Tests {
			got[c.Classname+" "+c.Name] = strings.TrimSuffix(string(c.Status)+": "+c.Message, ": ")
		}
	}
	return got
}

func TestJUnitOutcomes(t *testing.T) {
	t.Parallel()
	r := sample()
	want := map[string]string{
		"m2mscan scan is complete":                                                          "passed",
		"m2mscan gate is passed":                                                            "failed: the gate is breached",
		"acme-pay.charges-api link is assessed":                                             "passed",
		"acme-pay.charges-api TLS 1.0 is refused [tls-no-1.0]":                              "passed",
		"acme-pay.refunds-api link is assessed":                                             "passed",
		"acme-pay.refunds-api TLS 1.0 is refused [tls-no-1.0]":                              "failed: TLS 1.0 accepted by 127.0.0.1:8443",
		"acme-pay.refunds-api A rate limit is agreed [rate-limit-agreed]":                   "failed: no rate limit stated",
		"acme-pay.refunds-api The certificate's key is strong [key-strength]":               "skipped: waived by payments-team until 2026-11-30: the vendor moves to a new certificate on the 30th, ticket | 4711 <b>",
		"globex The vendor has a contact [vendor-has-contact]":                              "failed: no contact stated",
		"globex.telemetry link is assessed":                                                 "passed",
		"globex.telemetry Link is encrypted [no-plaintext]":                                 "failed: mqtt sends in plain text. Anonymous session accepted by broker 2.0.18",
		"initech.events-hook link is assessed":                                              "error: not assessed: link, tls: unreachable: refused (connect 127.0.0.1:9: connection refused)",
		"initech.events-hook TLS 1.0 is refused [tls-no-1.0]":                               "skipped: inconclusive: tls.accepts.tls10 is unknown: refused",
		"initech.a-link-with-a-very-long-name-that-somebody-chose-in-2019 link is assessed": "error: not assessed: tls: inconclusive: stalled (no answer to the ClientHello within 5s)",
	}
	if diff := cmp.Diff(want, outcomes(t, r)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}

	r.Gate.NewOnly, r.Complete, r.Decision = true, false, risk.Decision{Incomplete: true}
	want["acme-pay.refunds-api A rate limit is agreed [rate-limit-agreed]"] = "skipped: known to the baseline: no rate limit stated"
	want["m2mscan scan is complete"] = "error: the scan ended before all links were probed"
	want["m2mscan gate is passed"] = "error: nothing breached the gate, but not everything was assessed"
	if diff := cmp.Diff(want, outcomes(t, r)); diff != "" {
		t.Errorf("new only, interrupted: -want +got\n%s", diff)
	}
}

// TestJUnitNeverGreen holds that a link of which too little is known has an
// error, whatever its probes met and also where no rule was judged.
func TestJUnitNeverGreen(t *testing.T) {
	t.Parallel()
	lost := checks.Observation{Probe: "tls", Outcome: checks.Inconclusive, Reason: checks.ReasonReset}
	seen := checks.Observation{Probe: "link", Outcome: checks.Observed}
	for name, tt := range map[string]struct {
		grade        risk.Grade
		observations []checks.Observation
		want         string
	}{
		"not probed":    {risk.GradeA, nil, "error: not assessed: no probe applies"},
		"unreachable":   {risk.GradeA, []checks.Observation{{Probe: "link", Outcome: checks.Unreachable, Reason: checks.ReasonDNS}}, "error: not assessed: link: unreachable: dns"},
		"inconclusive":  {risk.GradeA, []checks.Observation{lost}, "error: not assessed: tls: inconclusive: reset"},
		"hardly known":  {risk.GradeUnknown, []checks.Observation{seen, lost}, "error: not assessed: tls: inconclusive: reset"},
		"hardly judged": {"", []checks.Observation{seen}, "error: not assessed: the rules were settled to 40 % only"},
		"in part":       {risk.GradeC, []checks.Observation{seen, lost}, "skipped: assessed in part: tls: inconclusive: reset"},
		"known":         {risk.GradeC, []checks.Observation{seen}, "passed"},
	} {
		r := withoutFindings()
		r.Targets = r.Targets[:1]
		r.Targets[0].Observations, r.Targets[0].Score.Grade, r.Targets[0].Score.Coverage = tt.observations, tt.grade, 40
		if got := outcomes(t, r)["acme-pay.charges-api link is assessed"]; got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestJUnitText holds text that a peer chose to what XML can carry, and makes
// sure that all of it arrives.
func TestJUnitText(t *testing.T) {
	t.Parallel()
	r := sample()
	hostile := "a\x00\x08\x1b[31m\x7f\u0085\u202e\ufffe\U000e0041\xff]]><![CDATA[&amp;'\"</failure>\r\n\tend"
	for i := range r.Findings {
		r.Findings[i].Message = hostile
	}
	for i := range r.Rules {
		r.Rules[i].Title, r.Rules[i].Remedy = r.Rules[i].Title+hostile, "first\n\n    second "+hostile
	}
	r.Targets[1].URL, r.Targets[1].Declared.Link.Owners = hostile, []string{hostile}
	r.Vendors[0].ID, r.Decision.Reasons, r.Tool.Version = hostile, []string{hostile}, hostile
	text := render(t, "junit", r, Options{})
	doc := lintJUnit(t, text)
	if bad := bytes.IndexFunc(text, func(r rune) bool { return r != '\n' && (r < ' ' || r == 0x7f || r == '\ufffe' || r == '\ufffd') }); bad >= 0 {
		t.Errorf("byte %d: %q", bad, text[bad:min(bad+10, len(text))])
	}
	want := printable(hostile)
	failed := doc.Suites[2].Cases[1].Failure[0]
	if failed.Message != want || !strings.Contains(failed.Text, "Remedy: first\n\n    second "+strings.Split(printableLines(hostile), "\n")[0]) {
		t.Errorf("message %q, text %q: want the message %q and the remedy", failed.Message, failed.Text, want)
	}
}

func TestJUnitLocation(t *testing.T) {
	t.Parallel()
	doc := lintJUnit(t, render(t, "junit", sample(), Options{}))
	c := doc.Suites[2].Cases[1]
	if got, want := fmt.Sprintf("%s %s:%s", c.Class, c.File, c.Line), "acme-pay.refunds-api ops/inventory.yaml:19"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, want := range []string{"Severity: high", "Since the baseline: new", "Link: https://acme-pay.example/refunds-api", "Demanded: TLS 1.0 is refused.", "Source: RFC 8996 section 4", "Weakness: CWE-327 API8:2023", "Remedy: Set the server's minimum", "Inventory: ops/inventory.yaml:19"} {
		if !strings.Contains(c.Failure[0].Text, "\n"+want) {
			t.Errorf("the failure does not say %q:\n%s", want, c.Failure[0].Text)
		}
	}
}

// TestJUnitOrder gives the findings out of order, as another tool may have
// sorted a report: each still lands in its own suite.
func TestJUnitOrder(t *testing.T) {
	t.Parallel()
	r := sample()
	sorted := outcomes(t, r)
	slices.Reverse(r.Findings)
	if diff := cmp.Diff(sorted, outcomes(t, r)); diff != "" {
		t.Errorf("-in order +out of order\n%s", diff)
	}
	lintJUnit(t, render(t, "junit", r, Options{}))
}
