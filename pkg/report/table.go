package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

const (
	defaultWidth = 80
	minWidth     = 60
	wideWidth    = 120 // from here on, tables have their optional columns
)

// writeTable writes the report for people: vendors, links, failed findings
// worst first, remedies, claims that do not hold, waivers, how the scores came
// about, what was not assessed, and the gate's decision.
func writeTable(w io.Writer, r *Report, o Options) error {
	width := max(cmp.Or(o.Width, defaultWidth), minWidth)
	t := tables{
		page:   &page{w: bufio.NewWriterSize(w, 64<<10), width: width, color: o.Color},
		report: r,
		failed: r.open(),
		rules:  r.rulesByID(),
	}
	t.header()
	for _, section := range []func() error{t.vendors, t.links, t.findings, t.remedies, t.claims, t.waivers, t.scores, t.notAssessed} {
		if err := section(); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
	}
	t.coverage()
	t.gate()
	return t.w.Flush()
}

// tables is one report on its way to a page.
type tables struct {
	*page
	report *Report
	failed []*risk.Finding // worst first
	rules  map[string]int  // places in report.Rules
}

func (t *tables) wide() bool { return t.width >= wideWidth }

func (t *tables) header() {
	r := t.report
	t.paragraph(fmt.Sprintf("%s %s: risk of %s over %s", r.Tool.Name, r.Tool.Version,
		count(r.Summary.Vendors, "vendor"), count(r.Summary.Links, "link")), bold, 0)
	took := r.Finished.Sub(r.Started).Round(100 * time.Millisecond)
	t.paragraph(fmt.Sprintf("%s, took %s, level %s, vantage %s", r.Started.UTC().Format("2006-01-02 15:04:05 UTC"), took, r.Level, r.Vantage), plain, 0)
	if !r.Complete {
		t.paragraph("INTERRUPTED: the scan ended before all links were probed; this report holds what was gathered.", boldRed, 0)
	}
}

func (t *tables) vendors() error {
	if len(t.report.Vendors) == 0 {
		return nil
	}
	worst := make(map[string]*risk.Finding, len(t.report.Vendors))
	for _, f := range t.failed {
		if worst[f.Vendor] == nil {
			worst[f.Vendor] = f
		}
	}
	rows := func(yield func([]cell) bool) {
		for i := range t.report.Vendors {
			v := &t.report.Vendors[i]
			row := append([]cell{vendorName(v)}, scoreCells(v.Score)...)
			if !yield(append(row, text(strconv.Itoa(v.Links)), worstCell(worst[v.ID]))) {
				return
			}
		}
	}
	t.heading("VENDORS")
	return t.table([]column{
		{title: "VENDOR", flexible: true}, {title: "GRADE"}, {title: "POSTURE"}, {title: "RESIDUAL"},
		{title: "COVERAGE"}, {title: "LINKS"}, {title: "WORST FINDING", flexible: true},
	}, rows)
}

func vendorName(v *Vendor) cell {
	if v.Name == "" || v.Name == v.ID {
		return text(v.ID)
	}
	return cell{{text: v.ID}, {text: v.Name, style: faint}}
}

func worstCell(f *risk.Finding) cell {
	if f == nil {
		return text("none")
	}
	return cell{{text: string(f.Severity) + ": " + f.Rule, style: severityStyle(f.Severity)}}
}

// scoreCells are the cells for grade, posture, residual risk and coverage.
func scoreCells(s risk.Score) []cell {
	posture, residual := "-", string(cmp.Or(s.Band, risk.BandUnknown))
	if s.Posture != nil {
		posture = strconv.Itoa(*s.Posture)
	}
	if s.Residual != nil {
		residual = fmt.Sprintf("%s %d", residual, *s.Residual)
	}
	return []cell{
		styled(string(cmp.Or(s.Grade, risk.GradeUnknown)), gradeStyle(s.Grade)),
		text(posture),
		styled(residual, bandStyle(s.Band)),
		text(strconv.Itoa(s.Coverage) + " %"),
	}
}

func (t *tables) links() error {
	if len(t.report.Targets) == 0 {
		return nil
	}
	columns := []column{{title: "LINK", flexible: true}, {title: "GRADE"}}
	if t.wide() {
		columns = append(columns, column{title: "POSTURE"})
	}
	columns = append(columns, column{title: "RESIDUAL"}, column{title: "COVERAGE"}, column{title: "OUTCOME", flexible: true})
	if t.wide() {
		columns = append(columns, column{title: "URL", flexible: true})
	}
	rows := func(yield func([]cell) bool) {
		for i := range t.report.Targets {
			if !yield(t.link(&t.report.Targets[i])) {
				return
			}
		}
	}
	t.heading("LINKS")
	return t.table(columns, rows)
}

func (t *tables) link(link *Target) []cell {
	row := append([]cell{text(link.ID)}, scoreCells(link.Score)...)
	if !t.wide() {
		row = slices.Delete(row, 2, 3) // posture
	}
	row = append(row, text(outcomeInWords(link)))
	if t.wide() {
		row = append(row, text(link.URL))
	}
	return row
}

