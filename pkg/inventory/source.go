package inventory

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Limits on one inventory file. They bound the memory that a hostile or
// broken file can claim; a real inventory stays far below them.
const (
	maxFileBytes  = 50 << 20
	maxFileValues = 4_000_000 // lines, commas and opening brackets, an upper bound on values
)

// source is the text of one inventory file: what problems point into.
type source struct {
	path  string     // what positions call the file
	dir   string     // where relative file: references start
	text  string     // UTF-8 without a byte order mark
	lines []int      // offset of the first byte of each line
	ascii bool       // columns are bytes
	root  *yaml.Node // nil until parsed; kept to find the secrets in a line
	masks *masks     // made on demand
}

// line returns the text of line n, counted from 1, without its line break.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	end := len(s.text)
	if n < len(s.lines) {
		end = s.lines[n]
	}
	return strings.TrimRight(s.text[s.lines[n-1]:end], "\r\n\u0085\u2028\u2029")
}

// position turns a byte offset into a position.
func (s *source) position(offset int) Position {
	offset = min(max(offset, 0), len(s.text))
	line, found := slices.BinarySearch(s.lines, offset)
	if !found {
		line--
	}
	column := utf8.RuneCountInString(s.text[s.lines[line]:offset]) + 1
	return Position{File: s.path, Line: line + 1, Column: column}
}

// offset is the inverse of position; a place past the end of a line is the
// line's end.
func (s *source) offset(line, column int) int {
	text, at := s.line(line), s.lines[line-1]
	if s.ascii {
		return at + min(column-1, len(text))
	}
	for i := range text {
		if column <= 1 {
			return at + i
		}
		column--
	}
	return at + len(text)
}

// newSource prepares the bytes of a file. It returns a problem when they are
// not text.
func newSource(path, dir string, raw []byte) (*source, *Problem) {
	s := &source{path: path, dir: dir, lines: []int{0}}
	refuse := func(offset int, code, message, hint string) (*source, *Problem) {
		pos := s.position(offset)
		return s, &Problem{Pos: pos, Width: 1, Code: code, Message: message, Hint: hint}
	}
	switch {
	case len(raw) > maxFileBytes:
		return refuse(0, "file-too-large", fmt.Sprintf("the file is larger than %d MB", maxFileBytes>>20),
			"split the inventory into several files")
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		return refuse(0, "not-utf8", "the file is UTF-16", "save it as UTF-8")
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if at := bytes.IndexByte(raw, 0); at >= 0 {
		return refuse(0, "binary-file", "the file is binary, not YAML or JSON", "")
	}
	valid := validPrefix(raw)
	s.text = string(raw[:valid])
	s.lines = lineStarts(s.text)
	s.ascii = !strings.ContainsFunc(s.text, func(r rune) bool { return r >= utf8.RuneSelf })
	if valid < len(raw) {
		// The text ends where the first bad byte stands; the caret points there.
		return refuse(valid, "not-utf8", fmt.Sprintf("byte 0x%02x is not valid UTF-8", raw[valid]), "save the file as UTF-8")
	}
	if at := strings.IndexFunc(s.text, isForbidden); at >= 0 {
		r, _ := utf8.DecodeRuneInString(s.text[at:])
		return refuse(at, "control-character", fmt.Sprintf("control character %U is not allowed", r), "remove it")
	}
	if values := strings.Count(s.text, ",") + strings.Count(s.text, "[") + strings.Count(s.text, "{") + len(s.lines); values > maxFileValues {
		return refuse(0, "file-too-large", fmt.Sprintf("the file holds more than %d values", maxFileValues),
			"split the inventory into several files")
	}
	return s, nil
}

// validPrefix returns how many leading bytes of raw are valid UTF-8.
func validPrefix(raw []byte) int {
	if utf8.Valid(raw) {
		return len(raw)
	}
	at := 0
	for at < len(raw) {
		r, size := utf8.DecodeRune(raw[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

// isForbidden says which characters YAML 1.2 section 5.1 keeps out of a file.
func isForbidden(r rune) bool {
	switch {
	case r == '\t' || r == '\n' || r == '\r' || r == 0x85:
		return false
	case r < 0x20 || r >= 0x7f && r < 0xa0:
		return true
	}
	return r == 0xfeff || r == 0xfffe || r == 0xffff
}

// lineStarts finds the lines as the YAML parser counts them (YAML 1.1
// section 5.4): after LF, CR, CRLF, NEL, LS and PS.
func lineStarts(text string) []int {
	starts := make([]int, 1, 1+strings.Count(text, "\n"))
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\n':
			starts = append(starts, i+1)
		case '\r':
			if i+1 == len(text) || text[i+1] != '\n' {
				starts = append(starts, i+1)
			}
		case 0xc2: // U+0085
			if strings.HasPrefix(text[i:], "\u0085") {
				starts = append(starts, i+2)
			}
		case 0xe2: // U+2028, U+2029
			if strings.HasPrefix(text[i:], "\u2028") || strings.HasPrefix(text[i:], "\u2029") {
				starts = append(starts, i+3)
			}
		}
	}
	return starts
}
