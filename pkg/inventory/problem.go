package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Problem is one thing wrong with an inventory, at the place where it stands.
type Problem struct {
	Pos     Position
	Width   int    // how many characters the caret line underlines; at least 1
	Code    string // stable, such as "unknown-key"
	Message string // what is wrong, in lower case, without a full stop
	Hint    string // how to mend it; may be empty
	Line    string // the text of the line, with literal secrets masked and comments left out
	// LineColumn is the column of Line's first character: 1, or more when a
	// long line was cut. Zero means 1.
	LineColumn int
	Warning    bool // said, but the inventory is still usable
}

// Error formats the problem for people: where, what, the line, a caret and
// the hint.
func (p Problem) Error() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s:%d:%d: ", p.Pos.File, p.Pos.Line, p.Pos.Column)
	if p.Warning {
		out.WriteString("warning: ")
	}
	out.WriteString(p.Message)
	if p.Code != "" {
		out.WriteString(" [" + p.Code + "]")
	}
	if strings.TrimSpace(p.Line) != "" {
		out.WriteString("\n  " + p.Line + "\n  " + p.caret())
	}
	if p.Hint != "" {
		out.WriteString("\n  hint: " + p.Hint)
	}
	return out.String()
}

// caret returns the line below Line. Tabs stay tabs, so that it lines up.
func (p Problem) caret() string {
	column := max(p.LineColumn, 1)
	var out strings.Builder
	for _, r := range p.Line {
		if column >= p.Pos.Column {
			break
		}
		if r != '\t' {
			r = ' '
		}
		out.WriteRune(r)
		column++
	}
	return out.String() + strings.Repeat("^", max(p.Width, 1))
}

// Problems is every problem found in one load, in the order of files and
// lines. As an error it prints all of them.
type Problems []Problem

// Error formats all problems, one after the other.
func (ps Problems) Error() string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.Error()
	}
	return strings.Join(texts, "\n")
}

// Errors counts the problems that make the inventory unusable.
func (ps Problems) Errors() int { return len(ps) - ps.Warnings() }

// Warnings counts the problems that leave the inventory usable.
func (ps Problems) Warnings() int {
	n := 0
	for _, p := range ps {
		if p.Warning {
			n++
		}
	}
	return n
}

// maxProblems bounds what one load reports: nobody reads more.
const maxProblems = 1000

// finishProblems sorts problems by file and place, drops those that say the
// same twice, and adds the line and the width to each.
func finishProblems(sources []*source, problems Problems) Problems {
	byPath := make(map[string]*source, len(sources))
	order := make(map[string]int, len(sources))
	for i, s := range sources {
		byPath[s.path], order[s.path] = s, i
	}
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(order[a.Pos.File], order[b.Pos.File]),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column),
			strings.Compare(a.Code, b.Code),
			strings.Compare(a.Message, b.Message),
			strings.Compare(a.Hint, b.Hint),
		)
	})
	problems = slices.CompactFunc(problems, func(a, b Problem) bool {
		return a.Pos == b.Pos && a.Code == b.Code && a.Message == b.Message
	})
	if more := len(problems) - maxProblems; more > 0 {
		last := problems[maxProblems]
		problems = append(problems[:maxProblems:maxProblems], Problem{Pos: last.Pos, Width: last.Width, Code: "too-many-problems",
			Message: fmt.Sprintf("%d more problems from here on are not shown", more)})
	}
	for i := range problems {
		byPath[problems[i].Pos.File].finish(&problems[i])
	}
	return problems
}

// A line longer than maxLine characters is cut to a window that starts
// lineLead characters before the caret.
const (
	maxLine  = 160
	lineLead = 60
)

// finish moves a problem into the file, and adds its width and its line.
func (s *source) finish(p *Problem) {
	p.Pos.Line = min(max(p.Pos.Line, 1), len(s.lines))
	p.Pos.Column = max(p.Pos.Column, 1)
	offset := s.offset(p.Pos.Line, p.Pos.Column)
	start, end := s.lines[p.Pos.Line-1], s.lineEnd(p.Pos.Line)
	if offset == end { // perhaps past the end: say where the end is
		p.Pos.Column = min(p.Pos.Column, utf8.RuneCountInString(s.text[start:end])+1)
	}
	if p.Width == 0 {
		p.Width = utf8.RuneCountInString(wordAt(s.text[offset:end]))
	}
	p.LineColumn = 1
	lead := start
	long := end-start > utf8.UTFMax*maxLine || utf8.RuneCountInString(s.text[start:end]) > maxLine
	if long && p.Pos.Column > lineLead {
		p.LineColumn = p.Pos.Column - lineLead
		lead = s.offset(p.Pos.Line, p.LineColumn)
	}
	p.Line = s.masked(p.Pos.Line, span{lead, end}, p.LineColumn > 1)
	shown := utf8.RuneCountInString(p.Line)
	p.Width = max(1, min(p.Width, p.LineColumn+shown-p.Pos.Column))
}

// wordAt returns the word, the quoted text or the bracket that rest starts
// with.
func wordAt(rest string) string {
	if rest == "" {
		return ""
	}
	if end, known := quotedEnd(rest); known {
		return rest[:end]
	}
	end := strings.IndexAny(rest, " \t,{}[]")
	switch end {
	case 0:
		return rest[:1]
	case -1:
		end = len(rest)
	}
	return strings.TrimSuffix(rest[:end], ":")
}

// masked returns the part at of a line with secrets masked, cut to maxLine
// characters. cut says that something before it was left out.
func (s *source) masked(line int, at span, cut bool) string {
	spans := s.hidden(line)
	if comment := s.comment(at); comment >= at.start {
		at.end = comment
	}
	text := s.text[at.start:at.end]
	var out strings.Builder
	count := 0
	for i, r := range text {
		offset, last := at.start+i, i+utf8.RuneLen(r) == len(text)
		for len(spans) > 0 && spans[0].end <= offset {
			spans = spans[1:]
		}
		if len(spans) > 0 && spans[0].start <= offset && r != '\t' {
			r = '*'
		}
		if count++; count == 1 && cut || count == maxLine && !last {
			r = '…'
		}
		out.WriteRune(r)
		if count == maxLine {
			break
		}
	}
	return strings.TrimRight(out.String(), " \t")
}

// hidden returns the spans of a line that no problem may show.
func (s *source) hidden(line int) []span {
	start, end := s.lines[line-1], s.lineEnd(line)
	if s.root == nil {
		spans := maskByLook(s.text[start:end])
		for i := range spans {
			spans[i].start += start
			spans[i].end += start
		}
		return spans
	}
	if s.masks == nil {
		s.masks = buildMasks(s)
	}
	first, _ := slices.BinarySearchFunc(s.masks.secrets, start, func(sp span, at int) int { return cmp.Compare(sp.end, at+1) })
	return s.masks.secrets[first:]
}

// comment returns where in a part of a line a comment starts, -1 for nowhere.
func (s *source) comment(at span) int {
	if s.masks == nil {
		return -1
	}
	comments := s.masks.comments
	first, _ := slices.BinarySearchFunc(comments, at.start, func(sp span, start int) int { return cmp.Compare(sp.end, start+1) })
	if first < len(comments) && comments[first].start < at.end {
		return max(comments[first].start, at.start)
	}
	return -1
}
