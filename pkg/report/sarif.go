package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// GitHub refuses a whole file over 25,000 results or 10 MB of gzip. The text
// of the messages together is held to what cannot reach the latter even when
// it does not compress.
const (
	maxResults      = 25_000
	maxMessages     = 8_000_000 // bytes, all results together
	minMessage      = maxMessages / maxResults
	maxMessage      = 2_000
	maxNotices      = 1_000
	fingerprintName = "m2mscan/v1"
)

// A NoURIError says that an inventory file has no place in a repository. SARIF
// needs one: services refuse a file whose results have no location.
type NoURIError struct {
	Path string // as the user named it
	Root string // the root that was given, if any
}

// Error says what to do about it.
func (e *NoURIError) Error() string {
	if e.Root != "" {
		return fmt.Sprintf("no SARIF: inventory file %q is not a file under the root %q; name the folder that holds it with --sarif-root", e.Path, e.Root)
	}
	return fmt.Sprintf("no SARIF: inventory file %q is not a file in a repository; name the root of its repository with --sarif-root DIR or, for standard input, the file it came from with --stdin-filename FILE", e.Path)
}

// writeSARIF writes the report as one SARIF run. Failed findings are results
// of kind "fail", inconclusive ones of kind "open", the worst first. It fails
// with a [NoURIError] before it writes anything.
func writeSARIF(w io.Writer, r *Report, o Options) error {
	s, err := newSARIF(r, o)
	if err != nil {
		return err
	}
	s.limit(maxResults)
	return s.write(w)
}

func (s *sarif) write(w io.Writer) error {
	return writeDocument(w, func(yield func(string, any) bool) {
		_ = yield("$schema", sarifSchema) &&
			yield("version", sarifVersion) &&
			yield("runs", elements(func(yield func(any) bool) { yield(members(s.run)) }))
	})
}

// sarif is what the run needs to look up while it is written.
type sarif struct {
	report    *Report
	options   Options
	uris      map[string]string // by path
	rules     map[string]int    // places in driver.rules, by id
	targets   map[string]*Target
	vendors   map[string]*Vendor
	results   []*risk.Finding
	leftOut   int
	messageOf int // bytes that one message may take
}

func newSARIF(r *Report, o Options) (*sarif, error) {
	s := &sarif{
		report: r, options: o,
		uris:    make(map[string]string, len(r.Inventory.Files)),
		rules:   r.rulesByID(),
		targets: make(map[string]*Target, len(r.Targets)),
		vendors: make(map[string]*Vendor, len(r.Vendors)),
		results: append(r.unwaived(risk.Fail), r.unwaived(risk.Inconclusive)...),
	}
	if o.SARIFWaived {
		s.results = append(s.results, r.waived()...)
	}
	if err := s.findURIs(); err != nil {
		return nil, err
	}
	for i := range r.Targets {
		s.targets[r.Targets[i].ID] = &r.Targets[i]
	}
	for i := range r.Vendors {
		s.vendors[r.Vendors[i].ID] = &r.Vendors[i]
	}
	return s, s.check()
}

// limit keeps the worst results, and shortens messages where there are many.
func (s *sarif) limit(results int) {
	s.leftOut = max(len(s.results)-results, 0)
	s.results = s.results[:len(s.results)-s.leftOut]
	s.messageOf = min(max(maxMessages/max(len(s.results), 1), minMessage), maxMessage)
}

// findURIs looks at every inventory file, also those without findings, so
// that a wrong set-up shows on the first run and not with the first finding.
func (s *sarif) findURIs() error {
	for _, f := range s.report.Inventory.Files {
		uri := f.URI
		if s.options.SARIFRoot != "" {
			uri = RepositoryURIs(s.options.SARIFRoot)(f.Path)
		}
		if uri == "" {
			return &NoURIError{Path: f.Path, Root: s.options.SARIFRoot}
		}
		s.uris[f.Path] = uri
	}
	return nil
}

