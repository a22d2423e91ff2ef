package report

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// defaultMarkdown is as long as Markdown gets unless it is told otherwise: a
// step summary of GitHub may have 1024 KiB.
const defaultMarkdown = 1000 << 10

// mostMarkdown bounds what may be asked for: no renderer takes as much.
const mostMarkdown = 64 << 20

// longestReason bounds one reason of the decision, in bytes.
const longestReason = 300

// writeMarkdown writes the report for a step summary or a comment: the
// decision first, then the worst, and never more than Options.MaxBytes. What
// does not fit is left out row by row, and counted at the end.
func writeMarkdown(w io.Writer, r *Report, o Options) error {
	limit := o.MaxBytes
	if limit <= 0 {
		limit = defaultMarkdown
	}
	limit = min(limit, mostMarkdown)
	m := markdown{report: r, failed: r.open(), rules: r.rulesByID()}
	if err := m.write(w, limit); err != nil {
		return fmt.Errorf("write markdown: %w", err)
	}
	return nil
}

// markdown is one report on its way to a page of a bounded length.
type markdown struct {
	report *Report
	failed []*risk.Finding // worst first
	rules  map[string]int  // places in report.Rules
}

// mdSection is a part of the page that is cut between its rows.
type mdSection struct {
	one    string // what a row is
	many   string
	title  string
	head   string           // between the heading and the rows
	rows   iter.Seq[string] // each with its line break
	total  int              // rows
	foot   string           // after the rows
	weight int              // its share where not all fits
}

// heading is all that stands before the rows, of which shown are to come.
func (s *mdSection) heading(shown int) string {
	if shown == s.total {
		return fmt.Sprintf("\n## %s\n\n%s", s.title, s.head)
	}
	return fmt.Sprintf("\n## %s (%d of %d)\n\n%s", s.title, shown, s.total, s.head)
}

// fit is how many rows the section may show within limit bytes, and how long
// it is then. A section of which no row fits is left out.
func (s *mdSection) fit(limit int) (shown, size int) {
	whole := len(s.heading(s.total)) + len(s.foot)
	cut := len(fmt.Sprintf(" (%d of %d)", s.total, s.total))
	fits, fitted := 0, 0
	for row := range s.rows {
		whole += len(row)
		shown++
		if whole+cut <= limit {
			fits, fitted = shown, whole+cut
		}
		if whole > limit {
			return fits, fitted
		}
	}
	if whole > limit { // there are no rows
		return 0, 0
	}
	return shown, whole
}

func (m *markdown) write(w io.Writer, limit int) error {
	sections := slices.DeleteFunc(m.sections(), func(s mdSection) bool { return s.total == 0 })
	top, footer := m.top(), m.footer()
	room := limit - len(top) - len(footer)
	shown := share(sections, room)
	if len(leftOut(sections, shown, limit)) > 0 { // which takes room itself
		room -= len(leftOut(sections, make([]int, len(sections)), limit))
		shown = share(sections, room)
	}
	if room < 0 {
		_, err := io.WriteString(w, m.shortest(limit))
		return err
	}
	out := &mdOutput{w: w}
	out.put(top)
	for i := range sections {
		s := &sections[i]
		if shown[i] == 0 {
			continue
		}
		out.put(s.heading(shown[i]))
		n := 0
		for row := range s.rows {
			if n++; n > shown[i] {
				break
			}
			out.put(row)
		}
		out.put(s.foot)
	}
	out.put(leftOut(sections, shown, limit))
	out.put(footer)
	return out.err
}

// share says how many rows of each section are shown, so that all of them
// together take no more than room. Sections that need less than their share
// leave the rest to the others.
func share(sections []mdSection, room int) []int {
	shown, settled := make([]int, len(sections)), make([]bool, len(sections))
	for {
		weights := 0
		for i := range sections {
			if !settled[i] {
				weights += sections[i].weight
			}
		}
		progress := false
		left := room
		for i := range sections {
			if settled[i] {
				continue
			}
			rows, size := sections[i].fit(room * sections[i].weight / weights)
			shown[i] = rows
			if rows == sections[i].total {
				settled[i], progress = true, true
				left -= size
			}
		}
		room = left
		if !progress || !slices.Contains(settled, false) {
			return shown
		}
	}
}

