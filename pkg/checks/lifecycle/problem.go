package lifecycle

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Problem is one thing wrong with a file, at the place where it stands.
type Problem struct {
	File         string
	Line, Column int // from 1; columns count characters
	Width        int // how many characters are at fault; at least 1
	Code         string
	Message      string // in lower case, without a full stop
	Hint         string // how to mend it; may be empty
	Text         string // the line, or the part of it around the place
	TextColumn   int    // the column of Text's first character
}

// Error says where and what. The line is for those who print it.
func (p Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// Problems is what is wrong with a set of files, in the order of the files.
type Problems []Problem

// Error prints every problem, one below the other.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// orNil is ps as an error: nil when there is none.
func (ps Problems) orNil() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// maxProblems bounds what one file reports: nobody reads more.
const maxProblems = 20

// text is a file that is being read, and what was found wrong with it.
type text struct {
	file     string
	content  string
	problems Problems
}

// full reports whether enough problems were found.
func (t *text) full() bool { return len(t.problems) >= maxProblems }

// A long line is shown from shownBefore characters before the place, and
// shownLine characters of it.
const (
	shownBefore = 60
	shownLine   = 160
)

// problem notes what is wrong with content[offset:offset+length].
func (t *text) problem(offset, length int, code, message, hint string) {
	if t.full() {
		return
	}
	offset = min(max(offset, 0), len(t.content))
	start := strings.LastIndexByte(t.content[:offset], '\n') + 1
	end := len(t.content)
	if i := strings.IndexByte(t.content[offset:], '\n'); i >= 0 {
		end = offset + i
	}
	p := Problem{
		File: t.file, Code: code, Message: message, Hint: hint, TextColumn: 1,
		Line:   strings.Count(t.content[:start], "\n") + 1,
		Column: utf8.RuneCountInString(t.content[start:offset]) + 1,
		Width:  max(1, utf8.RuneCountInString(t.content[offset:max(offset, min(offset+length, end))])),
	}
	if p.Column > shownBefore {
		p.TextColumn = p.Column - shownBefore
	}
	p.Text = window(t.content[start:end], p.TextColumn-1, shownLine)
	p.Width = max(1, min(p.Width, p.TextColumn+utf8.RuneCountInString(p.Text)-p.Column))
	t.problems = append(t.problems, p)
}

// window is most characters of a line behind the first skip ones, with marks
// for what a terminal would obey.
func window(line string, skip, most int) string {
	var out strings.Builder
	n := 0
	for _, r := range line {
		if n++; n <= skip {
			continue
		}
		if n > skip+most {
			break
		}
		if r < ' ' && r != '\t' || r == 0x7f {
			r = utf8.RuneError
		}
		out.WriteRune(r)
	}
	return out.String()
}