// check makes sure that every result will have its rule and its location: a
// report that was not made by New or Read may lack them.
func (s *sarif) check() error {
	for _, f := range s.results {
		if _, ok := s.rules[f.Rule]; !ok {
			return fmt.Errorf("finding on %s: the report does not hold its rule %q", f.Target, f.Rule)
		}
		if s.uris[f.Location.File] == "" {
			return &NoURIError{Path: f.Location.File, Root: s.options.SARIFRoot}
		}
	}
	return nil
}

func (s *sarif) run(yield func(string, any) bool) {
	_ = yield("tool", map[string]any{"driver": sarifDriver(s.report)}) &&
		yield("automationDetails", sarifAutomation{ID: automationID(s.options.SARIFCategory)}) &&
		yield("columnKind", "unicodeCodePoints") &&
		yield("invocations", []sarifInvocation{s.invocation()}) &&
		yield("results", elements(s.eachResult)) &&
		yieldTaxonomies(s.report.Rules, yield) &&
		yield("properties", s.runProperties())
}

func yieldTaxonomies(rules []risk.Rule, yield func(string, any) bool) bool {
	taxonomies := sarifTaxonomies(rules)
	return len(taxonomies) == 0 || yield("taxonomies", taxonomies)
}

// automationID ends with a slash: GitHub takes what stands before the last
// one for the category, and the rest for the run.
func automationID(category string) string {
	category = strings.Trim(printable(category), "/")
	if category == "" {
		return "m2mscan/"
	}
	return "m2mscan/" + category + "/"
}

func (s *sarif) runProperties() map[string]any {
	r := s.report
	return map[string]any{
		"level": r.Level, "vantage": r.Vantage, "complete": r.Complete,
		"decision": r.Decision, "summary": r.Summary,
	}
}

func (s *sarif) eachResult(yield func(any) bool) {
	for _, f := range s.results {
		if !yield(s.result(f)) {
			return
		}
	}
}

func (s *sarif) result(f *risk.Finding) sarifResult {
	place := s.rules[f.Rule]
	rule := &s.report.Rules[place]
	result := sarifResult{
		RuleID: f.Rule, RuleIndex: place,
		Kind: "fail", Level: termsOf(f.Severity).level,
		Locations:           []sarifLocation{s.location(f.Location, f.Target)},
		PartialFingerprints: map[string]string{fingerprintName: f.Fingerprint},
		Properties: sarifResultBag{
			Target: printable(f.Target), Vendor: printable(f.Vendor),
			Severity: string(f.Severity), Category: string(rule.Category),
		},
	}
	if f.Verdict == risk.Inconclusive {
		result.Kind, result.Level = "open", "none" // 3.27.10: no other level goes with this kind
	}
	result.BaselineState = baselineState(f.Change)
	if f.Waived() {
		result.Suppressions = []sarifSuppressed{{
			Kind: "external", Status: "accepted", Justification: plainMessage(acceptedBy(f.Waiver)),
		}}
	}
	if s.options.SARIFFingerprint != FingerprintLine {
		result.PartialFingerprints["primaryLocationLineHash"] = f.Fingerprint
	}
	if score, url, ok := s.scoreOf(f.Target); ok {
		p := &result.Properties
		p.URL, p.Grade, p.Posture, p.Coverage = printable(url), string(score.Grade), score.Posture, score.Coverage
		p.Inherent, p.Residual, p.Band = score.Inherent, score.Residual, string(score.Band)
	}
	result.Message.Text = s.message(f, rule)
	return result
}

// baselineState says in the words of 3.27.24 what became of a finding.
func baselineState(c risk.Change) string {
	switch c {
	case risk.ChangeNew, risk.ChangeRegressed:
		return "new"
	case risk.ChangeDetails:
		return "updated"
	case risk.ChangeNone:
		return "unchanged"
	default:
		return ""
	}
}

// scoreOf finds the score of a link or vendor, and the URL of a link.
func (s *sarif) scoreOf(target string) (score risk.Score, url string, ok bool) {
	if t, found := s.targets[target]; found {
		return t.Score, t.URL, true
	}
	if v, found := s.vendors[target]; found {
		return v.Score, "", true
	}
	return risk.Score{}, "", false
}

