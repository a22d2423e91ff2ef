package report

import (
	"regexp"
	"strings"
)

// textBlock is a block of Markdown for a template. Exactly one of its kinds is
// filled in. No text becomes HTML before the template has escaped it.
type textBlock struct {
	Text  []textSpan     // paragraph
	Code  string         // code block
	Lang  string         // of the code, as its fence names it
	Items [][]textSpan   // list
	Head  [][]textSpan   // table, with its rows
	Rows  [][][]textSpan // of as many cells as Head
}

// textSpan is a piece of a line: plain, code, strong or a link.
type textSpan struct{ Kind, Text, Href string }

// readProse reads the Markdown of a rule: paragraphs, code blocks in fences,
// lists, tables, code, strong text and links. Anything else stays as written:
// a rule may come from anybody.
func readProse(markdown string) []textBlock {
	const longest = 16 << 10
	text := printableLines(strings.ReplaceAll(clip(markdown, longest), "\t", "    "))
	r := proseReader{lines: strings.Split(text, "\n")}
	for len(r.lines) > 0 {
		r.block()
	}
	r.endParagraph()
	return r.blocks
}

type proseReader struct {
	lines     []string // that are left
	paragraph []string
	blocks    []textBlock
}

// The patterns of lines that begin a block.
var (
	fenceLine = regexp.MustCompile("^ {0,3}(`{3,}|~{3,}) *([^` ]*)[^`]*$")
	itemLine  = regexp.MustCompile(`^ {0,3}(?:[-*+]|\d{1,9}[.)]) +(.*)$`)
	tableRule = regexp.MustCompile(`^ *\|?(?: *:?-+:? *\|)+ *(?::?-+:? *)?$`)
)

// block reads the next line, and those that belong to it.
func (r *proseReader) block() {
	line := r.lines[0]
	switch {
	case strings.TrimSpace(line) == "":
		r.endParagraph()
		r.lines = r.lines[1:]
	case fenceLine.MatchString(line):
		r.endParagraph()
		m := fenceLine.FindStringSubmatch(line)
		r.code(m[1], m[2])
	case itemLine.MatchString(line) && len(r.paragraph) == 0:
		r.list()
	case strings.Contains(line, "|") && len(r.lines) > 1 && tableRule.MatchString(r.lines[1]):
		r.endParagraph()
		r.table()
	default:
		r.paragraph = append(r.paragraph, strings.TrimSpace(line))
		r.lines = r.lines[1:]
	}
}

func (r *proseReader) endParagraph() {
	if len(r.paragraph) > 0 {
		r.blocks = append(r.blocks, textBlock{Text: textSpans(strings.Join(r.paragraph, " "))})
		r.paragraph = nil
	}
}

// code reads a block up to a fence at least as long as its first, or the end.
func (r *proseReader) code(fence, lang string) {
	r.lines = r.lines[1:]
	var code []string
	for len(r.lines) > 0 {
		line := r.lines[0]
		r.lines = r.lines[1:]
		if end := strings.TrimSpace(line); strings.HasPrefix(end, fence) && strings.Trim(end, fence[:1]) == "" {
			break
		}
		code = append(code, line)
	}
	r.blocks = append(r.blocks, textBlock{Code: strings.Join(code, "\n") + "\n", Lang: lang})
}

// list reads the items, each with the indented lines that go on with it.
func (r *proseReader) list() {
	var items []string
	for len(r.lines) > 0 {
		line := r.lines[0]
		if m := itemLine.FindStringSubmatch(line); m != nil {
			items = append(items, m[1])
		} else if strings.HasPrefix(line, "  ") && strings.TrimSpace(line) != "" {
			items[len(items)-1] += " " + strings.TrimSpace(line)
		} else {
			break
		}
		r.lines = r.lines[1:]
	}
	b := textBlock{}
	for _, item := range items {
		b.Items = append(b.Items, textSpans(item))
	}
	r.blocks = append(r.blocks, b)
}

func (r *proseReader) table() {
	head := textCells(r.lines[0])
	b := textBlock{Head: head}
	r.lines = r.lines[2:]
	for len(r.lines) > 0 && strings.Contains(r.lines[0], "|") {
		cells := append(textCells(r.lines[0]), make([][]textSpan, len(head))...)
		b.Rows = append(b.Rows, cells[:len(head)])
		r.lines = r.lines[1:]
	}
	r.blocks = append(r.blocks, b)
}

// textCells splits a row. A bar after a backslash belongs to its cell.
func textCells(line string) [][]textSpan {
	const bar = "\x00" // no text has one: it is printable
	line = strings.ReplaceAll(strings.TrimSpace(line), `\|`, bar)
	line = strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|")
	var cells [][]textSpan
	for cell := range strings.SplitSeq(line, "|") {
		cells = append(cells, textSpans(strings.ReplaceAll(strings.TrimSpace(cell), bar, "|")))
	}
	return cells
}

var textMark = regexp.MustCompile(`^(?:\*\*([^*]+)\*\*|\[([^][]+)\]\((https?://[^\s()]+)\))`)

// textSpans finds code, strong text and links in a line.
func textSpans(line string) []textSpan {
	var spans []textSpan
	begin := 0 // of the plain text that is not written yet
	for i := 0; i < len(line); {
		span, size := textSpanAt(line[i:])
		if span.Kind == "" {
			i += size
			continue
		}
		if begin < i {
			spans = append(spans, textSpan{Text: line[begin:i]})
		}
		spans = append(spans, span)
		i += size
		begin = i
	}
	if begin < len(line) {
		spans = append(spans, textSpan{Text: line[begin:]})
	}
	return spans
}

// textSpanAt is the span that s begins with, and its size; or none, and the
// size of the plain text to pass over.
func textSpanAt(s string) (textSpan, int) {
	switch s[0] {
	case '`':
		fence := s[:len(s)-len(strings.TrimLeft(s, "`"))]
		for end := len(fence); end < len(s); {
			next := strings.Index(s[end:], fence)
			if next < 0 {
				break
			}
			run := len(s[end+next:]) - len(strings.TrimLeft(s[end+next:], "`"))
			if run == len(fence) {
				return textSpan{Kind: "code", Text: strings.TrimSpace(s[len(fence) : end+next])}, end + next + run
			}
			end += next + run
		}
		return textSpan{}, len(fence)
	case '*', '[':
		if m := textMark.FindStringSubmatch(s); m != nil && m[1] != "" {
			return textSpan{Kind: "strong", Text: m[1]}, len(m[0])
		} else if m != nil {
			return textSpan{Kind: "link", Text: m[2], Href: m[3]}, len(m[0])
		}
	}
	return textSpan{}, 1
}
