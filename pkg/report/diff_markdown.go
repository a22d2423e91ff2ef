package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"
)

// A comment on a pull request takes 65,536 characters; the end of the text
// needs some of them, and whoever posts it may add to it.
const (
	maxDiffMarkdown  = 60_000
	diffMarkdownTail = 300 // bytes kept for what says that rows were left out
	maxDiffMessage   = 300
	maxDiffName      = 120
)

// writeDiffMarkdown writes a diff for the comment on a pull request: worst
// first, and no longer than such a comment may be. Rows that do not fit are
// counted.
func writeDiffMarkdown(w io.Writer, d *Diff, o Options) error {
	m := diffMarkdown{w: bufio.NewWriter(w), room: cmp.Or(o.MaxBytes, maxDiffMarkdown) - diffMarkdownTail}
	m.put("## m2mscan: " + d.Counts.sentence() + "\n\n")
	m.put("Since " + inMarkdown(d.Old.String(), maxDiffMessage) + ".\n")
	for i, note := range d.Notes {
		if i == 0 {
			m.put("\n")
		}
		m.put("- Note: " + inMarkdown(note.Text, maxDiffMessage) + "\n")
	}
	m.findings(d.Findings)
	m.scores("Links", "Link", d.Links)
	m.scores("Vendors", "Vendor", d.Vendors)
	return m.w.Flush()
}

// diffMarkdown is a diff on its way into a text of limited length.
type diffMarkdown struct {
	w    *bufio.Writer
	room int
}

// put leaves errors to Flush: the writer keeps the first.
func (m *diffMarkdown) put(s string) {
	m.room -= len(s)
	_, _ = m.w.WriteString(s)
}

// table writes as many rows as there is room for, and counts the others.
func (m *diffMarkdown) table(title, head string, n int, row func(int) string) {
	if n == 0 {
		return
	}
	title = "\n### " + title + "\n\n"
	for i := range n {
		text := row(i)
		needs := len(text)
		if i == 0 {
			needs += len(title) + len(head)
		}
		if needs > m.room {
			m.room = 0 // nothing milder after what was left out
			_, _ = fmt.Fprintf(m.w, "%s%d more did not fit here.\n", titleOrGap(i, title), n-i)
			return
		}
		if i == 0 {
			m.put(title + head)
		}
		m.put(text)
	}
}

func titleOrGap(written int, title string) string {
	if written == 0 {
		return title
	}
	return "\n"
}

func (m *diffMarkdown) findings(changes []FindingChange) {
	m.table("Findings", tableHead("Change", "Severity", "Link", "Finding", "Rule"), len(changes), func(i int) string {
		c := &changes[i]
		state := c.State.words()
		if c.State == StateRegressed || c.State == StateNew {
			state = "**" + state + "**"
		}
		if c.Waived {
			state += " (waived)"
		}
		failed := c.Failed()
		finding := inMarkdown(failed.Message, maxDiffMessage)
		if c.Why != "" {
			finding += "<br>" + inMarkdown(c.Why, maxDiffMessage)
		}
		return tableRow(state, string(failed.Severity), inMarkdown(c.Target, maxDiffName), finding, inMarkdown(c.Rule, maxDiffName))
	})
}

func (m *diffMarkdown) scores(title, noun string, changes []ScoreChange) {
	m.table(title, tableHead(noun, "Change", "Grade", "Residual risk", "Details"), len(changes), func(i int) string {
		c := &changes[i]
		var details []string
		for _, line := range c.details() {
			details = append(details, line.markdown())
		}
		return tableRow(inMarkdown(c.ID, maxDiffName), string(c.State),
			c.grades().markdown(), c.residuals(true).markdown(), strings.Join(details, "; "))
	})
}

// markdown writes the two values, or the one, for a cell of a table.
func (w wasIs) markdown() string {
	was, is := inMarkdown(w.was, maxDiffMessage), inMarkdown(w.is, maxDiffMessage)
	if w.was == w.is || was == "" || is == "" {
		return w.label + cmp.Or(is, was)
	}
	return w.label + was + " → " + is
}