// message says in its first sentence what was found and where, which is all
// that some views show.
func (s *sarif) message(f *risk.Finding, rule *risk.Rule) string {
	rest := " (" + f.Target + "). Demanded: " + sentence(rule.Title)
	if score, url, ok := s.scoreOf(f.Target); ok {
		subject := " The vendor: "
		if url != "" {
			subject = " The link: " + url + ", "
		}
		rest += subject + scoreInWords(score) + "."
	}
	if f.Waiver != nil && !f.Waived() {
		rest += " Accepted by " + f.Waiver.Owner + " until " + f.Waiver.Expires + ", which has passed."
	}
	found := clip(plainMessage(strings.TrimRight(f.Message, ". ")), s.messageOf/2)
	return clip(capital(found)+plainMessage(rest), s.messageOf)
}

// plainMessage keeps text from being read as an embedded link (3.11.6).
func plainMessage(text string) string {
	return strings.ReplaceAll(printable(text), "](", "] (")
}

// scoreInWords is "residual risk high (58 of 100), grade D, coverage 90 %".
func scoreInWords(s risk.Score) string {
	residual := "residual risk unknown"
	if s.Residual != nil {
		residual = fmt.Sprintf("residual risk %s (%d of 100)", s.Band, *s.Residual)
	}
	return fmt.Sprintf("%s, grade %s, coverage %d %%", residual, cmp.Or(s.Grade, risk.GradeUnknown), s.Coverage)
}

// location is the line of a link or vendor in its inventory file. The URL of
// a link is not its location: GitHub shows files of the repository only.
func (s *sarif) location(at inventory.Position, target string) sarifLocation {
	l := sarifLocation{PhysicalLocation: sarifPhysicalLocation{
		ArtifactLocation: sarifArtifactLocation{URI: s.uris[at.File]},
		Region:           sarifRegion{StartLine: max(at.Line, 1), StartColumn: max(at.Column, 1)},
	}}
	if target != "" {
		name := target[strings.LastIndexByte(target, '/')+1:]
		l.LogicalLocations = []sarifLogicalLocation{{
			Name: printable(name), FullyQualifiedName: printable(target), Kind: "resource",
		}}
	}
	return l
}

func (s *sarif) invocation() sarifInvocation {
	const layout = "2006-01-02T15:04:05.000Z" // 3.9: UTC
	return sarifInvocation{
		ExecutionSuccessful:        s.report.Complete,
		StartTimeUTC:               s.report.Started.UTC().Format(layout),
		EndTimeUTC:                 s.report.Finished.UTC().Format(layout),
		ToolExecutionNotifications: s.notifications(),
	}
}

// notifications say what the results do not: what was not assessed, and what
// was left out.
func (s *sarif) notifications() []sarifNotification {
	list := []sarifNotification{}
	if s.leftOut > 0 {
		list = append(list, notification(noticeLeftOut, fmt.Sprintf(
			"%s left out: a code scanning service takes %d results at most. The worst were kept; the JSON report holds all.",
			count(s.leftOut, "result"), len(s.results))))
	}
	if !s.report.Complete {
		list = append(list, notification(noticeInterrupted, "The scan was interrupted; links that were not probed are inconclusive."))
	}
	total := 0
	for i := range s.report.Targets {
		t := &s.report.Targets[i]
		kind, reasons := notAssessed(t)
		if len(reasons) == 0 {
			continue
		}
		if total++; total > maxNotices {
			continue
		}
		n := notification(kind, plainMessage(t.ID+": "+strings.Join(reasons, "; ")+"."))
		n.Locations = []sarifLocation{s.location(t.position(), t.ID)}
		list = append(list, n)
	}
	if more := total - maxNotices; more > 0 {
		list = append(list, notification(noticeInconclusive, fmt.Sprintf(
			"%s more could not be assessed in full. The JSON report holds all.", count(more, "link"))))
	}
	return list
}

func notification(kind int, text string) sarifNotification {
	return sarifNotification{
		Descriptor: sarifReference{ID: notificationDescriptors()[kind].ID, Index: &kind},
		Level:      "warning",
		Message:    sarifText{Text: clip(text, maxMessage)},
	}
}
