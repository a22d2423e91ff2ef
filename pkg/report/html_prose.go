package report

import (
	"regexp"
	"strings"
)

// htmlBlock is a block of Markdown for a template. Exactly one of its kinds is
// filled in. No text becomes HTML before the template has escaped it.
type htmlBlock struct {
	Text  []htmlSpan     // paragraph
	Code  string         // code block
	Items [][]htmlSpan   // list
	Head  [][]htmlSpan   // table, with its rows
	Rows  [][][]htmlSpan // of as many cells as Head
}

// htmlSpan is a piece of a line: plain, code, strong or a link.
type htmlSpan struct{ Kind, Text, Href string }

// htmlProse reads the Markdown of a rule: paragraphs, code blocks in fences,
// lists, tables, code, strong text and links. Anything else stays as written:
// a rule may come from anybody.
func htmlProse(markdown string) []htmlBlock {
	const longest = 16 << 10
	text := printableLines(strings.ReplaceAll(clip(markdown, longest), "\t", "    "))
	r := htmlProseReader{lines: strings.Split(text, "\n")}
	for len(r.lines) > 0 {
		r.block()
	}
	r.endParagraph()
	return r.blocks
}

type htmlProseReader struct {
	lines     []string // that are left
	paragraph []string
	blocks    []htmlBlock
}

// The patterns of lines that begin a block.
var (
	htmlFence     = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})[^`]*$")
	htmlItem      = regexp.MustCompile(`^ {0,3}(?:[-*+]|\d{1,9}[.)]) +(.*)$`)
	htmlTableRule = regexp.MustCompile(`^ *\|?(?: *:?-+:? *\|)+ *(?::?-+:? *)?$`)
)

// block reads the next line, and those that belong to it.
func (r *htmlProseReader) block() {
	line := r.lines[0]
	switch {
	case strings.TrimSpace(line) == "":
		r.endParagraph()
		r.lines = r.lines[1:]
	case htmlFence.MatchString(line):
		r.endParagraph()
		r.code(htmlFence.FindStringSubmatch(line)[1])
	case htmlItem.MatchString(line) && len(r.paragraph) == 0:
		r.list()
	case strings.Contains(line, "|") && len(r.lines) > 1 && htmlTableRule.MatchString(r.lines[1]):
		r.endParagraph()
		r.table()
	default:
		r.paragraph = append(r.paragraph, strings.TrimSpace(line))
		r.lines = r.lines[1:]
	}
}

func (r *htmlProseReader) endParagraph() {
	if len(r.paragraph) > 0 {
		r.blocks = append(r.blocks, htmlBlock{Text: htmlSpans(strings.Join(r.paragraph, " "))})
		r.paragraph = nil
	}
}

// code reads a block up to a fence at least as long as its first, or the end.
func (r *htmlProseReader) code(fence string) {
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
	r.blocks = append(r.blocks, htmlBlock{Code: strings.Join(code, "\n") + "\n"})
}

// list reads the items, each with the indented lines that go on with it.
func (r *htmlProseReader) list() {
	var items []string
	for len(r.lines) > 0 {
		line := r.lines[0]
		if m := htmlItem.FindStringSubmatch(line); m != nil {
			items = append(items, m[1])
		} else if strings.HasPrefix(line, "  ") && strings.TrimSpace(line) != "" {
			items[len(items)-1] += " " + strings.TrimSpace(line)
		} else {
			break
		}
		r.lines = r.lines[1:]
	}
	b := htmlBlock{}
	for _, item := range items {
		b.Items = append(b.Items, htmlSpans(item))
	}
	r.blocks = append(r.blocks, b)
}

func (r *htmlProseReader) table() {
	head := htmlCells(r.lines[0])
	b := htmlBlock{Head: head}
	r.lines = r.lines[2:]
	for len(r.lines) > 0 && strings.Contains(r.lines[0], "|") {
		cells := append(htmlCells(r.lines[0]), make([][]htmlSpan, len(head))...)
		b.Rows = append(b.Rows, cells[:len(head)])
		r.lines = r.lines[1:]
	}
	r.blocks = append(r.blocks, b)
}

// htmlCells splits a row. A bar after a backslash belongs to its cell.
func htmlCells(line string) [][]htmlSpan {
	const bar = "\x00" // no text has one: it is printable
	line = strings.ReplaceAll(strings.TrimSpace(line), `\|`, bar)
	line = strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|")
	var cells [][]htmlSpan
	for cell := range strings.SplitSeq(line, "|") {
		cells = append(cells, htmlSpans(strings.ReplaceAll(strings.TrimSpace(cell), bar, "|")))
	}
	return cells
}

var htmlMark = regexp.MustCompile(`^(?:\*\*([^*]+)\*\*|\[([^][]+)\]\((https?://[^\s()]+)\))`)

// htmlSpans finds code, strong text and links in a line.
func htmlSpans(line string) []htmlSpan {
	var spans []htmlSpan
	begin := 0 // of the plain text that is not written yet
	for i := 0; i < len(line); {
		span, size := htmlSpanAt(line[i:])
		if span.Kind == "" {
			i += size
			continue
		}
		if begin < i {
			spans = append(spans, htmlSpan{Text: line[begin:i]})
		}
		spans = append(spans, span)
		i += size
		begin = i
	}
	if begin < len(line) {
		spans = append(spans, htmlSpan{Text: line[begin:]})
	}
	return spans
}

// htmlSpanAt is the span that s begins with, and its size; or none, and the
// size of the plain text to pass over.
func htmlSpanAt(s string) (htmlSpan, int) {
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
				return htmlSpan{Kind: "code", Text: strings.TrimSpace(s[len(fence) : end+next])}, end + next + run
			}
			end += next + run
		}
		return htmlSpan{}, len(fence)
	case '*', '[':
		if m := htmlMark.FindStringSubmatch(s); m != nil && m[1] != "" {
			return htmlSpan{Kind: "strong", Text: m[1]}, len(m[0])
		} else if m != nil {
			return htmlSpan{Kind: "link", Text: m[2], Href: m[3]}, len(m[0])
		}
	}
	return htmlSpan{}, 1
}