// leftOut says what is not shown; nothing when all is.
func leftOut(sections []mdSection, shown []int, limit int) string {
	var parts []string
	for i := range sections {
		if n := sections[i].total - shown[i]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d more %s", n, oneOrMany(n, sections[i].one, sections[i].many)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("\nLeft out to keep within %d bytes: %s; the JSON report holds all.\n", limit, strings.Join(parts, ", "))
}

// shortest is what is said where there is room for nearly nothing.
func (m *markdown) shortest(limit int) string {
	headline, word := m.headline()
	for _, text := range []string{
		headline + "\n" + m.counts() + "\nEverything else is left out; the JSON report holds all.\n",
		headline + "\nEverything else is left out; the JSON report holds all.\n",
		headline,
		word,
	} {
		if len(text) <= limit {
			return text
		}
	}
	return ""
}

// headline is the decision as a heading, and in a word.
func (m *markdown) headline() (heading, word string) {
	d := m.report.Decision
	switch {
	case d.Breached:
		heading, word = "gate breached", "breached"
	case d.Incomplete || !m.report.Complete:
		heading, word = "incomplete", "incomplete"
	default:
		heading, word = "passed", "passed"
	}
	return "# m2mscan: " + heading + "\n", word
}

// top is the decision with its reasons, and the counts.
func (m *markdown) top() string {
	r := m.report
	var b strings.Builder
	heading, _ := m.headline()
	b.WriteString(heading)
	switch {
	case r.Decision.Breached && r.Decision.Incomplete:
		b.WriteString("\nThe gate was breached, and not everything was assessed:\n")
	case r.Decision.Breached:
		b.WriteString("\nThe gate was breached:\n")
	case r.Decision.Incomplete:
		b.WriteString("\nNothing breached the gate, but not everything was assessed:\n")
	}
	if len(r.Decision.Reasons) > 0 {
		b.WriteString("\n")
	}
	const most = 8
	for i, reason := range r.Decision.Reasons {
		if i == most {
			fmt.Fprintf(&b, "- and %s more\n", count(len(r.Decision.Reasons)-most, "reason"))
			break
		}
		b.WriteString("- " + lineStart(inMarkdown(reason, longestReason)) + "\n")
	}
	if !r.Complete {
		b.WriteString("\n**Interrupted:** the scan ended before all links were probed; this holds what was gathered.\n")
	}
	return b.String() + "\n" + m.counts()
}

// counts is one line.
func (m *markdown) counts() string {
	s := m.report.Summary
	line := fmt.Sprintf("%s of %s: %d failed%s, %d inconclusive, %d passed; %d %% of what the rules weigh was settled.",
		count(s.Links, "link"), count(s.Vendors, "vendor"),
		s.Verdicts[risk.Fail]-s.Waived, bySeverity(s.Failed), s.Verdicts[risk.Inconclusive], s.Verdicts[risk.Pass], s.Coverage)
	if selected, all := s.Links, m.report.Inventory.Links; all > selected {
		line += fmt.Sprintf(" %s of the inventory were not selected.", count(all-selected, "link"))
	}
	if s.Waived > 0 {
		line += fmt.Sprintf(" %s waived.", wereOrWas(s.Waived, "finding"))
	}
	if known := m.report.known(); known > 0 {
		line += fmt.Sprintf(" %s known from the baseline and not shown.", areOrIs(known, "failed finding"))
	}
	return line + "\n"
}

func wereOrWas(n int, noun string) string { return count(n, noun) + oneOrMany(n, " was", " were") }
func areOrIs(n int, noun string) string   { return count(n, noun) + oneOrMany(n, " is", " are") }

// oneOrMany chooses a word.
func oneOrMany(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// footer says what made the page.
func (m *markdown) footer() string {
	r := m.report
	const longest = 60
	return fmt.Sprintf("\n---\n\n%s %s, %s, level %s, vantage %s\n",
		inMarkdown(r.Tool.Name, longest), inMarkdown(r.Tool.Version, longest), r.Started.UTC().Format("2006-01-02 15:04 UTC"),
		inMarkdown(string(r.Level), longest), inMarkdown(r.Vantage, longest))
}

// gradeCell never shows a grade without its coverage.
func gradeCell(s risk.Score) string {
	return mdName(string(cmp.Or(s.Grade, risk.GradeUnknown))) + " (" + strconv.Itoa(s.Coverage) + " %)"
}

// mdOutput writes until the first error, which it keeps.
type mdOutput struct {
	w   io.Writer
	err error
}

func (f *mdOutput) put(s string) {
	if f.err == nil {
		_, f.err = io.WriteString(f.w, s)
	}
}
