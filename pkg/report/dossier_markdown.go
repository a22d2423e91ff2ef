package report

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the letter as Markdown.
func (d *Dossier) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# " + inMarkdown(d.title(), longestMessage) + "\n")
	for _, part := range d.letter() {
		b.WriteString("\n" + part.markdown())
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write dossier: %w", err)
	}
	return nil
}

func (p letterPart) markdown() string {
	line := func(spans []proseSpan) string { return proseBlock{Spans: spans}.line() }
	var b strings.Builder
	switch {
	case p.Heading != "":
		b.WriteString("## " + inMarkdown(p.Heading, longestMessage) + "\n")
	case p.Sub != "":
		b.WriteString("### " + inMarkdown(p.Sub, longestMessage) + "\n")
	case p.Text != nil:
		b.WriteString(lineStart(line(p.Text)) + "\n")
	case p.Note != nil:
		b.WriteString(lineStart(line(p.Note)) + "\n")
	case p.Items != nil:
		for _, item := range p.Items {
			b.WriteString("- " + lineStart(line(item)) + "\n")
		}
	case p.Fields != nil:
		for _, field := range p.Fields {
			b.WriteString("- " + field[0] + ": " + inMarkdown(field[1], longestMessage) + "\n")
		}
	case p.Head != nil:
		b.WriteString(tableHead(p.Head...))
		for _, row := range p.Rows {
			cells := make([]string, len(row))
			for i, cell := range row {
				cells[i] = line(cell)
			}
			b.WriteString(tableRow(cells...))
		}
	default:
		b.WriteString(p.Prose.markdown())
	}
	return b.String()
}
