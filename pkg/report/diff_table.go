package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// writeDiffTable writes a diff for people: the two reports, what else differs
// between them, the findings worst first, and the links and vendors that are
// scored otherwise.
func writeDiffTable(w io.Writer, d *Diff, o Options) error {
	width := max(cmp.Or(o.Width, defaultWidth), minWidth)
	t := diffTables{&page{w: bufio.NewWriterSize(w, 64<<10), width: width, color: o.Color}, d}
	t.header()
	for _, section := range []func() error{t.findings, t.links, t.vendors} {
		if err := section(); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
	}
	return t.w.Flush()
}

// diffTables is one diff on its way to a page.
type diffTables struct {
	*page
	diff *Diff
}

func (t *diffTables) wide() bool { return t.width >= wideWidth }

func (t *diffTables) header() {
	t.paragraph(t.diff.Counts.sentence(), bold, 0)
	t.paragraph("old: "+t.diff.Old.String(), plain, len("old: "))
	t.paragraph("new: "+t.diff.New.String(), plain, len("new: "))
	for _, note := range t.diff.Notes {
		t.paragraph("note: "+note.Text, yellow, len("note: "))
	}
}

// String says which report it is, on one line.
func (s DiffSide) String() string {
	return fmt.Sprintf("%s, m2mscan %s, %s, level %s, vantage %s",
		s.Started.UTC().Format("2006-01-02 15:04:05 UTC"), s.Version, count(s.Links, "link"), s.Level, s.Vantage)
}

// sentence is "1 regressed, 2 new, 1 fixed; 40 unchanged".
func (c *DiffCounts) sentence() string {
	var parts []string
	for _, s := range FindingStates() {
		if n := c.Of(s); n > 0 && s != StateUnchanged {
			parts = append(parts, strconv.Itoa(n)+" "+s.words())
		}
	}
	if len(parts) == 0 {
		parts = []string{"no finding has changed"}
	}
	return strings.Join(parts, ", ") + fmt.Sprintf("; %d unchanged", c.Unchanged)
}

// words is the state as people write it.
func (s FindingState) words() string { return strings.ReplaceAll(string(s), "_", " ") }

func (t *diffTables) findings() error {
	if len(t.diff.Findings) == 0 {
		return nil
	}
	columns := []column{{title: "CHANGE"}, {title: "SEVERITY"}, {title: "LINK", flexible: true}, {title: "FINDING", flexible: true}}
	if t.wide() {
		columns = append(columns, column{title: "RULE", flexible: true})
	}
	rows := func(yield func([]cell) bool) {
		for i := range t.diff.Findings {
			if !yield(t.finding(&t.diff.Findings[i])) {
				return
			}
		}
	}
	t.heading("FINDINGS")
	return t.table(columns, rows)
}

func (t *diffTables) finding(c *FindingChange) []cell {
	failed := c.Failed()
	message := cell{{text: failed.Message}}
	if !t.wide() {
		message = append(message, part{text: c.Rule, style: faint})
	}
	message = append(message, part{text: c.Why, style: faint})
	row := []cell{stateCell(c), styled(string(failed.Severity), severityStyle(failed.Severity)), text(c.Target), message}
	if t.wide() {
		row = append(row, styled(c.Rule, faint))
	}
	return row
}

func stateCell(c *FindingChange) cell {
	var lines cell
	switch c.State {
	case StateRegressed, StateNew:
		lines = styled(c.State.words(), boldRed)
	case StateFixed:
		lines = styled(c.State.words(), green)
	case StateNoLongerAssessed:
		lines = cell{{text: "no longer", style: yellow}, {text: "assessed", style: yellow}}
	default:
		lines = text(c.State.words())
	}
	if c.Waived {
		lines = append(lines, part{text: "(waived)", style: faint})
	}
	return lines
}

func (t *diffTables) links() error {
	return t.scores("LINKS", column{title: "LINK", flexible: true}, t.diff.Links)
}

func (t *diffTables) vendors() error {
	return t.scores("VENDORS", column{title: "VENDOR", flexible: true}, t.diff.Vendors)
}

func (t *diffTables) scores(title string, first column, changes []ScoreChange) error {
	if len(changes) == 0 {
		return nil
	}
	rows := func(yield func([]cell) bool) {
		for i := range changes {
			if !yield(t.score(&changes[i])) {
				return
			}
		}
	}
	t.heading(title)
	return t.table([]column{first, {title: "CHANGE"}, {title: "GRADE"}, {title: "RESIDUAL"}, {title: "DETAILS", flexible: true}}, rows)
}

func (t *diffTables) score(c *ScoreChange) []cell {
	details := cell{}
	for _, line := range c.details() {
		details = append(details, part{text: line.text()})
	}
	return []cell{
		text(c.ID), styled(string(c.State), scoreStateStyle(c.State)),
		text(c.grades().text()), text(c.residuals(t.wide()).text()), details,
	}
}

func scoreStateStyle(s ScoreState) style {
	switch s {
	case ScoreWorse:
		return red
	case ScoreBetter:
		return green
	default:
		return plain
	}
}