func (t *tables) findings() error {
	s := t.report.Summary
	t.heading("FINDINGS")
	t.paragraph(fmt.Sprintf("%d failed%s, %d inconclusive, %d passed",
		s.Verdicts[risk.Fail]-s.Waived, bySeverity(s.Failed), s.Verdicts[risk.Inconclusive], s.Verdicts[risk.Pass]), plain, 0)
	for _, note := range t.report.setAside() {
		t.paragraph(note, plain, 0)
	}
	if len(t.failed) == 0 {
		return nil
	}
	columns := []column{{title: "SEVERITY"}, {title: "LINK", flexible: true}, {title: "FINDING", flexible: true}}
	if t.wide() {
		columns = append(columns, column{title: "RULE", flexible: true})
	}
	rows := func(yield func([]cell) bool) {
		for _, f := range t.failed {
			if !yield(t.finding(f)) {
				return
			}
		}
	}
	t.put("\n")
	return t.table(columns, rows)
}

func (t *tables) finding(f *risk.Finding) []cell {
	message := text(f.Message)
	switch {
	case f.Waiver != nil:
		message = append(message, part{text: "accepted by " + f.Waiver.Owner + " until " + f.Waiver.Expires + ", which has passed", style: yellow})
	case f.Change == risk.ChangeNew || f.Change == risk.ChangeRegressed:
		message = append(message, part{text: string(f.Change) + " since the baseline", style: yellow})
	}
	row := []cell{styled(string(f.Severity), severityStyle(f.Severity)), text(f.Target), message}
	if t.wide() {
		return append(row, styled(f.Rule, faint))
	}
	row[2] = append(row[2], part{text: f.Rule, style: faint})
	return row
}

// bySeverity is " (1 critical, 2 high)", the worst first.
func bySeverity(failed map[risk.Severity]int) string {
	var parts []string
	for _, s := range slices.Backward(risk.Severities) {
		if n := failed[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// remedies lists each failed rule once, the most severe first.
func (t *tables) remedies() error {
	var failed []string
	findings := make(map[string]int)
	for _, f := range t.failed {
		if findings[f.Rule] == 0 {
			failed = append(failed, f.Rule)
		}
		findings[f.Rule]++
	}
	var rows [][]cell // one for each rule, however many findings
	for _, id := range failed {
		place, ok := t.rules[id]
		if !ok || t.report.Rules[place].Remedy == "" {
			continue
		}
		rows = append(rows, []cell{text(id), text(strconv.Itoa(findings[id])), text(inShort(t.report.Rules[place].Remedy))})
	}
	if len(rows) == 0 {
		return nil
	}
	t.heading("REMEDIES")
	t.paragraph("In short; \"m2mscan rules show RULE\" has the whole remedy, the reason and the source.", faint, 0)
	t.put("\n")
	return t.table([]column{{title: "RULE", flexible: true}, {title: "FINDINGS"}, {title: "REMEDY", flexible: true}}, slices.Values(rows))
}

func (t *tables) coverage() {
	s := t.report.Summary
	t.heading("COVERAGE")
	t.paragraph(fmt.Sprintf("%d %% of what the rules weigh was settled. Of %s: %d observed, %d unreachable, %d inconclusive in part or whole.",
		s.Coverage, count(s.Links, "link"), s.Observed, s.Unreachable, s.Inconclusive), plain, 0)
	t.paragraph(fmt.Sprintf("Traffic: %s, %s, %d bytes.", count(s.Connections, "connection"), count(s.Requests, "request"), s.Bytes), plain, 0)
}

func (t *tables) gate() {
	d := t.report.Decision
	t.heading("GATE")
	switch {
	case d.Breached:
		t.paragraph("breached", boldRed, 0)
	case d.Incomplete:
		t.paragraph("incomplete: nothing breached the gate, but not everything was assessed", yellow, 0)
	default:
		t.paragraph("passed", green, 0)
	}
	for _, reason := range d.Reasons {
		t.paragraph("- "+reason, plain, 2)
	}
}

func severityStyle(s risk.Severity) style {
	switch s {
	case risk.SeverityCritical:
		return boldRed
	case risk.SeverityHigh:
		return red
	case risk.SeverityMedium:
		return yellow
	case risk.SeverityLow:
		return cyan
	default:
		return faint
	}
}

func gradeStyle(g risk.Grade) style {
	switch g {
	case risk.GradeA, risk.GradeB:
		return green
	case risk.GradeC:
		return yellow
	case risk.GradeD, risk.GradeF:
		return red
	default:
		return faint
	}
}

func bandStyle(b risk.Band) style {
	switch b {
	case risk.BandLow:
		return green
	case risk.BandMedium:
		return yellow
	case risk.BandHigh, risk.BandCritical:
		return red
	default:
		return faint
	}
}
