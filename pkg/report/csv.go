package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// csvColumns names the columns. Registers are built on their order: a new one
// comes last, and none ever moves, changes its meaning or goes.
var csvColumns = []string{ //nolint:gochecknoglobals // a constant table
	"vendor", "link", "kind", "url", "rule", "title", "severity", "category", "verdict", "status", "change",
	"message", "remedy", "cwe", "owasp", "grade", "coverage", "residual", "band", "owners", "classification",
	"waiver_owner", "waiver_expires", "waiver_reason", "location", "fingerprint", "scanned",
}

// writeCSV writes a row for each failed finding and each that could not be
// decided, the worst first: a risk register holds what is wrong and what is
// not known. Waived findings and those that the baseline knows are among them,
// and the column "status" tells them apart. What passed is left to JSON.
//
// It is CSV as RFC 4180 has it: lines end with CR LF, the text is UTF-8
// without a byte order mark, and no field holds a line break. Excel takes such
// a file for UTF-8 when it is opened with Data > From Text/CSV.
func writeCSV(w io.Writer, r *Report, _ Options) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(csvColumns); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	rows := newCSVRows(r)
	for _, verdict := range []risk.Verdict{risk.Fail, risk.Inconclusive} {
		for _, f := range r.worstFirst(func(f *risk.Finding) bool { return f.Verdict == verdict }) {
			if err := out.Write(rows.row(f)); err != nil {
				return fmt.Errorf("write CSV: %w", err)
			}
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// csvRows is what the rows need to look up.
type csvRows struct {
	report  *Report
	rules   map[string]int // places in report.Rules
	targets map[string]*Target
	vendors map[string]*Vendor
	remedy  []string // of each rule, in short
	scanned string
	cells   []string // of the row at hand
}

func newCSVRows(r *Report) *csvRows {
	rows := &csvRows{
		report: r, rules: r.rulesByID(),
		targets: make(map[string]*Target, len(r.Targets)),
		vendors: make(map[string]*Vendor, len(r.Vendors)),
		scanned: r.Finished.UTC().Format(time.RFC3339),
	}
	for i := range r.Targets {
		rows.targets[r.Targets[i].ID] = &r.Targets[i]
	}
	for i := range r.Vendors {
		rows.vendors[r.Vendors[i].ID] = &r.Vendors[i]
	}
	for i := range r.Rules {
		rows.remedy = append(rows.remedy, inShort(r.Rules[i].Remedy))
	}
	return rows
}

// row is good until the next call.
func (c *csvRows) row(f *risk.Finding) []string {
	c.cells = c.cells[:0]
	rule, remedy := risk.Rule{ID: f.Rule}, ""
	if place, ok := c.rules[f.Rule]; ok {
		rule, remedy = c.report.Rules[place], c.remedy[place]
	}
	t, ok := c.targets[f.Target]
	if !ok {
		t = new(Target) // the finding is on the vendor
		if v, ok := c.vendors[f.Target]; ok {
			t.Score = v.Score
		}
	}
	_, link, _ := strings.Cut(f.Target, "/")
	waiver := risk.Acceptance{}
	if f.Waiver != nil {
		waiver = *f.Waiver
	}
	c.text(f.Vendor, link, t.Kind, t.URL, f.Rule, rule.Title)
	c.text(string(f.Severity), string(rule.Category), string(f.Verdict), string(statusOf(f, c.report.Gate)), string(f.Change))
	c.text(f.Message, remedy, rule.CWE, rule.OWASP, string(t.Score.Grade))
	c.number(&t.Score.Coverage)
	c.number(t.Score.Residual)
	c.text(string(t.Score.Band), strings.Join(t.Declared.Link.Owners, ", "), t.Declared.Link.Classification)
	c.text(waiver.Owner, waiver.Expires, waiver.Reason)
	c.text(fmt.Sprintf("%s:%d:%d", f.Location.File, f.Location.Line, f.Location.Column), f.Fingerprint, c.scanned)
	return c.cells
}

// status says in one word whether a finding wants work.
type status string

const (
	statusOpen    status = "open"
	statusWaived  status = "waived"
	statusExpired status = "waiver_expired" // and open again
	statusKnown   status = "known"          // to the baseline, where only what is new counts
)

func statusOf(f *risk.Finding, gate risk.Policy) status {
	switch {
	case f.Waived():
		return statusWaived
	case gate.NewOnly && f.Known():
		return statusKnown
	case f.Waiver != nil:
		return statusExpired
	default:
		return statusOpen
	}
}

// number keeps figures what they are; one that is not known is empty, not 0.
func (c *csvRows) number(n *int) {
	if n == nil {
		c.cells = append(c.cells, "")
		return
	}
	c.cells = append(c.cells, strconv.Itoa(*n))
}

func (c *csvRows) text(texts ...string) {
	for _, s := range texts {
		c.cells = append(c.cells, harmless(printable(s)))
	}
}

// formula finds where a spreadsheet would take text for a formula: at its
// start and, since some locales part cells by semicolons, behind one. Quotes
// and blanks before the sign do not stop them, nor does its full-width form.
var formula = regexp.MustCompile(`(^|;)([\s"]*[=+\-@＝＋－＠])`) //nolint:gochecknoglobals // a constant

// harmless puts an apostrophe before what a spreadsheet would calculate, as
// OWASP's page on CSV injection advises. Tabs and line breaks, which start a
// cell too, do not outlive printable.
func harmless(s string) string {
	if s == "" || isAlphanumeric(s[0]) && !strings.Contains(s, ";") {
		return s // nearly all there is
	}
	return formula.ReplaceAllString(s, "$1'$2")
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
