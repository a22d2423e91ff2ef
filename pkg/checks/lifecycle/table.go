package lifecycle

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// line is a row of a table: fields between tabs.
type line struct {
	in     *text
	at     int // offset of the first field
	fields []string
}

// table reads the rows of a table: from its head to the head of the next, or
// to the end of the text when until is empty. Lines that start with "#" are
// comments. It returns the offset of the next head.
func (t *text) table(from int, head, until string, read func(line)) int {
	columns := 0
	for at := from; at < len(t.content) && !t.full(); {
		rest := t.content[at:]
		content, _, ended := strings.Cut(rest, "\n")
		next := at + len(content) + 1
		content = strings.TrimSuffix(content, "\r")
		switch {
		case content == "" || content[0] == '#':
		case columns == 0 && content != head:
			t.problem(at, len(content), "bad-head", "not the names of the columns", "the first line is "+strings.ReplaceAll(head, "\t", " "))
			return len(t.content)
		case columns == 0:
			columns = strings.Count(head, "\t") + 1
		case until != "" && content == until:
			return at
		case !ended:
			t.problem(at+len(content), 1, "cut-short", "the last line does not end", "the file was cut short: copy it again")
		default:
			l := line{t, at, strings.Split(content, "\t")}
			if l.sound(columns) {
				read(l)
			}
		}
		at = next
	}
	switch {
	case t.full():
	case columns == 0:
		t.problem(len(t.content), 1, "cut-short", "no table: the file ends before the names of its columns", "")
	case until != "":
		t.problem(len(t.content), 1, "cut-short", "the file ends before its last table", "the file was cut short")
	}
	return len(t.content)
}

// sound reports whether a line has its columns, and nothing in them that is
// no text.
func (l line) sound(columns int) bool {
	if n := len(l.fields); n != columns {
		l.bad(min(n, columns)-1, "bad-columns", fmt.Sprintf("has %d columns; want %d", n, columns), "columns are parted by tabs")
		return false
	}
	for i, field := range l.fields {
		if !utf8.ValidString(field) || strings.ContainsFunc(field, unicode.IsControl) {
			l.bad(i, "bad-text", "holds a byte that is no text", "")
			return false
		}
	}
	return true
}

// bad notes what is wrong with a field.
func (l line) bad(i int, code, message, hint string) {
	at := l.at
	for _, field := range l.fields[:i] {
		at += len(field) + 1
	}
	l.in.problem(at, len(l.fields[i]), code, message, hint)
}

// number is the line's number, from 1.
func (l line) number() int { return strings.Count(l.in.content[:l.at], "\n") + 1 }

// keys remembers where rows were first seen.
type keys map[string]line

// unique reports whether no row before had the same values in these columns.
func (l line) unique(seen keys, columns ...int) bool {
	var key strings.Builder
	for _, i := range columns {
		key.WriteString(l.fields[i] + "\t")
	}
	if first, again := seen[key.String()]; again {
		name := strings.ReplaceAll(strings.TrimSuffix(key.String(), "\t"), "\t", " ")
		l.bad(columns[0], "duplicate", fmt.Sprintf("%s is on line %d already", name, first.number()), "")
		return false
	}
	seen[key.String()] = l
	return true
}

// date reads a day; one that is none is a problem, and the zero time.
func (l line) date(i int) time.Time {
	d, err := time.Parse(dateLayout, l.fields[i])
	if err != nil {
		l.bad(i, "bad-date", fmt.Sprintf("%q is not a date", l.fields[i]), "such as 2026-08-22")
	}
	return d
}

// cycleColumns says where the facts of a cycle stand.
type cycleColumns struct{ product, name, released, eol, latest int }

// cycle reads a release cycle.
func (l line) cycle(at cycleColumns) (c cycle, ok bool) {
	c = cycle{
		product: l.fields[at.product], name: l.fields[at.name], released: l.fields[at.released],
		eol: l.fields[at.eol], latest: l.fields[at.latest],
	}
	problem := c.check()
	if problem.of == noColumn {
		return c, true
	}
	columns := map[column]int{columnProduct: at.product, columnCycle: at.name, columnReleased: at.released, columnEOL: at.eol, columnLatest: at.latest}
	l.bad(columns[problem.of], problem.code, problem.message, problem.hint)
	return c, false
}

// exploit reads a known exploited vulnerability, whose facts are the first
// four columns of every form.
func (l line) exploit() (e exploit, ok bool) {
	e = exploit{cve: l.fields[0], vendor: strings.TrimSpace(l.fields[1]), product: strings.TrimSpace(l.fields[2]), added: l.fields[3]}
	problem := e.check()
	if problem.of == noColumn {
		return e, true
	}
	columns := map[column]int{columnCVE: 0, columnVendor: 1, columnKEVProduct: 2, columnAdded: 3}
	l.bad(columns[problem.of], problem.code, problem.message, problem.hint)
	return e, false
}
