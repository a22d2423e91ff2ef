package imports

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// shownLine is how many characters before the caret an error shows.
const shownLine = 100

// problem says that a file is broken at an offset. The line is shown up to
// there, with what stands in quotes masked: request collections and archives
// are full of tokens.
func (s Source) problem(offset int, code, message, hint string) error {
	offset = min(max(offset, 0), len(s.Text))
	start := 0
	line := 1
	for i, b := range s.Text[:offset] {
		if b == '\n' {
			start, line = i+1, line+1
		}
	}
	end := offset
	if end < len(s.Text) && s.Text[end] >= ' ' {
		_, size := utf8.DecodeRune(s.Text[end:])
		end += size
	}
	shown := strings.ToValidUTF8(masked(string(s.Text[start:end]), inString(s.Text[:start])), "�")
	column := utf8.RuneCountInString(strings.ToValidUTF8(string(s.Text[start:offset]), "�")) + 1
	lineColumn := 1
	if runes := []rune(shown); len(runes) > shownLine {
		lineColumn = len(runes) - shownLine + 1
		shown = string(runes[len(runes)-shownLine:])
	}
	return inventory.Problem{
		Pos:   inventory.Position{File: s.Path, Line: line, Column: column},
		Width: 1, Code: code, Message: message, Hint: hint, Line: shown, LineColumn: lineColumn,
	}
}

// inString says whether JSON text ends within a string.
func inString(text []byte) bool {
	within := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			within = !within
		case within && text[i] == '\\':
			i++
		}
	}
	return within
}

// masked replaces each character within double quotes by an asterisk, and
// what cannot be printed by a blank.
func masked(line string, within bool) string {
	escaped := false
	return strings.Map(func(r rune) rune {
		switch {
		case escaped:
			escaped = false
			return '*'
		case r == '"':
			within = !within
			return r
		case within:
			escaped = r == '\\'
			return '*'
		case r == '\t', unicode.IsPrint(r):
			return r
		}
		return ' '
	}, line)
}

// anything takes every JSON value and keeps none.
type anything struct{}

// UnmarshalJSON keeps nothing.
func (*anything) UnmarshalJSON([]byte) error { return nil }

// jsonProblem says where JSON is broken, for an error of encoding/json. The
// offset, of the value that was read, counts for a value of a wrong kind only:
// where the syntax is broken, reading all of it again says best, because a
// decoder that goes token by token counts from various places.
func (s Source) jsonProblem(err error, offset int64) error {
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		plain := bytes.TrimPrefix(s.Text, []byte("\ufeff"))
		if whole := json.Unmarshal(plain, new(anything)); whole != nil {
			err = whole
		}
		syntax, ok := errors.AsType[*json.SyntaxError](err)
		if ok && !strings.HasPrefix(syntax.Error(), "unexpected end") {
			return s.problem(int(syntax.Offset)-1+len(s.Text)-len(plain), "bad-json", "bad JSON: "+syntax.Error(), "")
		}
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		message := "a value of another kind is expected here, not " + wrong.Value
		if wrong.Field != "" {
			message += ", for " + quoted(wrong.Field)
		}
		return s.problem(int(offset+wrong.Offset)-1, "wrong-type", message, "")
	}
	return s.problem(len(s.Text), "bad-json", "the JSON ends too early", "a bracket or a quote is never closed")
}

// parserLine is how the YAML parser names a line.
var parserLine = regexp.MustCompile(`line (\d+): (.*)`) //nolint:gochecknoglobals // a constant

// yamlProblem says where YAML is broken, for an error of the parser.
func (s Source) yamlProblem(err error) error {
	line, text := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if parts := parserLine.FindStringSubmatch(text); parts != nil {
		line, _ = strconv.Atoi(parts[1]) // only digits; too many become the last line
		text = parts[2]
	}
	lines := strings.Split(string(s.Text), "\n")
	line = min(max(line, 1), len(lines))
	full := strings.TrimRight(lines[line-1], "\r")
	content := strings.TrimLeft(full, " \t")
	shown := []rune(printable(full))
	column := len([]rune(full)) - len([]rune(content)) + 1
	return inventory.Problem{
		Pos:   inventory.Position{File: s.Path, Line: line, Column: column},
		Width: 1, Code: "bad-yaml", Message: "bad YAML: " + printable(text), Line: string(shown[:min(len(shown), shownLine)]), LineColumn: 1,
	}
}

// printable makes foreign text safe for a line of a terminal or a comment:
// what cannot be printed, and what breaks a line anywhere, becomes a blank.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
}

// quoted quotes a word of a file for a note, cut when it is long.
func quoted(word string) string {
	const most = 60
	if r := []rune(word); len(r) > most {
		word = string(r[:most]) + "…"
	}
	return strconv.Quote(printable(word))
}
