package report

import "strings"

// prose is a short Markdown text, such as a rule's remedy, taken apart as far
// as rules use Markdown: paragraphs, lists, tables, fenced code, and code
// spans. All else in it is text.
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

// proseOf takes a Markdown text apart.
func proseOf(s string) prose {
	var p prose
	var paragraph []string
	item := false
	flush := func() {
		if len(paragraph) > 0 {
			p = append(p, proseBlock{Item: item, Spans: spansOf(strings.Join(paragraph, " "))})
		}
		paragraph, item = nil, false
	}
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		switch {
		case line == "":
			flush()
		case strings.HasPrefix(line, "```"):
			flush()
			end := i + 1
			for end < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[end]), "```") {
				end++
			}
			p = append(p, proseBlock{
				Fenced: true, Code: printableLines(strings.Join(lines[i+1:end], "\n")),
				Lang: langOf(strings.Trim(line, "` ")),
			})
			i = end
		case strings.HasPrefix(line, "|"):
			flush()
			p = p.withRow(line)
		case strings.HasPrefix(line, "- "):
			flush()
			paragraph, item = append(paragraph, line[2:]), true
		default:
			paragraph = append(paragraph, line)
		}
	}
	flush()
	return p
}

// withRow adds a row to the table at the end, or begins one. The line below
// the head is left out.
func (p prose) withRow(line string) prose {
	if strings.Trim(line, "|-: ") == "" {
		return p
	}
	var row proseRow
	for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
		row = append(row, spansOf(strings.TrimSpace(cell)))
	}
	if len(p) == 0 || p[len(p)-1].Rows == nil {
		return append(p, proseBlock{Rows: []proseRow{row}})
	}
	last := &p[len(p)-1]
	for len(row) < len(last.Rows[0]) {
		row = append(row, nil)
	}
	last.Rows = append(last.Rows, row[:len(last.Rows[0])])
	return p
}

// langOf keeps the name of a language that is plain letters.
func langOf(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") != "" {
		return ""
	}
	return s
}

// spansOf splits a line at its code spans.
func spansOf(s string) []proseSpan {
	s = printable(s)
	var spans []proseSpan
	for s != "" {
		start := strings.IndexByte(s, '`')
		if start < 0 {
			break
		}
		fence := s[start : start+len(s[start:])-len(strings.TrimLeft(s[start:], "`"))]
		length := strings.Index(s[start+len(fence):], fence)
		if length < 0 {
			break
		}
		if start > 0 {
			spans = append(spans, proseSpan{Text: s[:start]})
		}
		end := start + len(fence) + length
		if code := strings.TrimSpace(s[start+len(fence) : end]); code != "" {
			spans = append(spans, proseSpan{Text: code, Code: true})
		}
		s = s[end+len(fence):]
	}
	if s != "" {
		spans = append(spans, proseSpan{Text: s})
	}
	return spans
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
