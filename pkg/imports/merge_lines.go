package imports

import (
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// value returns what a mapping has under a key.
func value(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// line returns the text of a line, counted from 1.
func (s *splicer) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	end := len(s.text)
	if n < len(s.lines) {
		end = s.lines[n]
	}
	return strings.TrimRight(s.text[s.lines[n-1]:end], "\r\n\u0085\u2028\u2029")
}

// offset is where a line and a column are in the text.
func (s *splicer) offset(line, column int) int {
	at := s.lines[min(max(line, 1), len(s.lines))-1]
	for ; column > 1 && at < len(s.text); column-- {
		_, size := utf8.DecodeRuneInString(s.text[at:])
		at += size
	}
	return at
}

// dash finds the dash of an item: on its line, or, where a comment or an
// anchor stands between, on one above.
func (s *splicer) dash(item *yaml.Node) (line, column int, ok bool) {
	for line = item.Line; line > 0; line-- {
		text := s.line(line)
		content := strings.TrimLeft(text, " ")
		if content == "-" || strings.HasPrefix(content, "- ") {
			return line, len(text) - len(content) + 1, true
		}
		if line < item.Line && content != "" && content[0] != '#' {
			break
		}
	}
	return 0, 0, false
}

// endOf is the last line of what a node holds, for something that is to begin
// in a column. Comments that begin left of it, or where the next thing
// begins, belong to what follows.
func (s *splicer) endOf(n *yaml.Node, column int) int {
	last, limit := s.lastLine(), 1
	if line, next, ok := s.next(n); ok {
		last, limit = line-1, next
	}
	for ; last > n.Line; last-- {
		text := s.line(last)
		content := strings.TrimLeft(text, " \t")
		indent := len(text) - len(content) + 1
		if content != "" && (content[0] != '#' || indent > limit && indent >= column) {
			break
		}
	}
	return last
}

// lastLine is the last line before the end of the document.
func (s *splicer) lastLine() int {
	for i := range s.lines {
		if text := s.line(i + 1); text == "..." || strings.HasPrefix(text, "... ") {
			return i
		}
	}
	return len(s.lines)
}

// next finds where the thing behind a node begins.
func (s *splicer) next(n *yaml.Node) (line, column int, ok bool) {
	for parent := s.above[n]; parent != nil; n, parent = parent, s.above[parent] {
		i := slices.Index(parent.Content, n) + 1
		if i == len(parent.Content) {
			continue
		}
		following := parent.Content[i]
		if parent.Kind == yaml.SequenceNode {
			return s.dash(following)
		}
		return following.Line, following.Column, true
	}
	return 0, 0, false
}

// blankAbove says whether a blank line stands above a line and its comments.
func (s *splicer) blankAbove(line int) bool {
	for line--; line > 0; line-- {
		switch content := strings.TrimSpace(s.line(line)); {
		case content == "":
			return true
		case content[0] != '#':
			return false
		}
	}
	return false
}

// lineStarts finds the lines as the YAML parser counts them (YAML 1.1 section
// 5.4): after LF, CR, CRLF, NEL, LS and PS.
func lineStarts(text string) []int {
	starts := []int{0}
	for i, r := range text {
		end := i + utf8.RuneLen(max(r, 0))
		switch r {
		case '\n', '\u0085', '\u2028', '\u2029':
			starts = append(starts, end)
		case '\r':
			if end == len(text) || text[end] != '\n' {
				starts = append(starts, end)
			}
		}
	}
	return starts
}
