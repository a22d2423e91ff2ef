package report

import "strings"

// prose is a short Markdown text, such as a rule's remedy, taken apart to be
// written as Markdown again or into a letter: paragraphs, lists, tables, fenced
// code, and code spans. All else in it is text.
type prose []proseBlock

// proseBlock is a paragraph, an item of a list, a table, or fenced code.
type proseBlock struct {
	Item   bool        // of a list
	Fenced bool        // code
	Code   string      // the lines of fenced code
	Lang   string      // of the code, or empty
	Spans  []proseSpan // of a paragraph or an item
	Rows   []proseRow  // of a table, its head first
}

// proseSpan is a run of text or of code.
type proseSpan struct {
	Text string
	Code bool
}

// proseRow is a row of a table, cell by cell.
type proseRow [][]proseSpan

// proseOf takes a Markdown text apart, as the HTML page does. Strong text and
// links are plain text here: a letter or a comment is no place for them.
func proseOf(s string) prose {
	var p prose
	for _, b := range readProse(s) {
		switch {
		case b.Code != "":
			p = append(p, proseBlock{Fenced: true, Code: strings.TrimSuffix(b.Code, "\n"), Lang: langOf(b.Lang)})
		case b.Head != nil:
			rows := []proseRow{rowOf(b.Head)}
			for _, row := range b.Rows {
				rows = append(rows, rowOf(row))
			}
			p = append(p, proseBlock{Rows: rows})
		case b.Items != nil:
			for _, item := range b.Items {
				p = append(p, proseBlock{Item: true, Spans: spansOf(item)})
			}
		default:
			p = append(p, proseBlock{Spans: spansOf(b.Text)})
		}
	}
	return p
}

func rowOf(cells [][]textSpan) proseRow {
	row := make(proseRow, len(cells))
	for i, cell := range cells {
		row[i] = spansOf(cell)
	}
	return row
}

// spansOf keeps text and code.
func spansOf(line []textSpan) []proseSpan {
	var spans []proseSpan
	for _, span := range line {
		if last := len(spans) - 1; span.Kind != "code" && last >= 0 && !spans[last].Code {
			spans[last].Text += span.Text // one run with the text before it
			continue
		}
		spans = append(spans, proseSpan{Text: span.Text, Code: span.Kind == "code"})
	}
	return spans
}

// langOf keeps the name of a language that is plain letters.
func langOf(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") != "" {
		return ""
	}
	return s
}

// line writes spans as a line of Markdown in which nothing but code has a
// meaning.
func (b proseBlock) line() string {
	var out strings.Builder
	for _, span := range b.Spans {
		if span.Code {
			out.WriteString(inCode(printable(span.Text)))
			continue
		}
		lead := len(span.Text) - len(strings.TrimLeft(span.Text, " "))
		out.WriteString(span.Text[:min(lead, 1)])
		out.WriteString(inMarkdown(span.Text, len(span.Text)))
		if lead < len(span.Text) && strings.HasSuffix(span.Text, " ") {
			out.WriteByte(' ')
		}
	}
	return strings.TrimSpace(out.String())
}

// markdown writes the text again.
func (p prose) markdown() string {
	var b strings.Builder
	for i, block := range p {
		if i > 0 && (!block.Item || !p[i-1].Item) {
			b.WriteString("\n")
		}
		b.WriteString(block.markdown())
	}
	return b.String()
}

func (b proseBlock) markdown() string {
	switch {
	case b.Fenced:
		fence := strings.Repeat("`", max(longestRun(b.Code, '`')+1, 3))
		return fence + b.Lang + "\n" + b.Code + "\n" + fence + "\n"
	case b.Rows != nil:
		var table strings.Builder
		for i, row := range b.Rows {
			cells := make([]string, len(row))
			for j, cell := range row {
				cells[j] = proseBlock{Spans: cell}.line()
			}
			if i == 0 {
				table.WriteString(tableHead(cells...))
				continue
			}
			table.WriteString(tableRow(cells...))
		}
		return table.String()
	case b.Item:
		return "- " + lineStart(b.line()) + "\n"
	default:
		return lineStart(b.line()) + "\n"
	}
}

// lineStart keeps the text that a line begins with from being taken for a
// list, a rule across the page, or a quick action ("/close").
func lineStart(s string) string {
	if s == "" {
		return s
	}
	if strings.ContainsRune("-+/", rune(s[0])) {
		return `\` + s
	}
	if rest := strings.TrimLeft(s, "0123456789"); rest != s && rest != "" && strings.ContainsRune(".)", rune(rest[0])) {
		return s[:len(s)-len(rest)] + `\` + rest
	}
	return s
}
